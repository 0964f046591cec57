package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// Run must have returned 5 seconds after its context is done. What is under way
// gets the first part of that time, removing the container the second.
const (
	wrapUpTime = 1500 * time.Millisecond
	cleanTime  = 2500 * time.Millisecond
)

// spec is a container to run once.
type spec struct {
	doing  string // for errors
	name   string
	config container.Config
	host   container.HostConfig
	stdin  []byte
}

// ending is how a container ended.
type ending struct {
	exit int
	oom  bool // the kernel ended one of its processes for want of memory
}

// run makes a container, runs it to its end, and removes it. The order loses
// nothing: the streams are attached and the end is awaited before the start. When
// ctx is done the container is killed, and ctx's cause returned.
func (e *Executor) run(ctx context.Context, s spec, out, errs io.Writer) (end ending, err error) {
	if ctx.Err() != nil {
		return end, context.Cause(ctx)
	}
	defer func() {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	api, cancel := afterward(ctx)
	defer cancel()

	id, err := e.create(ctx, api, s)
	if err != nil {
		return end, err
	}
	defer e.removeSoon(ctx, id)

	stream, err := e.api.ContainerAttach(api, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return end, e.fault(s.doing+": attach", err)
	}
	defer stream.Close()
	ended, lost := e.api.ContainerWait(api, id, container.WaitConditionNextExit)
	if err := e.api.ContainerStart(api, id, container.StartOptions{}); err != nil {
		return end, e.fault(s.doing+": start", err)
	}

	drained := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(out, errs, stream.Reader)
		drained <- err
	}()
	go func() {
		// An agent that ends without reading shows in its exit code and its words.
		_, _ = stream.Conn.Write(s.stdin)
		_ = stream.CloseWrite()
	}()

	for waiting := true; waiting; {
		select {
		case <-ctx.Done():
			e.removeSoon(ctx, id)
			stream.Close()
			select {
			case <-drained:
			case <-time.After(wrapUpTime / 3): // the writer may be one that takes no more
			}
			return end, context.Cause(ctx)
		case err := <-drained:
			if err != nil {
				return end, fmt.Errorf("%s: pass on what the agent prints: %w", s.doing, err)
			}
			drained = nil
		case err := <-lost:
			return end, e.fault(s.doing+": wait for the end", err)
		case w := <-ended:
			if w.Error != nil {
				return end, e.fault(s.doing+": wait for the end", errors.New(w.Error.Message))
			}
			end.exit, waiting = int(w.StatusCode), false
		}
	}
	if drained != nil {
		select {
		case <-ctx.Done():
			return end, context.Cause(ctx)
		case err := <-drained:
			if err != nil {
				return end, fmt.Errorf("%s: pass on what the agent prints: %w", s.doing, err)
			}
		}
	}
	info, err := e.api.ContainerInspect(api, id)
	if err != nil {
		return end, e.fault(s.doing+": ask how it ended", err)
	}
	if info.ContainerJSONBase != nil && info.State != nil {
		end.oom = info.State.OOMKilled
	}
	return end, nil
}

// create makes the container. It is not to be cut short: the engine would finish
// the work and nobody would know of the container. So when ctx is done first, it
// goes on by itself and the container is removed once it is there.
func (e *Executor) create(ctx, api context.Context, s spec) (string, error) {
	type made struct {
		id  string
		err error
	}
	result := make(chan made, 1)
	whole := context.WithoutCancel(ctx)
	go func() {
		r, err := e.api.ContainerCreate(whole, &s.config, &s.host, nil, nil, s.name)
		result <- made{r.ID, err}
	}()
	select {
	case m := <-result:
		if cerrdefs.IsConflict(m.err) {
			return "", errTaken // only names that somebody else may hold are ever taken
		}
		return m.id, e.fault(s.doing+": make the container", m.err)
	case <-api.Done():
		e.background.Go(func() {
			if m := <-result; m.err == nil {
				e.removeSoon(whole, m.id)
			}
		})
		return "", context.Cause(ctx)
	}
}

// errTaken says that another container has the name.
var errTaken = fmt.Errorf("%w: the container's name is taken", builder.ErrRunner)

// afterward returns a context that outlives ctx by a little: long enough for a
// request that is under way to end in good order.
func afterward(ctx context.Context) (context.Context, context.CancelFunc) {
	after, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(wrapUpTime)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-after.Done():
		}
	})
	return after, func() { stop(); cancel() }
}
