package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/rounding"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// quick are the flags of one short run.
var quick = []string{"--iterations=1", "--duration=0", "--warmUp=0", "--dumpRawBindingsToFile"}

func TestInferenceRoundsToThePrecision(t *testing.T) {
	withRuntime(t)
	x, w := float32(1.7), float32(0.1) // whose product in half precision needs rounding itself
	half := func(f float32) float32 { return rounding.FromHalf(rounding.Half(f)) }
	for _, tc := range []struct {
		release string
		gpu     string
		flags   []string
		want    []float32
	}{
		{"8.6.1.6", "T4", nil, []float32{1.0003, x * w, -9}},
		{"8.6.1.6", "T4", []string{"--fp16"}, []float32{half(1.0003), half(half(x) * half(w)), -9}},
		{"10.3.0.26", "A10", nil, []float32{rounding.TF32(1.0003), rounding.TF32(rounding.TF32(x) * rounding.TF32(w)), -9}},
		{"10.3.0.26", "A10", []string{"--noTF32"}, []float32{1.0003, x * w, -9}},
		{"11.1.0.106", "T4", nil, []float32{1.0003, x * w, -9}},
	} {
		inFolder(t)
		env := []string{"TRTSIM_GPU=" + tc.gpu}
		builds(t, tc.release, env, append(tc.flags, "--onnx=dynamic.onnx", "--saveEngine=e.plan", "--shapes=x:1x3")...)
		save(t, "in.raw", floats(1.0003, x, 3))
		o := trtexecRun(t, tc.release, env, append(quick, "--loadEngine=e.plan", "--shapes=x:1x3", "--loadInputs=x:in.raw")...)
		if o.status != passed {
			t.Fatalf("%s %q ends with %+v\n%s%s", tc.release, tc.flags, o.status, o.out, o.errs)
		}
		if got := readFloats(t, "y.output.1.3.fp32.raw"); !slices.Equal(got, tc.want) {
			t.Errorf("%s on %s %q: outputs are %v, want %v", tc.release, tc.gpu, tc.flags, got, tc.want)
		}
		if got := readFloats(t, "x.input.1.3.fp32.raw"); !slices.Equal(got, []float32{1.0003, x, 3}) {
			t.Errorf("inputs were changed: %v", got)
		}
	}
}

func TestInt64IsInt32BeforeTensorRT10(t *testing.T) {
	withRuntime(t)
	t.Chdir(t.TempDir())
	save(t, "m.onnx", onnxtest.Model(onnxtest.Node("Add", []string{"ids", "ids"}, []string{"twice"}),
		onnxtest.Input("ids", onnx.Int64, 2), onnxtest.Output("twice", onnx.Int64, 2)))
	le := binary.LittleEndian
	save(t, "in32.raw", le.AppendUint32(le.AppendUint32(nil, 7), math.MaxUint32-2))
	save(t, "in64.raw", le.AppendUint64(le.AppendUint64(nil, 7), math.MaxUint64-2))
	for _, tc := range []struct {
		release, input, output string
		want                   []byte
	}{
		{"8.6.1.6", "in32.raw", "twice.output.2.int32.raw", le.AppendUint32(le.AppendUint32(nil, 14), math.MaxUint32-5)},
		{"10.3.0.26", "in64.raw", "twice.output.2.int64.raw", le.AppendUint64(le.AppendUint64(nil, 14), math.MaxUint64-5)},
	} {
		builds(t, tc.release, nil, "--onnx=m.onnx", "--saveEngine=e.plan")
		o := trtexecRun(t, tc.release, nil, append(quick, "--loadEngine=e.plan", "--loadInputs=ids:"+tc.input, "--exportOutput=out.json")...)
		got, err := os.ReadFile(tc.output)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: outputs are %v, %v, want %v\n%s", tc.release, got, err, tc.want, o.out+o.errs)
		}
		has(t, string(must(os.ReadFile("out.json"))), `"name" : "twice"`, `"dimensions" : "2"`, "[ 14, -6 ]")
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestShapesOfARun(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	builds(t, "10.3.0.26", nil, dynamicArgs("--saveEngine=e.plan")...)
	o := trtexecRun(t, "10.3.0.26", nil, append(quick, "--loadEngine=e.plan")...)
	has(t, o.errs, "[W] Shape missing for input with dynamic shape: x")
	if _, err := os.Stat("y.output.1.3.fp32.raw"); err != nil {
		t.Errorf("without --shapes: %v", err)
	}
	trtexecRun(t, "10.3.0.26", nil, append(quick, "--loadEngine=e.plan", "--shapes=*:4x3")...)
	if _, err := os.Stat("y.output.4.3.fp32.raw"); err != nil {
		t.Errorf("with a wildcard: %v", err)
	}
	o = trtexecRun(t, "10.3.0.26", nil, dynamicArgs(quick...)...)
	if _, err := os.Stat("y.output.2.3.fp32.raw"); err != nil {
		t.Errorf("a build that goes on to run uses the optimum: %v\n%s", err, o.out+o.errs)
	}
}

func TestRandomInputsAreTheSameEveryRun(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	builds(t, "10.3.0.26", nil, "--onnx=static.onnx", "--saveEngine=e.plan")
	var first []float32
	for range 2 {
		o := trtexecRun(t, "10.3.0.26", nil, append(quick, "--loadEngine=e.plan")...)
		has(t, o.out, "Using random values for input x")
		got := readFloats(t, "x.input.2.3.fp32.raw")
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) || slices.ContainsFunc(got, func(f float32) bool { return f < -1 || f > 1 }) {
			t.Errorf("random inputs are %v, first %v", got, first)
		}
	}
}

func TestFaultsInOutputs(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	builds(t, "10.3.0.26", nil, "--onnx=static.onnx", "--saveEngine=e.plan")
	save(t, "in.raw", floats(1, 1, 1, 1, 1, 1))
	args := append(quick, "--loadEngine=e.plan", "--loadInputs=x:in.raw", "--exportOutput=out.json")
	trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=wrong-output@load:0.5"}, args...)
	if got := readFloats(t, "y.output.2.3.fp32.raw"); got[0] != 1.5 || got[2] != -4.5 {
		t.Errorf("wrong-output gives %v", got)
	}
	trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=nan"}, args...)
	if got := readFloats(t, "y.output.2.3.fp32.raw"); got[0] == got[0] {
		t.Errorf("nan gives %v", got)
	}
	if data := must(os.ReadFile("out.json")); json.Valid(data) || !strings.Contains(string(data), "[ nan, ") {
		t.Errorf("exported nan is %s", data)
	}
	trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=nan@build"}, args...)
	if got := readFloats(t, "y.output.2.3.fp32.raw"); got[0] != 1 {
		t.Errorf("a fault of the build changes the run: %v", got)
	}
	trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=nan", "TRTSIM_FAULT_CELL=another.plan"}, args...)
	if got := readFloats(t, "y.output.2.3.fp32.raw"); got[0] != 1 {
		t.Errorf("a fault of another cell changes the run: %v", got)
	}
}

func TestExportedTimes(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	builds(t, "8.6.1.6", nil, "--onnx=static.onnx", "--saveEngine=e.plan")
	o := trtexecRun(t, "8.6.1.6", nil, "--loadEngine=e.plan", "--iterations=20", "--duration=0", "--noDataTransfers", "--exportTimes=t.json")
	var times []map[string]float64
	if err := json.Unmarshal(must(os.ReadFile("t.json")), &times); err != nil {
		t.Fatal(err)
	}
	if len(times) != 20 || len(times[0]) != 12 || times[3]["h2dMs"] != 0 || times[3]["latencyMs"] != times[3]["computeMs"] {
		t.Errorf("%d times, the fourth %v", len(times), times[3])
	}
	has(t, o.out, "H2D Latency: min = 0 ms, max = 0 ms")
}

// A profiler on the measured run suppresses the summary, until 11.0 gave it a run
// of its own.
func TestProfiles(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	for _, tc := range []struct {
		release, flags string
		summary        bool
	}{
		{"8.6.1.6", "--dumpProfile", false},
		{"8.6.1.6", "--exportProfile=p.json", false},
		{"8.6.1.6", "--exportProfile=p.json --separateProfileRun", true},
		{"11.0.0.114", "--dumpProfile --exportProfile=p.json", true},
	} {
		builds(t, tc.release, nil, "--onnx=static.onnx", "--saveEngine=e.plan")
		o := trtexecRun(t, tc.release, nil, append(strings.Fields(tc.flags), "--loadEngine=e.plan")...)
		if got := strings.Contains(o.out, "Performance summary"); got != tc.summary {
			t.Errorf("%s %s: performance summary: %v", tc.release, tc.flags, got)
		}
		if told := strings.Contains(o.out, "To show e2e network timing report, add --separateProfileRun"); told == tc.summary {
			t.Errorf("%s %s: tells why there is no summary: %v", tc.release, tc.flags, told)
		}
		if strings.Contains(tc.flags, "--dumpProfile") {
			has(t, o.out, "=== Profile (", "Mul_0   ")
		}
		if strings.Contains(tc.flags, "--exportProfile") {
			var rows []map[string]any
			if err := json.Unmarshal(must(os.ReadFile("p.json")), &rows); err != nil || len(rows) != 2 || rows[0]["count"] == nil || rows[1]["name"] != "Mul_0" {
				t.Errorf("%s %s: profile is %v, %v", tc.release, tc.flags, rows, err)
			}
			if err := os.Remove("p.json"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A plugin can be named, but nobody can run it.
func TestPluginsDoNotRun(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	for before := 65536 - 20; before < 65536+20; before++ { // wherever the name stands
		save(t, "p.so", append([]byte("\x7fELF"), strings.Repeat("x", before)+"Frobnicate"+"yy"...))
		builds(t, "10.3.0.26", nil, "--onnx=custom.onnx", "--saveEngine=e.plan", "--staticPlugins=p.so")
	}
	o := trtexecRun(t, "10.3.0.26", nil, "--loadEngine=e.plan", "--staticPlugins=p.so")
	if o.status != failed {
		t.Errorf("ends with %+v", o.status)
	}
	has(t, o.errs, "Uncaught exception detected: Inference enqueue failed.")
	has(t, o.out, "trtsim: ortrun: ")
}

func TestRawNamesAreThoseThatTrtfarmLooksFor(t *testing.T) {
	for _, name := range []string{"y", "a/b:0", "ü,-_.x", "out put"} {
		for _, dims := range [][]int64{{}, {1}, {1, 3, 224, 224}} {
			if got, want := rawName(name, "output", dims, onnx.Float16), trtexec.RawOutputName(name, dims, "fp16"); got != want {
				t.Errorf("rawName(%q, %v) = %q, want %q", name, dims, got, want)
			}
		}
	}
}
