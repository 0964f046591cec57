package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// echo is a runtime whose model returns its inputs, or other bytes of the same
// size where fill is set.
type echo struct {
	runs *[]string
	fill []byte
}

func (e echo) Version(context.Context) (string, error) { return "echo 1", nil }

func (e echo) Run(_ context.Context, model, dir string, inputs []Tensor) ([]Tensor, error) {
	*e.runs = append(*e.runs, model+" in "+filepath.Base(dir))
	var outputs []Tensor
	for i, in := range inputs {
		data, err := os.ReadFile(filepath.Join(dir, in.File))
		if err != nil {
			return nil, err
		}
		if e.fill != nil {
			data = slices.Repeat(e.fill, len(data)/len(e.fill))
		}
		out := Tensor{Name: "out/" + in.Name, Type: in.Type, Shape: in.Shape, File: fmt.Sprintf("out-%d.raw", i)}
		if err := os.WriteFile(filepath.Join(dir, out.File), data, 0o644); err != nil {
			return nil, err
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

func TestMakeReferenceFillsEveryTensor(t *testing.T) {
	cases, err := Cases(vad, []Profile{vadProfile("small", 1, 2, 4)}, true)
	if err != nil {
		t.Fatal(err)
	}
	var runs []string
	dir := t.TempDir()
	done, err := MakeReference(t.Context(), echo{runs: &runs}, "m.onnx", cases, dir, Seed("m"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"m.onnx in small-min", "m.onnx in small-opt", "m.onnx in small-max"}; !slices.Equal(runs, want) {
		t.Errorf("runs %q, want %q", runs, want)
	}
	seen := map[string]string{}
	for i, c := range done {
		if c.Name != cases[i].Name || len(c.Outputs) != 3 {
			t.Fatalf("case %d is %+v", i, c)
		}
		for j, in := range c.Inputs {
			out := c.Outputs[j]
			if out.File != fmt.Sprintf("ref/%s/out-%d.raw", plan.CaseFolder(c.Name), j) || out.SHA256 != in.SHA256 || out.Size != in.Size || in.Size == 0 {
				t.Errorf("input %+v\noutput %+v", in, out)
			}
			if other := seen[in.SHA256]; other != "" && in.Name != "sr" {
				t.Errorf("%s and %s hold the same values", other, in.File)
			}
			seen[in.SHA256] = in.File
		}
		// What is made is what is kept, and comes back the same.
		data, err := EncodeCase(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeCase(data); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("decoded %+v, %v\nwant %+v", back, err, c)
		}
	}
	if cases[0].Inputs[0].SHA256 != "" {
		t.Error("the cases handed in were changed")
	}
	again, err := MakeReference(t.Context(), echo{runs: &runs}, "m.onnx", cases, t.TempDir(), Seed("m"))
	if err != nil || !reflect.DeepEqual(again, done) {
		t.Errorf("a second time: %v, %v", again, err)
	}
}

func TestMakeReferenceKeepsGoldenData(t *testing.T) {
	m := &onnx.Model{Inputs: []onnx.Value{value("x", onnx.Float32, 2)}, Outputs: []onnx.Value{value("y", onnx.Float32, 2)}}
	in, dir := folder(t, map[string][]byte{"x.raw": raw(onnx.Float32, 1, 2), "y.raw": raw(onnx.Float32, 3, 4)}), t.TempDir()
	var runs []string
	for _, outputs := range []string{in, ""} {
		golden, err := Golden(in, outputs, m, dir)
		if err != nil {
			t.Fatal(err)
		}
		done, err := MakeReference(t.Context(), echo{runs: &runs}, "m.onnx", []Case{*golden}, dir, Seed("m"))
		if err != nil || done[0].Inputs[0].SHA256 != golden.Inputs[0].SHA256 {
			t.Fatalf("%+v, %v; inputs were %+v", done, err, golden.Inputs)
		}
		want := raw(onnx.Float32, 3, 4)
		if outputs == "" {
			want = raw(onnx.Float32, 1, 2)
		}
		if data, err := os.ReadFile(filepath.Join(dir, done[0].Outputs[0].File)); err != nil || !slices.Equal(data, want) {
			t.Errorf("outputs %q: % x, %v; want % x", outputs, data, err, want)
		}
	}
	if want := []string{"m.onnx in golden"}; !slices.Equal(runs, want) {
		t.Errorf("runs %q, want %q: only without outputs", runs, want)
	}
}

func TestMakeReferenceRefusesWhatProvesNothing(t *testing.T) {
	one := []Case{{Name: "static", Inputs: []Tensor{{Name: "x", Type: onnx.Float32, Shape: []int64{4}, File: "ref/static/in-0.raw"}}}}
	var runs []string
	nan, inf := math.NaN(), math.Inf(-1)
	for name, tc := range map[string]struct {
		fill []byte
		want string
	}{
		"only NaN":                   {raw(onnx.Float32, nan), `output "out/x": none of its 4 values is finite (4 NaN, 0 infinite)`},
		"only NaN and infinities":    {raw(onnx.Float32, nan, inf), `(2 NaN, 2 infinite)`},
		"some infinities, as a mask": {raw(onnx.Float32, 1, inf), ""},
	} {
		_, err := MakeReference(t.Context(), echo{&runs, tc.fill}, "m", one, t.TempDir(), Seed("m"))
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || fault.CodeOf(err) != fault.Usage) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	lies := runtimeFunc(func(dir string) []Tensor {
		os.WriteFile(filepath.Join(dir, "out-0.raw"), make([]byte, 15), 0o644)
		return []Tensor{{Name: "y", Type: onnx.Float32, Shape: []int64{4}, File: "out-0.raw"}}
	})
	if _, err := MakeReference(t.Context(), lies, "m", one, t.TempDir(), Seed("m")); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("an output of another size: %v", err)
	}
	escapes := runtimeFunc(func(string) []Tensor {
		return []Tensor{{Name: "y", Type: onnx.Float32, File: "../../../../etc/passwd"}}
	})
	if _, err := MakeReference(t.Context(), escapes, "m", one, t.TempDir(), Seed("m")); err == nil || !strings.Contains(err.Error(), "leads out of its folder") {
		t.Errorf("an output elsewhere: %v", err)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := MakeReference(ctx, escapes, "m", one, t.TempDir(), Seed("m")); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

type runtimeFunc func(dir string) []Tensor

func (f runtimeFunc) Version(context.Context) (string, error) { return "f", nil }
func (f runtimeFunc) Run(_ context.Context, _, dir string, _ []Tensor) ([]Tensor, error) {
	return f(dir), nil
}

func TestReferenceKeyMovesWithEveryIngredient(t *testing.T) {
	base := Case{Name: "p/opt", Inputs: []Tensor{{Name: "x", Type: onnx.Float32, Shape: []int64{1, 2}, File: "ref/p-opt/in-0.raw"}}}
	golden := base
	golden.Name = "golden"
	with := func(c Case, f func(*Tensor)) Case {
		c.Inputs = slices.Clone(c.Inputs)
		f(&c.Inputs[0])
		return c
	}
	keys := map[string]string{}
	for what, key := range map[string]string{
		"base":                ReferenceKey("m", base, "ort 1"),
		"another model":       ReferenceKey("n", base, "ort 1"),
		"another runtime":     ReferenceKey("m", base, "ort 2"),
		"fields run together": ReferenceKey("mort ", base, "1"),
		"another name":        ReferenceKey("m", with(base, func(t *Tensor) { t.Name = "y" }), "ort 1"),
		"another type":        ReferenceKey("m", with(base, func(t *Tensor) { t.Type = onnx.Float16 }), "ort 1"),
		"another shape":       ReferenceKey("m", with(base, func(t *Tensor) { t.Shape = []int64{12} }), "ort 1"),
		"golden":              ReferenceKey("m", golden, "ort 1"),
		"golden content":      ReferenceKey("m", with(golden, func(t *Tensor) { t.SHA256 = "aa" }), "ort 1"),
		"golden outputs":      ReferenceKey("m", Case{Name: "golden", Inputs: base.Inputs, Outputs: base.Inputs}, "ort 1"),
	} {
		if len(key) != 64 || keys[key] != "" {
			t.Errorf("%s and %s have the key %q", what, keys[key], key)
		}
		keys[key] = what
	}
	made := with(base, func(t *Tensor) { t.SHA256, t.Size = "aa", 8 })
	made.Outputs = base.Inputs
	if ReferenceKey("m", made, "ort 1") != ReferenceKey("m", base, "ort 1") {
		t.Error("a generated case has another key once it is made")
	}
}

func complete() Case {
	sum := strings.Repeat("0a", 32)
	return Case{Name: "p/opt", Profile: 1,
		Inputs:  []Tensor{{Name: "x", Type: onnx.Float32, Shape: []int64{1, 2}, File: "ref/p-opt/in-0.raw", Size: 8, SHA256: sum}},
		Outputs: []Tensor{{Name: "y", Type: onnx.Bool, Shape: []int64{}, File: "ref/p-opt/out-0.raw", Size: 1, SHA256: sum}},
	}
}

func TestDecodeCaseRefusesWhatIsNotOurs(t *testing.T) {
	good, err := EncodeCase(complete())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeCase(good); err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string]string{
		"an unknown field":      strings.Replace(string(good), `"profile"`, `"profil"`, 1),
		"two documents":         string(good) + string(good),
		"text after it":         string(good) + "}",
		"a file elsewhere":      strings.Replace(string(good), "ref/p-opt/in-0.raw", "ref/../../x", 1),
		"an absolute file":      strings.Replace(string(good), "ref/p-opt/in-0.raw", "/etc/passwd", 1),
		"a file twice":          strings.Replace(string(good), "out-0", "in-0", 1),
		"another size":          strings.Replace(string(good), `"size":8`, `"size":9`, 1),
		"a negative dimension":  strings.Replace(string(good), `[1,2]`, `[-1,-2]`, 1),
		"no digest":             strings.Replace(string(good), strings.Repeat("0a", 32), "", 1),
		"an upper case digest":  strings.Replace(string(good), "0a", "0A", 1),
		"a type without values": strings.Replace(string(good), `"type":1`, `"type":8`, 1),
		"a name that is a path": strings.Replace(string(good), `"p/opt"`, `"../opt"`, 1),
		"no outputs":            `{"name":"static","inputs":[]}`,
		"nothing":               "",
		"too much":              strings.Repeat(" ", maxIndex) + string(good),
	} {
		if c, err := DecodeCase([]byte(data)); err == nil {
			t.Errorf("%s was accepted: %+v", what, c)
		}
	}
	bad := complete()
	bad.Outputs = nil
	if _, err := EncodeCase(bad); err == nil {
		t.Error("a case without outputs was encoded")
	}
}

func FuzzDecodeCase(f *testing.F) {
	good, err := EncodeCase(complete())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCase(data)
		if err != nil {
			return
		}
		again, err := EncodeCase(c)
		if err != nil {
			t.Fatalf("%+v was decoded but cannot be encoded: %v", c, err)
		}
		back, err := DecodeCase(again)
		if err != nil || ReferenceKey("m", back, "r") != ReferenceKey("m", c, "r") {
			t.Errorf("%+v became %+v, %v", c, back, err)
		}
		for _, tensor := range append(c.Inputs, c.Outputs...) {
			if !filepath.IsLocal(tensor.File) || !strings.HasPrefix(filepath.Clean(tensor.File), "ref/") {
				t.Errorf("file %q was accepted", tensor.File)
			}
		}
	})
}
