package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// workspace is a folder and the processes that work in it.
type workspace struct {
	executor *Executor
	folder   *folder
	steps    atomic.Int64 // how many have run
}

// Close ends whatever still works in the folder and removes it.
func (w *workspace) Close(context.Context) error {
	endProcesses(target{dir: w.folder.dir})
	return w.folder.remove()
}

// Run runs one step as a child process.
func (w *workspace) Run(ctx context.Context, s builder.Sandbox, out, errs io.Writer) (int, error) {
	if err := w.check(s); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s.Timeout > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeoutCause(ctx, s.Timeout, overdue(s))
		defer done()
	}

	task, err := taskFile(s.Task)
	if err != nil {
		return 0, runnerError("hand over the task", err)
	}
	defer task.Close()
	stdout, err := newStream(out, cancel)
	if err != nil {
		return 0, runnerError("open a pipe", err)
	}
	defer stdout.close()
	stderr, err := newStream(errs, cancel)
	if err != nil {
		return 0, runnerError("open a pipe", err)
	}
	defer stderr.close()

	step := fmt.Sprintf("%s#%d", w.folder.dir, w.steps.Add(1))
	argv := []string{w.executor.agent, "agent"}
	if !s.Online {
		argv = append([]string{w.executor.agent, "confine", "--"}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = w.folder.work
	cmd.Env = w.environment(s, step)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = task, stdout.w, stderr.w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}

	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The kernel sends the death signal when the thread ends that started the
		// child, so that thread has to stay for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return 0, runnerError("start trtfarm's agent", err)
	}
	stdout.follow()
	stderr.follow()

	var waited error
	select {
	case waited = <-ended:
	case <-ctx.Done():
		// The tree is found through its root, so the root is stopped, not killed,
		// until the rest of it is known.
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGSTOP)
		endProcesses(target{root: cmd.Process.Pid, step: step})
		waited = <-ended
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	endProcesses(target{step: step})

	// Nobody holds the pipes open any more, so both streams come to their end.
	stdout.drain(ctx)
	stderr.drain(ctx)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return exitCode(cmd.ProcessState, waited)
}

// check refuses what the contract rules out before anything starts.
func (w *workspace) check(s builder.Sandbox) error {
	switch _, err := os.Stat(w.folder.work); {
	case err != nil:
		return runnerError("enter the workspace", err)
	case len(s.Secrets) > 0 && !s.Online:
		return fmt.Errorf("run %s: secrets are given to a step without network", s.Step)
	case foreign(s) && s.Online:
		return fmt.Errorf("run %s: a step that runs foreign code asks for the network", s.Step)
	}
	return nil
}

// overdue is the cause of a step's end when the agent did not watch its own time.
func overdue(s builder.Sandbox) error {
	f := fault.New(fault.TimedOut, "timeout-or-hang", "see its log for where it stopped, or raise timeout in the matrix",
		"%s took longer than %s and was ended", s.Step, s.Timeout)
	f.Infra = true
	return f
}

// runnerError says that the machine could not do something for a step.
func runnerError(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", builder.ErrRunner, what, err)
}

// exitCode turns a process's end into the number that a shell would show.
func exitCode(state *os.ProcessState, err error) (int, error) {
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return 0, runnerError("wait for trtfarm's agent", err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}

// taskFile is the agent's standard input: a file in memory with an end, which
// needs nobody to feed it.
func taskFile(task []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("task", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "task")
	if _, err := f.Write(task); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// stream carries one of the agent's streams to a writer.
type stream struct {
	r, w *os.File
	to   io.Writer
	fail context.CancelCauseFunc
	done chan struct{}
	mu   sync.Mutex
	shut bool // the writer is no longer ours to use
}

func newStream(to io.Writer, fail context.CancelCauseFunc) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stream{r: r, w: w, to: to, fail: fail, done: make(chan struct{})}, nil
}

// follow starts the copying. A writer that fails ends the step.
func (s *stream) follow() {
	s.w.Close() // the child has its own
	go func() {
		defer close(s.done)
		if _, err := io.Copy(s, s.r); err != nil {
			s.fail(fmt.Errorf("pass on what the agent prints: %w", err))
		}
	}()
}

// Write passes p on until the stream is shut.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return 0, os.ErrClosed
	}
	return s.to.Write(p)
}

// drain waits for the stream's end. Once ctx is done, it waits a second at most:
// the writer may be one that does not take any more.
func (s *stream) drain(ctx context.Context) {
	select {
	case <-s.done:
		return
	case <-ctx.Done():
	}
	select {
	case <-s.done:
	case <-time.After(time.Second):
		if s.mu.TryLock() {
			s.shut = true
			s.mu.Unlock()
		}
	}
}

func (s *stream) close() {
	s.r.Close()
	s.w.Close()
}
