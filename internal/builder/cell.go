package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// Job is everything that is needed to make one engine.
type Job struct {
	Run         string // run ID
	Cell        string // cell ID
	Image       Image  // to build in
	VerifyImage Image  // to verify in
	Target      catalog.GPU
	Argv        []string
	Promise     Promise
	Cases       []Case
	Fetch       []Download
	Store       Store
	Tolerance   verify.Tolerance
	MaxP99Ms    float64
	Timeout     time.Duration // of the build step, and of the verify step
}

// Case is one verification run.
type Case struct {
	verify.Case
	Timed bool // the speed gate is about this one
	Argv  []string
	Casts []Cast
}

// Store says how steps that may use the network reach the store.
type Store struct {
	URL     string
	Secrets map[string]string
	Mounts  []Mount
}

// A Lease grants a GPU for one step at a time.
type Lease interface {
	// Acquire waits for a GPU of the target and holds it until release is
	// called. The device is an index or UUID on the runner.
	Acquire(ctx context.Context) (device string, release func(), err error)
}

// Progress is what Make tells while it works.
type Progress struct {
	Step Step
	Wait bool     // waiting for a GPU
	Note string   // in words
	Log  *LogLine // what trtexec prints
}

// Made is an engine that was built, verified and whose blobs are in the store.
// Only the manifest is missing.
type Made struct {
	Build, Verify, Publish Result
	BuiltAt                time.Time
	Seconds                artifact.Durations
}

// transferTimeout bounds fetch and publish, which move files of many GiB.
const transferTimeout = 2 * time.Hour

// Make runs the steps of one cell on ex. What goes wrong is a *fault.Fault,
// except when ctx is done: then it is ctx's cause.
func Make(ctx context.Context, ex Executor, job Job, lease Lease, watch func(Progress)) (*Made, error) {
	var m Made
	err := onRunner(ctx, ex, job, lease, watch, func(c cell) error { return c.make(ctx, &m) })
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// Prove verifies an engine that exists: job.Fetch brings it to plan.EnginePath. It
// runs the verify step alone and publishes nothing. The result tells how the
// cases went even when the error says that one failed.
func Prove(ctx context.Context, ex Executor, job Job, lease Lease, watch func(Progress)) (Result, error) {
	var r Result
	err := onRunner(ctx, ex, job, lease, watch, func(c cell) error {
		var took float64
		if _, err := c.step(ctx, c.fetchTask(), &took); err != nil {
			return err
		}
		var err error
		r, err = c.prove(ctx, &took)
		return err
	})
	return r, err
}

// onRunner makes the images ready and opens a workspace for the time of work.
func onRunner(ctx context.Context, ex Executor, job Job, lease Lease, watch func(Progress), work func(cell) error) error {
	for _, image := range []Image{job.Image, job.VerifyImage} {
		if err := ex.Prepare(ctx, image, func(note string) { watch(Progress{Step: Fetch, Note: note}) }); err != nil {
			return runnerFault(ctx, job, Fetch, err)
		}
	}
	ws, err := ex.Open(ctx, WorkspaceOptions{Run: job.Run, Cell: job.Cell})
	if err != nil {
		return runnerFault(ctx, job, Fetch, err)
	}
	defer func() {
		within := time.Minute
		if ctx.Err() != nil {
			within = 2 * time.Second // somebody waits; the next run sweeps what stays
		}
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		if err := ws.Close(clean); err != nil {
			watch(Progress{Step: Publish, Note: "the workspace was not removed: " + err.Error()})
		}
	}()
	return work(cell{job: job, ws: ws, lease: lease, watch: watch})
}

// cell is one job on its way through the steps.
type cell struct {
	job   Job
	ws    Workspace
	lease Lease
	watch func(Progress)
}

func (c *cell) make(ctx context.Context, m *Made) error {
	if _, err := c.step(ctx, c.fetchTask(), &m.Seconds.Fetch); err != nil {
		return err
	}
	var err error
	if m.Build, err = c.step(ctx, c.buildTask(), &m.Seconds.Build); err != nil {
		return err
	}
	m.BuiltAt = time.Now().UTC().Truncate(time.Second)
	if f := judgeBuild(c.job, m.Build); f != nil {
		return f
	}
	if text := doubt(c.job, m.Build); text != "" {
		c.watch(Progress{Step: Build, Note: text})
	}
	if m.Verify, err = c.prove(ctx, &m.Seconds.Verify); err != nil {
		return err
	}
	m.Publish, err = c.step(ctx, c.publishTask(m), &m.Seconds.Publish)
	return err
}

// prove runs the verify step and judges it.
func (c *cell) prove(ctx context.Context, took *float64) (Result, error) {
	r, err := c.step(ctx, c.verifyTask(), took)
	if err != nil {
		return r, err
	}
	if f := judgeVerify(c.job, r); f != nil {
		return r, f
	}
	return r, nil
}

func (c *cell) fetchTask() Task {
	return Task{Cell: c.job.Cell, Step: Fetch, Timeout: transferTimeout, Store: c.job.Store.URL, Fetch: c.job.Fetch}
}

func (c *cell) buildTask() Task {
	return Task{Cell: c.job.Cell, Step: Build, Timeout: c.job.Timeout, Engine: plan.EnginePath,
		Commands: []Command{{Name: "build", Args: c.job.Argv, Log: buildLog}}}
}

func (c *cell) verifyTask() Task {
	t := Task{Cell: c.job.Cell, Step: Verify, Timeout: c.job.Timeout, Engine: plan.EnginePath}
	for _, run := range c.job.Cases {
		gates := Gates{Abs: c.job.Tolerance.Abs, Rel: c.job.Tolerance.Rel}
		if run.Timed {
			gates.MaxP99Ms = c.job.MaxP99Ms
		}
		t.Commands = append(t.Commands, Command{
			Name: run.Name, Args: run.Argv, Dir: "run/" + plan.CaseFolder(run.Name), Log: verifyLog(run.Name),
			Case: &run.Case, Cast: run.Casts, Gates: gates,
		})
	}
	return t
}

func (c *cell) publishTask(m *Made) Task {
	t := Task{Cell: c.job.Cell, Step: Publish, Timeout: transferTimeout, Store: c.job.Store.URL}
	t.Publish = append(t.Publish, Upload{Path: plan.EnginePath, SHA256: m.Verify.Digest.SHA256, Meta: map[string]string{
		"built-at": m.BuiltAt.Format(time.RFC3339), "gpu": c.job.Target.Name, "sm": m.Build.Engine.SM,
		"tensorrt": m.Build.Engine.TensorRT, "cell": c.job.Cell,
	}}, Upload{Path: buildLog, Role: "build.log", ContentType: "text/plain; charset=utf-8"},
		Upload{Path: plan.LayersPath, Role: "layers.json", ContentType: "application/json", Optional: true},
		Upload{Path: plan.TimingCachePath, Role: "timing.cache", Optional: true})
	for _, run := range c.job.Cases {
		t.Publish = append(t.Publish, Upload{Path: verifyLog(run.Name), Role: "verify-" + plan.CaseFolder(run.Name) + ".log",
			ContentType: "text/plain; charset=utf-8"})
	}
	return t
}

// step runs one task in its sandbox and returns what the agent reported.
func (c *cell) step(ctx context.Context, t Task, took *float64) (Result, error) {
	s := Sandbox{Step: t.Step, Timeout: t.Timeout + time.Minute}
	switch t.Step {
	case Fetch, Publish:
		s.Online, s.Secrets, s.Mounts = true, c.job.Store.Secrets, c.job.Store.Mounts
	case Build, Verify:
		s.Image = c.job.Image
		if t.Step == Verify {
			s.Image = c.job.VerifyImage
		}
		s.Target = c.job.Target.Name
		c.watch(Progress{Step: t.Step, Wait: true})
		device, release, err := c.lease.Acquire(ctx)
		if err != nil {
			return Result{}, err
		}
		defer release()
		s.GPU = device
	}
	c.watch(Progress{Step: t.Step})
	start := time.Now()
	defer func() { *took = seconds(start) }()
	r, err := runTask(ctx, c.ws, s, t, func(e Event) {
		if e.Log != nil || e.Note != "" {
			c.watch(Progress{Step: t.Step, Log: e.Log, Note: e.Note})
		}
	})
	if err != nil {
		return r, runnerFault(ctx, c.job, t.Step, err)
	}
	if f := judgeTask(c.job, t, r); f != nil {
		return r, f
	}
	return r, nil
}

// runTask hands t to the agent in s and collects its events.
func runTask(ctx context.Context, ws Workspace, s Sandbox, t Task, watch func(Event)) (Result, error) {
	var err error
	if s.Task, err = json.Marshal(t); err != nil {
		return Result{}, fmt.Errorf("encode task: %w", err)
	}
	var result *Result
	out := &eventLines{handle: func(e Event) {
		if e.Result != nil {
			result = e.Result
		}
		watch(e)
	}}
	errs := &tail{limit: 4 << 10}
	exit, err := ws.Run(ctx, s, out, errs)
	out.end()
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil:
		return Result{}, err
	case out.err != nil:
		return Result{}, out.err
	case exit != 0 || result == nil:
		return Result{}, &agentError{exit: exit, stderr: errs.String()}
	}
	return *result, nil
}

// agentError says that the agent ended without a result.
type agentError struct {
	exit   int
	stderr string
}

func (e *agentError) Error() string {
	text := fmt.Sprintf("the step ended without a result, with exit code %d", e.exit)
	if e.stderr != "" {
		text += ": " + e.stderr
	}
	return text
}

// runnerFault turns an error of running a step into a fault that names the cell.
func runnerFault(ctx context.Context, job Job, step Step, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f := fault.In(err); f != nil {
		f.Message = fmt.Sprintf("%s of %s: %s", step, job.Cell, f.Message)
		return f
	}
	f := fault.New(fault.Environment, "runner", "see whether the runner has disk and memory left and its docker engine answers",
		"%s of %s: %w", step, job.Cell, err)
	f.Infra = true
	if e, ok := errors.AsType[*agentError](err); ok && e.exit == 137 {
		f.Cause, f.Fix = "host-oom", "give the runner more host memory, or build fewer cells at once on it"
	}
	return f
}

// Environ returns the secrets and plain variables of a sandbox as NAME=value,
// ordered by name, for executors that take an environment in that form.
func (s Sandbox) Environ() []string {
	all := maps.Clone(s.Env)
	if all == nil {
		all = map[string]string{}
	}
	if s.Online {
		maps.Copy(all, s.Secrets)
	}
	list := make([]string, 0, len(all))
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
