package onnx

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	// maxKept bounds what a model can make us remember: names, shapes and what
	// Go needs to hold them. A model with 100 000 weights stays below it.
	maxKept = 12 << 20

	// maxDepth is how deep If, Loop and Scan bodies may nest.
	maxDepth = 32
)

// Inspect reads what the model file at path declares. It fails with *Error when
// the file is not a model, naming the place; with the error of the operating
// system when it cannot be read. External data files are not looked at: see
// CheckExternal.
func Inspect(path string) (*Model, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := Read(f, size)
	return m, inFile(path, err)
}

// open opens a regular file and says how long it is.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// inFile names the file in an error about its bytes. Errors of the operating
// system name it themselves.
func inFile(path string, err error) error {
	if e, ok := err.(*Error); ok {
		return &Error{Path: path, Offset: e.Offset, Reason: e.Reason, Fix: e.Fix}
	}
	return err
}

// Read reads what the model in the first size bytes of r declares. Memory stays
// below 32 MiB whatever the model holds; weights are stepped over.
func Read(r io.ReadSeeker, size int64) (*Model, error) {
	s := newScanner(r, size)
	if size <= 0 {
		return nil, &Error{Offset: -1, Reason: "the file is empty"}
	}
	if err := s.fill(); err != nil {
		return nil, err
	}
	head := slices.Clone(s.buf[:min(len(s.buf), headSize)])
	if err := sniff(head); err != nil {
		return nil, err
	}
	w := &walk{scanner: s, ops: make(map[string]int), functions: make(map[string]*function), weights: make(map[string]bool)}
	w.m.WeightTypes = make(map[DataType]int64)
	w.m.FileBytes = size
	if err := w.model(); err != nil {
		if told := guess(head); told != nil {
			return nil, told
		}
		return nil, err
	}
	return w.finish(), nil
}

// MaxOpset is the highest version of the ai.onnx opset that the model imports,
// or 0 when it imports none.
func (m *Model) MaxOpset() int64 {
	v := int64(0)
	for _, o := range m.Opsets {
		if o.Domain == "" {
			v = max(v, o.Version)
		}
	}
	return v
}

// walk gathers a Model while it walks the file.
type walk struct {
	*scanner
	m         Model
	ops       map[string]int       // operators ("domain\x00name") and their counts, of the graph or of the function at hand
	functions map[string]*function // by the key that nodes call them by
	weights   map[string]bool      // initializers of the main graph
	externals map[string]int64
	budget    int64 // bytes remembered so far
	graphs    int
}

// keep accounts for n bytes of text that are remembered.
func (w *walk) keep(at int64, n int) error {
	w.budget += int64(n) + 64
	if w.budget > maxKept {
		return faultAt(at, "names and shapes take more than %d MiB: this is not a sensible model", maxKept>>20)
	}
	return nil
}

func (w *walk) model() error {
	var name, version string
	err := w.each(0, w.size, "the model", func(f field) (err error) {
		switch f.num {
		case 1:
			w.m.IRVersion, err = number(f, "the IR version")
		case 2:
			name, err = w.text(f, "the producer name")
		case 3:
			version, err = w.text(f, "the producer version")
		case 7:
			w.graphs++
			err = w.graph(f, 0)
		case 8:
			err = w.opset(f)
		case 25:
			err = w.localFunction(f)
		}
		return err
	})
	if err != nil {
		return err
	}
	w.m.Producer = strings.TrimSpace(name + " " + version)
	if w.graphs == 0 {
		return &Error{Offset: -1, Reason: "the file holds no graph: this is not an ONNX model, or it is damaged"}
	}
	return nil
}

// qdq are the operators that say in the model itself where it is quantized: those
// of ONNX, which other domains have under the same names, and those that TensorRT
// adds (onnxOpCheckers.cpp of onnx-tensorrt 10.15).
var qdq = []string{
	"QuantizeLinear", "DequantizeLinear", "TRT_FP8QuantizeLinear", "TRT_FP8DequantizeLinear", "TRT_INT4QuantizeLinear", "TRT_INT4DequantizeLinear",
	"TRT_MXFP8QuantizeLinear", "TRT_MXFP8DequantizeLinear", "TRT_BlockQuantize", "TRT_BlockDequantize",
}

func quantizes(operator string) bool { return slices.Contains(qdq, operator) }

// finish orders what was gathered.
func (w *walk) finish() *Model {
	m := &w.m
	m.Inputs = slices.DeleteFunc(m.Inputs, func(v Value) bool { return w.weights[v.Name] })
	w.resolve()
	for key, n := range w.ops {
		domain, name, _ := strings.Cut(key, "\x00")
		m.Operators = append(m.Operators, Operator{domain, name, n})
		m.QDQ = m.QDQ || quantizes(name)
	}
	slices.SortFunc(m.Operators, func(a, b Operator) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Name, b.Name))
	})
	for location, n := range w.externals {
		m.External = append(m.External, External{location, n})
	}
	slices.SortFunc(m.External, func(a, b External) int { return cmp.Compare(a.Location, b.Location) })
	return m
}

func (w *walk) opset(f field) error {
	var o Opset
	err := w.message(f, "an opset import", func(f field) (err error) {
		switch f.num {
		case 1:
			o.Domain, err = w.domain(f)
		case 2:
			o.Version, err = number(f, "an opset version")
		}
		return err
	})
	if err != nil {
		return err
	}
	w.m.Opsets = append(w.m.Opsets, o)
	return w.keep(f.start, len(o.Domain))
}

// domain reads an operator domain. ONNX knows two spellings of its own.
func (w *walk) domain(f field) (string, error) {
	d, err := w.text(f, "an operator domain")
	if d == "ai.onnx" {
		d = ""
	}
	return d, err
}

// graph walks a GraphProto; depth counts the graphs around it.
func (w *walk) graph(f field, depth int) error {
	if depth > maxDepth {
		return faultAt(f.start, "subgraphs nest deeper than %d levels", maxDepth)
	}
	return w.message(f, "a graph", func(f field) error {
		switch f.num {
		case 1:
			return w.node(f, depth)
		case 5:
			t, err := w.weight(f)
			if err != nil || depth > 0 || w.weights[t.name] {
				return err
			}
			w.weights[t.name] = true
			return w.keep(f.start, len(t.name))
		case 11:
			if depth == 0 {
				return w.value(f, &w.m.Inputs)
			}
		case 12:
			if depth == 0 {
				return w.value(f, &w.m.Outputs)
			}
		case 15:
			return w.sparse(f, depth == 0)
		}
		return nil
	})
}

// sparse walks a SparseTensorProto, whose name is that of its values.
func (w *walk) sparse(f field, initializer bool) error {
	return w.message(f, "a sparse tensor", func(f field) error {
		if f.num != 1 && f.num != 2 {
			return nil
		}
		t, err := w.weight(f)
		if err != nil || !initializer || f.num != 1 {
			return err
		}
		w.weights[t.name] = true
		return w.keep(f.start, len(t.name))
	})
}

// weight adds a tensor to the weights of the model.
func (w *walk) weight(f field) (*tensor, error) {
	t, err := w.tensor(f)
	if err != nil {
		return nil, err
	}
	w.m.WeightBytes += t.bytes
	w.m.WeightTypes[t.typ] += t.bytes
	if w.m.WeightBytes < 0 {
		return nil, faultAt(f.start, "%s: the weights add up to more than 2^63 bytes", t.label())
	}
	if len(w.m.WeightTypes) > 1000 {
		return nil, faultAt(f.start, "%s: the weights are of more than 1000 types", t.label())
	}
	if !t.external {
		return t, nil
	}
	reach, known := w.externals[t.location]
	if w.externals == nil {
		w.externals = make(map[string]int64)
	}
	w.externals[t.location] = max(reach, t.offset+t.bytes)
	if known {
		return t, nil
	}
	return t, w.keep(f.start, len(t.location))
}

// node counts a NodeProto and walks the graphs and tensors in its attributes.
func (w *walk) node(f field, depth int) error {
	var op, domain string
	at := f.start
	err := w.message(f, "a node", func(f field) (err error) {
		switch f.num {
		case 4:
			op, err = w.text(f, "an operator name")
		case 5:
			err = w.attribute(f, depth)
		case 7:
			domain, err = w.domain(f)
		}
		return err
	})
	if err != nil {
		return err
	}
	if op == "" || strings.Contains(op, "\x00") || strings.Contains(domain, "\x00") {
		return faultAt(at, "a node has no operator name that makes sense (%q)", op)
	}
	key := domain + "\x00" + op
	w.ops[key]++
	if w.ops[key] > 1 {
		return nil
	}
	return w.keep(at, len(key))
}

// attribute walks an AttributeProto.
func (w *walk) attribute(f field, depth int) error {
	return w.message(f, "an attribute", func(f field) error {
		switch f.num {
		case 5, 10:
			_, err := w.weight(f)
			return err
		case 6, 11:
			return w.graph(f, depth+1)
		case 22, 23:
			return w.sparse(f, false)
		}
		return nil
	})
}
