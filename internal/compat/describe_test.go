package compat_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/inventory"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

func TestDescribe(t *testing.T) {
	plan := engine.File{Kind: engine.Plan, Size: 9, TensorRT: "10.3.0.26", SM: "7.5", Device: &engine.Device{SMs: 40, MemoryBytes: 15835660288, MemoryBusBits: 256, Likely: []string{"T4"}}}
	if got := compat.Describe(plan); !reflect.DeepEqual(got, t4) {
		t.Errorf("Describe of a plan\n got %+v\nwant %+v", got, t4)
	}
	changed := func(change func(f *engine.File)) engine.File {
		f := plan
		change(&f)
		return f
	}
	for trouble, f := range map[string]engine.File{
		"":                    changed(func(f *engine.File) { f.Device = nil }),
		"the plan is cut off": changed(func(f *engine.File) { f.Truncated, f.Damaged, f.Simulated = true, true, true }),
		"the plan is damaged": changed(func(f *engine.File) { f.Damaged = true }),
		"the plan is simulated: TensorRT cannot load it":        changed(func(f *engine.File) { f.Simulated = true }),
		"the file is no TensorRT plan: an ONNX model: build it": {Kind: engine.ONNX, Notes: []string{"an ONNX model: build it", "more"}},
		"the file is no TensorRT plan":                          {Kind: engine.Unknown, Truncated: true},
	} {
		got := compat.Describe(f).Trouble
		if !strings.Contains(got, trouble) || trouble == "" && got != "" {
			t.Errorf("trouble %q, want %q", got, trouble)
		}
	}
}

func TestTheRemedyOfWhatIsNoPlanSuitsIt(t *testing.T) {
	for want, f := range map[string]engine.File{
		"build an engine from it: trtfarm init": {Kind: engine.ONNX, Notes: []string{"an ONNX model"}},
		"take a whole engine, or build one":     {Kind: engine.ONNX, Truncated: true, Notes: []string{"an ONNX model"}},
		"take a whole engine, or":               {Kind: engine.HTML, Notes: []string{"a web page"}},
		"build one with TensorRT, on a GPU":     {Kind: engine.Plan, Simulated: true},
	} {
		if e := compat.Describe(f); !strings.Contains(e.Remedy, want) {
			t.Errorf("%+v: %q, want %q", f, e.Remedy, want)
		}
	}
}

// A whole plan in a file with other bytes around it is not what TensorRT loads.
func TestBytesAroundAPlan(t *testing.T) {
	for name, tc := range map[string]struct {
		file                   engine.File
		trouble, doubt, remedy string
	}{
		"before it":               {engine.File{Leading: 48, Trailing: 3, Size: 100}, "48 bytes that do not belong to the plan precede it", "", "tail -c +49 FILE > NEW"},
		"cut off behind a header": {engine.File{Leading: 48, Truncated: true}, "the plan is cut off", "", "take a whole engine"},
		"behind a container":      {engine.File{Container: "ftrt", TensorRT: "10.3.0.26", Trailing: 12, Size: 100}, "", "12 bytes follow the end of the plan, and whether", "head -c 88 FILE > NEW"},
		"behind a bare engine":    {engine.File{Container: "ptrt", TensorRT: "8.2.1.8", Trailing: 12, Size: 100}, "12 bytes follow the end of the plan, and TensorRT wants", "", "head -c 88 FILE > NEW"},
		"behind one of TensorRT 7, which does not mind": {engine.File{Container: "ptrt", TensorRT: "7.1.3.0", Trailing: 12, Size: 100}, "", "", ""},
	} {
		tc.file.Kind = engine.Plan
		e := compat.Describe(tc.file)
		for what, pair := range map[string][2]string{"trouble": {e.Trouble, tc.trouble}, "doubt": {e.Doubt, tc.doubt}, "remedy": {e.Remedy, tc.remedy}} {
			if !strings.Contains(pair[0], pair[1]) || pair[1] == "" && pair[0] != "" {
				t.Errorf("%s: %s %q, want %q", name, what, pair[0], pair[1])
			}
		}
	}
}

// A plan that somebody published, from its bytes to the answer.
func TestAPublishedPlanIsJudged(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "engine", "testdata", "trt8.6.1.6-rtx4090-tiny.plan"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := engine.Inspect(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]compat.Verdict{
		"rtx 4090,trt=8.6.1.6":     compat.Valid,
		"rtx4090,image=23.06-py3":  compat.Valid,
		"rtx 4080,trt=8.6.1":       compat.Suboptimal,
		"l4,trt=8.6.1":             compat.Suboptimal,
		"t4,trt=8.6.1":             compat.Invalid,
		"rtx 4090,image=24.08-py3": compat.Invalid,
		"rtx 4090":                 compat.Unknown,
		"trt=8.6.1":                compat.Unknown,
	} {
		if got := compat.Judge(compat.Describe(f), place(t, text)); got.Verdict != want {
			t.Errorf("%s: %s, %q, want %s", text, got.Verdict, got.Reasons, want)
		}
	}
}

// builds is every board of the catalogue with a TensorRT that serves it.
func builds() []compat.Engine {
	var list []compat.Engine
	for _, b := range catalog.Boards() {
		g, _ := catalog.FindGPU(b.GPU)
		for _, v := range catalog.Releases() {
			if g.SM != "" && catalog.Serves(v, g.SM).Verdict == catalog.Can {
				list = append(list, compat.Engine{TensorRT: v.String(), SM: g.SM, SMs: b.SMs, BusBits: b.BusBits, MemoryBytes: b.MemoryMiB << 20, Likely: []string{b.GPU}})
			}
		}
	}
	return list
}

func TestAnEngineRunsWhereItWasBuilt(t *testing.T) {
	all := builds()
	if len(all) < 500 {
		t.Fatalf("%d engines: the catalogue has fewer boards and releases than it had", len(all))
	}
	boards := map[string]int{}
	for _, b := range catalog.Boards() {
		boards[b.GPU]++
	}
	for _, e := range all {
		p := compat.Place{GPU: e.Likely[0], TensorRT: e.TensorRT}
		for _, m := range []*trtexec.Modes{nil, {}, {Refit: true}} {
			e.Modes = m
			switch got := compat.Judge(e, p); {
			case got.Verdict != compat.Valid && got.Verdict != compat.Suboptimal:
				t.Errorf("%+v at home: %s, %q", e, got.Verdict, got.Reasons)
			case got.Verdict != compat.Valid && boards[p.GPU] == 1:
				t.Errorf("%+v at home: %s, %q", e, got.Verdict, got.Reasons)
			}
		}
	}
}

// What is known only sharpens an answer: with one fact of the place taken away,
// what was sure to fail never runs for sure, and what runs never fails for sure.
func TestLessKnownNeverTurnsAnAnswerRound(t *testing.T) {
	runs := map[compat.Verdict]bool{compat.Valid: true, compat.Suboptimal: true}
	var places []compat.Place
	for _, text := range []string{"t4,trt=10.3.0.26", "t4,trt=8.6.1", "a10,image=24.08-py3,driver=550.54.15", "l4,trt=10.11,arch=arm64", "a100,trt=10.3", "a100-80gb,mig=1g.10gb,trt=10.3", "h100,trt=10.9,os=linux", "b200,trt=8.6.1", "v100,trt=10.5", "jetson orin,trt=8.5.2,arch=arm64"} {
		places = append(places, place(t, text))
	}
	for i, e := range builds() {
		if i%7 != 0 {
			continue // neighbours differ in a number of TensorRT alone
		}
		e.Modes = []*trtexec.Modes{nil, {}, {VersionCompatible: true}, {Hardware: "ampere+"}, {Hardware: "sameComputeCapability"}}[i%5]
		for _, p := range places {
			full := compat.Judge(e, p)
			for what, less := range map[string]compat.Place{
				"TensorRT": {GPU: p.GPU, SM: p.SM, MIG: p.MIG, OS: p.OS, Arch: p.Arch, CUDA: p.CUDA, Driver: p.Driver},
				"the GPU":  {TensorRT: p.TensorRT, OS: p.OS, Arch: p.Arch, CUDA: p.CUDA, Driver: p.Driver},
				"all":      {},
			} {
				got := compat.Judge(e, less)
				if full.Verdict == compat.Invalid && runs[got.Verdict] || runs[full.Verdict] && got.Verdict == compat.Invalid {
					t.Errorf("%+v at %s is %s %q; without %s it is %s %q", e, p.Name, full.Verdict, full.Reasons, what, got.Verdict, got.Reasons)
				}
			}
			worse := e
			worse.Trouble = "cut off"
			if got := compat.Judge(worse, p); got.Verdict != compat.Invalid {
				t.Errorf("a plan that cannot be loaded is %s at %s", got.Verdict, p.Name)
			}
		}
	}
}

// An answer is the same when it is asked for twice, and its reasons are sentences.
func TestJudgeIsDeterministic(t *testing.T) {
	for _, g := range catalog.GPUs() {
		p := compat.Merge(compat.PlaceOf(inventory.GPU{Product: g.Name}), place(t, "trt=10.9.0.34,os=linux"))
		for _, e := range []compat.Engine{t4, a40, a100, h100, with(a40, trtexec.Modes{Hardware: "ampere+"})} {
			first := compat.Judge(e, p)
			if len(first.Reasons) == 0 || !reflect.DeepEqual(compat.Judge(e, p), first) {
				t.Errorf("%s: %+v, and then another", g.Name, first)
			}
			for _, r := range first.Reasons {
				if strings.TrimSpace(r) != r || strings.HasSuffix(r, ".") || strings.Contains(r, "  ") || strings.Contains(r, "\n") {
					t.Errorf("%s: reason %q is no sentence without its end", g.Name, r)
				}
			}
		}
	}
}
