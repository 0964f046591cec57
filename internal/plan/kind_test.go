package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/plan"
)

// TestKindsOfEnginesAreLoadedAsTheyWereBuilt changes what kind of engine a cell
// is and looks at its commands: what the build says, the verification has to know.
func TestKindsOfEnginesAreLoadedAsTheyWereBuilt(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*world)
		build  string // flags of the build beyond those of a plain cell, in order
		load   string // the same, of a verification run
	}{
		"plain":               {func(*world) {}, "", ""},
		"version compatible":  {func(w *world) { w.cell.Build.VersionCompatible = true }, "--versionCompatible", "--versionCompatible"},
		"so by an extra one":  {func(w *world) { w.cell.Build.ExtraArgs = []string{"--vc"} }, "--vc", "--versionCompatible"},
		"hardware compatible": {func(w *world) { w.cell.Build.HardwareCompatibility = "sameComputeCapability" }, "--hardwareCompatibilityLevel=sameComputeCapability", ""},
		"to be refitted":      {func(w *world) { w.cell.Build.Refit = true }, "--refit", ""},
		"without weights":     {func(w *world) { w.cell.Build.StripWeights = true }, "--stripWeights", "--refit --refitFromOnnx=../../model/net.onnx"},
		"so by an extra flag": {func(w *world) { w.cell.Build.ExtraArgs = []string{"--stripAllWeights"} }, "--stripAllWeights", "--refit --refitFromOnnx=../../model/net.onnx"},
		"a library of each way": {func(w *world) {
			w.cell.Model.DynamicPlugins = []string{"libd.so"}
			w.model.Plugins = append(w.model.Plugins, plan.File{Name: "libd.so", SHA256: sum('7')})
		}, "--dynamicPlugins=plugins/1-libd.so", "--dynamicPlugins=../../plugins/1-libd.so"},
		"a library that the engine carries": {func(w *world) {
			w.cell.Model.DynamicPlugins = []string{"libd.so"}
			w.model.Plugins = append(w.model.Plugins, plan.File{Name: "libd.so", SHA256: sum('7')})
			w.cell.Build.ExtraArgs = []string{"--setPluginsToSerialize=plugins/1-libd.so"}
		}, "--dynamicPlugins=plugins/1-libd.so --setPluginsToSerialize=plugins/1-libd.so", ""},
	} {
		t.Run(name, func(t *testing.T) {
			plain, w := dynamicWorld(), dynamicWorld()
			tc.change(w)
			plain.image.TensorRT, w.image.TensorRT = "10.14.1.48", "10.14.1.48"
			was, is := only(t, plain), only(t, w)
			if is.Status != plan.Build {
				t.Fatalf("%s: %q", is.Status, is.Reasons)
			}
			if got := beyond(is.Argv, was.Argv); got != tc.build {
				t.Errorf("build says %q, want %q", got, tc.build)
			}
			for i, r := range is.Runs {
				if got := beyond(r.Argv, was.Runs[i].Argv); got != tc.load {
					t.Errorf("%s says %q, want %q", r.Case, got, tc.load)
				}
			}
		})
	}
}

// beyond returns the arguments that plain lacks.
func beyond(argv, plain []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(argv), func(a string) bool { return slices.Contains(plain, a) }), " ")
}

func TestAnEngineWithoutWeightsThatNothingProvesIsRefused(t *testing.T) {
	w := staticWorld()
	w.cell.Build.StripWeights = true
	c := only(t, w)
	if c.Status != plan.Refused || !strings.Contains(c.Reasons[0], "--refitFromOnnx in TensorRT 10.14 and later") || !strings.Contains(c.Fix, "remove strip_weights") {
		t.Errorf("%s %q, fix %q", c.Status, c.Reasons, c.Fix)
	}
}

func TestCellsOfOneModelAndSeveralKindsDoNotShareRuns(t *testing.T) {
	w := staticWorld()
	w.image.TensorRT = "10.14.1.48"
	plain, compatible := *w.cell, *w.cell
	compatible.ID, compatible.Build.VersionCompatible = "other", true
	w.cell = &plain
	f := plan.Facts{Models: map[string]plan.Model{"net": w.model}, Images: map[string]plan.Image{imageRef: w.image}}
	m := matrixOf(&plain, &compatible)
	cells := plan.Make(m, f)
	if slices.Contains(cells[0].Runs[0].Argv, "--versionCompatible") || !slices.Contains(cells[1].Runs[0].Argv, "--versionCompatible") {
		t.Errorf("runs %q and %q", cells[0].Runs[0].Argv, cells[1].Runs[0].Argv)
	}
}

func TestTensorRTsOwnPluginsAreMissedInTime(t *testing.T) {
	for release, want := range map[string]bool{"8.6.1.6": true, "10.3.0.26": false} {
		w := staticWorld()
		w.image.TensorRT, w.cell.Build.OptimizationLevel = release, -1
		w.cell.Build.VersionCompatible = true
		w.model.Graph.Operators = append(w.model.Graph.Operators, operator("EfficientNMS_TRT"))
		w.cell.Model.Inputs, w.cell.Model.Outputs = "in", "out"
		c := only(t, w)
		if got := strings.Contains(strings.Join(c.Warnings, " "), "does not load the plugins that come with TensorRT"); got != want {
			t.Errorf("%s: warned %v, want %v: %q %q", release, got, want, c.Warnings, c.Reasons)
		}
	}
}

func TestInputsKeepTheTypesThatTheyAreFedIn(t *testing.T) {
	for _, tc := range []struct{ release, formats, says string }{
		{"10.3.0.26", "fp32:chw,int64:chw", ""},
		{"8.6.1", "fp32:chw,int32:chw", ""},
		{"8.6.1", "fp32:chw,int64:chw", "makes input ids int64"},
		{"9.3.0", "fp32:chw,int64:chw", ""},
		{"10.3.0.26", "fp16:chw,int64:chw", "makes input data fp16, and verification feeds it as the model has it, as fp32"},
		{"10.3.0.26", "fp32:chw", "makes input ids fp32"},
	} {
		w := dynamicWorld()
		w.image.TensorRT, w.cell.Build.ExtraArgs = tc.release, []string{"--inputIOFormats=" + tc.formats}
		w.cell.Model.Profiles = w.cell.Model.Profiles[:1] // 8.6 takes no more
		c := only(t, w)
		if got := c.Status == plan.Refused; got != (tc.says != "") || got && !strings.Contains(c.Reasons[0], tc.says) {
			t.Errorf("%s in %s: %s %q, want %q", tc.formats, tc.release, c.Status, c.Reasons, tc.says)
		}
	}
}
