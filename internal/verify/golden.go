package verify

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Golden turns a user's reference data into the case "golden", writing its raw
// files below out. Each folder (or single file) may hold, in any mixture:
//
//   - ONNX TensorProto files (.pb), matched by the name in them, else by the
//     number in input_N.pb or output_N.pb, in the model's order;
//   - .npz archives and .npy files, matched by name, or by number as above;
//   - raw files, NAME.raw or NAME.bin, for tensors of fixed shape, and
//     NAME.D.D.D.TYPE.raw as trtexec writes them, for any.
//
// In file names, characters other than letters, digits and ._-, may be written
// as an underscore. Tensors of the other side are passed over, so that both
// folders may be the same. Without dirOutputs the case has no outputs, for the
// runtime to fill in. All mistakes are reported together; each names a file.
func Golden(dirInputs, dirOutputs string, m *onnx.Model, out string) (*Case, error) {
	if dirInputs == "" {
		return nil, dataFault("give inputs too, or remove outputs",
			"reference outputs in %s have no inputs that belong to them", dirOutputs)
	}
	c := &Case{Name: goldenCase}
	inputs, err := goldenSide(dirInputs, "input", m.Inputs, m.Outputs, out)
	c.Inputs = inputs
	if dirOutputs != "" {
		outputs, outErr := goldenSide(dirOutputs, "output", uniqueValues(m.Outputs), m.Inputs, out)
		c.Outputs, err = outputs, errors.Join(err, outErr)
	}
	if err != nil {
		return nil, err
	}
	if _, err := boundCases([]Case{*c}); err != nil {
		return nil, err
	}
	return c, nil
}

// uniqueValues drops later declarations of a name, which some optimizers leave.
func uniqueValues(values []onnx.Value) []onnx.Value {
	var unique []onnx.Value
	for _, v := range values {
		if !slices.ContainsFunc(unique, func(u onnx.Value) bool { return u.Name == v.Name }) {
			unique = append(unique, v)
		}
	}
	return unique
}

// goldenSide loads the tensors of one side, in the order of values.
func goldenSide(path, role string, values, others []onnx.Value, out string) ([]Tensor, error) {
	found, done, err := sources(path)
	defer done()
	errs := []error{err}
	chosen := make([]*source, len(values))
	for i := range found {
		s := &found[i]
		if s.role != "" && s.role != role && !s.named(values) {
			continue
		}
		at := s.match(values)
		switch {
		case len(at) == 0 && len(s.match(others)) > 0:
		case len(at) == 0:
			errs = append(errs, dataFault("name it after one of "+nameList(values)+", or remove it",
				"%s: the model has no %s %q", s.from, role, s.labels[0]))
		case len(at) > 1:
			errs = append(errs, dataFault("put them into a .npz archive, whose names are exact",
				"%s: the name fits several %ss, %q and %q", s.from, role, values[at[0]].Name, values[at[1]].Name))
		case chosen[at[0]] != nil:
			errs = append(errs, dataFault("keep one", "%s and %s both hold %s %q",
				chosen[at[0]].from, s.from, role, values[at[0]].Name))
		default:
			chosen[at[0]] = s
			errs = append(errs, s.fit(role, values[at[0]]))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err // what is missing may be what was just refused
	}
	var tensors []Tensor
	for i, v := range values {
		if chosen[i] == nil {
			fix := fmt.Sprintf("add %s_%d.pb, an array %q in a .npz archive, or %s.raw", role, i, v.Name, fileName(v.Name))
			if role == "output" {
				fix += "; or remove outputs, and ONNX Runtime computes them"
			}
			errs = append(errs, dataFault(fix, "%s: nothing there holds %s %q, %s %s", path, role, v.Name, v.Type, declared(v)))
			continue
		}
		t, err := chosen[i].store(out, v, fmt.Sprintf("ref/%s/%s-%d.raw", goldenCase, rolePrefix[role], i))
		errs = append(errs, err)
		tensors = append(tensors, t)
	}
	return tensors, errors.Join(errs...)
}

var rolePrefix = map[string]string{"input": "in", "output": "out"}

// fit checks the source against the value that it is for, and gives a raw file
// without a shape that of the value.
func (s *source) fit(role string, v onnx.Value) error {
	if !s.shaped {
		if v.Dynamic() {
			return dataFault(fmt.Sprintf("write the shape and type into the name, as in %s.1.3.224.224.fp32.raw", fileName(v.Name)),
				"%s: raw bytes say no shape, and %s %q is dynamic, %s", s.from, role, v.Name, declared(v))
		}
		s.header = header{typ: v.Type}
		for _, d := range v.Shape {
			s.shape = append(s.shape, d.Size)
		}
	}
	if s.typ != v.Type {
		return dataFault("save it as "+v.Type.String(), "%s: %s %q is %s there, the model has %s", s.from, role, v.Name, s.typ, v.Type)
	}
	if why := disagreement(v, s.shape); why != "" {
		return dataFault("save it as "+dimsText(v.Shape), "%s: %s %q is %s: %s", s.from, role, v.Name, shapeText(s.shape), why)
	}
	n, err := s.bytes()
	switch {
	case err != nil:
		return dataFault("save it as a type and shape that TensorRT takes", "%s: %w", s.from, err)
	case n > maxInputBytes:
		return dataFault("give smaller reference data", "%s: %s of %s is %d MiB, more than the %d MiB that verification may use",
			s.from, shapeText(s.shape), s.typ, n>>20, maxInputBytes>>20)
	case s.raw && s.size != n:
		return dataFault("save all of it, as little-endian values in C order without a header",
			"%s: %d bytes where %s of %s needs %d", s.from, s.size, shapeText(s.shape), s.typ, n)
	}
	return nil
}

// store writes the source's values to file below out.
func (s *source) store(out string, v onnx.Value, file string) (Tensor, error) {
	t := Tensor{Name: v.Name, Type: v.Type, Shape: append([]int64{}, s.shape...), File: file}
	err := t.write(out, s.write)
	var disk *fs.PathError
	switch {
	case errors.As(err, &disk):
		return t, fmt.Errorf("store reference data %s: %w", s.from, err)
	case err != nil:
		return t, dataFault("save it again", "%s: %w", s.from, err)
	}
	return t, nil
}

// write makes t's file below dir from what fill writes, and sets Size and SHA256.
func (t *Tensor) write(dir string, fill func(io.Writer) error) error {
	f, err := plainFile(dir, t.File)
	if err != nil {
		return err
	}
	defer f.Close()
	d := digester{hash: sha256.New()}
	w := bufio.NewWriterSize(io.MultiWriter(f, &d), 64<<10)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	t.Size, t.SHA256 = d.size, d.sum()
	return f.Close()
}

// digester counts and hashes what is written to it.
type digester struct {
	hash hash.Hash
	size int64
}

func (d *digester) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return d.hash.Write(p)
}

func (d *digester) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }
