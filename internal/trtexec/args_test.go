package trtexec

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestArgsRefuse(t *testing.T) {
	shape := func(name string, low, opt, high []int64) []Profile {
		return []Profile{{Shapes: []Shape{{Input: name, Min: low, Opt: opt, Max: high}}}}
	}
	fp32 := func() Build { return Build{Precision: "fp32", OptimizationLevel: -1} }
	for name, tc := range map[string]struct {
		release string
		build   Build
		cause   string
		says    []string // in the error
	}{
		"a release that is too old":          {"8.2.1", fp32(), "trtexec-usage", []string{"TensorRT 8.2.1", "8.4"}},
		"a major that nobody knows":          {"12.0", fp32(), "trtexec-usage", []string{"TensorRT 12.0"}},
		"an unknown precision":               {"10.3", Build{Precision: "fp64"}, "precision-unsupported", []string{`"fp64"`, "bf16"}},
		"bf16 before 9.0":                    {"8.6.1", Build{Precision: "bf16"}, "precision-unsupported", []string{"8.6.1", "--bf16", "9.0 to 10.16"}},
		"int4 before 10.1":                   {"10.0.1", Build{Precision: "int4", Typed: true}, "precision-unsupported", []string{"10.1 to 10.16"}},
		"fp16 that the model does not carry": {"11.1", Build{Precision: "fp16"}, "precision-unsupported", []string{"AutoCast", "TensorRT 10"}},
		"best where types are the model's":   {"11.0", Build{Precision: "best", Typed: true}, "precision-unsupported", []string{"choose"}},
		"made-up dynamic ranges":             {"8.6.1", Build{Precision: "int8"}, "precision-unsupported", []string{"made-up dynamic ranges", "calibration"}},
		"best makes up ranges, too":          {"10.3", Build{Precision: "best"}, "precision-unsupported", []string{"made-up dynamic ranges"}},
		"fp8 without scales":                 {"10.3", Build{Precision: "fp8"}, "precision-unsupported", []string{"Q/DQ"}},
		"two sources of scales":              {"10.3", Build{Precision: "int8", Typed: true, Calibration: "c"}, "precision-unsupported", []string{"ignore"}},
		"several profiles before 9.0":        {"8.6.1", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: twoProfiles}, "profile-shape", []string{"one profile", "[model] table of its own", "tensorrt:24.05-py3"}},
		"a comma in an input's name":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a,b", []int64{1}, []int64{1}, []int64{1})}, "profile-shape", []string{`"a,b"`, "comma"}},
		"a quote in an input's name":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a'b", []int64{1}, []int64{1}, []int64{1})}, "profile-shape", []string{"quote"}},
		"min above opt":                      {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{2}, []int64{1}, []int64{3})}, "profile-shape", []string{"dimension 0"}},
		"opt above max":                      {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{1, 1}, []int64{1, 4}, []int64{1, 3})}, "profile-shape", []string{"dimension 1"}},
		"a dimension below 0":                {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{-1}, []int64{1}, []int64{1})}, "profile-shape", []string{"below 0"}},
		"ranks that differ":                  {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", nil, []int64{1}, []int64{1})}, "profile-shape", []string{"0, 1 and 1"}},
		"a profile of scalars alone":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", nil, nil, nil)}, "profile-shape", []string{"profile 0"}},
		"a level before 8.6":                 {"8.5.3", Build{Precision: "fp32", OptimizationLevel: 5}, "trtexec-usage", []string{"optimization_level", "8.6 and later"}},
		"a level that does not exist":        {"10.3", Build{Precision: "fp32", OptimizationLevel: 6}, "trtexec-usage", []string{"0 to 5"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.build
			b.TensorRT, b.Model, b.Engine = release(t, tc.release), "m.onnx", "e.plan"
			argv, err := b.Args()
			refused(t, argv, err, tc.cause, tc.says)
		})
	}
}

func refused(t *testing.T, argv []string, err error, cause string, says []string) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("Args() = %q, %v, want a refusal", argv, err)
	}
	if refusal.Cause != cause || argv != nil {
		t.Errorf("cause %q and argv %q, want %q and none", refusal.Cause, argv, cause)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the refusal does not say %q: %v", s, err)
		}
	}
}

// keyed is a build with a key of the matrix set.
func keyed(m Modes) Build {
	return Build{Precision: "tf32", Typed: true, OptimizationLevel: -1, Modes: m}
}

func TestModesAreRefusedWhereTheyAreNot(t *testing.T) {
	for name, tc := range map[string]struct {
		release string
		build   Build
		says    []string
	}{
		"version compatible before 8.6":       {"8.5.3", keyed(Modes{VersionCompatible: true}), []string{"came with TensorRT 8.6", "tensorrt:23.04-py3 or later", "remove version_compatible"}},
		"a level before 8.6":                  {"8.4", keyed(Modes{Hardware: "ampere+"}), []string{"came with TensorRT 8.6", "remove hardware_compatibility"}},
		"one level before 10.9":               {"10.8", keyed(Modes{Hardware: "sameComputeCapability"}), []string{"10.9", "tensorrt:25.03-py3"}},
		"a level that does not exist":         {"10.9", keyed(Modes{Hardware: "turing+"}), []string{`"turing+"`, "ampere+"}},
		"no weights before 9.2":               {"9.1", keyed(Modes{Stripped: true}), []string{"--stripWeights", "remove strip_weights"}},
		"both on 8.6":                         {"8.6.1", keyed(Modes{VersionCompatible: true, Refit: true}), []string{"both version compatible and refittable", "remove refit"}},
		"another platform":                    {"10.3", keyed(Modes{Platform: "WindowsAMD64"}), []string{"nothing could prove it"}},
		"a plan without a runtime, too early": {"8.5.3", keyed(Modes{ExcludesRuntime: true}), []string{"--excludeLeanRuntime"}},
		"dynamic plugins before 8.6":          {"8.5.3", Build{Precision: "tf32", OptimizationLevel: -1, DynamicPlugins: []string{"a.so"}}, []string{"use plugins in [model.NAME]", "8.6 and later"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.build
			b.TensorRT, b.Model, b.Engine = release(t, tc.release), "m.onnx", "e.plan"
			argv, err := b.Args()
			refused(t, argv, err, "trtexec-usage", tc.says)
		})
	}
}

func TestInferenceArgsRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		release   string
		inference Inference
		cause     string
		says      []string
	}{
		"a release that is not known":       {"7.2.3", Inference{Iterations: 1}, "trtexec-usage", []string{"7.2.3"}},
		"another than the first before 9.0": {"8.6.1", Inference{Profile: 1, Profiles: 2, Iterations: 1}, "profile-shape", []string{"profile 1", "TensorRT 10"}},
		"a profile that is not there":       {"10.3", Inference{Profile: 2, Profiles: 2, Iterations: 1}, "profile-shape", []string{"profile 2 of an engine with 2"}},
		"a profile of a static engine":      {"10.3", Inference{Profile: 1, Iterations: 1}, "profile-shape", []string{"profile 1 of an engine with 0"}},
		"a run without end":                 {"10.3", Inference{Iterations: 1, Duration: -1}, "trtexec-usage", []string{"never ends"}},
		"no iteration":                      {"10.3", Inference{}, "trtexec-usage", []string{"iteration"}},
		"a dimension without a size":        {"10.3", Inference{Iterations: 1, Shapes: []Binding{{"x", []int64{1, -1}}}}, "profile-shape", []string{"dimension 1"}},
		"a comma in a name":                 {"10.3", Inference{Iterations: 1, Shapes: []Binding{{"x,y", []int64{1}}}}, "profile-shape", []string{"comma"}},
		"a comma in the name of a file's":   {"10.3", Inference{Iterations: 1, Inputs: []InputFile{{"x,y", "f"}}}, "profile-shape", []string{"comma"}},
		"a colon in a path":                 {"10.3", Inference{Iterations: 1, Inputs: []InputFile{{"x", "C:f"}}}, "trtexec-usage", []string{"colon"}},
		"host code before it existed":       {"8.5.3", Inference{Iterations: 1, VersionCompatible: true}, "trtexec-usage", []string{"8.6"}},
		"dynamic plugins before they were":  {"8.5.3", Inference{Iterations: 1, DynamicPlugins: []string{"a.so"}}, "trtexec-usage", []string{"use plugins"}},
		"a plan that nobody can refit":      {"10.13.3", Inference{Iterations: 1, Refit: "m.onnx"}, "trtexec-usage", []string{"10.14 and later", "tensorrt:25.11-py3", "remove strip_weights"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := tc.inference
			i.TensorRT, i.Engine = release(t, tc.release), "e.plan"
			argv, err := i.Args()
			refused(t, argv, err, tc.cause, tc.says)
		})
	}
}

func TestReleasesAfterTheTableUseItsEnd(t *testing.T) {
	i := Inference{TensorRT: release(t, "11.4.1"), Engine: "e", Iterations: 1}
	argv, err := i.Args()
	if err != nil || !slices.Contains(argv, "--noCudaGraph") || slices.Contains(argv, "--noDataTransfers") {
		t.Errorf("Args() = %q, %v", argv, err)
	}
}

func TestInputTypeNarrowed(t *testing.T) {
	for r, want := range map[string]bool{"8.4": true, "8.6.1": true, "9.0.1": false, "10.0.1": false, "11.1": false} {
		if got := InputTypeNarrowed(release(t, r)); got != want {
			t.Errorf("InputTypeNarrowed(%s) = %v, want %v", r, got, want)
		}
	}
}

func TestBanner(t *testing.T) {
	for text, v := range map[string]string{
		"TensorRT v8601":          "8.6.1",
		"TensorRT v8510":          "8.5.10",
		"TensorRT v9200":          "9.2.0",
		"TensorRT v100300":        "10.3.0",
		"TensorRT v101303] [b9":   "10.13.3.9",
		"TensorRT v110100] [b106": "11.1.0.106",
	} {
		if got := Banner(release(t, v)); got != text {
			t.Errorf("Banner(%s) = %q, want %q", v, got, text)
		}
		if got, ok := ParseBanner(text); !ok || got != release(t, v) {
			t.Errorf("ParseBanner(%q) = %v, %v, want %s", text, got, ok, v)
		}
	}
	if got := Banner(release(t, "8.6.1.6")); got != "TensorRT v8601" {
		t.Errorf("Banner(8.6.1.6) = %q: no build before 10.4", got)
	}
	if got := Banner(release(t, "10.4")); got != "TensorRT v100400" {
		t.Errorf("Banner(10.4) = %q", got)
	}
	for _, text := range []string{"", "TensorRT v", "TensorRT v86", "TensorRT v-8601", "TensorRT v8601] [bx", "TensorRT v9999999", "TensorRT v10300", "trt v8601"} {
		if v, ok := ParseBanner(text); ok {
			t.Errorf("ParseBanner(%q) = %v", text, v)
		}
	}
}
