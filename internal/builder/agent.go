package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
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
			failure(inTimeout, "it took longer than %s and was ended", t.Timeout))
		defer cancel()
	}
	var r Result
	if err := a.run(ctx, t, emit, &r); err != nil {
		r.Error = taskError(ctx, err)
	}
	return r
}

func (a Agent) run(ctx context.Context, t Task, emit func(Event), r *Result) error {
	files, err := openFolder(a.Dir)
	if err != nil {
		return err
	}
	defer files.root.Close()
	var store artifact.Store
	if t.Store != "" {
		if store, err = a.OpenStore(ctx, t.Store); err != nil {
			return failure(inStore, "%w", err)
		}
	}
	w := worker{Agent: a, files: files, store: store, emit: emit}
	for _, d := range t.Fetch {
		if err := w.download(ctx, d); err != nil {
			return err
		}
	}
	for _, c := range t.Commands {
		result, err := w.command(ctx, c)
		if result != nil {
			r.Commands = append(r.Commands, *result)
		}
		if err != nil {
			return err
		}
		if !result.ran() {
			// What follows needs what this command did. What it left behind may
			// tell more than its log.
			return errors.Join(w.files.full(), w.describe(t, r))
		}
	}
	if err := w.describe(t, r); err != nil {
		return err
	}
	if t.Step == Verify { // hashed where it was proven, so that nothing proven can change unseen
		if err := w.hash(t, r); err != nil {
			return err
		}
	}
	for _, u := range t.Publish {
		blob, err := w.upload(ctx, u)
		if err != nil {
			return err
		}
		if blob != nil {
			r.Blobs = append(r.Blobs, *blob)
		}
	}
	return nil
}

// worker is an agent at work on one task.
type worker struct {
	Agent
	files folder
	store artifact.Store // nil when the task names none
	emit  func(Event)
}

// The kinds of a task's own errors, as TaskError.Kind says them.
const (
	inStore     = "store"
	inWorkspace = "workspace"
	inDisk      = "disk" // of the workspace, which is full
	inTool      = "tool"
	inTimeout   = "timeout"
	inChanged   = "changed"
	inInput     = "input"
)

// taskFailure is an error that knows its kind; its text does not repeat it.
type taskFailure struct {
	error
	kind string
}

func (f taskFailure) Unwrap() error { return f.error }

func failure(kind, format string, args ...any) error {
	return taskFailure{fmt.Errorf(format, args...), kind}
}

func taskError(ctx context.Context, err error) *TaskError {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	kind := inWorkspace
	if f, ok := errors.AsType[taskFailure](err); ok {
		kind = f.kind
	}
	if kind == inWorkspace && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		kind = inDisk
	}
	return &TaskError{Kind: kind, Message: err.Error()}
}

// download brings one blob in and makes sure that it is the one meant.
func (w *worker) download(ctx context.Context, d Download) error {
	if d.Size >= slow {
		w.emit(Event{Note: fmt.Sprintf("fetch %s, %d MiB", d.Path, d.Size>>20)})
	}
	body, err := w.store.Open(ctx, d.Key, 0)
	if err != nil {
		return failure(inStore, "fetch %s: %w", d.Path, err)
	}
	defer body.Close()
	f, err := w.files.create(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := artifact.NewHasher()
	// One byte more than expected tells a longer blob without taking all of it.
	if _, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(body, d.Size+1)); err != nil {
		return failure(whose(err), "fetch %s from %s: %w", d.Path, d.Key, err)
	}
	if err := (artifact.Digest{Size: d.Size, SHA256: d.SHA256}).Expect(hash.Digest()); err != nil {
		return failure(inStore, "fetch %s: %s is not what it should be: %w: %w", d.Path, d.Key, artifact.ErrCorrupt, err)
	}
	if err := f.Close(); err != nil {
		return failure(inWorkspace, "write %s: %w", d.Path, err)
	}
	return nil
}

// whose tells an error of the workspace's disk from one of the store, when a
// copy between them breaks.
func whose(err error) string {
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return inWorkspace
	}
	return inStore
}

// describe reads the engine's own header and the layer information beside it.
func (w *worker) describe(t Task, r *Result) error {
	if t.Engine == "" {
		return nil
	}
	f, err := w.files.open(t.Engine)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the judge sees that there is none
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return failure(inWorkspace, "%w", err)
	}
	file, err := engine.Inspect(f, info.Size())
	if err != nil {
		return failure(inWorkspace, "inspect %s: %w", t.Engine, err)
	}
	r.Engine = &file
	if layers, err := w.files.open(plan.LayersPath); err == nil {
		defer layers.Close()
		if counts, err := trtexec.ReadLayerInfo(layers); err == nil {
			r.Layers = counts
		}
	}
	return nil
}

// hash hashes the engine; there may be none, as describe says.
func (w *worker) hash(t Task, r *Result) error {
	if r.Engine == nil {
		return nil
	}
	f, err := w.files.open(t.Engine)
	if err != nil {
		return err
	}
	defer f.Close()
	digest, err := artifact.Sum(f)
	if err != nil {
		return failure(inWorkspace, "hash %s: %w", t.Engine, err)
	}
	r.Digest = &digest
	return nil
}

// upload publishes one file; nil when it is optional and missing. The file is
// opened once: what was hashed is what is sent, whatever takes its name.
func (w *worker) upload(ctx context.Context, u Upload) (*artifact.Blob, error) {
	f, err := w.files.open(u.Path)
	if errors.Is(err, os.ErrNotExist) && u.Optional {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	digest, err := artifact.Sum(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, failure(inWorkspace, "hash %s: %w", u.Path, err)
	}
	if u.SHA256 != "" && digest.SHA256 != u.SHA256 {
		return nil, failure(inChanged, "%s was changed after it was verified: sha256 is %s, was %s", u.Path, digest.SHA256, u.SHA256)
	}
	if digest.Size >= slow {
		w.emit(Event{Note: fmt.Sprintf("publish %s, %d MiB", u.Path, digest.Size>>20)})
	}
	blob, err := artifact.PutFrom(ctx, w.store, f, digest, u.ContentType, u.Meta)
	if errors.Is(err, artifact.ErrMismatch) {
		return nil, failure(inChanged, "%s was changed while it was published: %w", u.Path, err)
	}
	if err != nil {
		return nil, failure(inStore, "publish %s: %w", u.Path, err)
	}
	blob.Role = u.Role
	return &blob, nil
}

// seconds is the time since start, to the millisecond.
func seconds(start time.Time) float64 {
	return float64(time.Since(start).Round(time.Millisecond)) / float64(time.Second)
}
