package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// stage is an executor in memory that plays a healthy agent, unless play says
// otherwise. It notes what every step was allowed.
type stage struct {
	play func(ctx context.Context, s Sandbox, t Task, out, errs io.Writer) (exit int, err error)

	prepared []Image
	steps    []Sandbox
	tasks    []Task
	closed   int
	openErr  error
	held     bool   // the GPU
	misuse   string // a step ran without the GPU that it says it has
}

func (s *stage) Prepare(_ context.Context, i Image, _ func(string)) error {
	s.prepared = append(s.prepared, i)
	return nil
}
func (s *stage) Sweep(context.Context) ([]string, error) { return nil, nil }
func (s *stage) Close() error                            { return nil }
func (s *stage) Open(context.Context, WorkspaceOptions) (Workspace, error) {
	return stageWorkspace{s}, s.openErr
}

func (s *stage) Acquire(ctx context.Context) (string, func(), error) {
	if ctx.Err() != nil {
		return "", nil, context.Cause(ctx)
	}
	s.held = true
	return "GPU-1", func() { s.held = false }, nil
}

type stageWorkspace struct{ *stage }

func (w stageWorkspace) Close(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("the time to clean up was over before it began")
	}
	w.closed++
	return nil
}

func (w stageWorkspace) Run(ctx context.Context, s Sandbox, out, errs io.Writer) (int, error) {
	task, err := ReadTask(strings.NewReader(string(s.Task)))
	if err != nil {
		return 0, err
	}
	w.steps, w.tasks = append(w.steps, s), append(w.tasks, task)
	if (s.GPU != "") != w.held {
		w.misuse = fmt.Sprintf("%s has GPU %q while the lease is held: %v", s.Step, s.GPU, w.held)
	}
	if w.play != nil {
		return w.play(ctx, s, task, out, errs)
	}
	return 0, healthy(s, out)
}

// healthy reports what an agent reports when all is well.
func healthy(s Sandbox, out io.Writer) error {
	r := Result{}
	switch s.Step {
	case Build:
		r = goodBuild()
	case Verify:
		r = goodVerify()
	case Publish:
		r.Blobs = []artifact.Blob{{Path: "blobs/x"}}
	}
	return json.NewEncoder(out).Encode(Event{Result: &r})
}

func stageJob(t *testing.T) Job {
	j := job(t)
	j.Run, j.Timeout, j.Argv = "r", time.Minute, []string{"trtexec", "--onnx=model/m.onnx"}
	j.VerifyImage = Image{Ref: "deploy", Digest: "sha256:v", TensorRT: "10.3.0.26"}
	j.Store = Store{URL: "s3://b", Secrets: map[string]string{"AWS_SECRET_ACCESS_KEY": "s"}, Mounts: []Mount{{Path: "/store"}}}
	j.Fetch = []Download{{Key: "k", Path: "model/m.onnx"}}
	j.Cases[0].Argv = []string{"trtexec", "--loadEngine=../../engine.plan"}
	j.Tolerance.Abs, j.MaxP99Ms = 0.01, 12
	return j
}

func TestStepsGetWhatTheyNeedAndNothingElse(t *testing.T) {
	s := &stage{}
	j := stageJob(t)
	made, err := Make(t.Context(), s, j, s, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, b := range s.steps {
		order = append(order, string(b.Step))
		foreign := b.Step == Build || b.Step == Verify
		if b.Online == foreign || (len(b.Secrets) > 0) == foreign || (len(b.Mounts) > 0) == foreign {
			t.Errorf("%s: online %v, secrets %v, mounts %v", b.Step, b.Online, b.Secrets, b.Mounts)
		}
		if (b.GPU != "") != foreign || (b.Target != "") != foreign || (b.Image != Image{}) != foreign {
			t.Errorf("%s: GPU %q, target %q, image %+v", b.Step, b.GPU, b.Target, b.Image)
		}
		if b.Timeout <= 0 {
			t.Errorf("%s may run for ever", b.Step)
		}
		if foreign && strings.Contains(string(b.Task), "s3://") {
			t.Errorf("%s is told of the store: %s", b.Step, b.Task)
		}
	}
	if got := strings.Join(order, " "); got != "fetch build verify publish" {
		t.Errorf("steps %s", got)
	}
	if s.steps[1].Image != j.Image || s.steps[2].Image != j.VerifyImage || !slices.Equal(s.prepared, []Image{j.Image, j.VerifyImage}) {
		t.Errorf("built in %+v, verified in %+v, prepared %+v", s.steps[1].Image, s.steps[2].Image, s.prepared)
	}
	if s.closed != 1 || s.held || s.misuse != "" {
		t.Errorf("closed %d times, GPU held: %v, %s", s.closed, s.held, s.misuse)
	}
	if gates := s.tasks[2].Commands[0].Gates; gates != (Gates{Abs: 0.01, MaxP99Ms: 12}) {
		t.Errorf("gates %+v", gates)
	}
	engine := s.tasks[3].Publish[0]
	if engine.SHA256 != made.Verify.Digest.SHA256 || engine.Role != "" || engine.Meta["gpu"] != "T4" || engine.Meta["tensorrt"] != "10.3.0.26" || engine.Meta["built-at"] == "" {
		t.Errorf("the engine is published as %+v", engine)
	}
}

func TestAFailedStepIsTheLastOne(t *testing.T) {
	for _, broken := range []Step{Fetch, Build, Verify, Publish} {
		t.Run(string(broken), func(t *testing.T) {
			s := &stage{}
			s.play = func(_ context.Context, b Sandbox, _ Task, out, _ io.Writer) (int, error) {
				if b.Step != broken {
					return 0, healthy(b, out)
				}
				return 0, json.NewEncoder(out).Encode(Event{Result: &Result{Error: &TaskError{Kind: "workspace", Message: "disk full"}}})
			}
			_, err := Make(t.Context(), s, stageJob(t), s, func(Progress) {})
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok || f.Cause != "workspace" || f.Message != string(broken)+" of m/24.08-py3/t4/fp16: disk full" {
				t.Errorf("got %v", err)
			}
			if last := s.steps[len(s.steps)-1].Step; last != broken || s.closed != 1 || s.held {
				t.Errorf("ended with %s, closed %d times, GPU held: %v", last, s.closed, s.held)
			}
		})
	}
}

func TestABadBuildIsNotVerified(t *testing.T) {
	s := &stage{play: func(_ context.Context, b Sandbox, _ Task, out, _ io.Writer) (int, error) {
		r := goodBuild()
		r.Engine.Truncated = b.Step == Build
		return 0, json.NewEncoder(out).Encode(Event{Result: &r})
	}}
	_, err := Make(t.Context(), s, stageJob(t), s, func(Progress) {})
	if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Cause != "file-truncated-or-corrupt" || len(s.steps) != 2 {
		t.Errorf("%v after %d steps, want 2", err, len(s.steps))
	}
}

func TestStepsThatEndWithoutAResult(t *testing.T) {
	for name, tc := range map[string]struct {
		exit  int
		err   error
		text  string // on stdout
		cause string
		says  []string
		code  fault.Code
	}{
		"a crash of the agent": {exit: 2, text: "", cause: "runner", code: fault.Environment,
			says: []string{"fetch of m/24.08-py3/t4/fp16", "exit code 2", "panic: oh"}},
		"no result":                {exit: 0, text: `{"note":"n"}` + "\n", cause: "runner", code: fault.Environment, says: []string{"without a result"}},
		"killed for its memory":    {exit: 137, cause: "host-oom", code: fault.Environment, says: []string{"137"}},
		"a runner that is lost":    {err: fmt.Errorf("%w: connection reset", ErrRunner), cause: "runner", code: fault.Environment, says: []string{"connection reset"}},
		"a fault that knows more":  {err: fault.New(fault.Storage, "image-missing", "fix it", "no such image"), cause: "image-missing", code: fault.Storage, says: []string{"fetch of m/", "no such image"}},
		"a line that has no end":   {text: strings.Repeat("x", maxEvent+1), cause: "runner", code: fault.Environment, says: []string{"16 MiB"}},
		"a result, and yet code 1": {exit: 1, text: `{"result":{}}` + "\n", cause: "runner", code: fault.Environment, says: []string{"exit code 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stage{play: func(_ context.Context, _ Sandbox, _ Task, out, errs io.Writer) (int, error) {
				if _, err := io.WriteString(out, tc.text); err != nil {
					return 0, err
				}
				fmt.Fprintln(errs, "panic: oh")
				return tc.exit, tc.err
			}}
			_, err := Make(t.Context(), s, stageJob(t), s, func(Progress) {})
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok || f.Cause != tc.cause || f.Code != tc.code || f.Infra == (tc.cause == "image-missing") {
				t.Fatalf("got %#v", err)
			}
			for _, part := range tc.says {
				if !strings.Contains(f.Message, part) {
					t.Errorf("%q lacks %q", f.Message, part)
				}
			}
		})
	}
}

func TestCancellationIsNoFault(t *testing.T) {
	stop := errors.New("somebody said stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &stage{play: func(ctx context.Context, b Sandbox, _ Task, out, _ io.Writer) (int, error) {
		if b.Step == Build {
			cancel(stop)
			return 0, context.Cause(ctx)
		}
		return 0, healthy(b, out)
	}}
	if _, err := Make(ctx, s, stageJob(t), s, func(p Progress) {
		if strings.Contains(p.Note, "not removed") {
			t.Error(p.Note)
		}
	}); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if s.closed != 1 || s.held {
		t.Errorf("closed %d times, GPU held: %v", s.closed, s.held)
	}
}

func TestAWorkspaceThatDoesNotOpen(t *testing.T) {
	s := &stage{openErr: fmt.Errorf("%w: disk full", ErrRunner)}
	_, err := Make(t.Context(), s, stageJob(t), s, func(Progress) {})
	if f, ok := errors.AsType[*fault.Fault](err); !ok || !f.Infra || !strings.Contains(f.Message, "disk full") || s.closed != 0 {
		t.Errorf("got %v, closed %d times", err, s.closed)
	}
}

func TestProveFetchesAndVerifiesAndNothingElse(t *testing.T) {
	s := &stage{}
	r, err := Prove(t.Context(), s, stageJob(t), s, func(Progress) {})
	if err != nil || r.Digest == nil || len(s.steps) != 2 || s.steps[0].Step != Fetch || s.steps[1].Step != Verify {
		t.Errorf("%+v, %v after %+v", r, err, s.steps)
	}
	s = &stage{play: func(_ context.Context, b Sandbox, _ Task, out, _ io.Writer) (int, error) {
		r := goodVerify()
		r.Commands[0].Case.Passed, r.Commands[0].Case.Outputs[0].Passed = false, false
		return 0, json.NewEncoder(out).Encode(Event{Result: &r})
	}}
	r, err = Prove(t.Context(), s, stageJob(t), s, func(Progress) {})
	if fault.CodeOf(err) != fault.Accuracy || len(r.Commands) != 1 {
		t.Errorf("%+v, %v; want the case and code %d", r, err, fault.Accuracy)
	}
}

func TestSecretsAreOnlyForStepsOnTheNetwork(t *testing.T) {
	s := Sandbox{Secrets: map[string]string{"KEY": "secret"}, Env: map[string]string{"B": "2", "A": "1"}}
	if got := s.Environ(); !slices.Equal(got, []string{"A=1", "B=2"}) {
		t.Errorf("offline: %q", got)
	}
	s.Online = true
	if got := s.Environ(); !slices.Equal(got, []string{"A=1", "B=2", "KEY=secret"}) {
		t.Errorf("online: %q", got)
	}
	if len(s.Env) != 2 {
		t.Errorf("the sandbox was changed: %v", s.Env)
	}
}
