package starter

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// planned parses a text and plans it against an image that is there; it returns
// why cells are refused.
func planned(t *testing.T, text []byte, graph *onnx.Model) (m *matrix.Matrix, refused []string) {
	t.Helper()
	m, err := matrix.Parse("m.toml", text)
	if err != nil {
		t.Fatalf("the text does not parse: %v\n%s", err, text)
	}
	f := plan.Facts{Models: map[string]plan.Model{}, Images: map[string]plan.Image{}}
	for _, model := range m.Models {
		f.Models[model.Name] = plan.Model{Graph: graph, Files: []plan.File{{Name: "model.onnx", SHA256: strings.Repeat("a", 64)}}}
	}
	for _, c := range m.Cells {
		f.Images[c.Image] = plan.Image{Digest: "sha256:d", TensorRT: "10.3.0.26"}
	}
	for _, c := range plan.Make(m, f) {
		if c.Status == plan.Refused {
			refused = append(refused, c.ID+": "+strings.Join(c.Reasons, "; "))
		}
	}
	return m, refused
}

// refusals are the samples that no matrix makes buildable, and why.
var refusals = map[string]string{
	"opset-too-new":     "opset 314159",
	"sequence-ops":      "no plugin can help",
	"trt-plugin-domain": "give inputs and outputs",
}

func TestTheMatrixOfEverySampleIsPlanned(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../matrices/models/*/model.onnx", "../onnx/testdata/*/model.onnx"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no samples at %s", pattern)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			graph, err := onnx.Inspect(file)
			broken := strings.Contains(file, "/corrupt/")
			if (err != nil) != broken {
				t.Fatal(err)
			}
			if broken {
				return
			}
			text := Matrix(Name(file), file, graph)
			m, refused := planned(t, text, graph)
			why := refusals[filepath.Base(filepath.Dir(file))]
			if (len(refused) > 0) != (why != "") || !strings.Contains(strings.Join(refused, "\n"), why) {
				t.Errorf("refused: %q, want %q\n%s", refused, why, text)
			}
			if len(m.Models) != 1 || m.Models[0].ONNX != file || len(m.Cells) == 0 {
				t.Errorf("%d models, %d cells, onnx %q", len(m.Models), len(m.Cells), m.Models[0].ONNX)
			}
			golden := filepath.Join("testdata", filepath.Base(filepath.Dir(file))+".golden")
			if *update {
				if err := os.WriteFile(golden, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(text, want) {
				t.Errorf("%s differs (%v): got\n%s", golden, err, text)
			}
		})
	}
}

func value(name string, t onnx.DataType, dims ...onnx.Dim) onnx.Value {
	return onnx.Value{Name: name, Type: t, Shape: append([]onnx.Dim{}, dims...)}
}

func free(param string) onnx.Dim { return onnx.Dim{Size: -1, Param: param} }
func fixed(size int64) onnx.Dim  { return onnx.Dim{Size: size} }
func text(r ranges) string       { return fmt.Sprint(r.min, r.opt, r.max) }

func TestGuesses(t *testing.T) {
	for name, tc := range map[string]struct {
		in   onnx.Value
		want string
	}{
		"a batch by its name":          {value("x", 1, free("batch_size"), fixed(3)), "[1 3] [8 3] [32 3]"},
		"a batch by its place":         {value("x", 1, free(""), free("")), "[1 1] [8 64] [32 256]"},
		"a batch because it is alone":  {value("state", 1, fixed(2), free(""), fixed(128)), "[2 1 128] [2 8 128] [2 32 128]"},
		"as tf2onnx names it":          {value("x", 1, free("unk__14"), fixed(3)), "[1 3] [8 3] [32 3]"},
		"a sequence":                   {value("ids", 7, free("batch"), free("sequence")), "[1 1] [8 128] [32 512]"},
		"a sequence comes first":       {value("ids", 7, free("seq_len"), free("n")), "[1 1] [128 8] [512 32]"},
		"a picture":                    {value("x", 1, free("N"), fixed(3), free("height"), free("W")), "[1 3 224 224] [8 3 224 224] [32 3 640 640]"},
		"an unknown rank":              {onnx.Value{Name: "x", Type: 1}, "[1] [8] [32]"},
		"nothing that could be halved": {value("x", 1, fixed(1<<40)), "[1099511627776] [1099511627776] [1099511627776]"},
		"no larger than can be tried":  {value("x", 1, free("a"), free("b"), free("c"), free("d")), "[1 1 1 1] [8 8 64 64] [32 32 256 256]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(guess(tc.in)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestThePrecisionSuitsTheModel(t *testing.T) {
	for want, m := range map[string]*onnx.Model{
		"fp16": {WeightTypes: map[onnx.DataType]int64{onnx.Float32: 9}},
		"bf16": {WeightTypes: map[onnx.DataType]int64{onnx.BFloat16: 9}},
		"int8": {QDQ: true, WeightTypes: map[onnx.DataType]int64{onnx.Int8: 9}},
		"fp8":  {QDQ: true, WeightTypes: map[onnx.DataType]int64{17: 9}},
		"int4": {QDQ: true, WeightTypes: map[onnx.DataType]int64{22: 9}},
	} {
		m.Inputs = []onnx.Value{value("x", 1, fixed(1))}
		m.Opsets = []onnx.Opset{{Version: 21}}
		parsed, refused := planned(t, Matrix("m", "m.onnx", m), m)
		if len(refused) > 0 || string(parsed.Cells[0].Precision) != want {
			t.Errorf("got %s, want %s; refused %q", parsed.Cells[0].Precision, want, refused)
		}
		lines := strings.Split(string(Matrix("m", "m.onnx", m)), "\n")
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "tolerance") })
		silent, _ := planned(t, []byte(strings.Join(lines, "\n")), m)
		if got, standard := parsed.Cells[0].Verify.Tolerance, silent.Cells[0].Verify.Tolerance; got != standard {
			t.Errorf("%s: tolerance %+v, without the line %+v", want, got, standard)
		}
	}
}

func TestName(t *testing.T) {
	for file, want := range map[string]string{
		"models/ResNet-50.v1.onnx":          "resnet-50.v1",
		"models/bert-toy/model.onnx":        "bert-toy",
		"日本.onnx":                           "model",
		"a b\n\"c\".onnx":                   "a-b-c",
		"../..onnx":                         "model",
		"-_.x.-.onnx":                       "x",
		"/model.onnx":                       "model",
		strings.Repeat("x", 99) + ".onnx":   strings.Repeat("x", 60),
		strings.Repeat("x", 59) + "-y.onnx": strings.Repeat("x", 59),
	} {
		if got := Name(file); got != want {
			t.Errorf("Name(%q) = %q, want %q", file, got, want)
		}
	}
}

// odd are names that no matrix should stumble over.
var odd = []string{"x", "", "x:0", "gpu_0/data_0", "a.b", `say "hi"`, `back\slash`, "line\nend", "tab\tbell\a", "del\x7f", "日本語", "\u202egnp", "\u2028", "a#b", "a'b", "=", "[table]",
	"\xff\xfe", "\U0001F600", "\u0085", strings.Repeat("long", 100), " ", "ends in \\"}

func TestOddNamesStayOnTheirLine(t *testing.T) {
	m := &onnx.Model{Opsets: []onnx.Opset{{Version: 17}}}
	for i, name := range odd {
		in := value(name, 1, free(odd[len(odd)-1-i]), fixed(3))
		m.Inputs, m.Outputs = append(m.Inputs, in), append(m.Outputs, in)
		m.Operators = append(m.Operators, onnx.Operator{Domain: name, Name: name})
	}
	m.Inputs = append(m.Inputs, m.Inputs[0]) // some exporters repeat one
	src := Matrix("m", "some/\"odd\"\npath\x7f.onnx", m)
	parsed, err := matrix.Parse("m.toml", src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	if got := parsed.Models[0].ONNX; got != "some/\"odd\"\npath\x7f.onnx" {
		t.Errorf("onnx is %q", got)
	}
	var inputs []string
	for _, s := range parsed.Models[0].Profiles[0].Shapes {
		inputs = append(inputs, s.Input)
	}
	for _, name := range odd {
		if name != "" && !slices.Contains(inputs, strings.ToValidUTF8(name, "\uFFFD")) {
			t.Errorf("input %q is not in the profile", name)
		}
	}
}

func FuzzMatrix(f *testing.F) {
	for i, name := range odd {
		f.Add("net", "m.onnx", name, odd[len(odd)-1-i], "batch", int64(-1), int64(3))
	}
	f.Add("net", "m.onnx", "a", "b", "h", int64(0), int64(math.MaxInt32))
	f.Fuzz(func(t *testing.T, file, at, one, two, param string, x, y int64) {
		x, y = max(-1, min(x, math.MaxInt32)), max(-1, min(y, math.MaxInt32))
		if x == 0 || y == 0 {
			x, y = 1, 1 // what has no elements, no profile can hold
		}
		if strings.ContainsRune(at, 0) || strings.TrimSpace(at) == "" || strings.Contains(at, "://") {
			at = "m.onnx" // no path
		}
		one, two, param = one[:min(len(one), 150)], two[:min(len(two), 150)], param[:min(len(param), 150)] // a matrix takes keys of 512 bytes
		dim := func(n int64) onnx.Dim { return onnx.Dim{Size: n, Param: param} }
		m := &onnx.Model{Opsets: []onnx.Opset{{Version: 17}}, Operators: []onnx.Operator{{Domain: two, Name: one}},
			Inputs:  []onnx.Value{value(one, 1, dim(x), dim(y)), value(two, 7, dim(y), dim(x), dim(-1)), {Name: param, Type: 1}},
			Outputs: []onnx.Value{value(two, 1, dim(x))}}
		src := Matrix(Name(file), at, m)
		if _, err := matrix.Parse("m.toml", src); err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
	})
}
