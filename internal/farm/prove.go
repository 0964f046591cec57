package farm

import (
	"context"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// Prove verifies an engine that exists on the first runner that has its GPU.
func Prove(ctx context.Context, job builder.Job, runners []Runner) (builder.Result, error) {
	for _, r := range runners {
		if serving(r.GPUs, job.Target.Name) == 0 {
			continue
		}
		return builder.Prove(ctx, r.Exec, job, &lease{pool: newPool(r.GPUs), target: job.Target.Name}, func(builder.Progress) {})
	}
	return builder.Result{}, fault.New(fault.NoRunner, "no-runner", "add a runner with this GPU to trtfarm.toml",
		"verify %s: no runner has a %s", job.Cell, job.Target.Name)
}
