package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/inventory"
)

const (
	// hostTimeout bounds nvidia-smi, which hangs when a GPU has fallen off the bus.
	hostTimeout = 20 * time.Second
	// maxHost bounds what it prints; a host has 16 GPUs at most.
	maxHost = 1 << 20
)

// askHost asks the driver of this machine for its GPUs.
func askHost(ctx context.Context) ([]inventory.GPU, error) {
	const fix = "name the GPU instead, such as --against t4,driver=550.54.15, or ask on the machine that has it"
	fail := func(err error) ([]inventory.GPU, error) {
		return nil, fault.New(fault.Environment, "no-gpu", fix, "--against host: %w", err)
	}
	smi, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return fail(errors.New("this machine has no nvidia-smi, so no NVIDIA driver is installed"))
	}
	within, cancel := context.WithTimeoutCause(ctx, hostTimeout, fmt.Errorf("nvidia-smi gave no answer within %s", hostTimeout))
	defer cancel()
	var out, said bounded
	cmd := exec.CommandContext(within, smi, "--query-gpu=name,uuid,compute_cap,memory.total,driver_version", "--format=csv")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, time.Second
	if err := cmd.Run(); err != nil {
		if within.Err() != nil {
			return fail(context.Cause(within))
		}
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()+out.String()), "\n")
		return fail(fmt.Errorf("nvidia-smi: %w: %s", err, line))
	}
	gpus, err := inventory.Read(out.Bytes())
	if err != nil {
		return fail(fmt.Errorf("nvidia-smi: %w", err))
	}
	for i := range gpus {
		gpus[i].OS, gpus[i].Arch = runtime.GOOS, runtime.GOARCH
	}
	return gpus, nil
}

// bounded keeps the start of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxHost-b.Len())])
	return len(p), nil
}
