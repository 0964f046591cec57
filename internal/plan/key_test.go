package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
)

func TestKeyTellsListsApart(t *testing.T) {
	lists := map[string][]plan.Input{
		"nothing":                        nil,
		"an empty pair":                  {{}},
		"two empty pairs":                {{}, {}},
		"a then bc":                      {{Name: "a", Value: "bc"}},
		"ab then c":                      {{Name: "ab", Value: "c"}},
		"all in the name":                {{Name: "abc"}},
		"all in the value":               {{Value: "abc"}},
		"split over two pairs":           {{Name: "a", Value: "b"}, {Name: "c"}},
		"split otherwise":                {{Name: "a"}, {Name: "b", Value: "c"}},
		"the same pairs, turned":         {{Name: "b", Value: "c"}, {Name: "a"}},
		"a value that looks like a pair": {{Name: "a", Value: "b\x00\x00\x00\x00\x00\x00\x00\x01c"}},
	}
	seen := map[string]string{}
	for name, list := range lists {
		key := plan.Key(list)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q share the key %s", name, other, key)
		}
		seen[key] = name
		if len(key) != 64 || strings.Trim(key, "0123456789abcdef") != "" {
			t.Errorf("%q has key %q, want 64 hex digits", name, key)
		}
	}
}

// TestKeyFormat pins the format: a change of it makes every published engine
// unknown, and needs a new tag in key.go.
func TestKeyFormat(t *testing.T) {
	got := plan.Key([]plan.Input{{Name: "model", Value: "00ff"}, {Name: "gpu", Value: "T4"}})
	const want = "a21134383da0dfb5fd421d127966485d96fca9a06ebc0db5e47c438667e86544"
	if got != want {
		t.Errorf("Key = %s, want %s", got, want)
	}
	got = plan.ModelDigest([]plan.File{{Name: "m.onnx", SHA256: "aa"}, {Name: "w.bin", SHA256: "bb"}})
	const wantModel = "8e952d9eb27ca1c9c1d360d366001cd62f4998604a6a3dceada11fec93d53c2e"
	if got != wantModel {
		t.Errorf("ModelDigest = %s, want %s", got, wantModel)
	}
}

func FuzzKey(f *testing.F) {
	f.Add("a", "bc", "", "", "ab", "c", "", "")
	f.Add("flag --a", "1", "flag --b", "2", "flag --b", "2", "flag --a", "1")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i string) {
		one := []plan.Input{{Name: a, Value: b}, {Name: c, Value: d}}
		two := []plan.Input{{Name: e, Value: g}, {Name: h, Value: i}}
		if same := plan.Key(one) == plan.Key(two); same != slices.Equal(one, two) {
			t.Errorf("keys of %q and %q are equal: %v", one, two, same)
		}
		if plan.Key(one) == plan.Key(one[:1]) {
			t.Errorf("dropping the last of %q does not move the key", one)
		}
	})
}

func TestModelDigest(t *testing.T) {
	file := func(name, sum string) plan.File {
		return plan.File{Name: name, Path: "/somewhere/" + name, SHA256: sum}
	}
	base := plan.ModelDigest([]plan.File{file("m.onnx", "aa"), file("w1", "bb"), file("w2", "cc")})
	for name, tc := range map[string]struct {
		files []plan.File
		same  bool
	}{
		"the model's own name means nothing":   {[]plan.File{file("other.onnx", "aa"), file("w1", "bb"), file("w2", "cc")}, true},
		"the order of weights means nothing":   {[]plan.File{file("m.onnx", "aa"), file("w2", "cc"), file("w1", "bb")}, true},
		"a path means nothing":                 {[]plan.File{{Name: "m.onnx", Path: "x", SHA256: "aa"}, file("w1", "bb"), file("w2", "cc")}, true},
		"other content moves it":               {[]plan.File{file("m.onnx", "ab"), file("w1", "bb"), file("w2", "cc")}, false},
		"other weights move it":                {[]plan.File{file("m.onnx", "aa"), file("w1", "bb"), file("w2", "cd")}, false},
		"weights under another name move it":   {[]plan.File{file("m.onnx", "aa"), file("w1", "bb"), file("w3", "cc")}, false},
		"exchanged weights move it":            {[]plan.File{file("m.onnx", "aa"), file("w1", "cc"), file("w2", "bb")}, false},
		"missing weights move it":              {[]plan.File{file("m.onnx", "aa"), file("w1", "bb")}, false},
		"another file in the first place does": {[]plan.File{file("w1", "bb"), file("m.onnx", "aa"), file("w2", "cc")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plan.ModelDigest(tc.files); (got == base) != tc.same {
				t.Errorf("digest %s against %s: want the same: %v", got, base, tc.same)
			}
		})
	}
	if got := plan.ModelDigest(nil); got != "" {
		t.Errorf("digest of no file is %q", got)
	}
}

// TestEveryIngredientMovesTheKey changes one thing after the other, and looks
// whether the key moves and the plan names what moved.
func TestEveryIngredientMovesTheKey(t *testing.T) {
	published := only(t, dynamicWorld())
	for name, tc := range map[string]struct {
		change func(*world)
		moved  []string // what the plan says; nil when the key must stay
	}{
		"model content":    {func(w *world) { w.model.Files[0].SHA256 = sum('e') }, []string{"model content moved: "}},
		"external weights": {func(w *world) { w.model.Files[1].SHA256 = sum('e') }, []string{"model content moved: "}},
		"image digest": {func(w *world) { w.image.Digest = "sha256:" + sum('e') },
			[]string{"image moved: sha256:dddddddddddd… -> sha256:eeeeeeeeeeee…"}},
		"image of a local runner": {func(w *world) { w.image.Digest = "local:sha256:" + sum('e') },
			[]string{"image moved: sha256:dddddddddddd… -> local:sha256:eeeeeeeeeeee…"}},
		"precision":                   {func(w *world) { w.cell.Precision = matrix.FP32 }, []string{"precision moved: fp16 -> fp32", "flag --noTF32 added", "flag --fp16 dropped"}},
		"GPU":                         {func(w *world) { w.cell.GPU = "A10" }, []string{"gpu moved: T4 -> A10"}},
		"optimization level":          {func(w *world) { w.cell.Build.OptimizationLevel = 5 }, []string{"flag --builderOptimizationLevel moved: 3 -> 5"}},
		"workspace":                   {func(w *world) { w.cell.Build.WorkspaceMiB = 1024 }, []string{"flag --memPoolSize added: workspace:1024"}},
		"timing cache":                {func(w *world) { w.cell.Build.TimingCache = false }, []string{"flag --timingCacheFile dropped, it was on"}},
		"an extra argument":           {func(w *world) { w.cell.Build.ExtraArgs = []string{"--refit"} }, []string{"flag --refit added"}},
		"a version compatible engine": {func(w *world) { w.cell.Build.VersionCompatible = true }, []string{"flag --versionCompatible added"}},
		"an engine for more GPUs": {func(w *world) {
			w.cell.Build.HardwareCompatibility, w.image.TensorRT = "sameComputeCapability", "10.9.0.34"
		}, []string{"flag --hardwareCompatibilityLevel added: sameComputeCapability"}},
		"an engine to be refitted": {func(w *world) { w.cell.Build.Refit = true }, []string{"flag --refit added"}},
		"an engine without weights": {func(w *world) { w.cell.Build.StripWeights, w.image.TensorRT = true, "10.14.1.48" },
			[]string{"flag --stripWeights added"}},
		"a plugin of the registry": {func(w *world) { w.cell.Model.Plugins, w.cell.Model.DynamicPlugins = nil, []string{"libp.so"} },
			[]string{"dynamic_plugin 0 added: 999999999999…", "plugin 0 dropped, it was 999999999999…"}},
		"a plugin": {func(w *world) { w.model.Plugins[0].SHA256 = sum('e') }, []string{"plugin 0 moved: 999999999999… -> eeeeeeeeeeee…"}},
		"calibration": {func(w *world) { w.model.Calibration["calib.cache"] = plan.File{SHA256: sum('e')} },
			[]string{"calibration moved: 888888888888… -> eeeeeeeeeeee…"}},
		"a profile": {func(w *world) { w.cell.Model.Profiles[0].Shapes[0].Max = []int64{64, 3} },
			[]string{"profile small.data moved: 1x3/8x3/32x3 -> 1x3/8x3/64x3"}},
		"the order of profiles": {func(w *world) { slices.Reverse(w.cell.Model.Profiles) }, []string{"order of the profiles moved"}},
		"a simulated runner": {func(w *world) { w.runners = []plan.Runner{{Name: "sim", GPUs: []string{"T4"}, Simulated: true}} },
			[]string{"simulated added: true"}},

		"the model's path":      {func(w *world) { w.model.Files[0].Path = "/elsewhere/m.onnx" }, nil},
		"the model's file name": {func(w *world) { w.model.Files[0].Name = "renamed.onnx" }, nil},
		"a plugin's name":       {func(w *world) { w.model.Plugins[0].Name = "renamed.so" }, nil},
		"the name of a plugin that the engine carries": {func(w *world) {
			w.model.Plugins[0].Name, w.cell.Build.ExtraArgs = "renamed.so", []string{"--setPluginsToSerialize=plugins/0-renamed.so"}
			w.base = []string{"--setPluginsToSerialize=plugins/0-libp.so"}
		}, nil},
		"the calibration's path": {func(w *world) {
			w.model.Calibration["c2"] = w.model.Calibration["calib.cache"]
			w.cell.Build.Calibration = "c2"
		}, nil},
		"the runner":           {func(w *world) { w.runners = []plan.Runner{{Name: "gpu-a", GPUs: []string{"T4"}}} }, nil},
		"timeouts and retries": {func(w *world) { w.cell.Build.Timeout, w.cell.Build.Retries = 1, 7 }, nil},
		"verification":         {func(w *world) { w.cell.Verify.Corners, w.cell.Verify.MaxP99Ms = false, 3 }, nil},
		"the release":          {func(w *world) { w.cell.Model.Release = "2" }, nil},
		"the way to write the tag": {func(w *world) {
			w.facts = func(f *plan.Facts) { f.Images["mirror/x:24.08-py3"] = w.image }
			w.cell.Image = "mirror/x:24.08-py3"
		}, nil},
		"the order of extra args":   {func(w *world) { w.cell.Build.ExtraArgs = []string{"--b", "--a"}; w.base = []string{"--a", "--b"} }, nil},
		"the order inside profiles": {func(w *world) { slices.Reverse(w.cell.Model.Profiles[0].Shapes) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := dynamicWorld()
			tc.change(w)
			was := published
			if w.base != nil {
				b := dynamicWorld()
				b.cell.Build.ExtraArgs = w.base
				was = only(t, b)
			}
			w.store.Newest = map[string]plan.Record{w.cell.ID: {Key: was.Key, Inputs: was.Inputs}}
			c := only(t, w)
			if (c.Key == was.Key) != (tc.moved == nil) {
				t.Fatalf("keys are equal: %v\n was %v\n now %v", c.Key == was.Key, was.Inputs, c.Inputs)
			}
			if tc.moved == nil {
				return
			}
			if len(c.Reasons) != len(tc.moved) {
				t.Fatalf("reasons %q, want %q", c.Reasons, tc.moved)
			}
			for i := range tc.moved {
				if !strings.HasPrefix(c.Reasons[i], tc.moved[i]) {
					t.Errorf("reason %q, want %q", c.Reasons[i], tc.moved[i])
				}
			}
		})
	}
}

func TestProfileNamesCannotPassForInputs(t *testing.T) {
	named := func(profile, input string) string {
		w := dynamicWorld()
		w.cell.Model.Profiles = []matrix.Profile{{Name: profile, Shapes: []matrix.Shape{
			{Input: input, Min: []int64{1, 3}, Opt: []int64{1, 3}, Max: []int64{1, 3}}}}}
		w.model.Graph.Inputs = w.model.Graph.Inputs[:1]
		w.model.Graph.Inputs[0].Name = input
		return only(t, w).Key
	}
	if a, b := named("a", "b.c"), named("a.b", "c"); a == b {
		t.Errorf("profile a with input b.c and profile a.b with input c share %s", a)
	}
}

func TestAMovedFormatIsSaid(t *testing.T) {
	w := dynamicWorld()
	w.store.Newest = map[string]plan.Record{w.cell.ID: {Key: "of another format", Inputs: only(t, w).Inputs}}
	if c := only(t, w); c.Status != plan.Build || !strings.Contains(fmt.Sprint(c.Reasons), "format of the key moved") {
		t.Errorf("%s %q, want a build because the format moved", c.Status, c.Reasons)
	}
}
