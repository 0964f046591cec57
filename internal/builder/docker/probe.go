package docker

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// GPU is a device of the engine's host, as its driver describes it.
type GPU struct {
	Index             int
	Name              string // product, "Tesla T4"
	UUID              string
	ComputeCapability string // "7.5"
	MemoryMiB         int64
	Driver            string // "535.104.05"
}

// query is what nvidia-smi is asked for, in the order of GPU's fields.
const query = "index,name,uuid,compute_cap,memory.total,driver_version"

// maxProbe bounds what is kept of nvidia-smi's output: hosts have 16 GPUs at most.
const maxProbe = 64 << 10

// Probe asks which GPUs the host has, with the nvidia-smi that the NVIDIA
// container toolkit brings into any image.
func (e *Executor) Probe(ctx context.Context, img builder.Image) ([]GPU, error) {
	id, err := e.imageID(ctx, img)
	if err != nil {
		return nil, err
	}
	s := spec{
		doing: "probe for GPUs",
		name:  newName(),
		config: container.Config{
			Image:           id,
			User:            e.o.User,
			Entrypoint:      []string{"nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader,nounits"},
			Env:             e.environment(builder.Sandbox{Image: img, GPU: "all"}),
			Labels:          e.labels(builder.WorkspaceOptions{}, "", containerLife),
			AttachStdout:    true,
			AttachStderr:    true,
			AttachStdin:     true,
			OpenStdin:       true,
			StdinOnce:       true,
			NetworkDisabled: true,
		},
		host: e.hardened(),
	}
	if !e.o.Simulate {
		s.host.DeviceRequests = []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
	}
	var out, errs limited
	end, err := e.run(ctx, s, &out, &errs)
	if err != nil {
		return nil, err
	}
	if end.exit != 0 {
		return nil, fault.New(fault.Environment, "gpu-driver", "see whether nvidia-smi works on the host itself",
			"%s: nvidia-smi in %s ended with exit code %d: %s", e.o.Host, img.Ref, end.exit, strings.TrimSpace(out.String()+errs.String()))
	}
	gpus, err := ParseGPUs(&out)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.o.Host, err)
	}
	return gpus, nil
}

// limited keeps the first part of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxProbe - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// ParseGPUs reads the CSV that nvidia-smi prints for Probe's query. What the
// driver does not know, it prints as [N/A]; the field is then zero.
func ParseGPUs(r io.Reader) ([]GPU, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace = true
	in.LazyQuotes = true
	in.FieldsPerRecord = strings.Count(query, ",") + 1
	var gpus []GPU
	for {
		f, err := in.Read()
		if err == io.EOF {
			return gpus, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read nvidia-smi's answer: %w", err)
		}
		for i := range f {
			if f[i] = strings.TrimSpace(f[i]); strings.HasPrefix(f[i], "[") {
				f[i] = ""
			}
		}
		g := GPU{Name: f[1], UUID: f[2], ComputeCapability: f[3], Driver: f[5]}
		if g.Index, err = strconv.Atoi(f[0]); err != nil || g.Index < 0 {
			return nil, fmt.Errorf("read nvidia-smi's answer: %q is no device index", f[0])
		}
		if f[4] != "" {
			if g.MemoryMiB, err = strconv.ParseInt(f[4], 10, 64); err != nil || g.MemoryMiB < 0 {
				return nil, fmt.Errorf("read nvidia-smi's answer: %q is no amount of memory", f[4])
			}
		}
		gpus = append(gpus, g)
	}
}
