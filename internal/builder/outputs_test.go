package builder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// raw encodes values as the agent finds them in files.
func raw(t *testing.T, values any) string {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// proof is a task that runs one case with the given outputs, whose references
// lie in ref/y.raw and so on.
func proof(outputs ...verify.Tensor) Task {
	for i := range outputs {
		outputs[i].File = "ref/" + outputs[i].Name + ".raw"
	}
	return Task{Cell: "c", Step: Verify, Commands: []Command{{Name: "static", Args: []string{"trtexec"}, Dir: "run/static", Log: "logs/verify-static.log",
		Case: &verify.Case{Name: "static", Outputs: outputs}, Gates: Gates{Abs: 0.01}}}}
}

func TestOutputsAreHeldAgainstTheirReference(t *testing.T) {
	y := verify.Tensor{Name: "y:0", Type: onnx.Float32, Shape: []int64{1, 3}}
	want := []float32{1, 2, 3}
	for name, tc := range map[string]struct {
		file     string
		data     any
		passed   bool
		elements int64
	}{
		"equal":                             {"y_0.output.1.3.fp32.raw", want, true, 3},
		"within tolerance":                  {"y_0.output.1.3.fp32.raw", []float32{1, 2, 3.005}, true, 3},
		"beyond it":                         {"y_0.output.1.3.fp32.raw", []float32{1, 2, 3.02}, false, 3},
		"not a number":                      {"y_0.output.1.3.fp32.raw", []float32{1, 2, float32(math.NaN())}, false, 3},
		"in half precision":                 {"y_0.output.1.3.fp16.raw", []uint16{0x3c00, 0x4000, 0x4200}, true, 3},
		"cut short":                         {"y_0.output.1.3.fp32.raw", want[:2], false, 0},
		"too long":                          {"y_0.output.1.3.fp32.raw", []float32{1, 2, 3, 4}, false, 0},
		"of another kind":                   {"y_0.output.1.3.int32.raw", []int32{1, 2, 3}, false, 0},
		"of another shape":                  {"y_0.output.3.1.fp32.raw", want, false, 0},
		"of a type that nobody compares":    {"y_0.output.1.3.fp4.raw", want, false, 0},
		"an input of the same name":         {"y_0.input.1.3.fp32.raw", want, false, 0},
		"another output":                    {"z_0.output.1.3.fp32.raw", want, false, 0},
		"a file that follows no convention": {"y.raw", want, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, loaded+passed)
			b.write("ref/y:0.raw", raw(t, want))
			b.write("run/static/"+tc.file, raw(t, tc.data))
			r := b.run(proof(y))
			if r.Error != nil || len(r.Commands) != 1 || r.Commands[0].Case == nil {
				t.Fatalf("%+v, %+v", r.Error, r.Commands)
			}
			c := r.Commands[0].Case
			if c.Passed != tc.passed || len(c.Outputs) != 1 || c.Outputs[0].Elements != tc.elements || c.Outputs[0].Output != "y:0" || !c.Loaded {
				t.Errorf("%+v; want passed %v with %d elements", c, tc.passed, tc.elements)
			}
		})
	}
}

func TestARunThatDidNotLoadProvesNothing(t *testing.T) {
	b := newBench(t, passed) // never says that it loaded the engine
	b.write("ref/y.raw", raw(t, []float32{1}))
	b.write("run/static/y.output.1.fp32.raw", raw(t, []float32{1}))
	task := proof(verify.Tensor{Name: "y", Type: onnx.Float32, Shape: []int64{1}})
	task.Commands = append(task.Commands, task.Commands[0])
	r := b.run(task)
	if len(r.Commands) != 1 || r.Commands[0].Case == nil || r.Commands[0].Case.Loaded || r.Commands[0].Case.Passed || r.Commands[0].Verdict == nil {
		t.Errorf("%+v, want one command, not loaded, with a verdict", r.Commands)
	}
}

func TestADamagedReferenceIsNotTheEnginesFault(t *testing.T) {
	y := verify.Tensor{Name: "y", Type: onnx.Float32, Shape: []int64{2}}
	for name, reference := range map[string]string{"cut short": "1234567", "missing": ""} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, loaded+passed)
			if reference != "" {
				b.write("ref/y.raw", reference)
			}
			b.write("run/static/y.output.2.fp32.raw", raw(t, []float32{1, 2}))
			wantError(t, b.run(proof(y)), "workspace", "y")
		})
	}
}

func TestLatenciesComeFromTheLog(t *testing.T) {
	b := newBench(t, loaded+`echo '[08/20/2024-10:00:00] [I] Latency: min = 1 ms, max = 9 ms, mean = 2.5 ms, median = 2 ms, percentile(90%) = 3 ms, percentile(95%) = 4 ms, percentile(99%) = 5 ms'
`+passed)
	b.write("ref/y.raw", raw(t, []float32{1}))
	b.write("run/static/y.output.1.fp32.raw", raw(t, []float32{1}))
	for gate, ok := range map[float64]bool{0: true, 5: true, 4.9: false} {
		task := proof(verify.Tensor{Name: "y", Type: onnx.Float32, Shape: []int64{1}})
		task.Commands[0].Gates.MaxP99Ms = gate
		c := b.run(task).Commands[0].Case
		if c.Passed != ok || c.LatencyMs != (verify.Latency{Mean: 2.5, Median: 2, P99: 5}) {
			t.Errorf("gate %g: passed %v, latency %+v", gate, c.Passed, c.LatencyMs)
		}
	}
}

// Releases before 8.6 write outputs as text.
func TestExportedOutputsAreComparedToo(t *testing.T) {
	outputs := []verify.Tensor{
		{Name: "prob", Type: onnx.Float32, Shape: []int64{2}},
		{Name: "index", Type: onnx.Int64, Shape: []int64{2}},
		{Name: "mask", Type: onnx.Bool, Shape: []int64{2}},
	}
	for name, tc := range map[string]struct {
		json   string
		passed bool
		kind   string // of the task's error; "" for none
	}{
		"right": {`[ { "name" : "prob", "dimensions" : "2", "values" : [ 0.25, nan ] }
, { "name" : "index", "dimensions" : "2", "values" : [ 7, -1 ] }
, { "name" : "mask", "dimensions" : "2", "values" : [ 1, 0 ] } ]`, true, ""},
		"a wrong integer": {`[ { "name" : "prob", "dimensions" : "2", "values" : [ 0.25, nan ] }
, { "name" : "index", "dimensions" : "2", "values" : [ 7, -2 ] }
, { "name" : "mask", "dimensions" : "2", "values" : [ 1, 0 ] } ]`, false, ""},
		"one left out":     {`[ { "name" : "prob", "dimensions" : "2", "values" : [ 0.25, nan ] } ]`, false, ""},
		"nothing written":  {"", false, ""},
		"cut in the midst": {`[ { "name" : "prob", "dimensions" : "2", "values" : [ 0.25`, false, "workspace"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, loaded+passed)
			b.write("ref/prob.raw", raw(t, []float32{0.25, float32(math.NaN())}))
			b.write("ref/index.raw", raw(t, []int64{7, -1}))
			b.write("ref/mask.raw", raw(t, []bool{true, false}))
			if tc.json != "" {
				b.write("run/static/outputs.json", tc.json)
			}
			task := proof(outputs...)
			task.Commands[0].Args = append(task.Commands[0].Args, "--exportOutput=outputs.json")
			r := b.run(task)
			if tc.kind != "" {
				wantError(t, r, tc.kind, "exported outputs of static")
				return
			}
			if r.Error != nil || r.Commands[0].Case == nil || r.Commands[0].Case.Passed != tc.passed {
				t.Errorf("%+v, %+v; want passed %v", r.Error, r.Commands[0].Case, tc.passed)
			}
		})
	}
}

func TestInputsAreNarrowedWhereTensorRTIsNarrow(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		cast string
		want string
		kind string
		says string
	}{
		"values that fit":      {raw(t, []int64{0, -1, math.MaxInt32, math.MinInt32}), "int64-int32", raw(t, []int32{0, -1, math.MaxInt32, math.MinInt32}), "", ""},
		"no values":            {"", "int64-int32", "", "", ""},
		"one beyond the top":   {raw(t, []int64{1, math.MaxInt32 + 1}), "int64-int32", "", "input", "holds 2147483648"},
		"one below the bottom": {raw(t, []int64{math.MinInt32 - 1}), "int64-int32", "", "input", "holds -2147483649"},
		"a file cut short":     {raw(t, []int64{1})[:7], "int64-int32", "", "workspace", "unexpected EOF"},
		"doubles":              {raw(t, []float64{0.1, -2, math.MaxFloat64}), "float64-float32", raw(t, []float32{0.1, -2, float32(math.Inf(1))}), "", ""},
		"another conversion":   {raw(t, []int64{1}), "fp64-fp32", "", "tool", "fp64-fp32"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "cat run/cast.raw | wc -c\n"+passed)
			b.write("ref/in.raw", tc.in)
			task := build()
			task.Commands[0].Cast = []Cast{{From: "ref/in.raw", To: "run/cast.raw", Type: tc.cast}}
			r := b.run(task)
			if tc.kind != "" {
				wantError(t, r, tc.kind, tc.says)
				if len(r.Commands) > 0 {
					t.Error("the command ran all the same")
				}
				return
			}
			if r.Error != nil || b.read("run/cast.raw") != tc.want {
				t.Errorf("%+v: % x", r.Error, b.read("run/cast.raw"))
			}
			if got := strings.TrimSpace(b.printed("stdout")[0]); got != fmt.Sprint(len(tc.want)) {
				t.Errorf("the command saw %s bytes, want %d", got, len(tc.want))
			}
		})
	}
}
