package verify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Ortrun computes with ONNX Runtime, in a child process of its own: a model can
// crash the runtime, and the runtime needs cgo.
type Ortrun struct {
	Program string // the ortrun program
	Library string // the ONNX Runtime library; "" for ORT_LIBRARY, or the one beside the program
}

var _ Runtime = Ortrun{}

// libraryFile is how the shared library is called beside the program.
const libraryFile = "libonnxruntime.so.1"

// Bounds of what is kept of the child's output.
const (
	maxStdout = 1 << 20
	maxStderr = 16 << 10
)

type ortTensor struct {
	Name  string        `json:"name"`
	Type  onnx.DataType `json:"type"`
	Shape []int64       `json:"shape"`
	File  string        `json:"file"`
}

type ortRequest struct {
	Model  string      `json:"model"`
	Inputs []ortTensor `json:"inputs"`
	OutDir string      `json:"outdir"`
}

type ortAnswer struct {
	Runtime string      `json:"runtime"`
	Outputs []ortTensor `json:"outputs"`
}

// Run implements Runtime. The child is killed when ctx is done, and Run then
// returns ctx's cause.
func (o Ortrun) Run(ctx context.Context, model, dir string, inputs []Tensor) ([]Tensor, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if model, err = filepath.Abs(model); err != nil {
		return nil, err
	}
	request := ortRequest{Model: model, Inputs: []ortTensor{}, OutDir: dir}
	for _, t := range inputs {
		request.Inputs = append(request.Inputs, ortTensor{t.Name, t.Type, append([]int64{}, t.Shape...), filepath.Join(dir, filepath.FromSlash(t.File))})
	}
	answer, err := o.call(ctx, request, filepath.Base(model))
	if err != nil {
		return nil, err
	}
	outputs := make([]Tensor, len(answer.Outputs))
	for i, t := range answer.Outputs {
		file := t.File
		if filepath.IsAbs(file) {
			if file, err = filepath.Rel(dir, file); err != nil {
				return nil, fmt.Errorf("ortrun: output %q: %w", t.Name, err)
			}
		}
		if !filepath.IsLocal(file) {
			return nil, fmt.Errorf("ortrun: output %q: file %s lies outside %s", t.Name, t.File, dir)
		}
		outputs[i] = Tensor{Name: t.Name, Type: t.Type, Shape: append([]int64{}, t.Shape...), File: filepath.ToSlash(file)}
	}
	return outputs, nil
}

// Version implements Runtime.
func (o Ortrun) Version(ctx context.Context) (string, error) {
	answer, err := o.call(ctx, nil, "", "--version")
	return answer.Runtime, err
}

// call runs the program with a request on its standard input.
func (o Ortrun) call(ctx context.Context, request any, model string, args ...string) (ortAnswer, error) {
	library, err := o.library()
	if err != nil {
		return ortAnswer{}, err
	}
	stdin, err := json.Marshal(request)
	if err != nil {
		return ortAnswer{}, fmt.Errorf("ortrun: %w", err)
	}
	// The child ends with us, also when we are killed: for that, the thread has to
	// stay that starts it. In a group of its own, it hears no Ctrl-C before we do.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, o.Program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 2 * time.Second
	cmd.Stdin = bytes.NewReader(stdin)
	// The child reads a model from outside: it gets nothing that could be stolen.
	cmd.Env = []string{"ORT_LIBRARY=" + library, "LC_ALL=C", "TMPDIR=" + os.TempDir()}
	stdout, stderr := limited{max: maxStdout}, limited{max: maxStderr, tail: true}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ortAnswer{}, context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return ortAnswer{}, runFault(model, stderr.line())
	case errors.As(err, &exit):
		return ortAnswer{}, fault.New(fault.Environment, "reference-runtime", "give the reference host more memory, or smaller shapes",
			"ONNX Runtime was ended by %s while it ran %s", exit.ProcessState, model)
	case err != nil:
		return ortAnswer{}, o.missing(o.Program, err)
	case stdout.cut:
		return ortAnswer{}, fmt.Errorf("ortrun printed more than %d KiB", maxStdout>>10)
	}
	var answer ortAnswer
	if err := json.Unmarshal(stdout.buf, &answer); err != nil {
		return ortAnswer{}, fmt.Errorf("ortrun's answer: %w", err)
	}
	if answer.Runtime == "" {
		return ortAnswer{}, errors.New("ortrun's answer names no runtime")
	}
	return answer, nil
}

// runFault says that ONNX Runtime could not run a model.
func runFault(model, line string) error {
	line = strings.TrimSpace(strings.TrimPrefix(line, "ortrun:"))
	if model == "" {
		return fault.New(fault.Environment, "reference-runtime", "run make deps", "ONNX Runtime does not start: %s", line)
	}
	if _, reason, ok := strings.Cut(line, " failed:"); ok && strings.Contains(line, "Load model from ") {
		line = reason // what comes before it says the path twice
	}
	fix := "check that the model takes the shapes of this case"
	for _, unknown := range []string{"No Op registered for ", "No opset import for domain ", "is not a registered function/op"} {
		if strings.Contains(line, unknown) {
			fix = "give inputs and outputs in the matrix, so that no reference must be computed: ONNX Runtime does not know this operator"
		}
	}
	return fault.New(fault.Usage, "reference-runtime", fix, "ONNX Runtime cannot run %s: %s", model, line)
}

// library returns the library for the child, which must be there: the child's
// own message would be the loader's.
func (o Ortrun) library() (string, error) {
	program, err := exec.LookPath(o.Program)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", o.missing(o.Program, err)
	}
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real // ortrun looks beside the file, not beside a link to it
	}
	library := cmp.Or(o.Library, os.Getenv("ORT_LIBRARY"), filepath.Join(filepath.Dir(program), libraryFile))
	if library, err = filepath.Abs(library); err != nil {
		return "", err
	}
	if _, err := os.Stat(library); err != nil {
		return "", o.missing(library, err)
	}
	return library, nil
}

// missing says that a part of the runtime cannot be used.
func (o Ortrun) missing(what string, err error) error {
	reason := err.Error()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		reason = "it is not there"
	}
	f := fault.New(fault.Environment, "reference-runtime",
		"run make, which puts ortrun and "+libraryFile+" beside trtfarm; or set ORT_LIBRARY; or give inputs and outputs in the matrix",
		"reference outputs need ONNX Runtime, and %s cannot be used: %s", what, reason)
	f.Err = err
	return f
}

// limited keeps at most max bytes of what is written: the first, or the last
// with tail. Writes always succeed, so that the child is not stopped by them.
type limited struct {
	max  int
	tail bool
	cut  bool
	buf  []byte
}

func (l *limited) Write(p []byte) (int, error) {
	l.buf = append(l.buf, p...)
	if len(l.buf) > l.max {
		l.cut = true
		if l.tail {
			l.buf = append(l.buf[:0], l.buf[len(l.buf)-l.max:]...)
		} else {
			l.buf = l.buf[:l.max]
		}
	}
	return len(p), nil
}

// line returns the last line that ortrun itself wrote, else the last of all.
func (l *limited) line() string {
	lines := strings.Split(strings.TrimSpace(string(l.buf)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "ortrun:") {
			return lines[i]
		}
	}
	return cmp.Or(lines[len(lines)-1], "it said nothing")
}
