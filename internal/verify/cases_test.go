package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

func value(name string, typ onnx.DataType, dims ...int64) onnx.Value {
	v := onnx.Value{Name: name, Type: typ, Shape: []onnx.Dim{}}
	for _, d := range dims {
		v.Shape = append(v.Shape, onnx.Dim{Size: d})
	}
	return v
}

// vad is shaped as a voice detector: two dynamic inputs and a fixed scalar.
var vad = &onnx.Model{
	Inputs: []onnx.Value{
		value("input", onnx.Float32, -1, -1), value("state", onnx.Float32, 2, -1, 128), value("sr", onnx.Int64),
	},
	Outputs: []onnx.Value{value("output", onnx.Float32, -1, 1)},
}

func vadProfile(name string, min, opt, max int64) Profile {
	return Profile{Name: name, Shapes: []Shape{
		{"input", []int64{min, 512}, []int64{opt, 512}, []int64{max, 512}},
		{"state", []int64{2, min, 128}, []int64{2, opt, 128}, []int64{2, max, 128}},
	}}
}

func TestCasesCoverEveryCornerOnce(t *testing.T) {
	static := &onnx.Model{Inputs: []onnx.Value{value("x", onnx.Float32, 1, 3), value("flag", onnx.Bool)}}
	for name, tc := range map[string]struct {
		model    *onnx.Model
		profiles []Profile
		corners  bool
		want     string
	}{
		"a static model has one case":       {static, nil, true, "static#0"},
		"every profile has three":           {vad, []Profile{vadProfile("small", 1, 2, 4), vadProfile("big", 8, 16, 32)}, true, "small/min#0 small/opt#0 small/max#0 big/min#1 big/opt#1 big/max#1"},
		"without corners only opt runs":     {vad, []Profile{vadProfile("small", 1, 2, 4)}, false, "small/opt#0"},
		"the same shapes run once":          {vad, []Profile{vadProfile("one", 1, 1, 1)}, true, "one/min#0"},
		"the same shapes at the top":        {vad, []Profile{vadProfile("one", 1, 4, 4)}, true, "one/min#0 one/opt#0"},
		"but again in another profile":      {vad, []Profile{vadProfile("a", 1, 1, 1), vadProfile("b", 1, 1, 1)}, true, "a/min#0 b/min#1"},
		"a model without inputs is static":  {&onnx.Model{}, nil, true, "static#0"},
		"a shape left open takes any shape": {&onnx.Model{Inputs: []onnx.Value{{Name: "x", Type: onnx.Float32}}}, []Profile{{"p", []Shape{{"x", []int64{1}, []int64{1}, []int64{1}}}}}, true, "p/min#0"},
	} {
		t.Run(name, func(t *testing.T) {
			cases, err := Cases(tc.model, tc.profiles, tc.corners)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cases {
				got = append(got, c.Name+"#"+string(rune('0'+c.Profile)))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("Cases: %s\nwant %s", s, tc.want)
			}
		})
	}
	cases, _ := Cases(vad, []Profile{vadProfile("small", 1, 2, 4)}, true)
	var text []string
	for _, in := range cases[2].Inputs {
		text = append(text, in.Name+" "+in.Type.String()+" "+shapeText(in.Shape)+" "+in.File)
		if in.Shape == nil {
			t.Errorf("input %s has a nil shape, which JSON would write as null", in.Name)
		}
	}
	want := "input float32 [4 512] ref/small-max/in-0.raw, state float32 [2 4 128] ref/small-max/in-1.raw, sr int64 scalar ref/small-max/in-2.raw"
	if got := strings.Join(text, ", "); got != want || cases[2].Inputs[0].Size != 4*512*4 {
		t.Errorf("inputs of %s: %s\nwant %s", cases[2].Name, got, want)
	}
}

func TestCasesNameEveryMistake(t *testing.T) {
	change := func(f func(*Profile)) []Profile {
		p := vadProfile("p", 1, 2, 4)
		f(&p)
		return []Profile{p}
	}
	for name, tc := range map[string]struct {
		model    *onnx.Model
		profiles []Profile
		want     []string
	}{
		"no profile": {vad, nil, []string{`input "input" is dynamic, [? ?], and the matrix has no profile`, `input "state" is dynamic`}},
		"an input left out": {vad, change(func(p *Profile) { p.Shapes = p.Shapes[:1] }),
			[]string{`profile p: input "state" is dynamic, [2 ? 128], and has no shapes there`}},
		"a fixed dimension changed": {vad, change(func(p *Profile) { p.Shapes[1].Max[2] = 64 }),
			[]string{`profile p: input "state": max [2 4 64]: dimension 2 is 64 where the model fixes 128`}},
		"another rank": {vad, change(func(p *Profile) { p.Shapes[0].Opt = []int64{1} }),
			[]string{`profile p: input "input": opt [1]: 1 dimensions where the model has 2`}},
		"a negative dimension": {vad, change(func(p *Profile) { p.Shapes[0].Min[0] = -1 }),
			[]string{`min [-1 512]: dimension 0 is negative`}},
		"an unknown input": {vad, change(func(p *Profile) { p.Shapes[0].Input = "inputs" }),
			[]string{`the model has no input "inputs"`, `fix: name one of "input", "state", "sr"`, `input "input" is dynamic`}},
		"an input twice":    {vad, change(func(p *Profile) { p.Shapes = append(p.Shapes, p.Shapes[0]) }), []string{`stands twice`}},
		"a name for a path": {vad, change(func(p *Profile) { p.Name = "../x" }), []string{`profile "../x": the name cannot be a folder`}},
		"a profile twice":   {vad, []Profile{vadProfile("p", 1, 1, 1), vadProfile("p", 2, 2, 2)}, []string{`two profiles are called "p"`}},
		"a static model with a profile that contradicts it": {&onnx.Model{Inputs: []onnx.Value{value("x", onnx.Float32, 1)}},
			[]Profile{{"p", []Shape{{"x", []int64{1}, []int64{2}, []int64{2}}}}}, []string{"opt [2]: dimension 0 is 2 where the model fixes 1"}},
		"an element type without values": {&onnx.Model{Inputs: []onnx.Value{value("x", onnx.String, 1)}}, nil, []string{`input "x": elements of string`}},
		"shapes that overflow": {vad, change(func(p *Profile) { p.Shapes[0].Max = []int64{1 << 40, 512}; p.Shapes[1].Max[1] = 1 << 40 }),
			[]string{"case p/max", `input "input": shape [1099511627776 512] needs more than 1024 GiB`}},
		"more than fits": {vad, change(func(p *Profile) { p.Shapes[1].Max[1] = 1 << 23 }),
			[]string{"case p/max: its inputs need 8192 MiB", "corners = false"}},
	} {
		t.Run(name, func(t *testing.T) {
			// Fixed dimensions of vad are free where a test needs them to be.
			m := *tc.model
			if name == "shapes that overflow" {
				m.Inputs = append([]onnx.Value{value("input", onnx.Float32, -1, -1)}, m.Inputs[1:]...)
			}
			_, err := Cases(&m, tc.profiles, true)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\nwants %q", err, want)
				}
			}
			if code := fault.CodeOf(err); code != fault.Usage {
				t.Errorf("exit code %d, want %d", code, fault.Usage)
			}
		})
	}
}

func TestFitProfileTakesTheFirstThatHoldsTheShapes(t *testing.T) {
	profiles := []Profile{vadProfile("small", 1, 2, 4), vadProfile("big", 4, 16, 32)}
	at := func(batch int64) Case {
		return Case{Name: "golden", Inputs: []Tensor{{Name: "input", Shape: []int64{batch, 512}}, {Name: "sr"}}}
	}
	for batch, want := range map[int64]int{1: 0, 4: 0, 5: 1, 32: 1} {
		if c, err := at(batch).FitProfile(profiles); err != nil || c.Profile != want {
			t.Errorf("batch %d: profile %d, %v; want %d", batch, c.Profile, err, want)
		}
	}
	if c, err := at(0).FitProfile(profiles); err == nil {
		t.Errorf("batch 0: profile %d, want none", c.Profile)
	}
	_, err := at(33).FitProfile(profiles)
	if err == nil || !strings.Contains(err.Error(), `"input" is [33 512], dimension 0 of profile big takes 4 to 32`) {
		t.Errorf("batch 33: %v", err)
	}
	if _, ok := errors.AsType[*fault.Fault](err); !ok {
		t.Errorf("batch 33: %T is no fault", err)
	}
	if _, err := at(33).FitProfile(nil); err != nil {
		t.Errorf("a static model: %v", err)
	}
}
