//go:build cgo

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// maxJob is the largest job that is read: names and paths, never data.
const maxJob = 4 << 20

// job is what ortrun reads from standard input.
type job struct {
	Model  string   `json:"model"`
	Inputs []tensor `json:"inputs"`
	OutDir string   `json:"outdir"`
}

// tensor is a tensor in a file: little endian, C order, no header.
type tensor struct {
	Name  string        `json:"name"`
	Type  onnx.DataType `json:"type"`
	Shape []int64       `json:"shape"`
	File  string        `json:"file"`
}

// result is what ortrun prints.
type result struct {
	Runtime string   `json:"runtime"`
	Outputs []tensor `json:"outputs,omitempty"`
}

// readJob reads one JSON document.
func readJob(r io.Reader) (job, error) {
	var j job
	text, err := io.ReadAll(io.LimitReader(r, maxJob+1))
	if err != nil {
		return j, fmt.Errorf("read the job from standard input: %w", err)
	}
	if len(text) > maxJob {
		return j, fmt.Errorf("the job on standard input is larger than %d bytes", maxJob)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return j, fmt.Errorf("the job on standard input is not what ortrun reads: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return j, errors.New("the job on standard input has something behind its end")
	}
	if j.Model == "" || j.OutDir == "" {
		return j, errors.New("the job on standard input has no model or no outdir")
	}
	return j, nil
}

// byteSize is the size of a tensor's data.
func byteSize(shape []int64, typ onnx.DataType) (int64, error) {
	size := typ.Size()
	if size == 0 {
		return 0, fmt.Errorf("elements of type %s cannot be kept in a raw file", typ)
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("it has %d dimensions; at most %d are allowed", len(shape), maxRank)
	}
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("the shape %v is not fixed", shape)
		}
		if d > 0 && size > math.MaxInt64/2/d {
			return 0, fmt.Errorf("the shape %v is larger than any memory", shape)
		}
		size *= d
	}
	return size, nil
}

// readInput reads the file of an input that the model declares as p.
func readInput(in tensor, p port) ([]byte, error) {
	if p.typ == onnx.Undefined {
		return nil, errors.New("the model does not take a tensor there")
	}
	if in.Type != p.typ {
		return nil, fmt.Errorf("the model takes %s, the job gives %s", p.typ, in.Type)
	}
	want, err := byteSize(in.Shape, in.Type)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(in.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() != want {
		return nil, fmt.Errorf("%s has %d bytes; %s of shape %v has %d", in.File, st.Size(), in.Type, in.Shape, want)
	}
	data, err := buffer(want)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(f, data)
	return data, err
}

// setInputs gives every input of the model its value from the job.
func setInputs(s *session, given []tensor, ports []port) error {
	byName := make(map[string]tensor)
	for _, in := range given {
		if _, twice := byName[in.Name]; twice {
			return fmt.Errorf("the job gives input %q twice", in.Name)
		}
		byName[in.Name] = in
	}
	for i, p := range ports {
		in, ok := byName[p.name]
		if !ok {
			return fmt.Errorf("the job has no input %q, which the model takes", p.name)
		}
		delete(byName, p.name)
		data, err := readInput(in, p)
		if err == nil {
			err = s.set(i, data, in.Shape, in.Type)
		}
		if err != nil {
			return fmt.Errorf("input %q: %w", p.name, err)
		}
	}
	for _, in := range given {
		if _, left := byName[in.Name]; left {
			return fmt.Errorf("the job gives input %q, which the model does not take", in.Name)
		}
	}
	return nil
}

// do runs the job.
func do(s *session, j job, threads int) (result, error) {
	res := result{Runtime: s.version()}
	inputs, outputs, err := s.load(j.Model, threads)
	if err != nil {
		return res, err
	}
	for _, p := range outputs {
		if p.typ == onnx.Undefined {
			return res, fmt.Errorf("output %q is a sequence, map or optional value; only tensors can be written", p.name)
		}
	}
	if err := setInputs(s, j.Inputs, inputs); err != nil {
		return res, err
	}
	if err := s.run(); err != nil {
		return res, fmt.Errorf("run %s: %w", j.Model, err)
	}
	if err := os.MkdirAll(j.OutDir, 0o777); err != nil {
		return res, err
	}
	written := make(map[string]bool)
	for i, p := range outputs {
		if written[p.name] {
			continue // a model that declares an output twice computes it once
		}
		written[p.name] = true
		out := tensor{Name: p.name, File: filepath.Join(j.OutDir, fmt.Sprintf("out-%d.raw", len(res.Outputs)))}
		var data []byte
		if data, out.Shape, out.Type, err = s.get(i); err != nil {
			return res, fmt.Errorf("output %q: %w", p.name, err)
		}
		if err := os.WriteFile(out.File, data, 0o666); err != nil {
			return res, err
		}
		res.Outputs = append(res.Outputs, out)
	}
	return res, nil
}
