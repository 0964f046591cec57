package farm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// fake is a runner in memory: each step takes a second of the test's clock and
// does what step says.
type fake struct {
	store  artifact.Store
	step   func(cell string, s builder.Step, attempt int) error
	device trtexec.Device

	mu       sync.Mutex
	attempts map[string]int
	busy     map[string]string // device -> cell
	clash    []string          // two steps on one device
	open     int               // workspaces
}

func newFake(store artifact.Store) *fake {
	return &fake{store: store, step: func(string, builder.Step, int) error { return nil }, device: trtexec.Device{Name: "Tesla T4", SM: "7.5"}, attempts: map[string]int{}, busy: map[string]string{}}
}

func (f *fake) Prepare(context.Context, builder.Image, func(string)) error { return nil }
func (f *fake) Sweep(context.Context) ([]string, error)                    { return nil, nil }
func (f *fake) Close() error                                               { return nil }
func (f *fake) Open(_ context.Context, o builder.WorkspaceOptions) (builder.Workspace, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts[o.Cell]++
	f.open++
	return &fakeWorkspace{fake: f, cell: o.Cell, attempt: f.attempts[o.Cell]}, nil
}

type fakeWorkspace struct {
	fake    *fake
	cell    string
	attempt int
}

func (w *fakeWorkspace) Close(context.Context) error {
	w.fake.mu.Lock()
	defer w.fake.mu.Unlock()
	w.fake.open--
	return nil
}

func (w *fakeWorkspace) Run(ctx context.Context, s builder.Sandbox, out, _ io.Writer) (int, error) {
	f := w.fake
	if s.GPU != "" {
		f.mu.Lock()
		if other, taken := f.busy[s.GPU]; taken {
			f.clash = append(f.clash, fmt.Sprintf("%s and %s on %s", other, w.cell, s.GPU))
		}
		f.busy[s.GPU] = w.cell
		f.mu.Unlock()
		defer func() {
			f.mu.Lock()
			delete(f.busy, s.GPU)
			f.mu.Unlock()
		}()
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if err := f.step(w.cell, s.Step, w.attempt); err != nil {
		return 0, err
	}
	return 0, json.NewEncoder(out).Encode(builder.Event{Result: w.result(ctx, s)})
}

// result is what a healthy agent reports.
func (w *fakeWorkspace) result(ctx context.Context, s builder.Sandbox) *builder.Result {
	log := trtexec.Log{Status: "PASSED", Deserialized: true, Device: w.fake.device}
	plan := &engine.File{Kind: engine.Plan, TensorRT: "10.3.0.26", SM: w.fake.device.SM, Simulated: true}
	data := []byte("engine of " + w.cell)
	digest, _ := artifact.Sum(strings.NewReader(string(data)))
	switch s.Step {
	case builder.Build:
		return &builder.Result{Commands: []builder.CommandResult{{Name: "build", Log: log}}, Engine: plan}
	case builder.Verify:
		return &builder.Result{Commands: []builder.CommandResult{{Name: "static", Log: log, Case: &verify.Result{Case: "static", Loaded: true, Passed: true}}},
			Engine: plan, Digest: &digest}
	case builder.Publish:
		blob, err := artifact.PutBytes(ctx, w.fake.store, data, "")
		if err != nil {
			return &builder.Result{Error: &builder.TaskError{Kind: "store", Message: err.Error()}}
		}
		return &builder.Result{Blobs: []artifact.Blob{blob}}
	}
	return &builder.Result{}
}

func testStore(t *testing.T) artifact.Store {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testWork(t *testing.T, n int) []Work {
	t.Helper()
	t4, ok := catalog.FindGPU("T4")
	if !ok {
		t.Fatal("the catalogue has no T4")
	}
	var work []Work
	for i := range n {
		key := fmt.Sprintf("%064x", i+1)
		work = append(work, Work{Key: key, Retries: 2,
			Draft: artifact.Manifest{Version: 1, Key: key, Model: "m"},
			Job: builder.Job{Run: "r", Cell: fmt.Sprintf("m/24.08-py3/t4/v%d", i), Target: t4, Timeout: time.Minute,
				Image: builder.Image{TensorRT: "10.3.0.26"}, Cases: []builder.Case{{Case: verify.Case{Name: "static"}}}}})
	}
	return work
}

func twoGPUs(ex builder.Executor) []Runner {
	return []Runner{{Name: "a", Exec: ex, GPUs: []GPU{{"T4", "0"}, {"T4", "1"}}}}
}

func states(out []Outcome) string {
	list := make([]string, len(out))
	for i, o := range out {
		list[i] = string(o.State)
	}
	return strings.Join(list, " ")
}

func TestEveryCellIsPublishedAndNoGPUTimesTwoStepsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		ex := newFake(store)
		out := Run(t.Context(), testWork(t, 20), twoGPUs(ex), Options{Run: "r", Store: store, Watch: func(Event) {}})
		for _, o := range out {
			if o.State != Published || o.Record == nil {
				t.Errorf("%s: %s, %v", o.ID, o.State, o.Fault)
			}
		}
		if len(ex.clash) > 0 {
			t.Errorf("steps shared a GPU: %s", ex.clash)
		}
		if ex.open != 0 {
			t.Errorf("%d workspaces were left open", ex.open)
		}
	})
}

func TestTheFarmsFaultsAreTriedAgainAndTheModelsAreNot(t *testing.T) {
	infra := func(_ string, s builder.Step, attempt int) error {
		if s == builder.Build && attempt < 3 {
			return fmt.Errorf("%w: the host went away", builder.ErrRunner)
		}
		return nil
	}
	model := func(_ string, s builder.Step, _ int) error {
		if s == builder.Build {
			return fault.New(fault.Build, "unsupported-op", "", "no such operator")
		}
		return nil
	}
	always := func(_ string, s builder.Step, _ int) error { return fmt.Errorf("%w: gone", builder.ErrRunner) }
	for name, tc := range map[string]struct {
		step     func(string, builder.Step, int) error
		state    State
		attempts int
	}{
		"twice lost, then well":      {infra, Published, 3},
		"the model is at fault":      {model, Failed, 1},
		"no more tries than allowed": {always, Failed, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := testStore(t)
				ex := newFake(store)
				ex.step = tc.step
				work := testWork(t, 1)
				out := Run(t.Context(), work, twoGPUs(ex), Options{Run: "r", Store: store, Watch: func(Event) {}, Backoff: time.Second})
				if out[0].State != tc.state || ex.attempts[work[0].Job.Cell] != tc.attempts {
					t.Errorf("got %s after %d tries (%v), want %s after %d", out[0].State, ex.attempts[work[0].Job.Cell], out[0].Fault, tc.state, tc.attempts)
				}
			})
		})
	}
}

func TestFailFastStopsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		ex := newFake(store)
		ex.step = func(cell string, s builder.Step, _ int) error {
			if s == builder.Fetch {
				return fault.New(fault.Build, "onnx-invalid", "", "%s is broken", cell)
			}
			return nil
		}
		out := Run(t.Context(), testWork(t, 10), twoGPUs(ex), Options{Run: "r", Store: store, FailFast: true, Watch: func(Event) {}})
		count := map[State]int{}
		for _, o := range out {
			count[o.State]++
		}
		if count[Failed] == 0 || count[Cancelled] == 0 || count[Failed]+count[Cancelled] != 10 {
			t.Errorf("got %s; want some failed, the rest cancelled", states(out))
		}
	})
}

func TestInterruptionCancelsEverythingAndLeavesNothingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		ex := newFake(store)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		time.AfterFunc(1500*time.Millisecond, func() { cancel(fault.New(fault.Interrupted, "cancelled", "", "stop")) })
		out := Run(ctx, testWork(t, 6), twoGPUs(ex), Options{Run: "r", Store: store, Watch: func(Event) {}})
		for _, o := range out {
			if o.State != Cancelled || o.Fault == nil || o.Fault.Code != fault.Interrupted {
				t.Errorf("%s: %s, %v; want cancelled with code %d", o.ID, o.State, o.Fault, fault.Interrupted)
			}
		}
		if ex.open != 0 {
			t.Errorf("%d workspaces were left open", ex.open)
		}
		if keys, err := artifact.Keys(context.Background(), store, []string{"m"}); err != nil || len(keys) != 0 {
			t.Errorf("records %v, %v; want none", keys, err)
		}
	})
}

func TestACellThatNoRunnerCanTakeIsRefusedAtOnce(t *testing.T) {
	store := testStore(t)
	runners := []Runner{{Name: "a", Exec: newFake(store), GPUs: []GPU{{"A10", "0"}}}}
	out := Run(t.Context(), testWork(t, 2), runners, Options{Run: "r", Store: store, Watch: func(Event) {}})
	for _, o := range out {
		if o.State != Refused || o.Fault.Code != fault.NoRunner {
			t.Errorf("%s: %s, %v; want refused with code %d", o.ID, o.State, o.Fault, fault.NoRunner)
		}
	}
}

func TestGPUsThatNobodyWantsDoNotHoldTheRunUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		runners := []Runner{{Name: "a", Exec: newFake(store), GPUs: []GPU{{"A10", "0"}, {"T4", "1"}}}}
		out := Run(t.Context(), testWork(t, 3), runners, Options{Run: "r", Store: store, Watch: func(Event) {}})
		if got := states(out); got != "published published published" {
			t.Errorf("got %s", got)
		}
	})
}

func TestAMemberOfAFamilyServesTheFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		ex := newFake(store)
		work := testWork(t, 4)
		family, _ := catalog.FindGPU("A100")
		member, _ := catalog.FindGPU("A100-80GB")
		for i := range work {
			work[i].Job.Target = []catalog.GPU{family, member}[i%2]
		}
		ex.device = trtexec.Device{Name: "NVIDIA A100-SXM4-80GB", SM: "8.0"}
		runners := []Runner{{Name: "a", Exec: ex, GPUs: []GPU{{"A100-80GB", "0"}}}}
		out := Run(t.Context(), work, runners, Options{Run: "r", Store: store, Watch: func(Event) {}})
		if got := states(out); got != "published published published published" || len(ex.clash) > 0 {
			t.Errorf("got %s, clashes %v: %v", got, ex.clash, out[0].Fault)
		}
	})
}

func TestTheFirstRecordOfAKeyStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := testStore(t)
		ex := newFake(store)
		work := testWork(t, 1)
		first := Run(t.Context(), work, twoGPUs(ex), Options{Run: "first", Store: store, Watch: func(Event) {}})
		work[0].Job.Run = "second"
		second := Run(t.Context(), work, twoGPUs(ex), Options{Run: "second", Store: store, Watch: func(Event) {}})
		if first[0].State != Published || second[0].State != Published {
			t.Fatalf("got %s and %s", first[0].State, second[0].State)
		}
		if second[0].Record.Run != first[0].Record.Run {
			t.Errorf("the second run's record says run %q, want the first one's", second[0].Record.Run)
		}
	})
}
