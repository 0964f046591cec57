package farm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/survey"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// Stager brings to the store what runners will fetch: models, plugins, and the
// reference outputs, which are made here once per model and shape.
type Stager struct {
	Store   artifact.Store
	Runtime verify.Runtime // makes references that the store does not have yet
	Dir     string         // for files on their way; the caller removes it
	Matrix  string         // folder of the matrix, for reference data named there
	Note    func(string)

	files   map[string]answer[builder.Download] // by model name and calibration
	cases   map[string]answer[verify.Case]      // by model name and corners
	runtime string                              // its version, once asked
}

// answer is kept for the other cells of a model: what failed for one of them is
// not tried again for each.
type answer[T any] struct {
	list []T
	err  error
}

// once returns what m knows under key, or asks; a done ctx is no answer to keep.
func once[T any](ctx context.Context, m map[string]answer[T], key string, ask func() ([]T, error)) ([]T, error) {
	if a, ok := m[key]; ok {
		return a.list, a.err
	}
	list, err := ask()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m[key] = answer[T]{list, err}
	return list, err
}

// Staged is what one cell needs on its runner.
type Staged struct {
	Fetch []builder.Download
	Cases []verify.Case // in the order of the plan's cases
}

// Stage makes sure that everything that the cell needs is in the store.
func (s *Stager) Stage(ctx context.Context, c plan.Cell, m plan.Model) (Staged, error) {
	if s.files == nil {
		s.files, s.cases = map[string]answer[builder.Download]{}, map[string]answer[verify.Case]{}
	}
	files, err := once(ctx, s.files, c.Model.Name+"\x00"+c.Build.Calibration, func() ([]builder.Download, error) {
		return s.stageFiles(ctx, c, m)
	})
	if err != nil {
		return Staged{}, err
	}
	all, err := once(ctx, s.cases, fmt.Sprint(c.Model.Name, "\x00", c.Verify.Corners), func() ([]verify.Case, error) {
		return s.references(ctx, c, m)
	})
	if err != nil {
		return Staged{}, err
	}
	staged := Staged{Fetch: append([]builder.Download{}, files...)}
	for _, want := range c.Cases {
		found := false
		for _, have := range all {
			if have.Name == want.Name {
				have.Profile = want.Profile
				staged.Cases = append(staged.Cases, have)
				staged.Fetch = append(staged.Fetch, References(have)...)
				found = true
			}
		}
		if !found {
			return Staged{}, fmt.Errorf("there is no reference for case %s", want.Name)
		}
	}
	return staged, nil
}

// References lists what a case's inputs and reference outputs are fetched from.
func References(c verify.Case) []builder.Download {
	var list []builder.Download
	for _, tensors := range [][]verify.Tensor{c.Inputs, c.Outputs} {
		for _, t := range tensors {
			list = append(list, builder.Download{Key: artifact.BlobKey(t.SHA256), Path: t.File, Size: t.Size, SHA256: t.SHA256})
		}
	}
	return list
}

// stageFiles publishes the model's files as blobs.
func (s *Stager) stageFiles(ctx context.Context, c plan.Cell, m plan.Model) ([]builder.Download, error) {
	type file struct {
		plan.File
		path string
	}
	var all []file
	for _, f := range m.Files {
		all = append(all, file{f, plan.ModelPath(f)})
	}
	for i, f := range m.Plugins {
		all = append(all, file{f, plan.PluginPath(i, f)})
	}
	if f, ok := m.Calibration[c.Build.Calibration]; ok {
		all = append(all, file{f, plan.CalibrationPath})
	}
	var list []builder.Download
	for _, f := range all {
		if err := s.put(ctx, f.Path, artifact.Digest{Size: f.Size, SHA256: f.SHA256}); err != nil {
			return nil, err
		}
		list = append(list, builder.Download{Key: artifact.BlobKey(f.SHA256), Path: f.path, Size: f.Size, SHA256: f.SHA256})
	}
	return list, nil
}

// noted is the size from which bringing a file to the store is announced: smaller
// ones are there before anybody wonders.
const noted = 64 << 20

// put publishes a file whose content is d, unless the store has it.
func (s *Stager) put(ctx context.Context, path string, d artifact.Digest) error {
	key := artifact.BlobKey(d.SHA256)
	if info, err := s.Store.Stat(ctx, key); err == nil && info.Size == d.Size {
		return nil // by content; who fetches it checks its hash
	}
	if d.Size >= noted {
		s.Note(fmt.Sprintf("bring %s to the store, %d MiB", filepath.Base(path), d.Size>>20))
	}
	full, err := artifact.SumFile(path)
	if err != nil {
		return fault.New(fault.Usage, "file-missing", "leave the model's files alone while trtfarm runs", "bring %s to the store: %w", path, err)
	}
	if full.SHA256 != d.SHA256 {
		return fault.New(fault.Usage, "model-changed", "leave the model's files alone while trtfarm runs; then run again", "%s was changed since it was planned", path)
	}
	if _, err = artifact.PutBlob(ctx, s.Store, path, full, "", nil); err != nil {
		return storage("bring "+path+" to the store", err)
	}
	return nil
}

// storage makes an error of the store a fault. A store that refuses will do so
// again; whatever else it was may pass.
func storage(doing string, err error) *fault.Fault {
	f := fault.New(fault.Storage, "storage", "see that the store of trtfarm.toml can be reached and written from here, and has room", "%s: %w", doing, err)
	f.Infra = !errors.Is(err, artifact.ErrRefused)
	return f
}

// references returns every case of the model with inputs and reference outputs,
// all of them in the store.
func (s *Stager) references(ctx context.Context, c plan.Cell, m plan.Model) ([]verify.Case, error) {
	wanted, err := verify.Cases(m.Graph, profiles(c.Model), c.Verify.Corners)
	if err != nil {
		return nil, err
	}
	wanted = slices.DeleteFunc(wanted, func(w verify.Case) bool {
		return !slices.ContainsFunc(c.Cases, func(p plan.Case) bool { return p.Name == w.Name })
	})
	dir, err := os.MkdirTemp(s.Dir, "reference-")
	if err != nil {
		return nil, fault.New(fault.Environment, "workspace", "make room, or set TMPDIR to a folder with some", "make a folder for reference outputs: %w", err)
	}
	defer os.RemoveAll(dir) // what is needed of it is in the store by then
	if c.Model.Inputs != "" {
		golden, err := verify.Golden(s.resolve(c.Model.Inputs), s.resolve(c.Model.Outputs), m.Graph, dir)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, *golden)
	}
	var done []verify.Case
	for _, w := range wanted {
		made, err := s.reference(ctx, c, m, w, dir)
		if err != nil {
			return nil, err
		}
		done = append(done, made)
	}
	return done, nil
}

// resolve finds reference data that the matrix names; "" stays "".
func (s *Stager) resolve(path string) string {
	if path == "" {
		return ""
	}
	return survey.Resolve(s.Matrix, path)
}

// given stands for the runtime where the matrix brings the outputs.
const given = "given"

// computer names what the reference outputs of a case come from. The runtime is
// asked once, and only when something is left to compute.
func (s *Stager) computer(ctx context.Context, w verify.Case) (string, error) {
	if len(w.Outputs) > 0 {
		return given, nil
	}
	var err error
	if s.runtime == "" {
		s.runtime, err = s.Runtime.Version(ctx)
	}
	return s.runtime, err
}

// reference takes a case's reference from the store, or makes it and puts it there.
func (s *Stager) reference(ctx context.Context, c plan.Cell, m plan.Model, w verify.Case, dir string) (verify.Case, error) {
	runtime, err := s.computer(ctx, w)
	if err != nil {
		return verify.Case{}, err
	}
	index := artifact.ReferenceKey(verify.ReferenceKey(c.ModelDigest, w, runtime))
	if known, err := s.readReference(ctx, index); err == nil {
		return known, nil
	} else if !errors.Is(err, artifact.ErrNotExist) {
		return verify.Case{}, storage("read "+index, err)
	}
	if runtime != given {
		s.Note(fmt.Sprintf("make reference outputs of %s for %s", c.Model.Name, w.Name))
	}
	made, err := verify.MakeReference(ctx, s.Runtime, m.Files[0].Path, []verify.Case{w}, dir, verify.Seed(c.ModelDigest))
	if err != nil {
		return verify.Case{}, err
	}
	for _, tensors := range [][]verify.Tensor{made[0].Inputs, made[0].Outputs} {
		for _, t := range tensors {
			if err := s.put(ctx, filepath.Join(dir, filepath.FromSlash(t.File)), artifact.Digest{Size: t.Size, SHA256: t.SHA256}); err != nil {
				return verify.Case{}, err
			}
		}
	}
	data, err := verify.EncodeCase(made[0])
	if err != nil {
		return verify.Case{}, err
	}
	err = s.Store.Create(ctx, index, bytes.NewReader(data), artifact.Object{ContentType: "application/json"})
	if err != nil && !errors.Is(err, artifact.ErrExist) {
		return verify.Case{}, storage("write "+index, err)
	}
	first, err := s.readReference(ctx, index) // it wins, so that every runner compares with the same
	if err != nil {
		return verify.Case{}, storage("read "+index, err)
	}
	return first, nil
}

// maxReference bounds the index of one case.
const maxReference = 4 << 20

func (s *Stager) readReference(ctx context.Context, index string) (verify.Case, error) {
	body, err := s.Store.Open(ctx, index, 0)
	if err != nil {
		return verify.Case{}, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxReference))
	if err != nil {
		return verify.Case{}, fmt.Errorf("read %s: %w", index, err)
	}
	return verify.DecodeCase(data)
}

func profiles(m *matrix.Model) []verify.Profile {
	var list []verify.Profile
	for _, p := range m.Profiles {
		v := verify.Profile{Name: p.Name}
		for _, sh := range p.Shapes {
			v.Shapes = append(v.Shapes, verify.Shape{Input: sh.Input, Min: sh.Min, Opt: sh.Opt, Max: sh.Max})
		}
		list = append(list, v)
	}
	return list
}
