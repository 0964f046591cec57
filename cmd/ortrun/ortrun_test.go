package main_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

type tensor struct {
	Name  string        `json:"name"`
	Type  onnx.DataType `json:"type"`
	Shape []int64       `json:"shape"`
	File  string        `json:"file"`
}

type job struct {
	Model  string   `json:"model"`
	Inputs []tensor `json:"inputs"`
	OutDir string   `json:"outdir"`
}

type result struct {
	Runtime string   `json:"runtime"`
	Outputs []tensor `json:"outputs"`
}

// ortrun runs the built program and returns its exit code and what it printed.
func ortrun(t *testing.T, stdin string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(testbed.Bin(t), "ortrun"), args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "ORT_LIBRARY=") || strings.HasPrefix(v, "ORTRUN_THREADS=")
	}), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// run runs a job that must succeed.
func run(t *testing.T, j job, env ...string) result {
	t.Helper()
	code, stdout, stderr := ortrun(t, encode(t, j), env)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var r result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	return r
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func floats(data []byte) []float32 {
	f := make([]float32, len(data)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return f
}

// ramp is arange(n)/n.
func ramp(n int) []byte {
	var data []byte
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)/float32(n)))
	}
	return data
}

func TestSqueezenetMatchesItsGoldenOutput(t *testing.T) {
	in := write(t, ramp(3*224*224))
	j := job{Model: "testdata/light-squeezenet/model.onnx", OutDir: t.TempDir(),
		Inputs: []tensor{{"data_0", onnx.Float32, []int64{1, 3, 224, 224}, in}}}
	r := run(t, j)
	if len(r.Outputs) != 1 || r.Outputs[0].Name != "softmaxout_1" || r.Outputs[0].Type != onnx.Float32 ||
		!slices.Equal(r.Outputs[0].Shape, []int64{1, 1000, 1, 1}) {
		t.Fatalf("outputs are %+v", r.Outputs)
	}
	// The golden file is a TensorProto whose last 4000 bytes are its raw data.
	golden := read(t, "testdata/light-squeezenet/output_0.pb")
	want := floats(golden[len(golden)-4000:])
	got := floats(read(t, r.Outputs[0].File))
	for i, w := range want {
		if diff := math.Abs(float64(got[i] - w)); !(diff <= 1e-7+1e-3*math.Abs(float64(w))) {
			t.Fatalf("element %d is %g, want %g", i, got[i], w)
		}
	}
	for _, threads := range []string{"1", "2", "0"} {
		again := run(t, j, "ORTRUN_THREADS="+threads)
		if !slices.Equal(floats(read(t, again.Outputs[0].File)), got) {
			t.Errorf("%s threads give other bits", threads)
		}
	}
}

func TestEveryElementTypeAndRankComesBackAsItWent(t *testing.T) {
	for _, typ := range []onnx.DataType{onnx.Float32, onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16, onnx.Int32,
		onnx.Int64, onnx.Bool, onnx.Float16, onnx.Float64, onnx.Uint32, onnx.Uint64, onnx.BFloat16} {
		for _, shape := range [][]int64{{}, {3}, {2, 3}, {0, 4}} {
			t.Run(fmt.Sprint(typ, shape), func(t *testing.T) {
				declared := slices.Clone(shape)
				for i := range declared {
					declared[i] = -1
				}
				model := write(t, onnxtest.Model(onnxtest.Node("Identity", []string{"x"}, []string{"y"}),
					onnxtest.Input("x", typ, declared...), onnxtest.Output("y", typ, declared...)))
				size := typ.Size()
				for _, d := range shape {
					size *= d
				}
				data := make([]byte, size)
				for i := range data {
					data[i] = byte(i % 2)
				}
				r := run(t, job{model, []tensor{{"x", typ, shape, write(t, data)}}, t.TempDir()})
				if len(r.Outputs) != 1 || r.Outputs[0].Type != typ || !slices.Equal(r.Outputs[0].Shape, shape) || r.Outputs[0].Shape == nil {
					t.Fatalf("outputs are %+v", r.Outputs)
				}
				if got := read(t, r.Outputs[0].File); !bytes.Equal(got, data) {
					t.Errorf("data is %x, want %x", got, data)
				}
			})
		}
	}
}

func TestOutputsKeepTheOrderOfTheModel(t *testing.T) {
	model := write(t, onnxtest.Model(
		onnxtest.Node("Shape", []string{"x"}, []string{"second"}), onnxtest.Node("Size", []string{"x"}, []string{"first"}),
		onnxtest.Input("x", onnx.Float32, -1, -1), onnxtest.Output("first", onnx.Int64), onnxtest.Output("second", onnx.Int64, 2)))
	out := t.TempDir()
	r := run(t, job{model, []tensor{{"x", onnx.Float32, []int64{2, 3}, write(t, make([]byte, 24))}}, out})
	want := []tensor{{"first", onnx.Int64, []int64{}, filepath.Join(out, "out-0.raw")}, {"second", onnx.Int64, []int64{2}, filepath.Join(out, "out-1.raw")}}
	if !reflect.DeepEqual(r.Outputs, want) {
		t.Errorf("outputs are %+v, want %+v", r.Outputs, want)
	}
	if got := read(t, filepath.Join(out, "out-0.raw")); binary.LittleEndian.Uint64(got) != 6 {
		t.Errorf("the size is %x, want 6", got)
	}
}

func TestAnOutputDeclaredTwiceIsWrittenOnce(t *testing.T) {
	model := write(t, onnxtest.Model(
		onnxtest.Node("Identity", []string{"x"}, []string{"y"}), onnxtest.Node("Neg", []string{"x"}, []string{"z"}),
		onnxtest.Input("x", onnx.Float32, 1), onnxtest.Output("y", onnx.Float32, 1), onnxtest.Output("y", onnx.Float32, 1), onnxtest.Output("z", onnx.Float32, 1)))
	out := t.TempDir()
	r := run(t, job{model, []tensor{{"x", onnx.Float32, []int64{1}, write(t, make([]byte, 4))}}, out})
	want := []tensor{{"y", onnx.Float32, []int64{1}, filepath.Join(out, "out-0.raw")}, {"z", onnx.Float32, []int64{1}, filepath.Join(out, "out-1.raw")}}
	if !reflect.DeepEqual(r.Outputs, want) {
		t.Errorf("outputs are %+v, want %+v", r.Outputs, want)
	}
}

func TestAModelWithoutInputsRuns(t *testing.T) {
	model := write(t, onnxtest.Model(onnxtest.Node("Identity", []string{"w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Int32, 1), onnxtest.Raw([]byte{7, 0, 0, 0})), onnxtest.Output("y", onnx.Int32, 1)))
	r := run(t, job{Model: model, OutDir: t.TempDir()})
	if got := read(t, r.Outputs[0].File); !bytes.Equal(got, []byte{7, 0, 0, 0}) {
		t.Errorf("output is %x", got)
	}
}

func TestVersionNamesTheRuntime(t *testing.T) {
	code, stdout, stderr := ortrun(t, "", nil, "--version")
	if code != 0 || !strings.HasPrefix(stdout, `{"runtime":"onnxruntime 1.`) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestFailuresAreOneLineThatNamesTheCulprit(t *testing.T) {
	model := write(t, onnxtest.Model(onnxtest.Node("Identity", []string{"x"}, []string{"y"}),
		onnxtest.Input("x", onnx.Float32, 2), onnxtest.Output("y", onnx.Float32, 2)))
	sequence := write(t, onnxtest.Model(onnxtest.Node("SequenceConstruct", []string{"x"}, []string{"y"}), onnxtest.Input("x", onnx.Float32, 2),
		onnxtest.Bytes(12, onnxtest.Text(1, "y"), onnxtest.Bytes(2, onnxtest.Bytes(4, onnxtest.Bytes(1, onnxtest.Bytes(1, onnxtest.Int(1, 1))))))))
	x := tensor{"x", onnx.Float32, []int64{2}, write(t, make([]byte, 8))}
	with := func(change func(*tensor)) string {
		in := x
		change(&in)
		return encode(t, job{model, []tensor{in}, t.TempDir()})
	}
	for name, tc := range map[string]struct {
		stdin string
		env   []string
		args  []string
		want  string
	}{
		"no job":             {stdin: "", want: "not what ortrun reads"},
		"two jobs":           {stdin: encode(t, job{model, nil, "o"}) + "{}", want: "behind its end"},
		"a job too large":    {stdin: strings.Repeat(" ", 5<<20), want: "larger than 4194304 bytes"},
		"an unknown key":     {stdin: `{"modell":"x"}`, want: `"modell"`},
		"no outdir":          {stdin: `{"model":"x"}`, want: "no outdir"},
		"no such model":      {stdin: encode(t, job{"nowhere.onnx", nil, "o"}), want: "nowhere.onnx"},
		"a broken model":     {stdin: encode(t, job{x.File, nil, "o"}), want: "load " + x.File},
		"an input missing":   {stdin: encode(t, job{model, nil, "o"}), want: `no input "x"`},
		"an input twice":     {stdin: encode(t, job{model, []tensor{x, x}, "o"}), want: `"x" twice`},
		"an input too many":  {stdin: encode(t, job{model, []tensor{x, {"z", 1, nil, ""}}, "o"}), want: `"z", which the model does not take`},
		"another type":       {stdin: with(func(in *tensor) { in.Type = onnx.Int32 }), want: "the model takes float32, the job gives int32"},
		"a file too short":   {stdin: with(func(in *tensor) { in.Shape = []int64{3} }), want: "has 8 bytes; float32 of shape [3] has 12"},
		"another shape":      {stdin: with(func(in *tensor) { in.Shape = []int64{1, 2} }), want: "Invalid rank"},
		"a dynamic shape":    {stdin: with(func(in *tensor) { in.Shape = []int64{-1} }), want: "not fixed"},
		"a shape too large":  {stdin: with(func(in *tensor) { in.Shape = []int64{math.MaxInt64, 2} }), want: "larger than any memory"},
		"no such input file": {stdin: with(func(in *tensor) { in.File = "nowhere.raw" }), want: "nowhere.raw"},
		"a sequence output":  {stdin: encode(t, job{sequence, []tensor{x}, "o"}), want: `output "y" is a sequence`},
		"odd threads":        {env: []string{"ORTRUN_THREADS=many"}, want: `ORTRUN_THREADS is "many"`},
		"no library":         {env: []string{"ORT_LIBRARY=/nowhere.so"}, args: []string{"--version"}, want: "set ORT_LIBRARY"},
		"another library":    {env: []string{"ORT_LIBRARY=libc.so.6"}, args: []string{"--version"}, want: "not the ONNX Runtime library"},
		"an unknown flag":    {args: []string{"-x"}, want: `unknown argument "-x"`},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := ortrun(t, tc.stdin, tc.env, tc.args...)
			if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "ortrun: ") || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit 1 and one line with %q", code, stdout, stderr, tc.want)
			}
		})
	}
}

func TestARewrittenModelComputesTheSameFromOneFile(t *testing.T) {
	const model = "../../internal/onnx/testdata/conv4-dynamic-batch-external/model.onnx"
	in := tensor{"input_0", onnx.Float32, []int64{1, 3, 480, 640}, write(t, ramp(3*480*640))}
	want := floats(read(t, run(t, job{model, []tensor{in}, t.TempDir()}).Outputs[0].File))
	rewrite := func(round func([]float32)) []float32 {
		var one bytes.Buffer
		if err := onnx.Rewrite(&one, model, round); err != nil {
			t.Fatal(err)
		}
		return floats(read(t, run(t, job{write(t, one.Bytes()), []tensor{in}, t.TempDir()}).Outputs[0].File))
	}
	if got := rewrite(nil); !slices.Equal(got, want) {
		t.Error("the rewritten model computes something else")
	}
	halve := func(values []float32) {
		for i := range values {
			values[i] /= 2
		}
	}
	if got := rewrite(halve); slices.Equal(got, want) {
		t.Error("halved weights change nothing")
	}
}
