package plan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

func TestRefusals(t *testing.T) {
	profile := func(w *world) *matrix.Profile { return &w.cell.Model.Profiles[0] }
	for name, tc := range map[string]struct {
		change func(*world)
		code   fault.Code
		cause  string
		says   []string // parts of the first reason
	}{
		"a missing model": {func(w *world) { w.model = plan.Model{Err: fmt.Errorf("open net.onnx: %w", fs.ErrNotExist)} },
			fault.Usage, "file-missing", []string{"model net: open net.onnx", "correct onnx of model net"}},
		"a broken model": {func(w *world) { w.model = plan.Model{Err: errors.New("net.onnx: field 7 runs past\nthe end")} },
			fault.Build, "onnx-invalid", []string{"field 7 runs past the end", "export the model again"}},
		"a file that is no model and tells what it is": {func(w *world) {
			w.model = plan.Model{Err: &onnx.Error{Path: "net.onnx", Offset: -1, Reason: "this is a pointer", Fix: "bring the file"}}
		}, fault.Build, "onnx-invalid", []string{"model net: net.onnx: this is a pointer; bring the file"}},
		"external weights that are not there": {func(w *world) { w.model = plan.Model{Err: fmt.Errorf("net.onnx: w.bin: %w", onnx.ErrExternal)} },
			fault.Usage, "onnx-invalid", []string{"w.bin", "beside the model"}},
		"a model whose fault is known": {func(w *world) {
			w.model = plan.Model{Err: fmt.Errorf("read: %w", fault.New(fault.Storage, "store", "log in", "s3 says no"))}
		}, fault.Storage, "store", []string{"s3 says no; log in"}},
		"a model that nobody read":        {func(w *world) { w.model = plan.Model{} }, fault.Usage, "file-missing", []string{"net was not read"}},
		"a model other than the pinned":   {func(w *world) { w.cell.Model.SHA256 = sum('0') }, fault.Usage, "model-changed", []string{"pinned to sha256 000", "net.onnx has aaa"}},
		"a dynamic input without profile": {func(w *world) { w.cell.Model.Profiles = nil }, fault.Usage, "profile-shape", []string{"input data is dynamic (batchx3)", "add [model.net.profile.main] with `data = { min = [1, 3]"}},
		"profiles for a static model": {func(w *world) { w.model.Graph.Inputs[0].Shape[0].Size, w.model.Graph.Inputs[1].Shape[0].Size = 1, 1 },
			fault.Usage, "profile-shape", []string{"all inputs have fixed shapes", "remove its profiles"}},
		"a misspelt input":                        {func(w *world) { profile(w).Shapes[0].Input = "dota" }, fault.Usage, "profile-shape", []string{`profile small names input "dota"`, `write "data"`}},
		"an unknown input":                        {func(w *world) { profile(w).Shapes[0].Input = "zzzzzz" }, fault.Usage, "profile-shape", []string{"inputs of the model: data, ids"}},
		"an input left out":                       {func(w *world) { profile(w).Shapes = profile(w).Shapes[:1] }, fault.Usage, "profile-shape", []string{"profile small has no shapes for input ids"}},
		"another rank":                            {func(w *world) { profile(w).Shapes[0].Min = []int64{1} }, fault.Usage, "profile-shape", []string{"1 dimensions are given, the model has 2"}},
		"another size where the model fixes it":   {func(w *world) { profile(w).Shapes[0].Max = []int64{32, 4} }, fault.Usage, "profile-shape", []string{"dimension 2 is 3 in the model, not 4"}},
		"an opset from nowhere":                   {func(w *world) { w.model.Graph.Opsets = []onnx.Opset{{Version: 314159}} }, fault.Build, "unsupported-op", []string{"opset 314159"}},
		"a model too large for its format":        {func(w *world) { w.model.Graph.FileBytes = 1 << 31 }, fault.Build, "onnx-invalid", []string{"one file of 2147483648 bytes", "save_as_external_data"}},
		"several profiles where one is the limit": {func(w *world) { w.image.TensorRT = "8.6.1.6" }, fault.Usage, "", nil},
		"a plugin that is not there":              {func(w *world) { w.model.Plugins = nil }, fault.Usage, "file-missing", []string{"plugin library libp.so of model net"}},
		"a calibration cache that is not there":   {func(w *world) { w.model.Calibration = nil }, fault.Usage, "file-missing", []string{"calibration cache calib.cache"}},
		"a GPU newer than the image":              {func(w *world) { w.cell.GPU = "B200" }, fault.Usage, "sm-mismatch", []string{"24.08-py3 does not serve B200, which is compute capability 10.0: ", "TensorRT 10.8 is the first", "take 25.01, the oldest newer tag known to serve it"}},
		"an operator without its plugin": {func(w *world) {
			w.cell.Model.Plugins, w.model.Plugins = nil, nil
			w.model.Graph.Operators = []onnx.Operator{{Domain: "trt.plugins", Name: "GroupNormPlus", Count: 2}}
		}, fault.Build, "plugin-missing", []string{"GroupNormPlus of domain trt.plugins (2 nodes)", "TensorRT 10.3.0.26 has no importer", "plugins of [model.net]"}},
		"operators of which the same is true": {func(w *world) {
			w.model.Graph.Operators = []onnx.Operator{{Name: "SequenceAt"}, {Name: "SequenceEmpty"}, {Name: "SequenceInsert", Count: 3}}
		}, fault.Build, "unsupported-op", []string{"model net uses SequenceAt, SequenceEmpty and SequenceInsert (3 nodes): "}},
		"a release that was not read has no sequences either": {func(w *world) {
			w.image.TensorRT, w.cell.Precision = "11.2.1.2", matrix.FP32
			w.model.Graph.Operators = []onnx.Operator{{Name: "SequenceAt"}}
		}, fault.Build, "unsupported-op", []string{"no plugin can help"}},
		"an operator that no ONNX Runtime knows": {func(w *world) { w.model.Graph.Operators = []onnx.Operator{{Name: "EfficientNMS_TRT", Count: 1}} },
			fault.Usage, "reference-data", []string{"uses EfficientNMS_TRT, and ONNX Runtime", "give inputs and outputs of [model.net]"}},
		"a quantized model asked for floats": {func(w *world) { w.model.Graph.QDQ = true },
			fault.Usage, "precision-unsupported", []string{"fp16 asked, and model net is quantized", "computes in int8", "ask for int8"}},
		"a GPU that is not served says all": {func(w *world) { w.cell.GPU, w.cell.Precision = "P4", matrix.BF16 }, fault.Usage, "sm-mismatch", []string{"begins at 7.0"}},
		"an operator that no plugin can replace": {func(w *world) { w.model.Graph.Operators = []onnx.Operator{{Name: "SequenceInsert", Count: 1}} },
			fault.Build, "unsupported-op", []string{"model net uses SequenceInsert", "no plugin can help", "sequences", "export the model without that"}},
		"functions before 9.0": {func(w *world) {
			w.image.TensorRT, w.cell.Model.Profiles = "8.6.1.6", w.cell.Model.Profiles[:1]
			w.model.Graph.Functions = []onnx.Function{{Domain: "pkg", Name: "f", Calls: 1}}
		}, fault.Build, "unsupported-op", []string{"defines a function of its own", "9.0 does"}},
		"an input of text":               {func(w *world) { w.model.Graph.Inputs[1].Type = 8 }, fault.Build, "unsupported-op", []string{"input ids of model net is string", "cast it inside the model"}},
		"an output that is a sequence":   {func(w *world) { w.model.Graph.Outputs = []onnx.Value{{Name: "y", Container: "sequence"}} }, fault.Build, "unsupported-op", []string{"output y of model net is a sequence"}},
		"weights that no parser reads":   {func(w *world) { w.model.Graph.WeightTypes = map[onnx.DataType]int64{13: 8} }, fault.Build, "unsupported-op", []string{"weights of type uint64"}},
		"ampere+ on a GPU before Ampere": {func(w *world) { w.cell.Build.HardwareCompatibility = "ampere+" }, fault.Usage, "sm-mismatch", []string{"T4 is compute capability 7.5, and ampere+ plans can only be built on", "sameComputeCapability"}},
		"ampere+ by an extra argument":   {func(w *world) { w.cell.Build.ExtraArgs = []string{"--hardwareCompatibilityLevel=Ampere+"} }, fault.Usage, "sm-mismatch", []string{"ampere+ plans"}},
		"a version compatible plan before Volta": {func(w *world) {
			w.cell.GPU, w.cell.Build.VersionCompatible, w.image.TensorRT, w.cell.Model.Profiles = "P4", true, "8.6.1.6", w.cell.Model.Profiles[:1]
		}, fault.Usage, "sm-mismatch", []string{"version compatible plans can only be built on compute capability 7.0"}},
		"a GPU that the image has left behind": {func(w *world) { w.cell.GPU = "P100-12GB" }, fault.Usage, "sm-mismatch", []string{"begins at 7.0"}},
		"int8 without ranges":                  {func(w *world) { w.cell.Precision, w.cell.Build.Calibration = matrix.INT8, "" }, fault.Usage, "", []string{"int8 without a calibration cache"}},
		"bf16 before 8.0":                      {func(w *world) { w.cell.Precision = matrix.BF16 }, fault.Usage, "precision-unsupported", []string{"bf16 asked on T4, which is compute capability 7.5", "exclude bf16 for T4"}},
		"fp8 before 8.9":                       {func(w *world) { w.cell.Precision, w.cell.GPU = matrix.FP8, "A10" }, fault.Usage, "precision-unsupported", []string{"begins at 8.9"}},
		"a TensorRT that nobody knows":         {func(w *world) { w.image.TensorRT = "" }, fault.Usage, "image-unknown", []string{"TensorRT of image " + imageRef + " is unknown", "trtfarm lock"}},
		"a TensorRT that makes no sense":       {func(w *world) { w.image.TensorRT = "soon" }, fault.Usage, "image-unknown", []string{`"soon"`}},
		"an image that does not exist": {func(w *world) {
			w.image = plan.Image{Err: fault.New(fault.Storage, "image-missing", "correct the tag", "no such tag")}
		}, fault.Storage, "image-missing", []string{"image " + imageRef + ": no such tag; correct the tag"}},
		"reference inputs that lack one":           {func(w *world) { w.model.Golden = []trtexec.Binding{{Input: "data", Dims: []int64{2, 3}}} }, fault.Usage, "profile-shape", []string{"lack input ids"}},
		"reference inputs outside of all profiles": {func(w *world) { w.model.Golden = golden(65) }, fault.Usage, "profile-shape", []string{"lie outside every profile"}},
		"reference inputs of another shape":        {func(w *world) { w.model.Golden = golden(2); w.model.Golden[0].Dims = []int64{2, 4} }, fault.Usage, "profile-shape", []string{"do not fit input data: dimension 2 is 3"}},
		"an engine without its lean runtime in another TensorRT": {func(w *world) {
			w.cell.Verify.Image, w.cell.Build.ExtraArgs = "deploy:1", []string{"--versionCompatible", "--excludeLeanRuntime"}
			w.facts = func(f *plan.Facts) { f.Images["deploy:1"] = plan.Image{TensorRT: "10.9.0.34"} }
		}, fault.Usage, "version-mismatch", []string{"lean runtime", "remove --excludeLeanRuntime"}},
		"images that cannot share an engine": {func(w *world) {
			w.cell.Verify.Image = "deploy:1"
			w.facts = func(f *plan.Facts) { f.Images["deploy:1"] = plan.Image{TensorRT: "10.3.0.30"} }
		}, fault.Usage, "version-mismatch", []string{"builds with TensorRT 10.3.0.26", "deploy:1 verifies with 10.3.0.30"}},
		"a GPU that no runner has": {func(w *world) { w.runners = []plan.Runner{{Name: "a", GPUs: []string{"A10", "A10"}}, {Name: "b"}} },
			fault.NoRunner, "no-runner", []string{"no runner has a T4: runner a has A10, A10; runner b has no GPU"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := dynamicWorld()
			tc.change(w)
			c := only(t, w)
			if c.Status != plan.Refused || c.Code != int(tc.code) || tc.cause != "" && c.Cause != tc.cause {
				t.Fatalf("%s, code %d, cause %s, reasons %q; want refused, %d, %s", c.Status, c.Code, c.Cause, c.Reasons, tc.code, tc.cause)
			}
			for _, part := range tc.says {
				if !strings.Contains(c.Reasons[0], part) {
					t.Errorf("reason %q lacks %q", c.Reasons[0], part)
				}
			}
			if c.Key != "" || c.Runner != "" || strings.Contains(c.Reasons[0], "\n") {
				t.Errorf("key %q, runner %q, reason %q: want none and one line", c.Key, c.Runner, c.Reasons[0])
			}
			f := c.Fault()
			if f == nil || f.Code != tc.code || f.Cause != c.Cause || !strings.HasPrefix(f.Message, c.ID+": ") || f.Fix != "" && strings.Contains(f.Message, f.Fix) {
				t.Errorf("fault %+v of %q", f, c.Reasons[0])
			}
		})
	}
}

func TestAModelWithPluginsIsJudgedByItsOwnReferenceData(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*world)
		want   string
	}{
		"with reference outputs, by them alone":           {func(*world) {}, "golden"},
		"without outputs, somebody has to compute them":   {func(w *world) { w.cell.Model.Outputs = "" }, "large/min large/opt golden"},
		"a model of ONNX's own operators also in corners": {func(w *world) { w.cell.Model.Plugins, w.model.Plugins = nil, nil }, "large/min large/opt golden"},
		"plugins that come with TensorRT count as its own": {func(w *world) {
			w.cell.Model.Plugins, w.model.Plugins = nil, nil
			w.model.Graph.Operators = []onnx.Operator{{Name: "EfficientNMS_TRT"}}
		}, "golden"},
	} {
		t.Run(name, func(t *testing.T) {
			w := dynamicWorld()
			w.cell.Model.Inputs, w.cell.Model.Outputs, w.model.Golden = "in", "out", golden(40)
			tc.change(w)
			c := only(t, w)
			if warned := strings.Contains(strings.Join(c.Warnings, " "), "own inputs and outputs alone"); warned != (tc.want == "golden") {
				t.Errorf("warnings %q", c.Warnings)
			}
			var names []string
			for _, c := range c.Cases {
				if !strings.HasPrefix(c.Name, "small/") {
					names = append(names, c.Name)
				}
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("cases %s, want %s", got, tc.want)
			}
		})
	}
}

func golden(batch int64) []trtexec.Binding {
	return []trtexec.Binding{{Input: "data", Dims: []int64{batch, 3}}, {Input: "ids", Dims: []int64{batch, 3}}}
}

func TestAllMistakesOfProfilesAreTold(t *testing.T) {
	w := dynamicWorld()
	w.cell.Model.Profiles[0].Shapes[0].Input = "dota"
	w.cell.Model.Profiles[1].Shapes = w.cell.Model.Profiles[1].Shapes[:1]
	if c := only(t, w); len(c.Reasons) != 3 { // dota, data left out, ids left out
		t.Errorf("reasons %q, want three", c.Reasons)
	}
}

func TestVerdicts(t *testing.T) {
	w := dynamicWorld()
	if c := only(t, w); c.Status != plan.Build || !slices.Equal(c.Reasons, []string{"never built"}) || c.Fault() != nil {
		t.Errorf("new cell: %s %q, want build, never built", c.Status, c.Reasons)
	}
	key := only(t, w).Key

	w.store = plan.Store{Keys: map[string]bool{key: true}}
	if c := only(t, w); c.Status != plan.Cached || c.Runner != "" {
		t.Errorf("published cell: %s %q, want cached", c.Status, c.Reasons)
	}
	w.runners = []plan.Runner{{Name: "a", GPUs: []string{"A10"}}}
	if c := only(t, w); c.Status != plan.Cached {
		t.Errorf("published cell without a runner: %s %q, want cached", c.Status, c.Reasons)
	}

	w = dynamicWorld()
	w.store.Err = errors.New("connection refused")
	if c := only(t, w); c.Status != plan.Build || c.Key != key || !strings.Contains(c.Reasons[0], "connection refused") {
		t.Errorf("unknown store: %s %q", c.Status, c.Reasons)
	}

	w = dynamicWorld()
	w.image.Digest, w.image.Err = "", errors.New("no route to registry")
	if c := only(t, w); c.Status != plan.Build || c.Key != "" || c.Argv == nil ||
		!strings.Contains(c.Reasons[0], "no route to registry") || !strings.Contains(c.Reasons[0], "trtfarm lock") {
		t.Errorf("unknown digest: %s %q %v", c.Status, c.Reasons, c.Argv)
	}
}

func TestRunners(t *testing.T) {
	for name, tc := range map[string]struct {
		target    string
		runners   []plan.Runner
		want      string
		simulated bool
	}{
		"nobody is known":                   {"T4", nil, "", false},
		"the first that has it":             {"T4", []plan.Runner{{Name: "a", GPUs: []string{"A10"}}, {Name: "b", GPUs: []string{"A10", "T4"}}, {Name: "c", GPUs: []string{"T4"}}}, "b", false},
		"a member of the family":            {"A100", []plan.Runner{{Name: "a", GPUs: []string{"A100-40GB"}}}, "a", false},
		"a real one before a stand-in":      {"T4", []plan.Runner{{Name: "sim", GPUs: []string{"T4"}, Simulated: true}, {Name: "b", GPUs: []string{"T4"}}}, "b", false},
		"a stand-in where nothing else has": {"T4", []plan.Runner{{Name: "sim", GPUs: []string{"T4"}, Simulated: true}}, "sim", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := staticWorld()
			w.cell.GPU, w.runners = tc.target, tc.runners
			if c := only(t, w); c.Runner != tc.want || c.Simulated != tc.simulated || c.Status != plan.Build {
				t.Errorf("%s on %q, simulated %v, want %q, %v", c.Status, c.Runner, c.Simulated, tc.want, tc.simulated)
			}
		})
	}
	if plan.Serves("A100-40GB", "A100") {
		t.Error("a device known only as A100 passes for an A100-40GB")
	}
}

func TestCasesAndCommands(t *testing.T) {
	w := dynamicWorld()
	w.model.Golden = []trtexec.Binding{{Input: "ids", Dims: []int64{40, 3}}, {Input: "data", Dims: []int64{40, 3}}}
	w.cell.Verify.MaxP99Ms = 5
	c := only(t, w)
	var got []string
	for i, k := range c.Cases {
		if c.Runs[i].Case != k.Name {
			t.Errorf("run %d is of %s, case of %s", i, c.Runs[i].Case, k.Name)
		}
		got = append(got, fmt.Sprintf("%s %d %v timed=%v dir=%s", k.Name, k.Profile, k.Shapes, k.Timed, c.Runs[i].Dir))
	}
	want := []string{
		"small/min 0 [{data [1 3]} {ids [1 3]}] timed=false dir=run/small-min",
		"small/opt 0 [{data [8 3]} {ids [8 3]}] timed=true dir=run/small-opt",
		"small/max 0 [{data [32 3]} {ids [32 3]}] timed=false dir=run/small-max",
		"large/min 1 [{data [32 3]} {ids [32 3]}] timed=false dir=run/large-min",
		"large/opt 1 [{data [64 3]} {ids [64 3]}] timed=true dir=run/large-opt",
		"golden 1 [{data [40 3]} {ids [40 3]}] timed=false dir=run/golden",
	}
	if !slices.Equal(got, want) {
		t.Errorf("cases\n got %q\nwant %q", got, want)
	}
	wantFlags(t, c.Argv, "trtexec", "--onnx=model/net.onnx", "--saveEngine=engine.plan", "--timingCacheFile=timing.cache", "--staticPlugins=plugins/0-libp.so")
	wantFlags(t, c.Runs[1].Argv, "--loadEngine=../../engine.plan", "--shapes=data:8x3,ids:8x3",
		"--loadInputs=data:../../ref/small-opt/in-0.raw,ids:../../ref/small-opt/in-1.raw",
		"--staticPlugins=../../plugins/0-libp.so", "--iterations=100", "--duration=3", "--warmUp=200")
	wantFlags(t, c.Runs[0].Argv, "--iterations=10", "--duration=0", "--warmUp=0")
	wantFlags(t, c.Runs[3].Argv, "--useProfile=1")
	if len(c.Runs[0].Casts) != 0 {
		t.Errorf("casts %v: TensorRT 10 takes int64", c.Runs[0].Casts)
	}
}

func TestEqualShapesRunOnceAndAreStillTimed(t *testing.T) {
	w := dynamicWorld()
	for i := range w.cell.Model.Profiles[0].Shapes {
		s := &w.cell.Model.Profiles[0].Shapes[i]
		s.Opt, s.Max = s.Min, s.Min
	}
	c := only(t, w)
	if c.Cases[0].Name != "small/min" || !c.Cases[0].Timed || c.Cases[1].Name != "large/min" {
		t.Errorf("cases %+v, want small/min, timed, then large/min", c.Cases)
	}
}

func TestWithoutCornersOnlyOptRuns(t *testing.T) {
	w := dynamicWorld()
	w.cell.Verify.Corners = false
	if c := only(t, w); len(c.Cases) != 2 || c.Cases[0].Name != "small/opt" || c.Cases[1].Name != "large/opt" {
		t.Errorf("cases %+v, want small/opt and large/opt", c.Cases)
	}
}

func TestAStaticModelHasNoShapeFlags(t *testing.T) {
	w := staticWorld()
	c := only(t, w)
	if len(c.Cases) != 1 || c.Cases[0].Name != "static" || !slices.Equal(c.Cases[0].Shapes[0].Dims, []int64{1, 3}) {
		t.Errorf("cases %+v, want static of 1x3", c.Cases)
	}
	for _, arg := range slices.Concat(c.Argv, c.Runs[0].Argv) {
		if strings.Contains(arg, "hapes") {
			t.Errorf("argument %s for a static model", arg)
		}
	}
}

func TestInt64InputsAreCastForOldReleases(t *testing.T) {
	w := dynamicWorld()
	w.image.TensorRT = "8.6.1.6"
	w.cell.Model.Profiles = w.cell.Model.Profiles[:1]
	c := only(t, w)
	want := plan.Cast{Input: "ids", From: "ref/small-min/in-1.raw", To: "run/small-min/cast-1.raw", Type: "int64-int32"}
	if len(c.Runs) == 0 || len(c.Runs[0].Casts) != 1 || c.Runs[0].Casts[0] != want {
		t.Fatalf("%q runs %+v, want cast %+v", c.Reasons, c.Runs, want)
	}
	wantFlags(t, c.Runs[0].Argv, "--loadInputs=data:../../ref/small-min/in-0.raw,ids:../../run/small-min/cast-1.raw")
}

func TestWarnings(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*world)
		says   string
	}{
		"TF32 on Turing":           {func(w *world) { w.cell.Precision = matrix.TF32 }, "plain FP32"},
		"an opset beyond":          {func(w *world) { w.model.Graph.Opsets[0].Version = 26 }, "model net has opset 26, and TensorRT 10.3 is not known to take more than 22"},
		"an opset of a later ONNX": {func(w *world) { w.model.Graph.Opsets[0].Version = 39 }, "the newest that is known here, defines"},
		"an operator that the parser may mistake": {func(w *world) {
			w.model.Graph.Operators = []onnx.Operator{{Domain: "com.microsoft", Name: "Relu", Count: 1}}
		}, "goes by names alone"},
		"a GPU that nobody is sure of": {func(w *world) { w.cell.GPU, w.image.TensorRT = "GB10", "10.13.2.6" }, "24.08-py3 may not serve GB10, which is compute capability 12.1: whether TensorRT 10.13 serves it was not read"},
		"an image that the catalogue is not sure of": {func(w *world) {
			w.cell.Image, w.cell.Precision = "nvcr.io/nvidia/tensorrt:26.08-py3", matrix.FP32
			w.facts = func(f *plan.Facts) {
				f.Images[w.cell.Image] = plan.Image{Digest: "sha256:d", TensorRT: "11.0.0.114", Source: "catalogue"}
			}
		}, "is not certain (third-party): `trtfarm lock` asks the image itself"},
		"an image for servers on a Jetson": {func(w *world) { w.cell.GPU = "Jetson Orin" }, "NGC has others for Jetsons"},
		"a flag that goes away":            {func(w *world) { w.image.TensorRT = "10.14.1.48" }, "--fp16 is deprecated in TensorRT 10.14: from 11 on, types come from the model alone"},
		"a model that is quantized to unsigned integers": {func(w *world) {
			w.cell.Precision, w.model.Graph.QDQ, w.model.Graph.WeightTypes = matrix.INT8, true, map[onnx.DataType]int64{2: 100, 1: 4}
		}, "quantized to uint8"},
		"a trtexec newer than those that are known": {func(w *world) { w.image.TensorRT, w.cell.Precision = "11.3.0.1", matrix.FP32 }, "flags of trtexec 11.3 are taken to be those of 11.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := staticWorld()
			if c := only(t, w); len(c.Warnings) != 0 {
				t.Fatalf("warnings before: %q", c.Warnings)
			}
			tc.change(w)
			c := only(t, w)
			if c.Status != plan.Build || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], tc.says) {
				t.Errorf("%s %q warnings %q, want one with %q", c.Status, c.Reasons, c.Warnings, tc.says)
			}
		})
	}
}

func TestVersionCompatiblePlansLoadInNewerImages(t *testing.T) {
	w := dynamicWorld()
	w.cell.Verify.Image, w.cell.Build.ExtraArgs = "deploy:1", []string{"--versionCompatible"}
	w.facts = func(f *plan.Facts) { f.Images["deploy:1"] = plan.Image{TensorRT: "10.9.0.34", Digest: "sha256:f"} }
	if c := only(t, w); c.Status != plan.Build || c.VerifyImage != "deploy:1" || c.VerifyDigest != "sha256:f" || c.VerifyTensorRT != "10.9.0.34" {
		t.Fatalf("%s %q, verified by %s %s %s", c.Status, c.Reasons, c.VerifyImage, c.VerifyDigest, c.VerifyTensorRT)
	}
	wantFlags(t, only(t, w).Runs[0].Argv, "--versionCompatible")
}

func TestTheBestPrecisionTakesScalesFromTheModel(t *testing.T) {
	w := staticWorld()
	w.cell.Precision = matrix.Best
	if c := only(t, w); c.Status != plan.Refused || !strings.Contains(c.Reasons[0], "best without a calibration cache") {
		t.Errorf("a model without scales: %s %q, want refused", c.Status, c.Reasons)
	}
	w.model.Graph.QDQ = true
	c := only(t, w)
	if c.Status != plan.Build {
		t.Fatalf("a model with Q/DQ nodes: %s %q, want build", c.Status, c.Reasons)
	}
	wantFlags(t, c.Argv, "--best")
}

func TestDocumentKeepsItsNames(t *testing.T) {
	w := staticWorld()
	refused := dynamicWorld()
	refused.model = plan.Model{}
	out, err := json.Marshal(plan.NewDocument(append(w.plan(), refused.plan()...)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "null") {
		t.Errorf("%s has a null", out)
	}
	var doc struct{ Cells []map[string]any }
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	for _, cell := range doc.Cells {
		for _, name := range []string{"id", "model", "release", "image", "digest", "gpu", "precision", "tensorrt", "key", "status", "reasons", "runner", "build", "verify"} {
			if _, ok := cell[name]; !ok {
				t.Errorf("cell %v lacks %s", cell["id"], name)
			}
		}
	}
	if got := fmt.Sprint(doc.Cells[0]["status"], doc.Cells[1]["status"]); got != "buildrefused" {
		t.Errorf("statuses %s", got)
	}
}

func wantFlags(t *testing.T, argv []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(argv, w) {
			t.Errorf("%q lacks %s", argv, w)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	w := dynamicWorld()
	m := &matrix.Matrix{Models: []*matrix.Model{w.cell.Model}}
	for range 1000 {
		m.Cells = append(m.Cells, w.cell)
	}
	f := plan.Facts{Models: map[string]plan.Model{"net": w.model}, Images: map[string]plan.Image{imageRef: w.image}}
	for b.Loop() {
		plan.Make(m, f)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/cell")
}
