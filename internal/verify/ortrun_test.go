package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// script makes an ortrun of a few lines of shell, with something for a library.
func script(t *testing.T, lines string) Ortrun {
	t.Helper()
	dir := folder(t, map[string][]byte{"ortrun": []byte("#!/bin/sh\n" + lines), libraryFile: nil})
	if err := os.Chmod(filepath.Join(dir, "ortrun"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Ortrun{Program: filepath.Join(dir, "ortrun")}
}

func TestOrtrunReportsWhatTheChildDid(t *testing.T) {
	t.Setenv("ORT_LIBRARY", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	for name, tc := range map[string]struct {
		lines string
		want  string // in the error, or "" for success
		code  fault.Code
	}{
		"an answer":                  {`echo '{"runtime":"ort 1","outputs":[{"name":"y","type":1,"shape":[],"file":"out-0.raw"}]}'`, "", fault.OK},
		"no secrets reach it":        {`test -z "$AWS_SECRET_ACCESS_KEY" || exit 1; test -n "$ORT_LIBRARY" || exit 1; echo '{"runtime":"ort 1"}'`, "", fault.OK},
		"it gets absolute paths":     {`grep -q '"model":"/.*m.onnx".*"outdir":"/' || exit 1; echo '{"runtime":"ort 1"}'`, "", fault.OK},
		"a model it cannot run":      {`echo 'warning: x' >&2; echo 'ortrun: no kernel for Foo' >&2; echo bye >&2; exit 1`, "ONNX Runtime cannot run m.onnx: no kernel for Foo", fault.Usage},
		"a crash":                    {`kill -SEGV $$`, "was ended by signal: segmentation fault", fault.Environment},
		"an answer that is no JSON":  {`echo hello`, "ortrun's answer: invalid character", fault.Unknown},
		"an answer without a name":   {`echo '{}'`, "names no runtime", fault.Unknown},
		"an endless answer":          {`head -c 3000000 /dev/zero`, "printed more than 1024 KiB", fault.Unknown},
		"an output in another place": {`echo '{"runtime":"ort 1","outputs":[{"name":"y","type":1,"file":"/etc/passwd"}]}'`, "lies outside", fault.Unknown},
		"an endless complaint":       {`head -c 3000000 /dev/zero >&2; echo >&2; echo 'ortrun: at last' >&2; exit 1`, "cannot run m.onnx: at last", fault.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := script(t, tc.lines).Run(t.Context(), "m.onnx", t.TempDir(), nil)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("Run: %v, want %q", err, tc.want)
			}
			if code := fault.CodeOf(err); code != tc.code {
				t.Errorf("exit code %d, want %d: %v", code, tc.code, err)
			}
		})
	}
}

func TestOrtrunNamesWhatIsMissing(t *testing.T) {
	t.Setenv("ORT_LIBRARY", "")
	whole := script(t, "exit 1")
	bare := script(t, "exit 1")
	if err := os.Remove(filepath.Join(filepath.Dir(bare.Program), libraryFile)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		o    Ortrun
		want string
	}{
		"the program":       {Ortrun{Program: filepath.Join(t.TempDir(), "ortrun")}, "ortrun cannot be used: it is not there"},
		"the library":       {bare, libraryFile + " cannot be used: it is not there"},
		"the named library": {Ortrun{Program: whole.Program, Library: "/nowhere/lib.so"}, "/nowhere/lib.so cannot be used"},
	} {
		_, err := tc.o.Version(t.Context())
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "fix: run make") ||
			fault.CodeOf(err) != fault.Environment {
			t.Errorf("%s: %v (exit code %d), want %q", name, err, fault.CodeOf(err), tc.want)
		}
	}
}

func TestOrtrunEndsWithItsContext(t *testing.T) {
	o := script(t, "exec sleep 60")
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, enough)
	defer cancel()
	start := time.Now()
	if _, err := o.Run(ctx, "m.onnx", t.TempDir(), nil); !errors.Is(err, enough) || time.Since(start) > 10*time.Second {
		t.Errorf("Run: %v after %v, want the cause at once", err, time.Since(start))
	}
}

// realRuntime is ONNX Runtime itself.
func realRuntime(t *testing.T) Ortrun {
	t.Setenv("ORT_LIBRARY", "")
	return Ortrun{Program: filepath.Join(testbed.Bin(t), "ortrun")}
}

func TestOnnxRuntimeMakesReferences(t *testing.T) {
	rt := realRuntime(t)
	version, err := rt.Version(t.Context())
	if err != nil || !strings.HasPrefix(version, "onnxruntime ") {
		t.Fatalf("version %q, %v", version, err)
	}
	m, err := onnx.Inspect("testdata/mnist/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := Cases(m, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	done, err := MakeReference(t.Context(), rt, "testdata/mnist/model.onnx", cases, dir, Seed("mnist"))
	if err != nil {
		t.Fatal(err)
	}
	out := done[0].Outputs[0]
	if out.Name != "Plus214_Output_0" || shapeText(out.Shape) != "[1 10]" || out.Size != 40 {
		t.Fatalf("output %+v", out)
	}
	// A second run is within a strict tolerance, and one changed value is not.
	data, err := os.ReadFile(filepath.Join(dir, out.File))
	if err != nil {
		t.Fatal(err)
	}
	again, err := MakeReference(t.Context(), rt, "testdata/mnist/model.onnx", cases, dir, Seed("mnist"))
	if err != nil || again[0].Inputs[0].SHA256 != done[0].Inputs[0].SHA256 {
		t.Fatalf("again: %v", err)
	}
	same, err := compareFile(dir, again[0].Outputs[0], data)
	if err != nil || !same.Passed {
		t.Errorf("a second run: %+v, %v", same, err)
	}
	le := binary.LittleEndian
	le.PutUint32(data[12:], math.Float32bits(math.Float32frombits(le.Uint32(data[12:]))*1.01))
	off, err := compareFile(dir, again[0].Outputs[0], data)
	if err != nil || off.Passed || fmt.Sprint(off.Worst.Index) != "[0 3]" {
		t.Errorf("1 %% off: %+v, %v", off, err)
	}
}

func compareFile(dir string, want Tensor, got []byte) (Errors, error) {
	f, err := os.Open(filepath.Join(dir, want.File))
	if err != nil {
		return Errors{}, err
	}
	defer f.Close()
	return Compare(strings.NewReader(string(got)), f, want.Type, want.Type, want.Shape, Tolerance{1e-5, 1e-5})
}

// TestOnnxRuntimeAgreesWithTheModelsOwnOutput runs a model whose publishers say
// what it gives for arange(n)/n.
func TestOnnxRuntimeAgreesWithTheModelsOwnOutput(t *testing.T) {
	rt := realRuntime(t)
	m, err := onnx.Inspect("testdata/squeezenet/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * 224 * 224
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i) / n
	}
	in := folder(t, map[string][]byte{m.Inputs[0].Name + ".raw": raw(onnx.Float32, values...)})
	dir, own := t.TempDir(), t.TempDir()
	golden, err := Golden(in, "", m, dir)
	if err != nil {
		t.Fatal(err)
	}
	done, err := MakeReference(t.Context(), rt, "testdata/squeezenet/model.onnx", []Case{*golden}, dir, Seed("s"))
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("testdata/squeezenet/output_0.pb")
	if err != nil {
		t.Fatal(err)
	}
	withOutputs := folder(t, map[string][]byte{"output_0.pb": published})
	both, err := Golden(in, withOutputs, m, own)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, done[0].Outputs[0].File))
	if err != nil {
		t.Fatal(err)
	}
	e, err := compareFile(own, both.Outputs[0], got)
	if err != nil || e.MaxAbs > 1e-6 || e.MaxRel > 1e-3 {
		t.Errorf("ONNX Runtime against the published output: %+v, %v", e, err)
	}
}
