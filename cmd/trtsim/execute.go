package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// ortTensor and ortJob are what ortrun reads, ortResult what it prints.
type ortTensor struct {
	Name  string  `json:"name"`
	Type  int32   `json:"type"`
	Shape []int64 `json:"shape"`
	File  string  `json:"file"`
}

type ortJob struct {
	Model  string      `json:"model"`
	Inputs []ortTensor `json:"inputs"`
	OutDir string      `json:"outdir"`
}

type ortResult struct {
	Runtime string      `json:"runtime"`
	Outputs []ortTensor `json:"outputs"`
}

// execute runs the engine's model on the CPU: inputs and outputs are rounded to
// the engine's precision on their way. took is how long ONNX Runtime's process
// lived.
func (s *sim) execute(p container.Plan, inputs []binding) (outputs []binding, took time.Duration, err error) {
	dir, err := os.MkdirTemp("", "trtsim-*")
	if err != nil {
		if dir, err = os.MkdirTemp(".", ".trtsim-*"); err != nil {
			return nil, 0, err
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, 0, err
		}
	}
	defer os.RemoveAll(dir)
	j := ortJob{Model: filepath.Join(dir, "model.onnx"), OutDir: dir, Inputs: []ortTensor{}}
	if err := copyModel(j.Model, p.Model); err != nil {
		return nil, 0, err
	}
	for i, b := range inputs {
		in := ortTensor{Name: b.Name, Type: b.ModelType, Shape: b.dims, File: filepath.Join(dir, fmt.Sprintf("in-%d.raw", i))}
		data := bytes.Clone(b.data)
		round(data, b.typ(), p.Meta.Precision)
		if err := os.WriteFile(in.File, convert(data, b.typ(), onnx.DataType(b.ModelType)), 0o600); err != nil {
			return nil, 0, err
		}
		j.Inputs = append(j.Inputs, in)
	}
	start := time.Now()
	r, err := s.ortrun(j)
	took = time.Since(start)
	if err != nil {
		return nil, 0, err
	}
	if len(r.Outputs) != len(p.Meta.Outputs) {
		return nil, 0, fmt.Errorf("%s gave %d outputs, the engine has %d", r.Runtime, len(r.Outputs), len(p.Meta.Outputs))
	}
	for i, t := range p.Meta.Outputs {
		out := r.Outputs[i]
		if out.Type != t.ModelType {
			return nil, 0, fmt.Errorf("%s gave output %s as type %d, the engine has %d", r.Runtime, out.Name, out.Type, t.ModelType)
		}
		data, err := os.ReadFile(out.File)
		if err != nil {
			return nil, 0, err
		}
		b := binding{Tensor: t, dims: out.Shape, data: convert(data, onnx.DataType(out.Type), onnx.DataType(t.Type))}
		round(b.data, b.typ(), p.Meta.Precision)
		outputs = append(outputs, b)
	}
	return outputs, took, nil
}

func copyModel(path string, model io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, model)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// ortrun runs the job in a process of its own.
func (s *sim) ortrun(j ortJob) (ortResult, error) {
	path := s.env("TRTSIM_ORTRUN")
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return ortResult{}, err
		}
		if self, err = filepath.EvalSymlinks(self); err != nil {
			return ortResult{}, err
		}
		path = filepath.Join(filepath.Dir(self), "ortrun")
	}
	job, err := json.Marshal(j)
	if err != nil {
		return ortResult{}, err
	}
	cmd := exec.Command(path)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(job), &out, &errs
	// The child ends with us, however we end. The kernel watches the thread
	// that started it, so that thread must stay.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(errs.String()); text != "" {
			return ortResult{}, errors.New(text)
		}
		return ortResult{}, fmt.Errorf("run %s: %w", path, err)
	}
	var r ortResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return ortResult{}, fmt.Errorf("answer of %s: %w", path, err)
	}
	return r, nil
}
