package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

// plan reads a saved engine.
func plan(t *testing.T, path string) container.Plan {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := container.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p
}

func TestBuildRefuses(t *testing.T) {
	inFolder(t)
	external := onnxtest.Model(
		onnxtest.Node("Mul", []string{"x", "w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Float32, 3), onnxtest.External("location", "gone.bin", "length", "12")),
		onnxtest.Input("x", onnx.Float32, 3), onnxtest.Output("y", onnx.Float32, 3))
	save(t, "external.onnx", external)
	save(t, "sequence.onnx", onnxtest.Model(onnxtest.Node("SplitToSequence", []string{"x"}, []string{"y"}),
		onnxtest.Input("x", onnx.Float32, 3), onnxtest.Output("y", onnx.Float32, 3)))
	save(t, "plugin.so", []byte("any library"))
	save(t, "other.so", []byte("\x7fELF"+strings.Repeat("Frobnicat ", 30000)))
	unthere := map[string]bool{"ampere+ on a T4": true, "a plugin library that is not there": true} // before 8.6
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"a broken model":                {[]string{"--onnx=corrupt.onnx"}, []string{"Failed to parse ONNX model from file: corrupt.onnx", "[E] Failed to parse onnx file", "[E] Parsing model failed"}},
		"a missing model":               {[]string{"--onnx=gone.onnx"}, []string{"Could not open file gone.onnx", "[E] Engine set up failed"}},
		"missing external weights":      {[]string{"--onnx=external.onnx"}, []string{"Failed to open file: gone.bin", "Failed to import initializer"}},
		"an unknown operator":           {[]string{"--onnx=custom.onnx"}, []string{"Frobnicate", "Plugin not found, are the plugin name, version, and namespace correct?"}},
		"a library without the plugin":  {[]string{"--onnx=custom.onnx", "--staticPlugins=other.so"}, []string{"Frobnicate", "Plugin not found, are the plugin name, version, and namespace correct?"}},
		"sequences in spite of plugins": {[]string{"--onnx=sequence.onnx", "--staticPlugins=plugin.so"}, []string{"SplitToSequence"}},
		"a plugin library that is not there": {[]string{"--onnx=custom.onnx", "--staticPlugins=gone.so"},
			[]string{"Uncaught exception detected: Unable to open library: gone.so due to gone.so: cannot open shared object file: No such file or directory"}},
		"shapes for a static model": {[]string{"--onnx=static.onnx", "--shapes=x:2x3"}, []string{"Static model does not take explicit shapes", "[E] Network And Config setup failed"}},
		"shapes for no input":       {[]string{"--onnx=dynamic.onnx", "--shapes=z:2x3"}, []string{`Cannot find input tensor with name "z" in the network inputs!`}},
		"a minimum over the optimum": {[]string{"--onnx=dynamic.onnx", "--minShapes=x:3x3", "--optShapes=x:2x3", "--maxShapes=x:4x3"},
			[]string{"Error in set dimensions to profile OPT"}},
		"an optimum over the maximum": {[]string{"--onnx=dynamic.onnx", "--minShapes=x:1x3", "--optShapes=x:5x3", "--maxShapes=x:4x3"},
			[]string{"Error in set dimensions to profile MAX"}},
		"another size of a fixed dimension": {[]string{"--onnx=dynamic.onnx", "--shapes=x:2x4"}, []string{"does not match network definition (got min=4, opt=4, max=4), expected min=opt=max=3)"}},
		"ampere+ on a T4":                   {[]string{"--onnx=static.onnx", "--hardwareCompatibilityLevel=ampere+"}, []string{"requires a device of Ampere or newer"}},
		"a folder that is not there":        {[]string{"--onnx=static.onnx", "--saveEngine=gone/e.plan"}, []string{"[E] Saving engine to file failed.", "[E] Engine set up failed"}},
	} {
		for _, release := range withOld {
			if unthere[name] && release < "8.6" && release[0] != '1' {
				continue
			}
			t.Run(name+" in "+release, func(t *testing.T) {
				o := trtexecRun(t, release, nil, append(tc.args, "--skipInference")...)
				if o.status != failed {
					t.Errorf("ends with %+v, want a failure with its trailer", o.status)
				}
				has(t, o.errs, tc.want...)
				if l := o.log(t); len(l.Failures) == 0 || l.Status != "FAILED" {
					t.Errorf("trtfarm sees no failure in\n%s%s", o.out, o.errs)
				}
			})
		}
	}
}

func TestUnsupportedArchitecture(t *testing.T) {
	inFolder(t)
	o := trtexecRun(t, "10.6.0.26", []string{"TRTSIM_GPU=V100"}, "--onnx=static.onnx")
	has(t, o.errs, "Error[9]: IBuilder::buildSerializedNetwork: Error Code 9: API Usage Error (Target GPU SM 70 is not supported by this TensorRT release.)", "Engine could not be created from network")
	builds(t, "10.4.0.26", []string{"TRTSIM_GPU=V100"}, "--onnx=static.onnx")
}

// A failed build of 10.13 and later says that an engine was built, and leaves
// an empty file.
func TestFailedBuildLeavesEmptyFileFrom1013(t *testing.T) {
	for _, release := range []string{"10.13.0.35", "11.1.0.106"} {
		inFolder(t)
		o := trtexecRun(t, release, []string{"TRTSIM_FAULT=oom"}, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference")
		if o.status != silent {
			t.Errorf("%s ends with %+v, want exit code 1 and no trailer", release, o.status)
		}
		has(t, o.out, "Created engine with size: 0 MiB", "Engine built in ")
		has(t, o.errs, `Assertion failure: false && "Attempting to access an empty engine!"`, "Error Code 2: OutOfMemory")
		if info, err := os.Stat("e.plan"); err != nil || info.Size() != 0 {
			t.Errorf("%s leaves %v, %v, want an empty file", release, info, err)
		}
	}
	inFolder(t)
	o := trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=oom"}, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference")
	if _, err := os.Stat("e.plan"); err == nil || o.status != failed {
		t.Errorf("10.3 ends with %+v and a file", o.status)
	}
}

func TestDynamicInputWithoutShapesIsBuiltAsOne(t *testing.T) {
	inFolder(t)
	o := trtexecRun(t, "10.3.0.26", nil, "--onnx=dynamic.onnx", "--saveEngine=e.plan", "--skipInference")
	has(t, o.errs, "[W] Dynamic dimensions required for input: x, but no shapes were provided. Automatically overriding shape to: 1x3")
	if l := o.log(t); len(l.Forced) != 1 || o.status != passed {
		t.Errorf("forced inputs are %v", l.Forced)
	}
	if r := plan(t, "e.plan").Meta.Profiles[0].Shapes[0]; r.Max[0] != 1 {
		t.Errorf("profile is %v", r)
	}
}

func TestEcho(t *testing.T) {
	inFolder(t)
	builds(t, "10.15.1.29", nil, "--onnx=static.onnx", "--saveEngine=10.15.1.29")
	builds(t, "10.13.3.9", nil, "--onnx=static.onnx", "--saveEngine=10.13.3.9")
	best := []string{"--onnx=static.onnx", "--best"}
	for _, tc := range []struct {
		release, gpu string
		args         []string
		says, not    string
	}{
		{"8.5.1.7", "A10", best, "Precision: FP32+FP16+INT8\n", ""},
		{"8.5.1.7", "A10", best, "Calibration: Dynamic\n", ""},
		{"9.0.1.4", "A10", best, "Precision: FP32+FP16+BF16+INT8\n", ""},
		{"9.0.1.4", "T4", best, "Precision: FP32+FP16+INT8\n", "BF16"},
		{"10.13.3.9", "B300", best, "Precision: FP32+FP16+BF16+INT8\n", ""},
		{"10.14.1.48", "B300", best, "Precision: FP32+FP16+BF16\n", "INT8"},
		{"10.14.1.48", "A10", best, "", "TF32 is enabled"},
		{"10.14.1.48", "A10", []string{"--onnx=static.onnx", "--noTF32"}, "TF32 is enabled by default.", ""},
		{"10.14.1.48", "A10", []string{"--onnx=static.onnx", "--fp16"}, "", "TF32 is enabled"},
		{"10.14.1.48", "A10", []string{"--onnx=static.onnx", "--stronglyTyped"}, "Precision: Strongly Typed", "TF32 is enabled"},
		{"10.13.3.9", "T4", []string{"--loadEngine=10.13.3.9"}, "=== Build Options ===", ""},
		{"10.15.1.29", "T4", []string{"--loadEngine=10.15.1.29"}, "=== System Options ===", "=== Build Options ==="},
		{"9.2.0.5", "T4", []string{"--onnx=static.onnx", "--weightless"}, "Weightless: Enabled", ""},
		{"10.0.1.6", "T4", []string{"--onnx=static.onnx", "--stripWeights"}, "Strip weights: Enabled", ""},
		{"10.0.1.6", "T4", []string{"--onnx=static.onnx", "--memPoolSize=tacticSharedMem:96"}, "tacticSharedMem: 96 KiB", ""},
		{"8.6.1.6", "T4", []string{"--onnx=static.onnx", "--vc", "--excludeLeanRuntime"}, "Exclude Lean Runtime: Enabled", ""},
	} {
		o := trtexecRun(t, tc.release, []string{"TRTSIM_GPU=" + tc.gpu}, append(tc.args, "--skipInference")...)
		has(t, o.out, tc.says)
		if tc.not != "" {
			lacks(t, o.out, tc.not)
		}
		if o.status != passed {
			t.Errorf("%s %q ends with %+v\n%s", tc.release, tc.args, o.status, o.errs)
		}
	}
	o := trtexecRun(t, "10.3.0.26", nil, "--onnx=static.onnx", "--safe", "--skipInference")
	has(t, o.errs, "[E] Safety is not supported because safety runtime library is unavailable.")
}

func TestEngineSaysWhatItIs(t *testing.T) {
	for _, tc := range []struct {
		release, gpu, precision string
		args                    []string
	}{
		{"8.6.1.6", "T4", "fp32", nil},
		{"8.6.1.6", "A100", "tf32", nil},
		{"8.6.1.6", "A100", "fp32", []string{"--noTF32"}},
		{"10.3.0.26", "A10", "fp16", []string{"--fp16"}},
		{"10.3.0.26", "A10", "int8", []string{"--best"}},
		{"10.3.0.26", "A10", "bf16", []string{"--bf16", "--noTF32"}},
		{"10.3.0.26", "A10", "fp32", []string{"--fp16", "--stronglyTyped", "--noTF32"}},
		{"11.1.0.106", "L4", "fp32", []string{"--noTF32"}},
	} {
		inFolder(t)
		builds(t, tc.release, []string{"TRTSIM_GPU=" + tc.gpu}, append(tc.args, "--onnx=static.onnx", "--saveEngine=e.plan")...)
		p := plan(t, "e.plan")
		if p.Version.String() != tc.release || p.Meta.Precision != tc.precision || p.Meta.Product == "" {
			t.Errorf("%s %s %q: engine of %s in %s for %s", tc.release, tc.gpu, tc.args, p.Version, p.Meta.Precision, p.Meta.Product)
		}
	}
}

func TestQuantisationWrittenInTheModelIsLeftToIt(t *testing.T) {
	inFolder(t)
	save(t, "qdq.onnx", onnxtest.Model(
		onnxtest.Node("QuantizeLinear", []string{"x", "s"}, []string{"q"}), onnxtest.Node("DequantizeLinear", []string{"q", "s"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("s", onnx.Float32), onnxtest.Raw(floats(0.1))),
		onnxtest.Input("x", onnx.Float32, 3), onnxtest.Output("y", onnx.Float32, 3)))
	for flag, want := range map[string]string{"--int8": "fp32", "--fp16": "fp16", "--best": "fp16"} {
		builds(t, "10.3.0.26", nil, "--onnx=qdq.onnx", "--saveEngine=e.plan", flag)
		p := plan(t, "e.plan")
		if p.Meta.Precision != want {
			t.Errorf("%s of a Q/DQ model rounds as %s, want %s", flag, p.Meta.Precision, want)
		}
		model := make([]byte, p.Model.Size())
		if _, err := p.Model.ReadAt(model, 0); err != nil || !bytes.Contains(model, floats(0.1)) {
			t.Errorf("%s of a Q/DQ model changes a scale (%v)", flag, err)
		}
	}
}

func TestVariancesAreNotQuantised(t *testing.T) {
	for _, precision := range []string{"int8", "int4", "fp8"} {
		variance, weight := []float32{1000, 0.001}, []float32{1000, -0.001}
		weights(precision, false)(variance)
		weights(precision, false)(weight)
		if variance[1] != 0.001 || weight[1] == -0.001 {
			t.Errorf("%s makes %v of a variance and %v of a weight", precision, variance, weight)
		}
	}
}

func TestSeveralProfiles(t *testing.T) {
	inFolder(t)
	builds(t, "10.3.0.26", nil, "--onnx=dynamic.onnx", "--saveEngine=e.plan", "--profile=0", "--minShapes=x:1x3", "--optShapes=x:2x3", "--maxShapes=x:4x3", "--profile=1", "--minShapes=x:5x3", "--optShapes=x:6x3", "--maxShapes=x:8x3")
	o := trtexecRun(t, "10.3.0.26", nil, "--loadEngine=e.plan", "--skipInference", "--dumpOptimizationProfile")
	has(t, o.out, "Model input x (profile 0): min=1x3, opt=2x3, max=4x3", "Model input x (profile 1): min=5x3, opt=6x3, max=8x3")
}

func TestTimingCache(t *testing.T) {
	inFolder(t)
	args := []string{"--onnx=static.onnx", "--skipInference", "--timingCacheFile=t.cache"}
	o := trtexecRun(t, "10.3.0.26", nil, args...)
	has(t, o.out, "[I] [TRT] Saved ")
	has(t, o.errs, "A new timing cache will be generated and written.")
	if _, err := os.Stat("t.cache.lock"); err != nil {
		t.Error(err)
	}
	o = trtexecRun(t, "10.3.0.26", nil, args...)
	has(t, o.out, "bytes of timing cache from t.cache")
	o = trtexecRun(t, "10.3.0.26", []string{"TRTSIM_GPU=A10"}, args...)
	if strings.Contains(o.errs, "timing cache will not be used") {
		t.Error("10.3 refuses the cache of another GPU; it takes it without a word")
	}
	o = trtexecRun(t, "8.6.1.6", nil, args...)
	has(t, o.errs, "another version of TensorRT")
	has(t, o.out, "[I] Saved ")
	o = trtexecRun(t, "8.6.1.6", []string{"TRTSIM_GPU=A10"}, args...)
	has(t, o.errs, "a device of another model")
}

func TestEngineSize(t *testing.T) {
	inFolder(t)
	builds(t, "10.3.0.26", []string{"TRTSIM_ENGINE_SIZE=5GiB"}, "--onnx=static.onnx", "--saveEngine=e.plan")
	info, err := os.Stat("e.plan")
	if err != nil || info.Size() < 5<<30-8 || info.Size() > 5<<30 {
		t.Errorf("engine is %v, %v, want 5 GiB", info, err)
	}
	o := trtexecRun(t, "10.3.0.26", []string{"TRTSIM_ENGINE_SIZE=big"}, "--onnx=static.onnx", "--skipInference")
	has(t, o.out, `TRTSIM_ENGINE_SIZE: "big" is not a size`)
}
