package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// workspace is a volume that the containers of one cell mount, one after another.
type workspace struct {
	executor *Executor
	volume   string
	options  builder.WorkspaceOptions

	mu     sync.Mutex
	ready  bool // the volume has its owner and mode
	closed bool
}

// Open makes a volume.
func (e *Executor) Open(ctx context.Context, o builder.WorkspaceOptions) (builder.Workspace, error) {
	name, err := e.makeVolume(ctx, e.labels(o, "", volumeLife))
	if err != nil {
		return nil, err
	}
	return &workspace{executor: e, volume: name, options: o}, nil
}

// Close removes the volume.
func (w *workspace) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	return w.executor.removeFreed(ctx, w.volume)
}

// Run runs one step in a container of its own.
func (w *workspace) Run(ctx context.Context, s builder.Sandbox, out, errs io.Writer) (int, error) {
	e := w.executor
	if err := w.check(s); err != nil {
		return 0, err
	}
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.Timeout, overdue(s))
		defer cancel()
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	c, err := w.spec(ctx, s)
	if err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return 0, err
	}
	run := e.run
	if s.GPU != "" {
		c.name = e.gpuContainer(s.GPU)
		run = e.runAlone
	}
	end, err := run(ctx, c, out, errs)
	if err != nil && len(c.host.Ulimits) > 0 && strings.Contains(err.Error(), "error setting rlimit") {
		e.limited.Store(true) // an engine in a container itself, mostly; nothing has run yet
		c.host.Ulimits = nil
		end, err = run(ctx, c, out, errs)
	}
	if err != nil {
		return 0, err
	}
	if end.oom {
		// An agent that outlived the shortage tells the rest itself.
		if end.exit == 0 {
			_, err := fmt.Fprintln(errs, "the kernel ended a process of this step for want of memory")
			return 0, err
		}
		f := fault.New(fault.Build, "host-oom", "give the runner more host memory, or build fewer cells at once on it",
			"%s ran out of host memory on %s and was ended by the kernel", s.Step, e.o.Host)
		f.Infra = true
		return end.exit, f
	}
	return end.exit, nil
}

// check refuses what the contract rules out before anything starts.
func (w *workspace) check(s builder.Sandbox) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return fmt.Errorf("%w: run %s: the workspace is closed", builder.ErrRunner, s.Step)
	case len(s.Secrets) > 0 && !s.Online:
		return fmt.Errorf("run %s: secrets are given to a step without network", s.Step)
	case foreign(s) && s.Online:
		return fmt.Errorf("run %s: a step that runs foreign code asks for the network", s.Step)
	case foreign(s) && len(s.Mounts) > 0:
		return fmt.Errorf("run %s: a step that runs foreign code asks for folders of the host", s.Step)
	case len(s.Mounts) > 0 && !w.executor.local():
		return fault.New(fault.Environment, "store-unreachable", "use a store with an s3:// address, or a runner on this machine",
			"the store is folder %s of this machine, which the docker engine at %s cannot reach", s.Mounts[0].Path, w.executor.o.Host)
	}
	return nil
}

// own gives the volume its owner and mode, before a container that does not have
// the folder mounts it.
func (w *workspace) own(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready {
		return nil
	}
	id, err := w.executor.agentImage(ctx)
	if err != nil {
		return err
	}
	if err := w.executor.fill(ctx, id, w.volume, workFolder); err != nil {
		return err
	}
	w.ready = true
	return nil
}

// owned notes that a container with the folder has mounted the volume.
func (w *workspace) owned() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = true
}

// overdue is the cause of a step's end when the agent did not watch its own time.
func overdue(s builder.Sandbox) error {
	f := fault.New(fault.TimedOut, "timeout-or-hang", "see its log for where it stopped, or raise timeout in the matrix",
		"%s took longer than %s and was ended", s.Step, s.Timeout)
	f.Infra, f.Err = true, errors.Join(builder.ErrRunner, context.DeadlineExceeded)
	return f
}

// foreign says whether a step runs programs that are not trtfarm's own.
func foreign(s builder.Sandbox) bool { return s.Image != builder.Image{} }

// life is how long a step's container may be there.
func life(s builder.Sandbox) time.Duration { return s.Timeout + containerLife }
