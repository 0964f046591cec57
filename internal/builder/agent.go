package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// Agent carries out tasks inside a step. It knows nothing of the farm: it is
// given a folder, a task, and ways to reach what the task names.
type Agent struct {
	Dir       string                                                        // the workspace
	OpenStore func(ctx context.Context, url string) (artifact.Store, error) // only used by tasks that fetch or publish
	Confine   []string                                                      // argv that starts a foreign program without network; it is put in front
}

// slow is the size from which a transfer is announced: below it, it is over
// before anybody wonders.
const slow = 128 << 20

// Run carries out t and emits events as it goes, from one goroutine at a time.
// The result is complete even when the task ended early; its Error says why.
func (a Agent) Run(ctx context.Context, t Task, emit func(Event)) Result {
	if t.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t.Timeout,
			fmt.Errorf("%w: %s of %s took longer than %s", errTimeout, t.Step, t.Cell, t.Timeout))
		defer cancel()
	}
	var r Result
	if err := a.run(ctx, t, emit, &r); err != nil {
		r.Error = taskError(ctx, err)
	}
	return r
}

func (a Agent) run(ctx context.Context, t Task, emit func(Event), r *Result) error {
	var store artifact.Store
	if t.Store != "" {
		var err error
		if store, err = a.OpenStore(ctx, t.Store); err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
	}
	for _, d := range t.Fetch {
		if d.Size >= slow {
			emit(Event{Note: fmt.Sprintf("fetch %s, %d MiB", d.Path, d.Size>>20)})
		}
		if err := a.download(ctx, store, d); err != nil {
			return err
		}
	}
	for _, c := range t.Commands {
		result, err := a.command(ctx, c, emit)
		if result != nil {
			r.Commands = append(r.Commands, *result)
		}
		if err != nil {
			return err
		}
		if !result.ran() {
			return nil // what follows needs what this command did
		}
	}
	if t.Engine != "" {
		if err := a.describe(t, r); err != nil {
			return err
		}
	}
	for _, u := range t.Publish {
		blob, err := a.upload(ctx, store, u, emit)
		if err != nil {
			return err
		}
		if blob != nil {
			r.Blobs = append(r.Blobs, *blob)
		}
	}
	return nil
}

// The kinds of a task's own errors; TaskError.Kind names them.
var (
	errStore     = errors.New("store")
	errWorkspace = errors.New("workspace")
	errTool      = errors.New("tool")
	errTimeout   = errors.New("timeout")
	errChanged   = errors.New("changed")
)

func taskError(ctx context.Context, err error) *TaskError {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	for kind, is := range map[string]error{
		"store": errStore, "workspace": errWorkspace, "tool": errTool, "timeout": errTimeout, "changed": errChanged,
	} {
		if errors.Is(err, is) {
			return &TaskError{Kind: kind, Message: err.Error()}
		}
	}
	return &TaskError{Kind: "workspace", Message: err.Error()}
}

// path resolves a task's path, which must stay inside the workspace.
func (a Agent) path(p string) (string, error) {
	if !filepath.IsLocal(p) {
		return "", fmt.Errorf("%w: path %q leaves the workspace", errWorkspace, p)
	}
	return filepath.Join(a.Dir, filepath.FromSlash(p)), nil
}

// create makes a file and the folders above it.
func (a Agent) create(p string) (*os.File, error) {
	full, err := a.path(p)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", errWorkspace, err)
	}
	f, err := os.Create(full)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errWorkspace, err)
	}
	return f, nil
}

// download brings one blob in and makes sure that it is the one meant.
func (a Agent) download(ctx context.Context, store artifact.Store, d Download) error {
	body, err := store.Open(ctx, d.Key, 0)
	if err != nil {
		return fmt.Errorf("%w: fetch %s: %w", errStore, d.Path, err)
	}
	defer body.Close()
	f, err := a.create(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := artifact.NewHasher()
	if _, err := io.Copy(io.MultiWriter(f, hash), body); err != nil {
		return fmt.Errorf("%w: fetch %s from %s: %w", whose(err), d.Path, d.Key, err)
	}
	if got := hash.Digest(); got.SHA256 != d.SHA256 || got.Size != d.Size {
		return fmt.Errorf("%w: %s is not what it should be: got %d bytes with sha256 %s, want %d with %s: %w",
			errStore, d.Key, got.Size, got.SHA256, d.Size, d.SHA256, artifact.ErrCorrupt)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("%w: write %s: %w", errWorkspace, d.Path, err)
	}
	return nil
}

// whose tells an error of the workspace's disk from one of the store, when a
// copy between them breaks.
func whose(err error) error {
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return errWorkspace
	}
	return errStore
}

// describe reads the engine's own header and hashes it.
func (a Agent) describe(t Task, r *Result) error {
	full, err := a.path(t.Engine)
	if err != nil {
		return err
	}
	f, err := os.Open(full)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil // the judge sees that there is none
		}
		return fmt.Errorf("%w: %w", errWorkspace, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", errWorkspace, err)
	}
	file, err := engine.Inspect(f, info.Size())
	if err != nil {
		return fmt.Errorf("%w: inspect %s: %w", errWorkspace, t.Engine, err)
	}
	r.Engine = &file
	if t.Step == Verify { // hashed where it was proven, so that nothing proven can change unseen
		digest, err := artifact.SumFile(full)
		if err != nil {
			return fmt.Errorf("%w: hash %s: %w", errWorkspace, t.Engine, err)
		}
		r.Digest = &digest
	}
	if layers, err := os.Open(filepath.Join(a.Dir, plan.LayersPath)); err == nil {
		defer layers.Close()
		if counts, err := trtexec.ReadLayerInfo(layers); err == nil {
			r.Layers = counts
		}
	}
	return nil
}

// upload publishes one file; nil when it is optional and missing.
func (a Agent) upload(ctx context.Context, store artifact.Store, u Upload, emit func(Event)) (*artifact.Blob, error) {
	full, err := a.path(u.Path)
	if err != nil {
		return nil, err
	}
	digest, err := artifact.SumFile(full)
	if errors.Is(err, os.ErrNotExist) && u.Optional {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: hash %s: %w", errWorkspace, u.Path, err)
	}
	if u.SHA256 != "" && digest.SHA256 != u.SHA256 {
		return nil, fmt.Errorf("%w: %s was changed after it was verified: sha256 is %s, was %s",
			errChanged, u.Path, digest.SHA256, u.SHA256)
	}
	if digest.Size >= slow {
		emit(Event{Note: fmt.Sprintf("publish %s, %d MiB", u.Path, digest.Size>>20)})
	}
	meta := map[string]string{"md5": digest.MD5, "sha256": digest.SHA256}
	for k, v := range u.Meta {
		meta[k] = v
	}
	blob, err := artifact.PutBlob(ctx, store, full, digest, u.ContentType, meta)
	if err != nil {
		return nil, fmt.Errorf("%w: publish %s: %w", errStore, u.Path, err)
	}
	blob.Role = u.Role
	return &blob, nil
}

// Seconds since start, rounded to what a person reads.
func seconds(start time.Time) float64 {
	return float64(time.Since(start).Round(time.Millisecond)) / float64(time.Second)
}
