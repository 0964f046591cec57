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

	"kind-version-compatible": {Precision: "fp16", OptimizationLevel: -1, Typed: true, Modes: Modes{VersionCompatible: true}},
	"kind-ampere":             {Precision: "fp16", OptimizationLevel: -1, Typed: true, Modes: Modes{Hardware: "ampere+"}},
	"kind-same-capability":    {Precision: "fp16", OptimizationLevel: -1, Typed: true, Modes: Modes{Hardware: "sameComputeCapability"}},
	"kind-refit":              {Precision: "fp16", OptimizationLevel: -1, Typed: true, Modes: Modes{Refit: true}},
	"kind-stripped":           {Precision: "fp16", OptimizationLevel: -1, Typed: true, Modes: Modes{Stripped: true}},
	"kind-everything": {Precision: "fp16", OptimizationLevel: -1, Typed: true, Profiles: oneProfile, LayerInfo: "layers.json",
		Plugins: []string{"plugins/0-a.so"}, DynamicPlugins: []string{"plugins/1-b.so"},
		Modes: Modes{VersionCompatible: true, Hardware: "ampere+", Refit: true, Stripped: true}, Extra: []string{"--setPluginsToSerialize=plugins/1-b.so"}},
	"dynamic-plugins": {Precision: "tf32", OptimizationLevel: -1, DynamicPlugins: []string{"plugins/0-a.so", "plugins/1-b.so"}},
	"awkward-names": {Precision: "tf32", OptimizationLevel: -1, Profiles: []Profile{{Shapes: []Shape{
		{Input: "serving_default_x:0", Min: []int64{1}, Opt: []int64{2}, Max: []int64{3}},
		{Input: "x*", Min: []int64{1, 1}, Opt: []int64{1, 2}, Max: []int64{1, 3}},
		{Input: "onnx::Conv 3", Min: []int64{1}, Opt: []int64{1}, Max: []int64{1}}}}}},
}

var inferences = map[string]Inference{
	"run-static":  {Iterations: 1},
	"run-dynamic": {Profiles: 1, Shapes: []Binding{{"data:0", []int64{8, 3, 224, 224}}, {"rate", nil}}, Iterations: 10, Duration: 3, WarmUpMs: 200},
	"run-second-profile": {Profile: 1, Profiles: 2, Shapes: []Binding{{"x", []int64{2}}}, Iterations: 1,
		Inputs:  []InputFile{{"x", "../../ref/c/in-0.raw"}, {"y:0", "../../ref/c/in-1.raw"}},
		Plugins: []string{"../../plugins/0-a.so"}, Outputs: "outputs.json"},
	"run-first-of-two":       {Profiles: 2, Shapes: []Binding{{"x", []int64{1}}}, Iterations: 1, Outputs: "outputs.json"},
	"run-version-compatible": {Iterations: 1, VersionCompatible: true},
	"run-refitted":           {Iterations: 1, Refit: "../../model/m.onnx"},
	"run-dynamic-plugins":    {Iterations: 1, VersionCompatible: true, Plugins: []string{"../../plugins/0-a.so"}, DynamicPlugins: []string{"../../plugins/1-b.so"}},
	"run-timed":              {Iterations: 100, Duration: 3, WarmUpMs: 200, Outputs: "outputs.json", Inputs: []InputFile{{"serving_default_x:0", "../../ref/c/in-0.raw"}}},
}

// someModes are the kinds of engines that a build may be asked for.
var someModes = []Modes{
	{}, {VersionCompatible: true}, {VersionCompatible: true, ExcludesRuntime: true}, {Hardware: "ampere+"}, {Hardware: "sameComputeCapability"},
	{Refit: true}, {Stripped: true}, {Refit: true, Stripped: true}, {VersionCompatible: true, Hardware: "ampere+"},
	{VersionCompatible: true, Refit: true}, {VersionCompatible: true, Hardware: "sameComputeCapability", Refit: true, Stripped: true},
}

// TestEveryIntentInEveryRelease asks every release for every precision in every
// kind of engine. Each answer is a command line that the release takes without a
// warning, or a refusal that says what to do.
func TestEveryIntentInEveryRelease(t *testing.T) {
	passed := map[string]int{}
	for _, v := range catalog.Releases() {
		for precision := range precisionFlags {
			for n, m := range someModes {
				for bits := range 1 << 5 {
					on := func(bit int) bool { return bits>>bit&1 == 1 }
					b := Build{TensorRT: v, Model: "model/m.onnx", Engine: "engine.plan", Precision: precision, OptimizationLevel: -1, Modes: m,
						Typed: on(0), Profiles: [][]Profile{nil, oneProfile}[bits>>1&1], LayerInfo: "layers.json"}
					if on(2) {
						b.Calibration = "calibration.cache"
					}
					if on(3) {
						b.Plugins, b.DynamicPlugins = []string{"a.so"}, []string{"b.so", "c.so"}
					}
					if on(4) {
						b.Profiles, b.OptimizationLevel, b.WorkspaceMiB, b.TimingCache = twoProfiles, 5, 64, "timing.cache"
					}
					if said := say(t, v, func(catalog.Version) ([]string, error) { return b.Args() }); !strings.HasPrefix(said, "REFUSED") {
						passed[precision+" "+fmt.Sprint(n)]++
					}
				}
			}
		}
	}
	if want := len(precisionFlags) * len(someModes); len(passed) != want {
		t.Errorf("%d pairs of precision and kind can be built in some release, want %d", len(passed), want)
	}
}

// TestLatenciesCompare looks at how every release is told to run: transfers,
// spin-wait and CUDA graph off, one stream, and the same percentiles as far as
// the release has them.
func TestLatenciesCompare(t *testing.T) {
	for _, v := range catalog.Releases() {
		argv, err := Inference{TensorRT: v, Engine: "e", Iterations: 1}.Args()
		if err != nil {
			t.Fatal(err)
		}
		// What is off without a flag, by the release's own defaults.
		offTransfers, offSpin, offGraph := v.AtLeast(11, 0), !v.AtLeast(11, 0), !v.AtLeast(11, 0)
		for _, a := range argv[1:] {
			switch flagName(a) {
			case "--noDataTransfers":
				offTransfers = true
			case "--noSpinWait":
				offSpin = true
			case "--noCudaGraph":
				offGraph = true
			case "--includeDataTransfers", "--useSpinWait", "--useCudaGraph", "--infStreams", "--streams", "--threads", "--exposeDMA", "--avgRuns":
				t.Errorf("%s: %s", v, a)
			}
		}
		percentiles := "--percentile=90,95,99"
		if !v.AtLeast(8, 5) {
			percentiles = "--percentile=99"
		}
		if !offTransfers || !offSpin || !offGraph || !slices.Contains(argv, percentiles) {
			t.Errorf("%s: %q leaves transfers, spin-wait or graph on, or other percentiles", v, argv)
		}
	}
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
	grouped := []string{"--profile", "--minShapes", "--optShapes", "--maxShapes", "--plugins", "--staticPlugins", "--dynamicPlugins"}
	seen := map[string]bool{}
	for _, a := range argv[1:] {
		name := flagName(a)
		support, known := catalog.FlagSupport(name, v)
		// A model without types of its own can be built in no other way there; fp8
		// and int4 need Q/DQ nodes, and such models are strongly typed.
		weak := v.AtLeast(10, 14) && slices.Contains([]string{"--fp16", "--bf16", "--int8", "--best"}, name)
		if !known || support == catalog.No || support == catalog.Deprecated && !weak {
			t.Errorf("%s: %s is %s, known: %v", v, name, support, known)
		}
		if seen[name] && !slices.Contains(grouped, name) {
			t.Errorf("%s: %s is given twice", v, name)
		}
		seen[name] = true
	}
}
