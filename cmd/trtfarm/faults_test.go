package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/report"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// failure is one way in which a run of a single cell goes wrong, and what its
// user gets to see.
type failure struct {
	name   string
	matrix matrixText
	farm   string                      // farm file; "" for a simulated farm with a store in the site
	env    []string                    // more of trtfarm's environment
	files  map[string]string           // name in the site -> file to copy there
	before func(t *testing.T, s *site) // what else happens to the site first
	args   []string                    // more arguments of run

	code  fault.Code
	state farm.State // of the cell; "" when the run ends before it has cells
	cause string
	says  []string // what the message must hold, and with it a person needs
	fix   string   // part of the remedy
}

// matrixText fills in the matrix that most failures start from: one small model,
// one image, one GPU, one precision. Fields are TOML.
type matrixText struct {
	ONNX, Model, Images, GPUs, Precisions, Matrix, Build, Verify string
}

var oneCell = template.Must(template.New("matrix").Parse(`version = 1

[model.m]
release = "1"
onnx    = {{or .ONNX "\"mnist.onnx\""}}
{{.Model}}

[matrix]
images     = {{or .Images "[\"nvcr.io/nvidia/tensorrt:24.08-py3\"]"}}
gpus       = {{or .GPUs "[\"T4\"]"}}
precisions = {{or .Precisions "[\"fp32\"]"}}
{{.Matrix}}

[build]
retries = 0
{{.Build}}

[verify]
{{.Verify}}
`))

func (m matrixText) String() string {
	var b strings.Builder
	if err := oneCell.Execute(&b, m); err != nil {
		panic(err) // the template is a constant, its fields are strings
	}
	return b.String()
}

const mnist = "../../matrices/models/mnist/model.onnx"

// broken is where the models lie that no TensorRT can take.
const broken = "../../internal/onnx/testdata"

// faultStore is the farm file of a store beside it, where the farm is simulated.
const faultStore = "version = 1\n\n[store]\nurl = \"file:./store\"\n"

// goodSite makes a site in whose store one record lies.
func goodSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, faultStore)
	s.copy("mnist.onnx", mnist)
	s.write("good.toml", matrixText{GPUs: `["A10"]`}.String())
	s.mustRun(0, "good.toml")
	return s
}

// like makes a site with the same record and model.
func (s *site) like(t *testing.T, farmFile string) *site {
	t.Helper()
	twin := newSite(t, farmFile)
	twin.copy("mnist.onnx", mnist)
	if err := os.CopyFS(filepath.Join(twin.dir, "store"), os.DirFS(filepath.Join(s.dir, "store"))); err != nil {
		t.Fatal(err)
	}
	return twin
}

func (s *site) copy(name, from string) {
	s.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name, string(data))
}

// check runs the failure in a site and holds what comes out to what f says. The
// store at url must hold afterwards what it held before.
func (f failure) check(t *testing.T, s *site, url string) {
	t.Helper()
	for name, from := range f.files {
		s.copy(name, from)
	}
	s.write("fault.toml", f.matrix.String())
	if f.before != nil {
		f.before(t, s)
	}
	before := published(t, url)
	for _, v := range f.env {
		if name, path, _ := strings.Cut(v, "="); name == "TMPDIR" {
			v = "TMPDIR=" + filepath.Join(s.dir, path)
		}
		s.env = append(s.env, v)
	}
	out, errs, code := s.run(append([]string{"run", "--json", "fault.toml"}, f.args...)...)
	if after := published(t, url); !maps.Equal(before, after) {
		t.Errorf("the store was touched:\n%v\nbefore it was\n%v", after, before)
	}
	if code != int(f.code) {
		t.Errorf("exit %d, want %d", code, f.code)
	}
	message, fix := f.said(t, out, errs)
	t.Logf("exit %d\n%s\n  fix: %s", code, message, fix)
	for _, want := range f.says {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q:\n%s", want, message)
		}
	}
	if fix == "" && !strings.Contains(message, "allowed: ") {
		t.Error("nothing says what to do")
	}
	if !strings.Contains(fix, f.fix) {
		t.Errorf("the remedy lacks %q:\n%s", f.fix, fix)
	}
}

// said returns what the run said of its one cell, or of itself when it did not
// get as far as that.
func (f failure) said(t *testing.T, out, errs string) (message, fix string) {
	t.Helper()
	if f.state == "" {
		if out != "" {
			t.Errorf("there is a result, though nothing was run:\n%s", out)
		}
		_, fix, _ = strings.Cut(errs, "fix: ")
		return errs, fix
	}
	var doc report.Run
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v in\n%s\n%s", err, out, errs)
	}
	if len(doc.Cells) != 1 {
		t.Fatalf("%d cells, want 1", len(doc.Cells))
	}
	c := doc.Cells[0]
	if c.Status != f.state || c.Error == nil {
		t.Fatalf("the cell is %s with %+v, want %s with an error\n%s", c.Status, c.Error, f.state, errs)
	}
	if c.Engine != nil {
		t.Errorf("there is an engine: %+v", c.Engine)
	}
	if c.Error.Code != f.code || c.Error.Cause != f.cause {
		t.Errorf("code %d, cause %s; want %d, %s", c.Error.Code, c.Error.Cause, f.code, f.cause)
	}
	if !strings.Contains(c.Error.Message, c.ID) {
		t.Errorf("the message does not name the cell %s: %s", c.ID, c.Error.Message)
	}
	return c.Error.Message, c.Error.Fix
}

// ownData names the reference data of ownOperator in a matrix.
const ownData = "inputs = \"in\"\noutputs = \"out\"\n"

// ownOperator brings a model with an operator of nobody's, its reference data, and
// a library of other operators.
func ownOperator(_ *testing.T, s *site) {
	s.write("own.onnx", oneNode("Sharpen_TRT", onnx.Float32))
	zeros := string(make([]byte, 16))
	s.write("in/x.raw", zeros)
	s.write("out/y.raw", zeros)
	s.write("libother.so", "\x7fELF Blur_TRT")
}

// laterOperator brings a model with an operator that no parser before 9.2 imports.
func laterOperator(_ *testing.T, s *site) { s.write("hardmax.onnx", oneNode("Hardmax", onnx.Float32)) }

// halfModel brings a model that is in FP16 by itself, so that every TensorRT can
// be asked for it.
func halfModel(_ *testing.T, s *site) { s.write("half.onnx", oneNode("Relu", onnx.Float16)) }

// oneNode is a model of a single node.
func oneNode(operator string, t onnx.DataType) string {
	return string(onnxtest.Model(
		onnxtest.Node(operator, []string{"x"}, []string{"y"}),
		onnxtest.Input("x", t, 4), onnxtest.Output("y", t, 4)))
}

// published reads everything in a store that makes something published, by key.
func published(t *testing.T, url string) map[string]string {
	t.Helper()
	store, err := openStore(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, prefix := range []string{"records/", "releases/", "channels/"} {
		for info, err := range store.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			body, err := store.Open(t.Context(), info.Key, 0)
			if err != nil {
				t.Fatal(err)
			}
			var data bytes.Buffer
			_, err = io.Copy(&data, body)
			body.Close()
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data.Bytes())
			all[info.Key] = hex.EncodeToString(sum[:])
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no record to begin with", url)
	}
	return all
}

// TestFaultsOfTheInput are mistakes in what the user wrote or brought. None of
// them gets as far as a GPU.
func TestFaultsOfTheInput(t *testing.T) {
	runFailures(t, inputFailures)
}

// TestFaultsOfTheEngine are runs in which trtexec, its machine or its engine is
// at fault.
func TestFaultsOfTheEngine(t *testing.T) {
	runFailures(t, engineFailures)
}

// TestFaultsOfTheEngineInEveryGeneration are those of the engine's faults that
// each generation of TensorRT words in its own way.
func TestFaultsOfTheEngineInEveryGeneration(t *testing.T) {
	for _, image := range testbed.Images {
		t.Run(image.TensorRT, func(t *testing.T) {
			all := slices.Clone(everywhere)
			for i := range all {
				all[i].matrix.Images = fmt.Sprintf(`["nvcr.io/nvidia/tensorrt:%s"]`, image.Tag)
			}
			runFailures(t, all)
		})
	}
}

// crashing is a matrix of which some cells crash trtexec: those of a precision.
func crashing(t *testing.T, precisions, only string) *site {
	s := goodSite(t)
	s.write("fault.toml", matrixText{Precisions: precisions}.String())
	s.env = append(s.env, "TRTSIM_FAULT=crash@build", "TRTSIM_FAULT_CELL="+only)
	return s
}

func TestFaultsOfSeveralKindsEndWithACodeOfTheirOwn(t *testing.T) {
	s := crashing(t, `["fp32", "fp16", "int8"]`, "--fp16")
	before := published(t, "file:"+filepath.Join(s.dir, "store"))
	doc := s.mustRun(int(fault.Several), "fault.toml")
	want := map[string]string{"m/24.08-py3/t4/fp32": "published 0", "m/24.08-py3/t4/fp16": "failed 3", "m/24.08-py3/t4/int8": "refused 2"}
	for _, c := range doc.Cells {
		code := fault.OK
		if c.Error != nil {
			code = c.Error.Code
		}
		if got := fmt.Sprint(c.Status, " ", code); got != want[c.ID] {
			t.Errorf("%s: %s, want %s", c.ID, got, want[c.ID])
		}
	}
	if after := published(t, "file:"+filepath.Join(s.dir, "store")); len(doc.Cells) != 3 || len(after) != len(before)+1 {
		t.Errorf("%d cells, %d records more; want 3, 1", len(doc.Cells), len(after)-len(before))
	}
}

func TestFaultsLeaveWhatTrtexecPrinted(t *testing.T) {
	s := crashing(t, `["fp32"]`, "")
	doc := s.mustRun(int(fault.Build), "fault.toml")
	log, err := os.ReadFile(filepath.Join(doc.Cells[0].Log, "build.log"))
	if err != nil || !strings.Contains(string(log), "Segmentation fault") {
		t.Errorf("%v, the log of the build is:\n%s", err, log)
	}
}

func TestFaultsStopARunThatFailsFast(t *testing.T) {
	for name, tc := range map[string]struct {
		precisions, crash string
		code              fault.Code
		failed            farm.State
	}{
		"a crash":       {`["fp16", "tf32", "fp32"]`, "", fault.Build, farm.Failed},
		"a refused one": {`["int8", "tf32", "fp32"]`, "nothing", fault.Usage, farm.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := crashing(t, tc.precisions, tc.crash)
			url := "file:" + filepath.Join(s.dir, "store")
			before := published(t, url)
			doc := s.mustRun(int(tc.code), "fault.toml", "--fail-fast")
			count := map[farm.State]int{}
			for _, c := range doc.Cells {
				count[c.Status]++
			}
			if last := doc.Cells[len(doc.Cells)-1]; count[tc.failed] == 0 || last.Status != farm.Cancelled {
				t.Errorf("%v, the last cell is %s; want %s, and the last cancelled", count, last.Status, tc.failed)
			}
			if after := published(t, url); !maps.Equal(before, after) {
				t.Errorf("the store was touched: %v", after)
			}
		})
	}
}

func runFailures(t *testing.T, failures []failure) {
	good := goodSite(t)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := good.like(t, cmp.Or(f.farm, faultStore))
			f.check(t, s, "file:"+filepath.Join(s.dir, "store"))
		})
	}
}
