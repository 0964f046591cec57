package builder

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/diagnose"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// Where NGC images keep trtexec when it is not on the PATH.
var toolFolders = []string{"/opt/tensorrt/bin", "/usr/src/tensorrt/bin", "/usr/local/bin"}

// ran reports whether the command did its work, so that the next one has
// something to stand on. How accurate it was is another question.
func (c *CommandResult) ran() bool {
	if c.Case != nil {
		return c.Case.Loaded
	}
	ok, _ := c.Log.OK(c.Exit, false)
	return ok
}

// command runs one program to its end, keeps what it printed, and compares its
// outputs when it is a case. The result is nil only when it never started.
func (w *worker) command(ctx context.Context, c Command) (*CommandResult, error) {
	for _, cast := range c.Cast {
		if err := w.cast(cast); err != nil {
			return nil, err
		}
	}
	if err := w.files.mkdir(path.Join(".", c.Dir)); err != nil {
		return nil, err
	}
	program, err := findTool(c.Args[0])
	if err != nil {
		return nil, err
	}
	log, err := w.files.create(c.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	// The program must not outlive its agent. The kernel watches the thread that
	// starts it, so that thread has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	argv := slices.Concat(w.Confine, []string{program}, c.Args[1:])
	start := time.Now()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = filepath.Join(w.Dir, filepath.FromSlash(c.Dir))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second // a stray child may hold the pipes open
	capture := newCapture(c.Name, log, w.emit)
	cmd.Stdout, cmd.Stderr = capture.stream("stdout"), capture.stream("stderr")
	if err := cmd.Start(); err != nil {
		capture.close()
		return nil, failure(inTool, "start %s: %w", program, err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it left running
	result := &CommandResult{Name: c.Name, Seconds: seconds(start), Exit: exitCode(cmd.ProcessState), Log: capture.close()}
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if err := capture.err; err != nil {
		return result, failure(inWorkspace, "write %s: %w", c.Log, err)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited && !errors.Is(err, exec.ErrWaitDelay) {
		return result, failure(inTool, "run %s: %w", program, err)
	}
	if c.Case != nil {
		if err := w.compare(c, result); err != nil {
			return result, err
		}
	}
	if !result.ran() {
		result.Verdict = verdict(log)
	}
	return result, nil
}

// findTool resolves a program of the image.
func findTool(name string) (string, error) {
	if program, err := exec.LookPath(name); err == nil {
		return filepath.Abs(program)
	}
	for _, folder := range toolFolders {
		if program, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return program, nil
		}
	}
	return "", failure(inTool, "%s is neither on the PATH (%s) nor in %s: is this a TensorRT image?", name, os.Getenv("PATH"), strings.Join(toolFolders, ", "))
}

func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

// verdict diagnoses a log that was just written; nil when it cannot be read.
func verdict(log *os.File) *diagnose.Verdict {
	if _, err := log.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	v, err := diagnose.Log(log)
	if err != nil {
		return nil
	}
	return &v
}

// compare holds a case's outputs against their references.
func (w *worker) compare(c Command, r *CommandResult) error {
	latency := verify.Latency{Mean: r.Log.Latency.Mean, Median: r.Log.Latency.Median, P99: r.Log.Latency.P99}
	if loaded, _ := r.Log.OK(r.Exit, true); !loaded {
		r.Case = &verify.Result{Case: c.Case.Name, Profile: c.Case.Profile}
		return nil
	}
	if err := w.expandExports(c); err != nil {
		return err
	}
	var outputs []verify.Errors
	for _, want := range c.Case.Outputs {
		e, err := w.compareOutput(c, want)
		if err != nil {
			return err
		}
		outputs = append(outputs, e)
	}
	judged := verify.Judge(*c.Case, outputs, latency, c.Gates.MaxP99Ms)
	r.Case = &judged
	return nil
}
