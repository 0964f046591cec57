package matrix

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/diag"
)

func manyModels(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[model.x%d]\nonnx=\"m\"\n", i)
	}
	return b.String()
}

func TestCellsAndTheirOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		matrix string
		want   []string
	}{
		"the product, the last axis fastest": {
			"images = [\"t:1\", \"t:2\"]\ngpus = [\"A10\", \"t4\"]\nprecisions = [\"int8\", \"fp16\"]\n",
			[]string{"m/t-1/a10/int8", "m/t-1/a10/fp16", "m/t-1/t4/int8", "m/t-1/t4/fp16",
				"m/t-2/a10/int8", "m/t-2/a10/fp16", "m/t-2/t4/int8", "m/t-2/t4/fp16"}},
		"models come first, in the order of the file": {
			"images = [\"t:1\"]\ngpus = [\"T4\"]\nprecisions = [\"fp16\"]\n[model.a]\nonnx = \"a\"\n",
			[]string{"m/t-1/t4/fp16", "a/t-1/t4/fp16"}},
		"exclude takes what matches every key that it names": {
			axesText + "exclude = [{gpu = \"tesla t4\", image = \"*:2\"}]\n",
			[]string{"m/t-1/t4/fp16", "m/t-1/a10/fp16", "m/t-2/a10/fp16"}},
		"a pattern is held against the label too, a list means any of it": {
			axesText + "exclude = [{gpu = [\"a*\"], image = [\"t-1\", \"t-?\"]}]\n",
			[]string{"m/t-1/t4/fp16", "m/t-2/t4/fp16"}},
		"include adds after the product, in its own order": {
			axesText + "include = [{gpu = \"A10\", precision = \"int8\"}, {gpu = \"L4\", image = \"t:1\", precision = \"fp32\"}]\n",
			[]string{"m/t-1/t4/fp16", "m/t-1/a10/fp16", "m/t-2/t4/fp16", "m/t-2/a10/fp16",
				"m/t-1/a10/int8", "m/t-2/a10/int8", "m/t-1/l4/fp32"}},
		"a value that include adds is not listed for the next entry": {
			axesText + "include = [{gpu = \"L4\", image = \"t:3\"}, {precision = \"int8\", image = \"t:1\"}]\n",
			[]string{"m/t-1/t4/fp16", "m/t-1/a10/fp16", "m/t-2/t4/fp16", "m/t-2/a10/fp16",
				"m/t-3/l4/fp16", "m/t-1/t4/int8", "m/t-1/a10/int8"}},
		"a variant is a cell of its own": {
			axesText + "include = [{gpu = \"T4\", image = \"t:1\", variant = \"fast\"}]\n",
			[]string{"m/t-1/t4/fp16", "m/t-1/a10/fp16", "m/t-2/t4/fp16", "m/t-2/a10/fp16", "m/t-1/t4/fp16/fast"}},
		"exclude holds against an include entry that names less": {
			axesText + "exclude = [{gpu = \"T4\", image = \"t:1\"}]\ninclude = [{gpu = \"T4\", precision = \"int8\"}]\n",
			[]string{"m/t-1/a10/fp16", "m/t-2/t4/fp16", "m/t-2/a10/fp16", "m/t-2/t4/int8"}},
		"an include entry that names as much brings an excluded cell back": {
			axesText + "exclude = [{gpu = \"T4\", image = \"t:*\"}]\ninclude = [{gpu = \"T4\", image = \"t:1\"}]\n",
			[]string{"m/t-1/a10/fp16", "m/t-2/a10/fp16", "m/t-1/t4/fp16"}},
		"include alone is a matrix": {
			"include = [{image = \"t:1\", gpu = \"T4\", precision = \"fp16\"}]\nexclude = []\n",
			[]string{"m/t-1/t4/fp16"}},
		"arrays of tables read the same": {
			axesText + "[[matrix.exclude]]\nimage = \"t:2\"\n[[matrix.include]]\nprecision = \"best\"\ngpu = \"A10\"\n",
			[]string{"m/t-1/t4/fp16", "m/t-1/a10/fp16", "m/t-1/a10/best"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse("m", []byte(file(tc.matrix)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range m.Cells {
				got = append(got, c.ID)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("cells\n got %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	m, err := Parse("m", []byte(file(`images = ["nvcr.io/nvidia/tensorrt:24.08-py3"]
gpus = ["t4", "NVIDIA A10"]
precisions = ["fp16", "fp32"]
include = [
  { gpu = "T4", precision = "fp16", build = { timeout = "2h", extra_args = ["--a"] }, verify = { tolerance = { fp16 = { rel = 0.5 } } } },
  { gpu = "T4", build = { retries = 0, calibration = "c", timing_cache = false }, verify = { corners = false, image = "", max_p99_ms = 7 } },
]
[build]
optimization_level = 0
workspace = "1.5GiB"
timeout = "90s"
extra_args = ["--b=1", "--c"]
[verify]
image = "nvcr.io/nvidia/tritonserver:24.08-py3"
tolerance = { fp16 = { abs = 0.25 } }
max_p99_ms = { a10 = 3.5 }
`)))
	if err != nil {
		t.Fatal(err)
	}
	type settings struct {
		build  Build
		verify Verify
		pos    diag.Pos
	}
	triton := "nvcr.io/nvidia/tritonserver:24.08-py3"
	got := map[string]settings{}
	for _, c := range m.Cells {
		got[c.GPU+" "+string(c.Precision)] = settings{c.Build, c.Verify, c.Pos}
	}
	build := func(cache bool, timeout time.Duration, retries int, calibration string, args ...string) Build {
		return Build{OptimizationLevel: 0, WorkspaceMiB: 1536, TimingCache: cache, Timeout: timeout, Retries: retries, ExtraArgs: args, Calibration: calibration}
	}
	want := map[string]settings{
		"T4 fp16":  {build(false, 2*time.Hour, 0, "c", "--a"), Verify{"", Tolerance{0.25, 0.5}, false, 7}, diag.Pos{Line: 6, Col: 9, Len: 4}},
		"T4 fp32":  {build(false, 90*time.Second, 0, "c", "--b=1", "--c"), Verify{"", Tolerance{1e-4, 1e-4}, false, 7}, diag.Pos{Line: 6, Col: 9, Len: 4}},
		"A10 fp16": {build(true, 90*time.Second, 2, "", "--b=1", "--c"), Verify{triton, Tolerance{0.25, 1e-2}, true, 3.5}, diag.Pos{Line: 6, Col: 15, Len: 12}},
		"A10 fp32": {build(true, 90*time.Second, 2, "", "--b=1", "--c"), Verify{triton, Tolerance{1e-4, 1e-4}, true, 3.5}, diag.Pos{Line: 6, Col: 15, Len: 12}},
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s\n got %+v\nwant %+v", name, got[name], want[name])
		}
	}
	if !reflect.DeepEqual(m.GPUs, []string{"T4", "A10"}) {
		t.Errorf("GPUs = %q", m.GPUs)
	}
}

func TestASpeedLimitHoldsForItsGPUAlone(t *testing.T) {
	m, err := Parse("m", []byte(file(axesText+"[verify]\nmax_p99_ms = { T4 = 12.0 }\n")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Cells {
		if want := map[string]float64{"T4": 12}[c.GPU]; c.Verify.MaxP99Ms != want {
			t.Errorf("the limit of %s is %v, want %v", c.ID, c.Verify.MaxP99Ms, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	m, err := Parse("m", []byte(file("images = [\"t:1\"]\ngpus = [\"T4\"]\nprecisions = [\"fp32\", \"tf32\", \"fp16\", \"bf16\", \"int8\", \"fp8\", \"int4\", \"best\"]\n")))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Cells) != len(Precisions) {
		t.Fatalf("%d cells, want %d", len(m.Cells), len(Precisions))
	}
	for _, c := range m.Cells {
		if c.Verify.Tolerance.Abs == 0 || c.Verify.Tolerance.Rel == 0 {
			t.Errorf("%s has no tolerance", c.Precision)
		}
		if want := (Build{OptimizationLevel: -1, TimingCache: true, Timeout: 30 * time.Minute, Retries: 2}); !reflect.DeepEqual(c.Build, want) {
			t.Errorf("%s is built with %+v, want %+v", c.Precision, c.Build, want)
		}
	}
}

func TestModel(t *testing.T) {
	m, err := Parse("m", []byte(`version = 1
[model.bert]
release = "4.2.0+rc.1"
onnx    = "s3://bucket/bert.onnx"
sha256  = "823b1764651188799c823889f9208c1e81d36fde96c41e592d14cfdf00928245"
inputs  = "in"
outputs = "out"
plugins = ["b.so", "a.so"]
dynamic_plugins = ["d.so", "c.so"]
[model.bert.profile.one]
"ids:0" = { max = [4, 8], min = [1, 8], opt = [2, 8] }
step    = { min = [], opt = [], max = [] }
[matrix]
`+axesText))
	if err != nil {
		t.Fatal(err)
	}
	want := &Model{
		Name: "bert", Release: "4.2.0+rc.1", ONNX: "s3://bucket/bert.onnx",
		SHA256: "823b1764651188799c823889f9208c1e81d36fde96c41e592d14cfdf00928245",
		Inputs: "in", Outputs: "out", Plugins: []string{"b.so", "a.so"}, DynamicPlugins: []string{"d.so", "c.so"},
		Profiles: []Profile{{Name: "one", Pos: diag.Pos{Line: 10, Col: 21, Len: 3}, Shapes: []Shape{
			{Input: "ids:0", Min: []int64{1, 8}, Opt: []int64{2, 8}, Max: []int64{4, 8}, Pos: diag.Pos{Line: 11, Col: 11, Len: 44}},
			{Input: "step", Min: []int64{}, Opt: []int64{}, Max: []int64{}, Pos: diag.Pos{Line: 12, Col: 11, Len: 32}},
		}}},
		Pos: diag.Pos{Line: 2, Col: 8, Len: 4}, ONNXPos: diag.Pos{Line: 4, Col: 11, Len: 23},
	}
	if !reflect.DeepEqual(m.Models, []*Model{want}) {
		t.Errorf("model\n got %+v\nwant %+v", m.Models[0], want)
	}
}

func TestTagLabel(t *testing.T) {
	digest := "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for image, want := range map[string]string{
		"nvcr.io/nvidia/tensorrt:23.09-py3":           "23.09-py3",
		"127.0.0.1:5000/nvidia/tensorrt:24.08-py3":    "24.08-py3",
		"nvcr.io/nvidia/tritonserver:24.08-py3":       "tritonserver-24.08-py3",
		"nvcr.io/nvidia/tensorrt" + digest:            "sha256-0123456789ab",
		"nvcr.io/nvidia/tensorrt:24.08-py3" + digest:  "24.08-py3",
		"registry.example.com/team/Own:1":             "registry.example.com-team-own-1", // not a reference
		"registry.example.com/team/own_trt:Release-7": "own_trt-release-7",
	} {
		if got := TagLabel(image); got != want {
			t.Errorf("TagLabel(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"*:24*", "nvcr.io/nvidia/tensorrt:24.08-py3", true}, {"*ab*ab", "abxab", true}, {"*ab*ab", "abx", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"abc", "ab", false}, {"[a]", "a", false},
	} {
		if got := glob(tc.pattern, tc.text); got != tc.want {
			t.Errorf("glob(%q, %q) = %v", tc.pattern, tc.text, got)
		}
	}
}

func TestKindsOfEngines(t *testing.T) {
	m, err := Parse("m", []byte(file(`images = ["t:1"]
gpus = ["A10", "T4"]
precisions = ["fp16"]
include = [
  { gpu = "T4", build = { hardware_compatibility = "sameComputeCapability", refit = false, strip_weights = true } },
  { gpu = "T4", variant = "plain", build = { hardware_compatibility = "none", version_compatible = false } },
]
[build]
version_compatible = true
hardware_compatibility = "ampere+"
refit = true
`)))
	if err != nil {
		t.Fatal(err)
	}
	type kind struct {
		versions     bool
		level        string
		refit, strip bool
	}
	want := map[string]kind{
		"m/t-1/a10/fp16":      {true, "ampere+", true, false},
		"m/t-1/t4/fp16":       {true, "sameComputeCapability", false, true},
		"m/t-1/t4/fp16/plain": {false, "", true, false},
	}
	for _, c := range m.Cells {
		got := kind{c.Build.VersionCompatible, c.Build.HardwareCompatibility, c.Build.Refit, c.Build.StripWeights}
		if got != want[c.ID] {
			t.Errorf("%s is %+v, want %+v", c.ID, got, want[c.ID])
		}
	}
	if len(m.Cells) != len(want) {
		t.Errorf("%d cells, want %d", len(m.Cells), len(want))
	}
}

func TestALibraryIsLoadedOnce(t *testing.T) {
	_, err := Parse("m", []byte("version = 1\n[model.m]\nonnx = \"m.onnx\"\nplugins = [\"a.so\"]\ndynamic_plugins = [\"b.so\", \"a.so\"]\n[matrix]\n"+axesText))
	if err == nil || !strings.Contains(short(err), `m:5:28: "a.so" is in plugins as well`) {
		t.Errorf("Parse: %v", err)
	}
}
