package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/builder/docker"
	"github.com/trtfarm/trtfarm/internal/builder/local"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/farmfile"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/registry"
)

// request says what runners are wanted for.
type request struct {
	run         string
	gpus        []string      // targets that matter
	probe       builder.Image // image to ask hosts with, when they must be asked
	hostNetwork bool
	note        func(string)
}

// fleet is the farm's runners as this invocation found them.
type fleet struct {
	open []farm.Runner
	seen []plan.Runner // the open ones, as a plan takes them
	lost []lostRunner
	note func(string)
}

// lostRunner is a runner that cannot be used.
type lostRunner struct {
	name string
	gpus []string // targets that it would serve, as far as is known without it
	err  error
}

// fleet opens the farm's runners, asks those that must be asked what GPUs they
// have, and removes what dead runs left on them. A runner that cannot be opened
// is lost, and no error: others may do its work. The caller closes the fleet.
func (h *house) fleet(ctx context.Context, q request) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	specs := h.file.Runners
	if h.simulated {
		specs = []farmfile.Runner{{Name: "simulated", Local: "trtsim", Simulate: true, GPUs: q.gpus}}
	}
	f := &fleet{note: q.note}
	for _, spec := range specs {
		r, err := h.runner(ctx, spec, self, q)
		if ctx.Err() != nil {
			if err == nil {
				f.open = append(f.open, r)
			}
			f.close(ctx)
			return nil, context.Cause(ctx)
		}
		if err != nil {
			q.note("runner " + spec.Name + " is left out: " + err.Error())
			gpus := spec.GPUs
			if spec.Auto {
				gpus = q.gpus
			}
			f.lost = append(f.lost, lostRunner{spec.Name, gpus, err})
			continue
		}
		f.open = append(f.open, r)
		f.seen = append(f.seen, facts(r, spec))
		sweep(ctx, r, q.note)
	}
	return f, nil
}

// close sweeps the runners and frees their connections.
func (f *fleet) close(ctx context.Context) {
	within := 20 * time.Second
	if ctx.Err() != nil {
		within = 2 * time.Second // somebody waits; what is left then, the next run removes
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	for _, r := range f.open {
		// Once more: an engine may have finished making a container for a killed
		// run after it was swept at the start.
		sweep(clean, r, f.note)
		_ = r.Exec.Close() // frees connections; there is nothing to lose
	}
}

// excuse says why nobody serves a target when that is because runners are lost;
// nil when one serves it, or none ever would.
func (f *fleet) excuse(target string) *fault.Fault {
	for _, r := range f.open {
		for _, g := range r.GPUs {
			if plan.Serves(target, g.Target) {
				return nil
			}
		}
	}
	var errs []error
	for _, r := range f.lost {
		if slices.ContainsFunc(r.gpus, func(gpu string) bool { return plan.Serves(target, gpu) }) {
			errs = append(errs, fmt.Errorf("runner %s: %w", r.name, r.err))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	err := errors.Join(errs...)
	if known := fault.In(err); known != nil {
		return known
	}
	return fault.New(fault.Environment, "runner", "see whether the runner works", "%w", err)
}

// sweep removes what dead runs left on a runner.
func sweep(ctx context.Context, r farm.Runner, note func(string)) {
	removed, err := r.Exec.Sweep(ctx)
	if err != nil {
		note("sweep " + r.Name + ": " + err.Error())
	}
	if len(removed) > 0 {
		note("removed from " + r.Name + " what a dead run left: " + strings.Join(removed, ", "))
	}
}

func (h *house) runner(ctx context.Context, spec farmfile.Runner, self string, q request) (farm.Runner, error) {
	r := farm.Runner{Name: spec.Name}
	switch {
	case spec.Local != "":
		program, err := h.tool()
		if err != nil {
			return r, err
		}
		ex, err := local.New(local.Options{Agent: self, Trtexec: program, Simulate: spec.Simulate || isSimulator(program), PassEnv: []string{"LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}})
		if err != nil {
			return r, err
		}
		r.Exec = ex
	case spec.Docker != "":
		ex, err := docker.New(ctx, docker.Options{Host: spec.Docker, Agent: self, Runner: spec.Name, Run: q.run,
			Credentials: registry.Credentials, Simulate: spec.Simulate, Mirrors: h.file.Mirrors, HostNetwork: q.hostNetwork})
		if err != nil {
			return r, err
		}
		r.Exec = ex
		if spec.Auto {
			if r.GPUs, r.Driver, err = probe(ctx, ex, q); err != nil {
				_ = ex.Close()
				return r, err
			}
			return r, nil
		}
	default:
		return r, fault.New(fault.Usage, "farm-file", "use docker or local", "runner %s: this trtfarm has no executor for kubernetes", spec.Name)
	}
	for i, target := range spec.GPUs {
		r.GPUs = append(r.GPUs, farm.GPU{Target: target, Device: strconv.Itoa(i)})
	}
	return r, nil
}

// probe asks a docker host which GPUs and which driver it has, with nvidia-smi
// from an image of the plan.
func probe(ctx context.Context, ex *docker.Executor, q request) (gpus []farm.GPU, driver string, err error) {
	if err := ex.Prepare(ctx, q.probe, q.note); err != nil {
		return nil, "", err
	}
	found, err := ex.Probe(ctx, q.probe)
	if err != nil {
		return nil, "", err
	}
	for _, g := range found {
		driver = g.Driver // a host has one
		known, ok := catalog.FindGPU(g.Name)
		if !ok {
			q.note("GPU " + g.Name + " is not in the catalogue, so it is not used")
			continue
		}
		gpus = append(gpus, farm.GPU{Target: known.Name, Device: g.UUID})
	}
	return gpus, driver, nil
}

// facts describes a runner as a plan takes it; what the host says of its driver
// counts before what the farm file says.
func facts(r farm.Runner, spec farmfile.Runner) plan.Runner {
	known := plan.Runner{Name: r.Name, Driver: cmp.Or(r.Driver, spec.Driver), Simulated: spec.Simulate}
	for _, g := range r.GPUs {
		known.GPUs = append(known.GPUs, g.Target)
	}
	return known
}

// isSimulator reports whether a program is trtsim by its name.
func isSimulator(program string) bool { return strings.HasSuffix(program, "/trtsim") }
