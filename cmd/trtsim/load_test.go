package main

import (
	"os"
	"testing"
)

func TestLoadRefuses(t *testing.T) {
	inFolder(t)
	for _, release := range releases {
		builds(t, release, nil, "--onnx=static.onnx", "--saveEngine="+release+".plan")
		builds(t, release, nil, dynamicArgs("--saveEngine="+release+".dynamic")...)
		builds(t, release, []string{"TRTSIM_GPU=A10"}, "--onnx=static.onnx", "--saveEngine="+release+".a10")
	}
	builds(t, "8.6.0.12", nil, "--onnx=static.onnx", "--saveEngine=8.6.0.12.plan")
	builds(t, "10.15.1.29", nil, "--onnx=static.onnx", "--saveEngine=10.15.1.29.plan")
	data, err := os.ReadFile("10.3.0.26.plan")
	if err != nil {
		t.Fatal(err)
	}
	save(t, "cut.plan", data[:len(data)/2])
	save(t, "empty.plan", nil)
	save(t, "lfs.plan", []byte("version https://git-lfs.github.com/spec/v1\n"))
	save(t, "plugin.so", []byte("any library"))
	builds(t, "8.6.1.6", nil, "--onnx=custom.onnx", "--saveEngine=custom8.plan", "--staticPlugins=plugin.so")
	builds(t, "10.3.0.26", nil, "--onnx=custom.onnx", "--saveEngine=custom10.plan", "--staticPlugins=plugin.so")
	save(t, "other.so", []byte("\x7fELF Sharpen_TRT"))
	save(t, "small.raw", floats(1))
	save(t, "large.raw", make([]byte, 25))
	const invalid = "[E] Got invalid engine!"
	for name, tc := range map[string]struct {
		release string
		args    []string
		want    []string
	}{
		"an engine of 10.3 in 8.6": {"8.6.1.6", []string{"--loadEngine=10.3.0.26.plan"},
			[]string{"stdVersionRead == serializationVersion failed.Version tag does not match. Note: Current Version: 236, Serialized Engine Version: 239)", "[E] Engine deserialization failed", invalid}},
		"an engine of 8.6 in 10.3": {"10.3.0.26", []string{"--loadEngine=8.6.1.6.plan"},
			[]string{"IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion stdVersionRead == kSERIALIZATION_VERSION failed.Version tag does not match. Note: Current Version: 239, Serialized Engine Version: 236)", invalid}},
		"an engine of an older build of 8.6": {"8.6.1.6", []string{"--loadEngine=8.6.0.12.plan"},
			[]string{"Error[6]: The engine plan file is not compatible with this version of TensorRT, expecting library version 8.6.1.6 got 8.6.0.12, please rebuild.", invalid}},
		"an engine of 10.15 in 11.1": {"11.1.0.106", []string{"--loadEngine=10.15.1.29.plan"},
			[]string{"expecting library version 11.1.0.106 got 10.15.1.29, please rebuild.", invalid}},
		"an engine of an A10 on a T4 in 8.6": {"8.6.1.6", []string{"--loadEngine=8.6.1.6.a10"},
			[]string{"The engine plan file is generated on an incompatible device, expecting compute 7.5 got compute 8.6, please rebuild.", "Assertion engine->deserialize(start, size, allocator, runtime) failed.", invalid}},
		"an engine of an A10 on a T4 in 10.3": {"10.3.0.26", []string{"--loadEngine=10.3.0.26.a10"},
			[]string{"IRuntime::deserializeCudaEngine: Error Code 6: API Usage Error (The engine plan file is generated on an incompatible device, expecting compute 7.5 got compute 8.6, please rebuild.)", invalid}},
		"a truncated engine":                {"10.3.0.26", []string{"--loadEngine=cut.plan"}, []string{"Size specified in header does not match archive size", invalid}},
		"an empty engine":                   {"10.3.0.26", []string{"--loadEngine=empty.plan"}, []string{"Parameter check failed, condition: blob != nullptr", invalid}},
		"a Git LFS pointer":                 {"10.3.0.26", []string{"--loadEngine=lfs.plan"}, []string{"plan->header.magicTag == rt::kPLAN_MAGIC_TAG failed.", invalid}},
		"a pointer in 11.1":                 {"11.1.0.106", []string{"--loadEngine=lfs.plan"}, []string{"incompatible serialization version (1936876918 != 1953657958)", invalid}},
		"no engine":                         {"10.3.0.26", []string{"--loadEngine=gone.plan"}, []string{"[E] Error opening engine file: gone.plan", "[E] Engine set up failed"}},
		"a folder":                          {"10.3.0.26", []string{"--loadEngine=."}, []string{"[E] Error loading engine file: ."}},
		"a missing plugin, 8.6":             {"8.6.1.6", []string{"--loadEngine=custom8.plan"}, []string{"getPluginCreator could not find plugin: Frobnicate version: 1", "Cannot deserialize plugin since corresponding IPluginCreator not found in Plugin Registry"}},
		"a missing plugin":                  {"10.3.0.26", []string{"--loadEngine=custom10.plan"}, []string{"Cannot find plugin: Frobnicate, version: 1", "Cannot deserialize plugin since corresponding IPluginCreator not found in Plugin Registry"}},
		"a library without the plugin, 8.6": {"8.6.1.6", []string{"--loadEngine=custom8.plan", "--staticPlugins=other.so"}, []string{"getPluginCreator could not find plugin: Frobnicate version: 1"}},
		"a library without the plugin":      {"10.3.0.26", []string{"--loadEngine=custom10.plan", "--dynamicPlugins=other.so"}, []string{"Cannot find plugin: Frobnicate, version: 1"}},
		"another shape for a static engine, 8.6": {"8.6.1.6", []string{"--loadEngine=8.6.1.6.plan", "--shapes=x:1x3"},
			[]string{"Static dimension mismatch while setting input shape.", "[E] Inference set up failed"}},
		"another shape for a static engine": {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--shapes=x:1x3"},
			[]string{"The engine was built with static shapes for input tensor x but the provided shapes do not match the static shapes!"}},
		"a shape outside the profile, 8.6": {"8.6.1.6", []string{"--loadEngine=8.6.1.6.dynamic", "--shapes=x:5x3"}, []string{"satisfyProfile Runtime dimension does not satisfy any optimization profile."}},
		"a shape outside the profile": {"10.3.0.26", []string{"--loadEngine=10.3.0.26.dynamic", "--shapes=x:5x3"},
			[]string{"Set dimension [5,3] for tensor x does not satisfy any optimization profiles. Valid range for profile 0: [1,3]..[4,3]."}},
		"a shape of no input":              {"10.3.0.26", []string{"--loadEngine=10.3.0.26.dynamic", "--shapes=z:1"}, []string{`Cannot find input tensor with name "z" in the engine bindings!`, "Invalid tensor names found in --shapes flag."}},
		"a file of no input":               {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--loadInputs=z:small.raw"}, []string{"Invalid tensor names found in --loadInputs flag."}},
		"a file that is too small":         {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--loadInputs=x:small.raw"}, []string{"Uncaught exception detected: Unexpected file size for input file: small.raw. Note: "}},
		"a file that is too small in 8.6":  {"8.6.1.6", []string{"--loadEngine=8.6.1.6.plan", "--loadInputs=x:small.raw"}, []string{"Unexpected file size for input file: small.raw. Note: "}},
		"a file that is too large in 10.3": {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--loadInputs=x:large.raw"}, []string{"Unexpected file size for input file: large.raw. Note: "}},
		"a file that is not there":         {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--loadInputs=x:gone.raw"}, []string{"Uncaught exception detected: Cannot open file gone.raw!"}},
		"a profile that is not there":      {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--useProfile=3"}, []string{"Selected profile index 3 exceeds the number of profiles that the engine holds."}},
		"no memory":                        {"10.3.0.26", []string{"--loadEngine=10.3.0.26.plan", "--avgRuns=7"}, []string{"out of memory", "Unable to create execution context for stream 0."}},
	} {
		t.Run(name, func(t *testing.T) {
			o := trtexecRun(t, tc.release, []string{"TRTSIM_FAULT=oom", "TRTSIM_FAULT_CELL=--avgRuns=7"}, tc.args...)
			if o.status != failed {
				t.Errorf("ends with %+v, want a failure with its trailer\n%s%s", o.status, o.out, o.errs)
			}
			has(t, o.errs, tc.want...)
			if l := o.log(t); len(l.Failures) == 0 {
				t.Errorf("trtfarm sees no failure in\n%s%s", o.out, o.errs)
			}
		})
	}
}

// With --skipInference nobody looks whether the new engine could be read.
func TestFailedDeserializationCanPass(t *testing.T) {
	inFolder(t)
	o := trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=truncate"}, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference")
	if o.status != passed {
		t.Errorf("ends with %+v, want PASSED", o.status)
	}
	has(t, o.errs, "[E] Engine deserialization failed")
}

func TestPlanVersion(t *testing.T) {
	inFolder(t)
	builds(t, "8.6.1.6", nil, "--onnx=static.onnx", "--saveEngine=e.plan")
	save(t, "empty", nil)
	o := trtexecRun(t, "10.3.0.26", nil, "--loadEngine=e.plan", "--getPlanVersionOnly")
	has(t, o.out, "[I] Plan was created with TensorRT version 8.6.1.6")
	o = trtexecRun(t, "10.3.0.26", nil, "--loadEngine=static.onnx", "--getPlanVersionOnly")
	has(t, o.errs, "Failed to verify a plan tag.", "Failed to get plan file version.")
	o = trtexecRun(t, "10.3.0.26", nil, "--loadEngine=empty", "--getPlanVersionOnly")
	has(t, o.errs, "Plan file is empty")
}
