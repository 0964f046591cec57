package farm

import (
	"slices"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
)

// fill completes a record with what was measured while it was made.
func fill(m *artifact.Manifest, job builder.Job, made *builder.Made) {
	build, file := made.Build.Commands[0], made.Build.Engine
	m.Version = 1
	m.Cell, m.Run = job.Cell, job.Run
	m.BuiltAt = made.BuiltAt
	m.Seconds = made.Seconds
	m.Simulated = file.Simulated || build.Log.Simulated
	m.TensorRT = artifact.Measured{Declared: job.Image.TensorRT, Engine: file.TensorRT}
	m.CUDA = job.Image.CUDA
	m.Precision.Obtained = made.Build.Layers
	if job.Promise.Precision != "" {
		answer, why := job.Promise.Keeps(made.Build.Layers)
		m.Precision.Promise, m.Precision.Why = string(answer), why
	}
	m.GPU = artifact.GPU{Target: job.Target.Name, Product: build.Log.Device.Name, UUID: build.Log.Device.UUID,
		SM: file.SM, SMs: build.Log.Device.SMs, MemoryMiB: build.Log.Device.MemoryMiB, Driver: m.GPU.Driver}
	m.Argv = job.Argv
	m.VerifyArgv, m.Replays = nil, nil
	references := map[string]bool{}
	for _, c := range job.Cases {
		m.VerifyArgv = append(m.VerifyArgv, c.Argv)
		replay := artifact.Replay{Case: c.Case, Argv: c.Argv}
		for _, cast := range c.Casts {
			replay.Casts = append(replay.Casts, artifact.Cast(cast))
		}
		m.Replays = append(m.Replays, replay)
		for _, t := range slices.Concat(c.Inputs, c.Outputs) {
			references[t.File] = true
		}
	}
	m.Materials = nil
	for _, d := range job.Fetch {
		if !references[d.Path] {
			m.Materials = append(m.Materials, artifact.Material{Path: d.Path, Blob: d.Key, Size: d.Size, SHA256: d.SHA256})
		}
	}
	m.Verified = nil
	for _, c := range made.Verify.Commands {
		m.Verified = append(m.Verified, *c.Case)
	}
	m.Blobs = nil
	for _, b := range made.Publish.Blobs {
		if b.Role == "" {
			m.Engine = b
			continue
		}
		m.Blobs = append(m.Blobs, b)
	}
}
