package docker

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// gpuContainer names the container that may use a device. The engine knows no two
// containers of one name, so it is the arbiter between all orchestrators: whoever
// makes the container holds the device until it is removed. A simulated device is
// the runner's own.
func (e *Executor) gpuContainer(device string) string {
	name := device
	if e.o.Simulate {
		name = "sim-" + e.o.Runner + "-" + device
	}
	return "trtfarm-gpu-" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, name)
}

// runAlone runs a container under a name that others may want too, and waits for
// as long as another has it.
func (e *Executor) runAlone(ctx context.Context, s spec, out, errs io.Writer) (ending, error) {
	for {
		end, err := e.run(ctx, s, out, errs)
		if !errors.Is(err, errTaken) {
			return end, err
		}
		if err := e.awaitHolder(ctx, s); err != nil {
			return end, err
		}
	}
}

// awaitHolder waits until the container with a wanted name is gone, and removes
// it when its owner is.
func (e *Executor) awaitHolder(ctx context.Context, s spec) error {
	for {
		info, err := e.api.ContainerInspect(ctx, s.name)
		switch {
		case cerrdefs.IsNotFound(err):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return e.fault(s.doing+": see who holds "+s.name, err)
		}
		if info.Config != nil && abandoned(info.Config.Labels, time.Now()) {
			return e.remove(ctx, info.ID)
		}
		gone, cancel := context.WithTimeout(ctx, 2*time.Second) // then see whether the holder's owner still lives
		ended, lost := e.api.ContainerWait(gone, info.ID, container.WaitConditionRemoved)
		select {
		case <-ended:
		case <-lost:
		}
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
