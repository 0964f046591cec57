package builder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/diagnose"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

const (
	maxLine = 64 << 10  // longer lines are cut into several
	maxLog  = 256 << 20 // a log beyond this is cut: it is a runaway program, not information
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
func (a Agent) command(ctx context.Context, c Command, emit func(Event)) (*CommandResult, error) {
	for _, cast := range c.Cast {
		if err := a.cast(cast); err != nil {
			return nil, err
		}
	}
	dir, err := a.path(filepath.Join(".", c.Dir))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", errWorkspace, err)
	}
	program, err := findTool(c.Args[0])
	if err != nil {
		return nil, err
	}
	log, err := a.create(c.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	argv := append(append([]string{}, a.Confine...), program)
	argv = append(argv, c.Args[1:]...)
	start := time.Now()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second // a stray child may hold the pipes open
	capture := newCapture(c.Name, log, emit)
	cmd.Stdout, cmd.Stderr = capture.stream("stdout"), capture.stream("stderr")
	if err := cmd.Start(); err != nil {
		capture.close()
		return nil, fmt.Errorf("%w: start %s: %w", errTool, program, err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever it left running
	result := &CommandResult{Name: c.Name, Seconds: seconds(start), Exit: exitCode(cmd.ProcessState), Log: capture.close()}
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if err := capture.err; err != nil {
		return result, fmt.Errorf("%w: write %s: %w", errWorkspace, c.Log, err)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited && !errors.Is(err, exec.ErrWaitDelay) {
		return result, fmt.Errorf("%w: run %s: %w", errTool, program, err)
	}
	if c.Case != nil {
		if err := a.compare(c, result); err != nil {
			return result, err
		}
	}
	if !result.ran() {
		result.Verdict = a.verdict(c.Log)
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
	return "", fmt.Errorf("%w: %s is neither on the PATH (%s) nor in %s: is this a TensorRT image?",
		errTool, name, os.Getenv("PATH"), strings.Join(toolFolders, ", "))
}

func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

// verdict diagnoses a kept log; nil when it cannot be read.
func (a Agent) verdict(log string) *diagnose.Verdict {
	full, err := a.path(log)
	if err != nil {
		return nil
	}
	f, err := os.Open(full)
	if err != nil {
		return nil
	}
	defer f.Close()
	v, err := diagnose.Log(f)
	if err != nil {
		return nil
	}
	return &v
}

// capture takes both streams of a program line by line, in the order of their
// arrival, to a log file, to events, and to trtexec's reader.
type capture struct {
	name    string
	emit    func(Event)
	mu      sync.Mutex
	log     *os.File
	written int64
	err     error // the first error of writing the log
	reader  *io.PipeWriter
	parsed  chan trtexec.Log
	streams []*lines
}

func newCapture(name string, log *os.File, emit func(Event)) *capture {
	pr, pw := io.Pipe()
	c := &capture{name: name, emit: emit, log: log, reader: pw, parsed: make(chan trtexec.Log, 1)}
	go func() {
		parsed, _ := trtexec.ReadLog(bufio.NewReader(pr)) // a pipe of ours: reading it does not fail
		_, _ = io.Copy(io.Discard, pr)
		c.parsed <- parsed
	}()
	return c
}

func (c *capture) stream(name string) io.Writer {
	l := &lines{capture: c, stream: name}
	c.streams = append(c.streams, l)
	return l
}

func (c *capture) line(stream, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written > maxLog {
		return
	}
	text = strings.ToValidUTF8(strings.TrimSuffix(text, "\r"), "\uFFFD")
	n, err := fmt.Fprintln(c.log, text)
	if c.err == nil {
		c.err = err
	}
	if c.written += int64(n); c.written > maxLog {
		text = fmt.Sprintf("trtfarm: the log is longer than %d MiB; the rest is not kept", maxLog>>20)
		fmt.Fprintln(c.log, text)
	}
	fmt.Fprintln(c.reader, text)
	c.emit(Event{Log: &LogLine{Command: c.name, Stream: stream, Text: text}})
}

// close ends unfinished lines and returns what trtexec's reader understood.
func (c *capture) close() trtexec.Log {
	for _, l := range c.streams {
		l.flush()
	}
	c.reader.Close()
	return <-c.parsed
}

// lines splits one stream into lines.
type lines struct {
	capture *capture
	stream  string
	mu      sync.Mutex
	part    []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range p {
		if b == '\n' {
			l.capture.line(l.stream, string(l.part))
			l.part = l.part[:0]
			continue
		}
		if l.part = append(l.part, b); len(l.part) >= maxLine {
			l.capture.line(l.stream, string(l.part))
			l.part = l.part[:0]
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.capture.line(l.stream, string(l.part))
		l.part = nil
	}
}

// compare holds a case's outputs against their references.
func (a Agent) compare(c Command, r *CommandResult) error {
	latency := verify.Latency{Mean: r.Log.Latency.Mean, Median: r.Log.Latency.Median, P99: r.Log.Latency.P99}
	if loaded, _ := r.Log.OK(r.Exit, true); !loaded {
		r.Case = &verify.Result{Case: c.Case.Name, Profile: c.Case.Profile}
		return nil
	}
	if err := a.expandExports(c); err != nil {
		return err
	}
	var outputs []verify.Errors
	for _, want := range c.Case.Outputs {
		e, err := a.compareOutput(c, want)
		if err != nil {
			return err
		}
		outputs = append(outputs, e)
	}
	judged := verify.Judge(*c.Case, outputs, latency, c.Gates.MaxP99Ms)
	r.Case = &judged
	return nil
}
