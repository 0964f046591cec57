package trtexec

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func release(t *testing.T, s string) catalog.Version {
	t.Helper()
	v, err := catalog.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// oneProfile is a dynamic batch; its second input is a scalar.
var oneProfile = []Profile{{Shapes: []Shape{
	{Input: "data:0", Min: []int64{1, 3, 224, 224}, Opt: []int64{8, 3, 224, 224}, Max: []int64{32, 3, 224, 224}},
	{Input: "rate"},
}}}

var twoProfiles = []Profile{
	{Shapes: []Shape{{Input: "x", Min: []int64{1}, Opt: []int64{1}, Max: []int64{1}}, {Input: "y", Min: []int64{0, 2}, Opt: []int64{4, 2}, Max: []int64{8, 2}}}},
	{Shapes: []Shape{{Input: "x", Min: []int64{2}, Opt: []int64{4}, Max: []int64{8}}, {Input: "y", Min: []int64{1, 2}, Opt: []int64{4, 2}, Max: []int64{16, 2}}}},
}

// builds are the intents of the golden files, by name.
var builds = map[string]Build{
	"fp32-static":       {Precision: "fp32", OptimizationLevel: -1, Typed: true},
	"fp32-of-fp16":      {Precision: "fp32", OptimizationLevel: -1},
	"fp32-level":        {Precision: "fp32", OptimizationLevel: 3, Typed: true},
	"tf32-static":       {Precision: "tf32", OptimizationLevel: -1, Typed: true},
	"fp16-one-profile":  {Precision: "fp16", OptimizationLevel: -1, Profiles: oneProfile},
	"fp16-two-profiles": {Precision: "fp16", OptimizationLevel: -1, Profiles: twoProfiles},
	"fp16-typed":        {Precision: "fp16", OptimizationLevel: -1, Typed: true},
	"fp16-everything": {Precision: "fp16", OptimizationLevel: -1, Profiles: oneProfile, WorkspaceMiB: 4096, TimingCache: "timing.cache",
		Plugins: []string{"plugins/0-a.so", "plugins/1-b.so"}, LayerInfo: "layers.json", Calibration: "calibration.cache",
		Extra: []string{"--avgTiming=4", "--sparsity=enable"}},
	"bf16":            {Precision: "bf16", OptimizationLevel: -1},
	"int8":            {Precision: "int8", OptimizationLevel: -1},
	"int8-calibrated": {Precision: "int8", OptimizationLevel: -1, Calibration: "calibration.cache"},
	"int8-typed":      {Precision: "int8", OptimizationLevel: -1, Typed: true},
	"fp8":             {Precision: "fp8", OptimizationLevel: -1},
	"fp8-typed":       {Precision: "fp8", OptimizationLevel: -1, Typed: true},
	"int4-typed":      {Precision: "int4", OptimizationLevel: -1, Typed: true},
	"best":            {Precision: "best", OptimizationLevel: -1},
	"best-calibrated": {Precision: "best", OptimizationLevel: -1, Calibration: "calibration.cache"},
	"best-typed":      {Precision: "best", OptimizationLevel: -1, Typed: true},
}

var inferences = map[string]Inference{
	"run-static":  {Iterations: 1},
	"run-dynamic": {Profiles: 1, Shapes: []Binding{{"data:0", []int64{8, 3, 224, 224}}, {"rate", nil}}, Iterations: 10, Duration: 3, WarmUpMs: 200},
	"run-second-profile": {Profile: 1, Profiles: 2, Shapes: []Binding{{"x", []int64{2}}}, Iterations: 1,
		Inputs:  []InputFile{{"x", "../../ref/c/in-0.raw"}, {"y:0", "../../ref/c/in-1.raw"}},
		Plugins: []string{"../../plugins/0-a.so"}, Outputs: "outputs.json"},
	"run-first-of-two":       {Profiles: 2, Shapes: []Binding{{"x", []int64{1}}}, Iterations: 1, Outputs: "outputs.json"},
	"run-version-compatible": {Iterations: 1, VersionCompatible: true},
}

// TestCommandLinesPerRelease compares every intent in every release with its
// golden file.
func TestCommandLinesPerRelease(t *testing.T) {
	for name, b := range builds {
		golden(t, name, func(v catalog.Version) ([]string, error) {
			b.TensorRT, b.Model, b.Engine = v, "model/m.onnx", "engine.plan"
			return b.Args()
		})
	}
	for name, i := range inferences {
		golden(t, name, func(v catalog.Version) ([]string, error) {
			i.TensorRT, i.Engine = v, "../../engine.plan"
			return i.Args()
		})
	}
}

func golden(t *testing.T, name string, args func(catalog.Version) ([]string, error)) {
	t.Run(name, func(t *testing.T) {
		var first, last, same string // releases that say the same follow one another
		var text strings.Builder
		flush := func() {
			span := first
			if last != first {
				span += " to " + last
			}
			if same != "" {
				fmt.Fprintf(&text, "%s:\n  %s\n", span, same)
			}
		}
		for _, v := range catalog.Releases() {
			said := say(t, v, args)
			// What a refusal says of its release is not a difference.
			said = strings.ReplaceAll(said, "TensorRT "+v.String()+" ", "TensorRT V ")
			if said != same {
				flush()
				first, same = v.String(), said
			}
			last = v.String()
		}
		flush()
		path := filepath.Join("testdata", "argv", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := text.String(); got != string(want) {
			t.Errorf("%s\n got:\n%s\nwant:\n%s", path, got, want)
		}
	})
}

// say returns the command line or the refusal for one release.
func say(t *testing.T, v catalog.Version, args func(catalog.Version) ([]string, error)) string {
	t.Helper()
	argv, err := args(v)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		if refusal.Cause == "" || refusal.Reason == "" || refusal.Fix == "" {
			t.Errorf("%s: a refusal must say cause, reason and fix: %+v", v, refusal)
		}
		return fmt.Sprintf("REFUSED %s: %s\n  fix: %s", refusal.Cause, refusal.Reason, refusal.Fix)
	case err != nil:
		t.Errorf("%s: %v, which is no *Refusal", v, err)
		return err.Error()
	}
	checkArgv(t, v, argv)
	return strings.Join(argv, " ")
}

// checkArgv checks what must hold of every command line: the release takes each
// flag and does not warn of it, and no flag is repeated that may not be.
func checkArgv(t *testing.T, v catalog.Version, argv []string) {
	t.Helper()
	if argv[0] != "trtexec" {
		t.Errorf("%s: argv[0] is %q", v, argv[0])
	}
	grouped := []string{"--profile", "--minShapes", "--optShapes", "--maxShapes", "--plugins", "--staticPlugins"}
	seen := map[string]bool{}
	for _, a := range argv[1:] {
		name := flagName(a)
		support, known := catalog.FlagSupport(name, v)
		weak := slices.Contains([]string{"--fp16", "--bf16", "--int8", "--fp8", "--best"}, name)
		if !known || support == catalog.No || support == catalog.Deprecated && !weak {
			t.Errorf("%s: %s is %s, known: %v", v, name, support, known)
		}
		if seen[name] && !slices.Contains(grouped, name) {
			t.Errorf("%s: %s is given twice", v, name)
		}
		seen[name] = true
	}
}

func TestArgsRefuse(t *testing.T) {
	shape := func(name string, low, opt, high []int64) []Profile {
		return []Profile{{Shapes: []Shape{{Input: name, Min: low, Opt: opt, Max: high}}}}
	}
	fp32 := func(extra ...string) Build {
		return Build{Precision: "fp32", OptimizationLevel: -1, Extra: extra}
	}
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
		"several profiles before 9.0":        {"8.6.1", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: twoProfiles}, "profile-shape", []string{"one profile", "TensorRT 9"}},
		"a comma in an input's name":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a,b", []int64{1}, []int64{1}, []int64{1})}, "profile-shape", []string{`"a,b"`, "comma"}},
		"a quote in an input's name":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a'b", []int64{1}, []int64{1}, []int64{1})}, "profile-shape", []string{"quote"}},
		"min above opt":                      {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{2}, []int64{1}, []int64{3})}, "profile-shape", []string{"dimension 0"}},
		"opt above max":                      {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{1, 1}, []int64{1, 4}, []int64{1, 3})}, "profile-shape", []string{"dimension 1"}},
		"a dimension below 0":                {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", []int64{-1}, []int64{1}, []int64{1})}, "profile-shape", []string{"below 0"}},
		"ranks that differ":                  {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", nil, []int64{1}, []int64{1})}, "profile-shape", []string{"0, 1 and 1"}},
		"a profile of scalars alone":         {"10.3", Build{Precision: "fp32", OptimizationLevel: -1, Profiles: shape("a", nil, nil, nil)}, "profile-shape", []string{"profile 0"}},
		"a level before 8.6":                 {"8.5.3", Build{Precision: "fp32", OptimizationLevel: 5}, "trtexec-usage", []string{"optimization_level", "8.6 and later"}},
		"a level that does not exist":        {"10.3", Build{Precision: "fp32", OptimizationLevel: 6}, "trtexec-usage", []string{"0 to 5"}},
		"a flag that came later":             {"8.6.1", fp32("--maxTactics=4"), "trtexec-usage", []string{"--maxTactics", "8.6.1", "10.4 and later"}},
		"a flag that is gone":                {"10.0.1", fp32("--minTiming=2"), "trtexec-usage", []string{"--minTiming", "8.4 to 9.3"}},
		"a flag that was away for a while":   {"10.4.0", fp32("--consistency"), "trtexec-usage", []string{"8.4 to 10.3, 10.13 and later"}},
		"a misspelt flag":                    {"10.3", fp32("--avgTimings=4"), "trtexec-usage", []string{"--avgTimings", "write --avgTiming"}},
		"a flag in the wrong case":           {"10.3", fp32("--avgtiming=4"), "trtexec-usage", []string{"write --avgTiming"}},
		"a near flag of another release":     {"8.6.1", fp32("--maxTactic=4"), "trtexec-usage", []string{"write --maxTactics (TensorRT 10.4 and later)"}},
		"a path of ours":                     {"10.3", fp32("--saveEngine=/tmp/x"), "trtexec-usage", []string{"--saveEngine", "trtfarm"}},
		"a shape":                            {"10.3", fp32("--minShapes=x:1"), "trtexec-usage", []string{"profile"}},
		"a precision":                        {"10.3", fp32("--fp16"), "trtexec-usage", []string{"precisions"}},
		"help":                               {"10.3", fp32("--help"), "trtexec-usage", []string{"before it has built"}},
		"a flag that is set already":         {"10.3", Build{Precision: "fp32", OptimizationLevel: 3, Extra: []string{"--builderOptimizationLevel=5"}}, "trtexec-usage", []string{"twice"}},
		"a flag given twice":                 {"10.3", fp32("--avgTiming=4", "--avgTiming=4"), "trtexec-usage", []string{"twice"}},
		"a value in an argument of its own":  {"10.3", fp32("--avgTiming", "4"), "trtexec-usage", []string{"write --avgTiming=4"}},
		"a short flag":                       {"10.3", fp32("-v"), "trtexec-usage", []string{"one piece"}},
		"a switch that is meant to be off":   {"10.3", fp32("--refit=false"), "trtexec-usage", []string{"leave --refit out"}},
		"a size with a suffix":               {"10.3", fp32("--memPoolSize=dlaSRAM:1,tacticSharedMem:1GiB"), "trtexec-usage", []string{`"1GiB"`, "MiB"}},
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

func TestInferenceArgsRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		release   string
		inference Inference
		cause     string
		says      []string
	}{
		"a release that is not known":       {"7.2.3", Inference{Iterations: 1}, "trtexec-usage", []string{"7.2.3"}},
		"another than the first before 9.0": {"8.6.1", Inference{Profile: 1, Profiles: 2, Iterations: 1}, "profile-shape", []string{"profile 1", "TensorRT 9"}},
		"a profile that is not there":       {"10.3", Inference{Profile: 2, Profiles: 2, Iterations: 1}, "profile-shape", []string{"profile 2 of an engine with 2"}},
		"a profile of a static engine":      {"10.3", Inference{Profile: 1, Iterations: 1}, "profile-shape", []string{"profile 1 of an engine with 0"}},
		"a run without end":                 {"10.3", Inference{Iterations: 1, Duration: -1}, "trtexec-usage", []string{"never ends"}},
		"no iteration":                      {"10.3", Inference{}, "trtexec-usage", []string{"iteration"}},
		"a dimension without a size":        {"10.3", Inference{Iterations: 1, Shapes: []Binding{{"x", []int64{1, -1}}}}, "profile-shape", []string{"dimension 1"}},
		"a comma in a name":                 {"10.3", Inference{Iterations: 1, Shapes: []Binding{{"x,y", []int64{1}}}}, "profile-shape", []string{"comma"}},
		"a comma in the name of a file's":   {"10.3", Inference{Iterations: 1, Inputs: []InputFile{{"x,y", "f"}}}, "profile-shape", []string{"comma"}},
		"a colon in a path":                 {"10.3", Inference{Iterations: 1, Inputs: []InputFile{{"x", "C:f"}}}, "trtexec-usage", []string{"colon"}},
		"host code before it existed":       {"8.5.3", Inference{Iterations: 1, VersionCompatible: true}, "trtexec-usage", []string{"8.6"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := tc.inference
			i.TensorRT, i.Engine = release(t, tc.release), "e.plan"
			argv, err := i.Args()
			refused(t, argv, err, tc.cause, tc.says)
		})
	}
}

func TestExtraArgumentsPass(t *testing.T) {
	b := Build{TensorRT: release(t, "10.3.0.26"), Model: "m", Engine: "e", Precision: "tf32", OptimizationLevel: -1,
		Extra: []string{"--memPoolSize=workspace:64,dlaSRAM:1", "--dynamicPlugins=a.so", "--dynamicPlugins=b.so", "--versionCompatible"}}
	argv, err := b.Args()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(argv[len(argv)-4:], b.Extra) || !VersionCompatible(argv) {
		t.Errorf("Args() = %q, want the extra arguments at the end", argv)
	}
	if VersionCompatible([]string{"trtexec", "--onnx=--vc"}) || !VersionCompatible([]string{"--vc"}) {
		t.Error("VersionCompatible misreads an argument")
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
	for r, want := range map[string]bool{"8.4": true, "9.3.0": true, "10.0.1": false, "11.1": false} {
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
