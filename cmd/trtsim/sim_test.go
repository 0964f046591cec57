package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/testbed"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// TestMain lets the test binary be trtsim itself, for what only a process shows.
func TestMain(m *testing.M) {
	if os.Getenv("TRTSIM_TEST_MAIN") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// releases are those that images of the test registry stand for.
var releases = []string{"8.6.1.6", "10.3.0.26", "11.1.0.106"}

// withOld are these and those before 8.6.
var withOld = append([]string{"8.4.3.1", "8.5.1.7"}, releases...)

// outcome is what one run left.
type outcome struct {
	status
	out, errs string
}

// log reads both streams as trtfarm does.
func (o outcome) log(t *testing.T) trtexec.Log {
	t.Helper()
	l, err := trtexec.ReadLog(strings.NewReader(o.out + o.errs))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// environment of a run: the release, a T4, and what env adds as "NAME=value".
func trtexecRun(t *testing.T, release string, env []string, args ...string) outcome {
	t.Helper()
	vars := map[string]string{"TRT_VERSION": release, "TRTSIM_GPU": "T4", "TRTSIM_ORTRUN": os.Getenv("TRTSIM_ORTRUN")}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	var out, errs bytes.Buffer
	st := run(append([]string{"trtexec"}, spoken(release, args)...), func(name string) string { return vars[name] }, &out, &errs)
	return outcome{st, out.String(), errs.String()}
}

// spoken gives two flags the names that they had before 8.6.
func spoken(release string, args []string) []string {
	if v, err := catalog.ParseVersion(release); err != nil || v.AtLeast(8, 6) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		if a == "--skipInference" {
			args[i] = "--buildOnly"
		}
		args[i] = strings.Replace(args[i], "--staticPlugins=", "--plugins=", 1)
	}
	return args
}

// withRuntime makes ortrun available or skips the test.
func withRuntime(t *testing.T) {
	t.Helper()
	t.Setenv("TRTSIM_ORTRUN", filepath.Join(testbed.Bin(t), "ortrun"))
}

// has fails the test when the text lacks a part.
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

// save writes a file into the working directory.
func save(t *testing.T, name string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func floats(values ...float32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// scaled is y = x * w for three columns and the given number of rows, -1 for a
// dynamic one.
func scaled(rows int64, w ...float32) []byte {
	return onnxtest.Model(
		onnxtest.Node("Mul", []string{"x", "w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Float32, 3), onnxtest.Raw(floats(w...))),
		onnxtest.Input("x", onnx.Float32, rows, 3), onnxtest.Output("y", onnx.Float32, rows, 3),
	)
}

// custom is y = Frobnicate(x), which no parser knows.
func custom() []byte {
	return onnxtest.Model(
		onnxtest.Node("Frobnicate", []string{"x"}, []string{"y"}),
		onnxtest.Input("x", onnx.Float32, 3), onnxtest.Output("y", onnx.Float32, 3),
	)
}

// inFolder moves the test into an empty folder with a static and a dynamic model.
func inFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	save(t, "static.onnx", scaled(2, 1, 0.1, -3))
	save(t, "dynamic.onnx", scaled(-1, 1, 0.1, -3))
	save(t, "custom.onnx", custom())
	save(t, "corrupt.onnx", []byte{8, 8, 0x3a, 0xff, 0xff, 0xff})
}

// builds makes an engine and fails the test when that does not pass.
func builds(t *testing.T, release string, env []string, args ...string) {
	t.Helper()
	if o := trtexecRun(t, release, env, append([]string{"--skipInference"}, args...)...); o.status != passed {
		t.Fatalf("build %q with %s ended with %+v\n%s%s", args, release, o.status, o.out, o.errs)
	}
}

var dynamicShapes = []string{"--onnx=dynamic.onnx", "--minShapes=x:1x3", "--optShapes=x:2x3", "--maxShapes=x:4x3"}

func dynamicArgs(more ...string) []string { return slices.Concat(dynamicShapes, more) }
