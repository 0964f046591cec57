// Package executortest holds the behaviour that every builder.Executor shares,
// as one suite that each executor's tests run. An agent of the suite's own stands
// in for trtfarm's.
package executortest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// Harness is what the suite must know of the executor under test. The runner
// must be this machine, so that the suite can see its processes.
type Harness struct {
	// New makes an executor that the suite closes.
	New func(t *testing.T) builder.Executor

	// Image is one that holds no trtfarm; it declares TensorRT and CUDA.
	Image builder.Image

	// Left names what exists on the runner for a run: workspaces, containers.
	Left func(t *testing.T, run string) []string

	// Orchestrator is a command that calls Orchestrate with an executor of its
	// own, most often this test binary once more.
	Orchestrator func(t *testing.T) *exec.Cmd
}

// Run checks an executor against the contract of builder.Executor.
func Run(t *testing.T, h Harness) {
	if !t.Run("Start", func(t *testing.T) { open(t, h).does(t, builder.Build, Op{Do: Exit}) }) {
		return // all else would wait for a step that never starts
	}
	t.Run("Output", func(t *testing.T) { testOutput(t, h) })
	t.Run("Cancellation", func(t *testing.T) { testCancellation(t, h) })
	t.Run("Isolation", func(t *testing.T) { testIsolation(t, h) })
	t.Run("Workspace", func(t *testing.T) { testWorkspace(t, h) })
	t.Run("Sweep", func(t *testing.T) { testSweep(t, h) })
}

// BuildAgent compiles the suite's agent, statically, and returns its path.
func BuildAgent(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "testagent")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path,
		"github.com/trtfarm/trtfarm/internal/builder/executortest/testagent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the suite's agent: %v\n%s", err, out)
	}
	return path
}

// session is one executor and one workspace of it, under a run ID of their own.
type session struct {
	h         Harness
	run       string
	executor  builder.Executor
	workspace builder.Workspace
}

func open(t *testing.T, h Harness) *session {
	t.Helper()
	s := &session{h: h, run: fmt.Sprintf("run-%d-%d", os.Getpid(), time.Now().UnixNano()), executor: h.New(t)}
	t.Cleanup(func() { s.executor.Close() })
	if err := s.executor.Prepare(t.Context(), h.Image, func(string) {}); err != nil {
		t.Fatalf("Prepare(%s): %v", h.Image.Ref, err)
	}
	s.workspace = s.openWorkspace(t, "cell/a")
	return s
}

func (s *session) openWorkspace(t *testing.T, cell string) builder.Workspace {
	t.Helper()
	w, err := s.executor.Open(t.Context(), builder.WorkspaceOptions{Run: s.run, Cell: cell})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return w
}

// box is the sandbox of a step as the builder fills it in.
func (s *session) box(step builder.Step, ops ...Op) builder.Sandbox {
	task, err := json.Marshal(Script{Ops: ops})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	b := builder.Sandbox{Step: step, Task: task, Timeout: 2 * time.Minute}
	switch step {
	case builder.Build, builder.Verify:
		b.Image = s.h.Image
	default:
		b.Online = true
	}
	return b
}

// does runs ops in a step and returns what the agent printed.
func (s *session) does(t *testing.T, step builder.Step, ops ...Op) string {
	t.Helper()
	return s.runs(t, s.workspace, s.box(step, ops...))
}

func (s *session) runs(t *testing.T, w builder.Workspace, b builder.Sandbox) string {
	t.Helper()
	var out, errs bytes.Buffer
	exit, err := w.Run(t.Context(), b, &out, &errs)
	if err != nil || exit != 0 {
		t.Fatalf("Run(%s): exit %d, error %v, printed %q and %q", b.Step, exit, err, out.String(), errs.String())
	}
	return out.String()
}

// left names what exists of the run: what the harness knows of, and processes.
func (s *session) left(t *testing.T) []string {
	t.Helper()
	return append(s.h.Left(t, s.run), processes(s.run)...)
}

// processes names those whose command line ends with run.
func processes(run string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err == nil && bytes.HasSuffix(line, []byte("\x00"+run+"\x00")) {
			found = append(found, fmt.Sprintf("%s: %q", path, line))
		}
	}
	return found
}

// watch is an output that tells when a text has gone by.
type watch struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	seen chan struct{}
}

func newWatch(text string) *watch { return &watch{text: text, seen: make(chan struct{})} }

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	had := strings.Contains(w.buf.String(), w.text)
	w.buf.Write(p)
	if !had && strings.Contains(w.buf.String(), w.text) {
		close(w.seen)
	}
	return len(p), nil
}

func (w *watch) wait(t *testing.T) {
	t.Helper()
	select {
	case <-w.seen:
	case <-time.After(time.Minute):
		w.mu.Lock()
		defer w.mu.Unlock()
		t.Fatalf("%q was not printed within a minute; printed: %q", w.text, w.buf.String())
	}
}
