// Package farm runs the cells of a plan over the runners it is given: which cell
// next, on which GPU, what to try again, and what to do when somebody says stop.
package farm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// Record is a published manifest.
type Record = artifact.Manifest

// Runner is a place with GPUs.
type Runner struct {
	Name string
	Exec builder.Executor
	GPUs []GPU
	// Driver is the version of the host's NVIDIA driver as the host says it; ""
	// when it was not asked.
	Driver string
}

// GPU is one device of a runner.
type GPU struct {
	Target string // catalogue name
	Device string // index or UUID, as the runner's engine knows it
}

// Work is one cell to make.
type Work struct {
	Job     builder.Job
	Key     string
	Retries int               // for infrastructure faults
	Draft   artifact.Manifest // what is known of the record before the work
}

// Options say how to run.
type Options struct {
	Run      string         // run ID
	Store    artifact.Store // where manifests go
	FailFast bool           // stop at the first failure
	Watch    func(Event)    // called from many goroutines
	Backoff  time.Duration  // before a second try; doubled for each further one
}

// ErrFailFast is the cause of cancellation after a first failure.
var ErrFailFast = errors.New("another cell failed and --fail-fast was given")

// Run makes every piece of work and returns the outcomes in the same order. Work
// that no runner can take is refused. It returns once nothing runs any more.
func Run(ctx context.Context, work []Work, runners []Runner, o Options) []Outcome {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{options: o, cancel: cancel, out: make([]Outcome, len(work)), work: work, queue: map[string]chan int{}}
	perTarget := map[string]int{}
	for i, w := range work {
		perTarget[w.Job.Target.Name]++
		r.out[i] = Outcome{ID: w.Job.Cell, Key: w.Key}
	}
	for target, n := range perTarget {
		r.queue[target] = make(chan int, n)
	}
	for i, w := range work {
		r.queue[w.Job.Target.Name] <- i
		r.event(i, Event{State: Queued})
	}
	for target := range perTarget {
		close(r.queue[target])
	}
	served := map[string]bool{}
	var group sync.WaitGroup
	for _, runner := range runners {
		pool := newPool(runner.GPUs)
		for target, queue := range r.queue {
			n := serving(runner.GPUs, target)
			if n == 0 {
				continue
			}
			served[target] = true
			// One more than there are GPUs: while those build, the next cell
			// fetches or the last one publishes.
			for range n + 1 {
				group.Go(func() { r.serve(ctx, runner, pool, queue) })
			}
		}
	}
	group.Wait()
	r.drain(ctx, served)
	return r.out
}

// run is one call of Run.
type run struct {
	options Options
	cancel  context.CancelCauseFunc
	work    []Work
	out     []Outcome // each element is written by the one goroutine that took its index
	queue   map[string]chan int
}

// serving counts the devices that can take work for target.
func serving(gpus []GPU, target string) int {
	n := 0
	for _, g := range gpus {
		if plan.Serves(target, g.Target) {
			n++
		}
	}
	return n
}

// serve takes work for one target until there is none, or ctx is done.
func (r *run) serve(ctx context.Context, runner Runner, pool *pool, queue <-chan int) {
	for i := range queue {
		if ctx.Err() != nil {
			r.finish(i, time.Now(), nil, context.Cause(ctx))
			continue
		}
		start := time.Now()
		record, err := r.attempts(ctx, i, runner, pool, start)
		r.finish(i, start, record, err)
	}
}

// attempts makes one cell, again when the farm and not the model is at fault.
func (r *run) attempts(ctx context.Context, i int, runner Runner, pool *pool, start time.Time) (*Record, error) {
	w := r.work[i]
	backoff := r.options.Backoff
	for attempt := 1; ; attempt++ {
		record, err := r.attempt(ctx, i, attempt, runner, pool, start)
		f, isFault := errors.AsType[*fault.Fault](err)
		if err == nil || ctx.Err() != nil || !isFault || !f.Infra || attempt > w.Retries {
			return record, err
		}
		r.event(i, Event{State: Retrying, Runner: runner.Name, Attempt: attempt, Fault: f, Seconds: since(start),
			Note: fmt.Sprintf("try %d of %d in %s", attempt+1, w.Retries+1, backoff)})
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		backoff *= 2
	}
}

func (r *run) attempt(ctx context.Context, i, attempt int, runner Runner, pool *pool, start time.Time) (*Record, error) {
	w := r.work[i]
	lease := &lease{pool: pool, target: w.Job.Target.Name}
	watch := func(p builder.Progress) {
		e := Event{Runner: runner.Name, Device: lease.device(), Attempt: attempt, Seconds: since(start), Note: p.Note, Log: p.Log}
		switch {
		case p.Wait:
			e.State = Waiting
		case p.Note == "" && p.Log == nil:
			e.State = State(p.Step)
		}
		r.event(i, e)
	}
	made, err := builder.Make(ctx, runner.Exec, w.Job, lease, watch)
	if err != nil {
		return nil, err
	}
	m := w.Draft
	m.Runner, m.GPU.Driver = runner.Name, runner.Driver
	fill(&m, w.Job, made)
	won, winner, err := artifact.Commit(ctx, r.options.Store, &m)
	if err = fault.Because(ctx, err); err != nil && err == context.Cause(ctx) {
		return nil, err
	}
	if err != nil {
		return nil, storage("publish the record of "+w.Job.Cell, err)
	}
	if !won {
		return winner, nil
	}
	return &m, nil
}

// finish writes down how a cell ended and says so.
func (r *run) finish(i int, start time.Time, record *Record, err error) {
	out := &r.out[i]
	out.Seconds = since(start)
	f, isFault := errors.AsType[*fault.Fault](err)
	switch {
	case err == nil:
		out.State, out.Record = Published, record
	case isFault && f.Code != fault.Interrupted:
		out.State, out.Fault = Failed, f
		if r.options.FailFast {
			r.cancel(fmt.Errorf("%w: %s", ErrFailFast, out.ID))
		}
	case isFault:
		out.State, out.Fault = Cancelled, f
	default:
		out.State, out.Fault = Cancelled, fault.New(fault.Interrupted, "cancelled", "run again: what is published is kept", "%w", err)
		if errors.Is(err, ErrFailFast) {
			out.Fault.Code = fault.OK // the failure that caused it speaks for the run
		}
	}
	r.event(i, Event{State: out.State, Seconds: out.Seconds, Fault: out.Fault})
}

// drain ends what nobody took: no runner has the GPU, or the run was cancelled.
func (r *run) drain(ctx context.Context, served map[string]bool) {
	for target, queue := range r.queue {
		for i := range queue {
			if !served[target] {
				r.out[i].State = Refused
				r.out[i].Fault = fault.New(fault.NoRunner, "no-runner", "add a runner with this GPU to trtfarm.toml, or exclude the cell",
					"%s: no runner has a %s", r.out[i].ID, target)
				r.event(i, Event{State: Refused, Fault: r.out[i].Fault})
				continue
			}
			r.finish(i, time.Now(), nil, context.Cause(ctx))
		}
	}
}

func (r *run) event(i int, e Event) {
	e.Time, e.Run, e.Cell = time.Now().UTC(), r.options.Run, r.out[i].ID
	r.options.Watch(e)
}

func since(start time.Time) float64 {
	return float64(time.Since(start).Round(time.Millisecond)) / float64(time.Second)
}
