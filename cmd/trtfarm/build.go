package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/owner"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/survey"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// build makes the cells of todo and writes down how each ended.
func (a *session) build(ctx context.Context, run string, todo []int, outcomes []farm.Outcome, o runOptions, watch func(farm.Event)) error {
	note := func(text string) { watch(farm.Event{Time: time.Now().UTC(), Run: run, Note: text}) }
	access, err := a.house.access(ctx, a.store)
	if err != nil {
		return err
	}
	fleet, err := a.house.fleet(ctx, request{run: run, gpus: a.matrix.GPUs, probe: a.image(a.cells[todo[0]].Image), hostNetwork: onLoopback(access), note: note})
	if err != nil {
		return err
	}
	defer fleet.close(ctx)
	refused := a.driversRefuse(fleet)
	var work []farm.Work
	var from []int // work[k] is the cell from[k]
	stager, err := a.stager(note)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stager.Dir)
	for _, i := range todo {
		c := a.cells[i]
		var staged farm.Staged
		var err error
		out := &outcomes[i]
		if f := fleet.excuse(c.GPU); f != nil {
			*out = unmade(ctx, c, f)
		} else if f := refused[i]; f != nil {
			*out = farm.Outcome{ID: c.ID, Key: c.Key, State: farm.Refused, Fault: f}
		} else if staged, err = stager.Stage(ctx, c, a.facts.Models[c.Model.Name]); err != nil {
			*out = unmade(ctx, c, err)
		}
		if out.Fault != nil {
			watch(ended(run, *out))
			if o.failFast {
				return fmt.Errorf("%w: %s", farm.ErrFailFast, c.ID)
			}
			continue
		}
		work = append(work, a.work(run, c, staged, access))
		from = append(from, i)
	}
	done := farm.Run(ctx, work, fleet.open, farm.Options{Run: run, Store: a.store, FailFast: o.failFast, Watch: watch, Backoff: time.Second})
	for k, out := range done {
		outcomes[from[k]] = out
	}
	return nil
}

// driversRefuse plans once more, now that the hosts have said which drivers they
// have, and returns the cells that none of them serves, by index.
func (a *session) driversRefuse(fleet *fleet) map[int]*fault.Fault {
	if !slices.ContainsFunc(fleet.seen, func(r plan.Runner) bool { return r.Driver != "" }) {
		return nil // there is nothing that the first plan did not know
	}
	facts := a.facts
	facts.Runners = fleet.seen
	refused := map[int]*fault.Fault{}
	for i, c := range plan.Make(a.matrix, facts) {
		if c.Cause == plan.DriverTooOld {
			refused[i] = c.Fault()
		}
	}
	return refused
}

// abandon gives every cell of todo that has no outcome yet the one that err means.
func (a *session) abandon(ctx context.Context, run string, todo []int, outcomes []farm.Outcome, err error, watch func(farm.Event)) {
	for _, i := range todo {
		if outcomes[i].State == "" {
			outcomes[i] = unmade(ctx, a.cells[i], err)
			watch(ended(run, outcomes[i]))
		}
	}
}

// unmade is how a cell ends that no runner took because of err.
func unmade(ctx context.Context, c plan.Cell, err error) farm.Outcome {
	out := farm.Outcome{ID: c.ID, Key: c.Key, State: farm.Failed}
	if ctx.Err() != nil { // whatever went wrong then, it is no failure
		out.State, err = farm.Cancelled, context.Cause(ctx)
	}
	if errors.Is(err, farm.ErrFailFast) {
		// The failure that caused it speaks for the run.
		out.State, out.Fault = farm.Cancelled, fault.New(fault.OK, "cancelled", "run again: what is published is kept", "%s: %w", c.ID, err)
		return out
	}
	out.Fault = fault.In(err)
	if out.Fault == nil {
		out.Fault = fault.New(fault.Environment, "stage", "see whether this machine's temporary folder can be written and has room", "%w", err)
	}
	out.Fault.Message = c.ID + ": " + out.Fault.Message
	return out
}

// ended is the event of a cell's end.
func ended(run string, out farm.Outcome) farm.Event {
	return farm.Event{Time: time.Now().UTC(), Run: run, Cell: out.ID, State: out.State, Fault: out.Fault}
}

func (a *session) stager(note func(string)) (*farm.Stager, error) {
	if dead, err := owner.DeadFolders(os.TempDir(), "stage"); err == nil {
		for _, dir := range dead {
			_ = os.RemoveAll(dir) // what stays is tried again by the next run
		}
	}
	tmp, err := owner.MakeFolder(os.TempDir(), "stage")
	if err != nil {
		return nil, fault.New(fault.Environment, "workspace", "", "make a folder for reference outputs: %w", err)
	}
	library := os.Getenv("ORT_LIBRARY")
	program, err := findProgram("ortrun")
	if err != nil {
		program = "ortrun" // said when it is needed
	}
	return &farm.Stager{Store: a.store, Dir: tmp, Note: note, Matrix: filepath.Dir(a.matrix.File),
		Runtime: verify.Ortrun{Program: program, Library: library}}, nil
}

// work puts together what a runner needs to make one cell.
func (a *session) work(run string, c plan.Cell, staged farm.Staged, access builder.Store) farm.Work {
	target, _ := catalog.FindGPU(c.GPU) // the matrix holds only known GPUs
	job := builder.Job{
		Run: run, Cell: c.ID, Target: target, Argv: c.Argv, Fetch: staged.Fetch, Store: access,
		Image:       a.image(c.Image),
		VerifyImage: a.image(c.VerifyImage),
		Tolerance:   verify.Tolerance{Abs: c.Verify.Tolerance.Abs, Rel: c.Verify.Tolerance.Rel},
		MaxP99Ms:    c.Verify.MaxP99Ms,
		Timeout:     c.Build.Timeout,
		Promise:     builder.Promise{Precision: string(c.Precision), Quantized: a.facts.Models[c.Model.Name].Graph.QDQ},
	}
	for i, r := range c.Runs {
		bc := builder.Case{Case: staged.Cases[i], Argv: r.Argv, Timed: c.Cases[i].Timed}
		for _, cast := range r.Casts {
			bc.Casts = append(bc.Casts, builder.Cast{From: cast.From, To: cast.To, Type: cast.Type})
		}
		job.Cases = append(job.Cases, bc)
	}
	return farm.Work{Job: job, Key: c.Key, Retries: c.Build.Retries, Draft: a.draft(c)}
}

func (a *session) image(ref string) builder.Image {
	i := a.facts.Images[ref]
	return builder.Image{Ref: ref, Digest: i.Digest, TensorRT: i.TensorRT, CUDA: i.CUDA}
}

// draft is what is known of a record before the work.
func (a *session) draft(c plan.Cell) artifact.Manifest {
	files := a.facts.Models[c.Model.Name].Files
	m := artifact.Manifest{
		Key: c.Key, Model: c.Model.Name, Release: c.Model.Release, Variant: c.Variant,
		Image: artifact.Image{Ref: c.Image, Digest: c.Digest, Manifest: a.facts.Images[c.Image].Manifest,
			VerifyRef: c.VerifyImage, VerifyDigest: c.VerifyDigest},
		Precision: artifact.Precision{Asked: string(c.Precision)},
		Source:    artifact.Source{Model: survey.Redacted(c.Model.ONNX), SHA256: files[0].SHA256, Digest: c.ModelDigest, Commit: commit()},
		Trtfarm:   version,
		CIRun:     ciRun(),
	}
	for _, in := range c.Inputs {
		m.Inputs = append(m.Inputs, artifact.Input{Name: in.Name, Value: in.Value})
	}
	for _, p := range c.Model.Profiles {
		profile := artifact.Profile{Name: p.Name}
		for _, s := range p.Shapes {
			profile.Shapes = append(profile.Shapes, artifact.Shape{Input: s.Input, Min: s.Min, Opt: s.Opt, Max: s.Max})
		}
		m.Profiles = append(m.Profiles, profile)
	}
	return m
}

// commit is the commit that a CI host says it works on; "" elsewhere.
func commit() string {
	for _, name := range []string{"GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT", "GIT_COMMIT"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// ciRun is the page of the CI run; "" elsewhere.
func ciRun() string {
	if server, repo, id := os.Getenv("GITHUB_SERVER_URL"), os.Getenv("GITHUB_REPOSITORY"), os.Getenv("GITHUB_RUN_ID"); server != "" && id != "" {
		return fmt.Sprintf("%s/%s/actions/runs/%s", server, repo, id)
	}
	for _, name := range []string{"CI_JOB_URL", "BUILDKITE_BUILD_URL", "BUILD_URL"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}
