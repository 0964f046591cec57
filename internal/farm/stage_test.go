package farm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// counting is a runtime that gives another answer each time it is asked, as no
// real one does, so that it shows whose answer was taken.
type counting struct {
	runs atomic.Int32
	err  error
}

func (c *counting) Version(context.Context) (string, error) { return "counting 1", c.err }

func (c *counting) Run(_ context.Context, _, dir string, _ []verify.Tensor) ([]verify.Tensor, error) {
	n := c.runs.Add(1)
	if c.err != nil {
		return nil, c.err
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(n))
	return []verify.Tensor{{Name: "y", Type: onnx.Int32, Shape: []int64{1}, File: "out-0.raw"}}, os.WriteFile(filepath.Join(dir, "out-0.raw"), data, 0o644)
}

// staging is a model on disk, and what a plan says of it.
type staging struct {
	t     *testing.T
	dir   string
	cell  plan.Cell
	model plan.Model
	notes []string
}

// newStaging has a model with one input of 1 to 4 integers, in one profile.
func newStaging(t *testing.T) *staging {
	t.Helper()
	s := &staging{t: t, dir: t.TempDir()}
	s.model = plan.Model{
		Graph: &onnx.Model{Inputs: []onnx.Value{{Name: "x", Type: onnx.Int32, Shape: []onnx.Dim{{Size: -1, Param: "n"}}}},
			Outputs: []onnx.Value{{Name: "y", Type: onnx.Int32, Shape: []onnx.Dim{{Size: 1}}}}},
		Files:       []plan.File{s.file("m.onnx", "graph"), s.file("weights/w.bin", "weights")},
		Plugins:     []plan.File{s.file("libp.so", "plugin")},
		Calibration: map[string]plan.File{"calib.cache": s.file("calib.cache", "ranges")},
	}
	m := &matrix.Model{Name: "m", ONNX: "m.onnx", Profiles: []matrix.Profile{{Name: "p", Shapes: []matrix.Shape{
		{Input: "x", Min: []int64{1}, Opt: []int64{2}, Max: []int64{4}}}}}}
	s.cell = plan.Cell{Cell: &matrix.Cell{Model: m, Verify: matrix.Verify{Corners: true}}, ModelDigest: plan.ModelDigest(s.model.Files),
		Cases: []plan.Case{{Name: "p/min"}, {Name: "p/opt"}, {Name: "p/max"}}}
	return s
}

// file makes a file beside the matrix.
func (s *staging) file(name, text string) plan.File {
	s.t.Helper()
	at := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	d, err := artifact.SumFile(at)
	if err != nil {
		s.t.Fatal(err)
	}
	return plan.File{Name: name, Path: at, Size: d.Size, SHA256: d.SHA256}
}

// stager is a new one, as each run makes it.
func (s *staging) stager(store artifact.Store, rt verify.Runtime) *Stager {
	return &Stager{Store: store, Runtime: rt, Dir: s.t.TempDir(), Matrix: s.dir, Note: func(n string) { s.notes = append(s.notes, n) }}
}

func content(t *testing.T, store artifact.Store, d builder.Download) string {
	t.Helper()
	body, err := store.Open(t.Context(), d.Key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != d.Size {
		t.Errorf("%s has %d bytes, %d were said", d.Key, len(data), d.Size)
	}
	return string(data)
}

func TestEverythingThatACellNeedsIsStaged(t *testing.T) {
	s, store, rt := newStaging(t), testStore(t), &counting{}
	s.cell.Build.Calibration = "calib.cache"
	s.cell.Cases[2].Profile = 7 // the plan's word
	got, err := s.stager(store, rt).Stage(t.Context(), s.cell, s.model)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, d := range got.Fetch {
		have[d.Path] = content(t, store, d)
	}
	for path, want := range map[string]string{"model/m.onnx": "graph", "model/weights/w.bin": "weights", "plugins/0-libp.so": "plugin",
		"calibration.cache": "ranges", "ref/p-min/out-0.raw": "\x01\x00\x00\x00", "ref/p-max/out-0.raw": "\x03\x00\x00\x00"} {
		if have[path] != want {
			t.Errorf("%s holds %q, want %q", path, have[path], want)
		}
	}
	if len(have["ref/p-min/in-0.raw"]) != 4 || len(have["ref/p-max/in-0.raw"]) != 16 || len(have) != 10 {
		t.Errorf("fetched are %q", have)
	}
	if len(got.Cases) != 3 || got.Cases[2].Name != "p/max" || got.Cases[2].Profile != 7 {
		t.Errorf("cases %+v", got.Cases)
	}
}

func TestReferencesAreMadeOnceAndReused(t *testing.T) {
	s, store, rt := newStaging(t), testStore(t), &counting{}
	first := s.stager(store, rt)
	for range 3 { // cells of one model
		if _, err := first.Stage(t.Context(), s.cell, s.model); err != nil {
			t.Fatal(err)
		}
	}
	if n := rt.runs.Load(); n != 3 {
		t.Errorf("three cases took %d runs", n)
	}
	if want := []string{"make reference outputs of m for p/min", "make reference outputs of m for p/opt", "make reference outputs of m for p/max"}; !slices.Equal(s.notes, want) {
		t.Errorf("notes %q, want %q: small files are not worth one", s.notes, want)
	}
	left, err := os.ReadDir(first.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left on this machine: %v, %v", left, err)
	}

	was, _ := first.Stage(t.Context(), s.cell, s.model)
	again, err := s.stager(store, rt).Stage(t.Context(), s.cell, s.model)
	if err != nil || rt.runs.Load() != 3 {
		t.Errorf("the next run made references again: %d runs, %v", rt.runs.Load(), err)
	}
	if fmt.Sprint(again) != fmt.Sprint(was) {
		t.Errorf("the next run stages\n%+v\nwas\n%+v", again, was)
	}

	s.model.Files[0] = s.file("m.onnx", "another graph")
	s.cell.ModelDigest = plan.ModelDigest(s.model.Files)
	if _, err := s.stager(store, rt).Stage(t.Context(), s.cell, s.model); err != nil || rt.runs.Load() != 6 {
		t.Errorf("another model: %d runs, %v; want 6", rt.runs.Load(), err)
	}
}

func TestRacingStagersAgree(t *testing.T) {
	s, store, rt := newStaging(t), testStore(t), &counting{}
	stagers := make([]*Stager, 8)
	for i := range stagers {
		stagers[i] = s.stager(store, rt)
		stagers[i].Note = func(string) {}
	}
	found := make([]string, len(stagers))
	var group sync.WaitGroup
	for i, stager := range stagers {
		group.Go(func() {
			got, err := stager.Stage(t.Context(), s.cell, s.model)
			found[i] = fmt.Sprint(got, err)
		})
	}
	group.Wait()
	for i, f := range found {
		if f != found[0] || strings.Contains(f, "error") {
			t.Errorf("stager %d got\n%s\nstager 0\n%s", i, f, found[0])
		}
	}
}

func TestGoldenDataIsStaged(t *testing.T) {
	for name, place := range map[string]func(dir string) string{
		"beside the matrix": func(string) string { return "golden" },
		"an absolute path":  func(dir string) string { return filepath.Join(dir, "golden") },
		"a file URL":        func(dir string) string { return "file://" + filepath.Join(dir, "golden") },
	} {
		t.Run(name, func(t *testing.T) {
			s, store, rt := newStaging(t), testStore(t), &counting{}
			s.file("golden/x.3.int32.raw", "\x07\x00\x00\x00\x08\x00\x00\x00\x09\x00\x00\x00")
			s.file("golden/y.1.int32.raw", "\x2a\x00\x00\x00")
			s.cell.Model.Inputs, s.cell.Model.Outputs = place(s.dir), place(s.dir)
			s.cell.Cases = []plan.Case{{Name: "golden"}}
			rt.err = errors.New("nobody should ask for a runtime that is not needed")
			got, err := s.stager(store, rt).Stage(t.Context(), s.cell, s.model)
			if err != nil {
				t.Fatal(err)
			}
			if rt.runs.Load() != 0 || len(s.notes) > 0 {
				t.Errorf("%d references were computed, though all are given: %q", rt.runs.Load(), s.notes)
			}
			refs := References(got.Cases[0])
			if len(refs) != 2 || content(t, store, refs[0])[0] != 7 || content(t, store, refs[1])[0] != 42 {
				t.Errorf("golden case %+v", got.Cases)
			}
		})
	}
}

func TestWhatCannotBeStagedIsSaidOnceAndKept(t *testing.T) {
	absent := fault.New(fault.Environment, "reference-runtime", "run make", "ONNX Runtime is not there")
	for name, tc := range map[string]struct {
		change func(*staging, *counting)
		code   fault.Code
		says   []string
	}{
		"no runtime": {func(_ *staging, rt *counting) { rt.err = absent }, fault.Environment, []string{"ONNX Runtime is not there"}},
		"a model that was changed since it was planned": {func(s *staging, _ *counting) { s.file("m.onnx", "edited") },
			fault.Usage, []string{"m.onnx was changed"}},
		"a model that is gone": {func(s *staging, _ *counting) { os.Remove(s.model.Files[0].Path) }, fault.Usage, []string{"m.onnx"}},
		"reference data of another type": {func(s *staging, _ *counting) {
			s.file("golden/x.3.fp32.raw", "\x07\x00\x00\x00\x08\x00\x00\x00\x09\x00\x00\x00")
			s.cell.Model.Inputs = "golden"
			s.cell.Cases = append(s.cell.Cases, plan.Case{Name: "golden"})
		}, fault.Usage, []string{"x.3.fp32.raw", "float32", "int32"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, store, rt := newStaging(t), testStore(t), &counting{}
			tc.change(s, rt)
			stager := s.stager(store, rt)
			_, err := stager.Stage(t.Context(), s.cell, s.model)
			f := fault.In(err)
			if f == nil || f.Code != tc.code {
				t.Fatalf("got %v, want a fault with code %d", err, tc.code)
			}
			for _, part := range tc.says {
				if !strings.Contains(f.Message, part) {
					t.Errorf("%q lacks %q", f.Message, part)
				}
			}
			runs := rt.runs.Load()
			rt.err = nil
			if _, again := stager.Stage(t.Context(), s.cell, s.model); again == nil || rt.runs.Load() != runs {
				t.Errorf("the next cell of the model got %v after %d more runs", again, rt.runs.Load()-runs)
			}
		})
	}
}

func TestAnInterruptionIsNotKept(t *testing.T) {
	s, store, rt := newStaging(t), testStore(t), &counting{}
	stager := s.stager(store, rt)
	stop := errors.New("somebody said stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := stager.Stage(ctx, s.cell, s.model); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := stager.Stage(t.Context(), s.cell, s.model); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestLargeFilesAreAnnounced(t *testing.T) {
	s, store := newStaging(t), testStore(t)
	large, err := os.OpenFile(s.model.Files[1].Path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(noted); err != nil {
		t.Fatal(err)
	}
	large.Close()
	d, err := artifact.SumFile(s.model.Files[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	s.model.Files[1].Size, s.model.Files[1].SHA256 = d.Size, d.SHA256
	if _, err := s.stager(store, &counting{}).Stage(t.Context(), s.cell, s.model); err != nil {
		t.Fatal(err)
	}
	if len(s.notes) == 0 || s.notes[0] != "bring w.bin to the store, 64 MiB" {
		t.Errorf("notes %q", s.notes)
	}
}
