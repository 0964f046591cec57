package main

import (
	"strings"
	"testing"
)

// TestVersionCompatiblePlans holds loading to NVIDIA's rules: only the runtime
// may be newer, 8 goes to 10 and 10 to 11, 8 does not go to 11, and the host code
// of the lean runtime in the plan must be allowed.
func TestVersionCompatiblePlans(t *testing.T) {
	inFolder(t)
	save(t, "lean.so", []byte("any library"))
	for _, r := range []string{"8.6.1.6", "10.3.0.26", "10.8.0.43", "11.1.0.106"} {
		builds(t, r, nil, "--onnx=static.onnx", "--saveEngine="+r+".vc", "--versionCompatible")
		builds(t, r, nil, "--onnx=static.onnx", "--saveEngine="+r+".bare", "--vc", "--excludeLeanRuntime")
		builds(t, r, nil, "--onnx=static.onnx", "--saveEngine="+r+".plan")
	}
	const (
		host  = "Cannot deserialize engine with lean runtime since IRuntime::getEngineHostCodeAllowed() is false"
		tag   = "Version tag does not match."
		other = "is not compatible with this version of TensorRT"
	)
	for _, tc := range []struct {
		plan, release string
		args          []string
		want          string // "" where it loads
	}{
		{"8.6.1.6.vc", "8.6.1.6", nil, host},
		{"8.6.1.6.vc", "8.6.1.6", []string{"--vc"}, ""},
		{"8.6.1.6.vc", "9.2.0.5", []string{"--vc"}, ""},
		{"8.6.1.6.vc", "10.3.0.26", nil, host},
		{"8.6.1.6.vc", "10.3.0.26", []string{"--versionCompatible"}, ""},
		{"8.6.1.6.vc", "11.1.0.106", []string{"--vc"}, tag},
		{"10.3.0.26.vc", "10.8.0.43", []string{"--vc"}, ""},
		{"10.3.0.26.vc", "11.1.0.106", []string{"--vc"}, ""},
		{"10.3.0.26.vc", "8.6.1.6", []string{"--vc"}, tag},
		{"10.8.0.43.vc", "10.3.0.26", []string{"--vc"}, other},
		{"11.1.0.106.vc", "10.15.1.29", []string{"--vc"}, other},
		{"10.3.0.26.plan", "10.8.0.43", []string{"--vc"}, other},
		{"10.3.0.26.bare", "10.3.0.26", nil, ""},
		{"10.3.0.26.bare", "10.8.0.43", []string{"--vc"}, "no lean runtime of version 10.3.0.26"},
		{"10.3.0.26.bare", "10.8.0.43", []string{"--vc", "--leanDLLPath=lean.so"}, ""},
		{"10.3.0.26.bare", "10.8.0.43", []string{"--vc", "--leanDLLPath=gone.so"}, "Could not load library gone.so: "},
		{"10.3.0.26.vc", "10.3.0.26", []string{"--useRuntime=lean"}, ""},
		{"10.3.0.26.vc", "10.3.0.26", []string{"--useRuntime=dispatch"}, ""},
		{"10.3.0.26.plan", "10.3.0.26", []string{"--useRuntime=lean"}, "Unexpected call to stub loadRunner"},
	} {
		o := trtexecRun(t, tc.release, nil, append(tc.args, "--loadEngine="+tc.plan, "--skipInference", "--exportLayerInfo=l.json")...)
		if loads := len(o.log(t).Failures) == 0 && o.status == passed; loads != (tc.want == "") {
			t.Errorf("%s %q of %s: ends with %+v\n%s", tc.release, tc.args, tc.plan, o.status, o.errs)
		}
		has(t, o.errs, tc.want)
	}
}

func TestModesThatABuildRefuses(t *testing.T) {
	inFolder(t)
	for _, tc := range []struct {
		release, gpu string
		args         []string
		want         string
	}{
		{"8.6.1.6", "P4", []string{"--vc"}, "device of Volta or newer"},
		{"8.6.1.6", "A10", []string{"--vc", "--refit"}, "cannot be refittable"},
		{"10.3.0.26", "T4", []string{"--hardwareCompatibilityLevel=ampere+"}, "device of Ampere or newer"},
	} {
		o := trtexecRun(t, tc.release, []string{"TRTSIM_GPU=" + tc.gpu}, append(tc.args, "--onnx=static.onnx", "--skipInference")...)
		if o.status != failed {
			t.Errorf("%s on %s %q ends with %+v", tc.release, tc.gpu, tc.args, o.status)
		}
		has(t, o.errs, tc.want)
	}
	builds(t, "9.2.0.5", nil, "--onnx=static.onnx", "--vc", "--refit")
	builds(t, "10.9.0.34", nil, "--onnx=static.onnx", "--hardwareCompatibilityLevel=samecomputecapability")
}

func TestHardwareLevels(t *testing.T) {
	inFolder(t)
	for _, level := range []string{"none", "ampere+", "sameComputeCapability"} {
		builds(t, "10.9.0.34", []string{"TRTSIM_GPU=A10"}, "--onnx=static.onnx", "--saveEngine="+level, "--hardwareCompatibilityLevel="+level)
	}
	const wrong, warning = "expecting compute ", "Using an engine plan file across different models of devices is not recommended"
	for _, tc := range []struct{ level, gpu, want string }{
		{"none", "A10", ""}, {"none", "A10G", warning}, {"none", "L4", wrong + "8.9 got compute 8.6"},
		{"ampere+", "A10G", ""}, {"ampere+", "A100", ""}, {"ampere+", "L4", ""}, {"ampere+", "H100", ""}, {"ampere+", "T4", wrong + "7.5 got compute 8.6"},
		{"sameComputeCapability", "A10G", ""}, {"sameComputeCapability", "L4", wrong + "8.9 got compute 8.6"},
	} {
		o := trtexecRun(t, "10.9.0.34", []string{"TRTSIM_GPU=" + tc.gpu}, "--loadEngine="+tc.level, "--skipInference")
		has(t, o.errs, tc.want)
		if tc.want == "" && o.errs != "" || (o.status == passed) == strings.HasPrefix(tc.want, wrong) {
			t.Errorf("%s on %s ends with %+v\n%s", tc.level, tc.gpu, o.status, o.errs)
		}
	}
}

// A plan for another platform is built, never read, and refused here.
func TestPlansForWindows(t *testing.T) {
	inFolder(t)
	o := trtexecRun(t, "10.3.0.26", nil, "--onnx=static.onnx", "--saveEngine=e.plan", "--runtimePlatform=WindowsAMD64")
	if o.status != passed || o.errs != "" {
		t.Errorf("build ends with %+v\n%s", o.status, o.errs)
	}
	has(t, o.out, "Runtime Platform: Windows AMD64", "Skipped inference phase")
	lacks(t, o.out, "Engine deserialized in")
	o = trtexecRun(t, "10.3.0.26", nil, "--loadEngine=e.plan")
	has(t, o.errs, "TensorRT plan files are only supported on the target runtime platform", "[E] Got invalid engine!")
}

// Plugins that a version-compatible plan carries need no library to load it.
func TestSerializedPlugins(t *testing.T) {
	inFolder(t)
	save(t, "p.so", []byte("any library"))
	for flag, carries := range map[string]bool{"--vc": true, "--refit": false} {
		builds(t, "10.3.0.26", nil, "--onnx=custom.onnx", "--saveEngine=e.plan", "--dynamicPlugins=p.so", "--setPluginsToSerialize=p.so", flag)
		o := trtexecRun(t, "10.3.0.26", nil, "--loadEngine=e.plan", "--vc", "--skipInference")
		if loads := len(o.log(t).Failures) == 0; loads != carries {
			t.Errorf("built with %s: loads without its library: %v, want %v\n%s", flag, loads, carries, o.errs)
		}
	}
	// To be serialized is not to be loaded.
	o := trtexecRun(t, "10.3.0.26", nil, "--onnx=custom.onnx", "--skipInference", "--vc", "--setPluginsToSerialize=p.so")
	if o.status != failed {
		t.Errorf("a library that was not loaded provides a plugin: %+v", o.status)
	}
}
