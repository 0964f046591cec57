package main

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// generations are the releases of the flag table with all four numbers, as
// images or packages carry them.
var generations = strings.Fields(`8.4.3.1 8.5.1.7 8.6.1.6 9.0.1.4 9.1.0.4 9.2.0.5 9.3.0.1
10.0.1.6 10.1.0.27 10.2.0.19 10.3.0.26 10.4.0.26 10.5.0.18 10.6.0.26 10.7.0.23 10.8.0.43 10.9.0.34 10.10.0.31 10.11.0.33
10.12.0.36 10.13.0.35 10.13.2.6 10.13.3.9 10.14.1.48 10.15.1.29 10.16.0.72 11.0.0.114 11.1.0.106`)

func TestGenerationsAreThoseOfTheTable(t *testing.T) {
	table := catalog.Releases()
	if len(table) != len(generations) {
		t.Fatalf("the table has %d releases, the tests have %d", len(table), len(generations))
	}
	for i, text := range generations {
		if v := parsed(t, text); !table[i].Agrees(v) && table[i].Patch > 0 || v.Major != table[i].Major || v.Minor != table[i].Minor {
			t.Errorf("%s stands where the table has %s", text, table[i])
		}
	}
}

func parsed(t *testing.T, text string) catalog.Version {
	t.Helper()
	v, err := catalog.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// intent is something that trtfarm wants of every release.
type intent struct {
	model     string // model.onnx of each run
	precision string
	typed     bool
	gpu       string // builds; a T4 if empty
	runsOn    string // runs; the same if empty
	build     func(*trtexec.Build)
	run       func(*trtexec.Inference)
	input     []float64
	layer     string                     // type of the layers, if another than the precision
	within    float64                    // relative error of the outputs
	there     func(catalog.Version) bool // which releases have it
}

func always(catalog.Version) bool { return true }

func from(major, minor int) func(catalog.Version) bool {
	return func(v catalog.Version) bool { return v.AtLeast(major, minor) }
}

// switches holds releases whose precisions are switches, from one on.
func switches(major, minor int) func(catalog.Version) bool {
	return func(v catalog.Version) bool { return v.AtLeast(major, minor) && !v.AtLeast(11, 0) }
}

func oneProfile(b *trtexec.Build) {
	b.Profiles = []trtexec.Profile{{Shapes: []trtexec.Shape{{Input: "x", Min: []int64{1, 3}, Opt: []int64{2, 3}, Max: []int64{4, 3}}}}}
}

var intents = map[string]intent{
	"static": {precision: "fp32", within: 1e-6, there: always},
	"dynamic": {model: "dynamic.onnx", precision: "fp32", build: oneProfile, within: 1e-6, there: always,
		run: func(i *trtexec.Inference) {
			i.Profiles, i.Shapes = 1, []trtexec.Binding{{Input: "x", Dims: []int64{2, 3}}}
		}},
	"two profiles": {model: "dynamic.onnx", precision: "fp32", within: 1e-6, there: from(9, 0),
		build: func(b *trtexec.Build) {
			oneProfile(b)
			b.Profiles = append(b.Profiles, trtexec.Profile{Shapes: []trtexec.Shape{{Input: "x", Min: []int64{1, 3}, Opt: []int64{8, 3}, Max: []int64{9, 3}}}})
		},
		run: func(i *trtexec.Inference) {
			i.Profiles, i.Profile, i.Shapes = 2, 1, []trtexec.Binding{{Input: "x", Dims: []int64{2, 3}}}
		}},
	"all that changes no result": {precision: "fp32", within: 1e-6, there: always,
		build: func(b *trtexec.Build) {
			b.WorkspaceMiB, b.TimingCache, b.Modes.Refit, b.Plugins = 64, "t.cache", true, []string{"a.so", "b.so"}
			if b.TensorRT.AtLeast(8, 6) {
				b.OptimizationLevel, b.DynamicPlugins = 2, []string{"c.so"}
			}
		},
		run: func(i *trtexec.Inference) {
			i.Plugins = []string{"a.so", "b.so"}
			if i.TensorRT.AtLeast(8, 6) {
				i.DynamicPlugins = []string{"c.so"}
			}
		}},
	"fp16": {precision: "fp16", within: 2e-3, there: switches(8, 4)},
	"bf16": {precision: "bf16", gpu: "A10", within: 2e-2, there: switches(9, 0)},
	"int8": {precision: "int8", within: 5e-2, there: switches(8, 4),
		build: func(b *trtexec.Build) { b.Calibration = "calib.cache" }},
	"fp16 of the model": {model: "half.onnx", precision: "fp16", typed: true, within: 2e-3, there: always},
	"int64":             {model: "long.onnx", precision: "fp32", input: []float64{1, -2, 3, -4, 5, -6}, layer: "int64", there: always},
	"for later releases and GPUs": {precision: "fp32", gpu: "A10", runsOn: "L4", within: 1e-6, there: from(8, 6),
		build: func(b *trtexec.Build) { b.Modes.VersionCompatible, b.Modes.Hardware = true, "ampere+" },
		run:   func(i *trtexec.Inference) { i.VersionCompatible = true }},
	"for all of one capability": {precision: "fp32", gpu: "A10", runsOn: "A10G", within: 1e-6, there: from(10, 9),
		build: func(b *trtexec.Build) { b.Modes.Hardware = "sameComputeCapability" }},
	"stripped and refitted": {precision: "fp32", within: 1e-6, there: from(10, 14),
		build: func(b *trtexec.Build) { b.Modes.Stripped = true },
		run:   func(i *trtexec.Inference) { i.Refit = i.Engine[:len(i.Engine)-len("e.plan")] + "static.onnx" }},
}

// TestEveryGeneration lets trtfarm's own command lines build and run engines
// with every release, and reads log, layers, engine and outputs as trtfarm does.
func TestEveryGeneration(t *testing.T) {
	withRuntime(t)
	ortrun := os.Getenv("TRTSIM_ORTRUN")
	for _, release := range generations {
		for name, in := range intents {
			t.Run(release+" "+name, func(t *testing.T) {
				t.Parallel()
				g := generation{release, parsed(t, release), t.TempDir(), ortrun, in}
				g.prove(t)
			})
		}
	}
}

// generation is one release that is to fulfil one intent.
type generation struct {
	release string
	version catalog.Version
	dir     string
	ortrun  string
	intent
}

// process runs trtsim as a process of its own, since it works in the folder that
// it is started in.
func (g generation) process(t *testing.T, gpu string, argv []string) (trtexec.Log, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], argv[1:]...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "TRTSIM_TEST_MAIN=1", "TRT_VERSION="+g.release, "TRTSIM_GPU="+gpu, "TRTSIM_ORTRUN="+g.ortrun)
	out, err := cmd.CombinedOutput()
	l, lerr := trtexec.ReadLog(strings.NewReader(string(out)))
	if lerr != nil {
		t.Fatal(lerr)
	}
	if ok, why := l.OK(cmd.ProcessState.ExitCode(), slices.ContainsFunc(argv, func(a string) bool { return strings.HasPrefix(a, "--loadEngine=") })); err != nil || !ok {
		t.Fatalf("%q: %v, %s\n%s", argv, err, why, out)
	}
	want := parsed(t, g.release)
	want.Build = -1
	if v := parsed(t, l.TensorRT); !v.Agrees(want) || !l.Simulated || len(l.Errors)+len(l.Forced) > 0 || !l.Deserialized {
		t.Errorf("%q: log is %+v\n%s", argv, l, out)
	}
	return l, string(out)
}

func (g generation) prove(t *testing.T) {
	g.files(t)
	b := trtexec.Build{TensorRT: g.version, Model: "static.onnx", Engine: "e.plan", Precision: g.precision, OptimizationLevel: -1,
		Typed: g.typed || g.version.AtLeast(11, 0) && g.precision == "fp32", LayerInfo: "layers.json"}
	i := trtexec.Inference{TensorRT: g.version, Engine: "../e.plan", Inputs: []trtexec.InputFile{{Input: "x", File: "../x.raw"}}, Outputs: "out.json", Iterations: 1}
	if g.model != "" {
		b.Model = g.model
	}
	if g.build != nil {
		g.build(&b)
	}
	if g.run != nil {
		g.run(&i)
	}
	build, err := b.Args()
	var run []string
	if err == nil {
		run, err = i.Args()
	}
	if _, refused := errors.AsType[*trtexec.Refusal](err); refused == g.there(g.version) || !refused && err != nil {
		t.Fatalf("the release has it: %v, but the command line is refused: %v", g.there(g.version), err)
	}
	if err != nil {
		return
	}
	gpu := g.gpu
	if gpu == "" {
		gpu = "T4"
	}
	built, _ := g.process(t, gpu, build)
	if b.TimingCache != "" {
		if _, text := g.process(t, gpu, build); !strings.Contains(text, "Loaded ") {
			t.Errorf("the second build does not load the timing cache:\n%s", text)
		}
	}
	g.engine(t, built)
	g.layers(t)
	if g.runsOn != "" {
		gpu = g.runsOn
	}
	g.dir = filepath.Join(g.dir, "run")
	ran, text := g.process(t, gpu, run)
	if ran.Latency.P99 <= 0 || ran.GPUCompute.Median <= 0 || ran.ThroughputQPS <= 0 || ran.Latency.Mean != ran.GPUCompute.Mean {
		t.Errorf("times of the run are %+v, %+v\n%s", ran.Latency, ran.GPUCompute, text)
	}
	if strings.Contains(text, "different models of devices") {
		t.Errorf("the engine does not suit the %s:\n%s", gpu, text)
	}
	g.outputs(t)
}

// files lays down models, libraries and the input.
func (g generation) files(t *testing.T) {
	w := []float32{1, 0.1, -3}
	half := onnxtest.Model(
		onnxtest.Node("Mul", []string{"x", "w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Float16, 3), onnxtest.Raw(binding{Tensor: typed(onnx.Float16)}.encode(1, 0.1, -3))),
		onnxtest.Input("x", onnx.Float16, 2, 3), onnxtest.Output("y", onnx.Float16, 2, 3))
	long := onnxtest.Model(onnxtest.Node("Add", []string{"x", "x"}, []string{"y"}),
		onnxtest.Input("x", onnx.Int64, 2, 3), onnxtest.Output("y", onnx.Int64, 2, 3))
	input := binding{Tensor: typed(g.inputType())}.encode(g.values()...)
	for name, data := range map[string][]byte{
		"static.onnx": scaled(2, w...), "dynamic.onnx": scaled(-1, w...), "half.onnx": half, "long.onnx": long,
		"a.so": []byte("any library"), "b.so": []byte("any library"), "c.so": []byte("any library"),
		"run/a.so": []byte("any library"), "run/b.so": []byte("any library"), "run/c.so": []byte("any library"),
		"calib.cache": []byte("TRT-8601-EntropyCalibration2\nx: 3c010a14\n"), "x.raw": input,
	} {
		save(t, filepath.Join(g.dir, name), data)
	}
}

func (g generation) values() []float64 {
	if g.input != nil {
		return g.input
	}
	return []float64{1, 2, 3, -0.7, 0.3, 1.1}
}

// inputType is what the engine binds.
func (g generation) inputType() onnx.DataType {
	switch {
	case g.model == "half.onnx":
		return onnx.Float16
	case g.model != "long.onnx":
		return onnx.Float32
	case trtexec.InputTypeNarrowed(g.version):
		return onnx.Int32
	}
	return onnx.Int64
}

// engine inspects the plan.
func (g generation) engine(t *testing.T, built trtexec.Log) {
	f, err := os.Open(filepath.Join(g.dir, "e.plan"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Inspect(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	container := "ftrt"
	if !g.version.AtLeast(8, 6) {
		container = "ptrt"
	}
	if e.Kind != engine.Plan || e.TensorRT != g.release || e.SM != built.Device.SM || e.Container != container || !e.Simulated || e.Truncated || e.Damaged {
		t.Errorf("engine is %+v", e)
	}
	if e.Device == nil || e.Device.SMs != built.Device.SMs || e.Device.MemoryBytes>>20 != built.Device.MemoryMiB {
		t.Errorf("device of the engine is %+v, that of the log %+v", e.Device, built.Device)
	}
}

// layers reads what the layers compute in.
func (g generation) layers(t *testing.T) {
	f, err := os.Open(filepath.Join(g.dir, "layers.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := g.precision
	if g.layer != "" {
		want = g.layer
	}
	got, err := trtexec.ReadLayerInfo(f)
	if err != nil || got[want] != 1 || len(got) != 1 {
		t.Errorf("layers are %v, %v, want one of %s", got, err, want)
	}
}

// outputs compares what the run wrote with what the model says.
func (g generation) outputs(t *testing.T) {
	var want []float64
	for i, x := range g.values() {
		if g.model == "long.onnx" {
			want = append(want, 2*x)
		} else {
			want = append(want, x*[]float64{1, 0.1, -3}[i%3])
		}
	}
	var got []float64
	if g.version.AtLeast(8, 6) {
		b := binding{Tensor: typed(g.inputType())}
		data, err := os.ReadFile(filepath.Join(g.dir, trtexec.RawOutputName("y", []int64{2, 3}, typeNames[b.typ()])))
		if err != nil {
			t.Fatal(err)
		}
		got = b.decode(data)
	} else {
		f, err := os.Open(filepath.Join(g.dir, "out.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		err = trtexec.ReadExportedOutput(f, func(name string, dims []int64) error {
			if name != "y" || !slices.Equal(dims, []int64{2, 3}) {
				t.Errorf("output is %s of %v", name, dims)
			}
			return nil
		}, func(v float64) error { got = append(got, v); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("outputs are %v, want %v", got, want)
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > g.within*max(1, math.Abs(want[i])) {
			t.Errorf("outputs are %v, want %v", got, want)
			break
		}
	}
}
