package onnx

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protowire"
)

// Rewrite copies the model at path to dst as one self-contained file: external
// weights move inside, and round may change every float32 tensor, be it an
// initializer or part of an attribute, such as the value of a Constant node.
// (Single floats in attributes stay as they are.) A nil round changes nothing.
//
// Memory holds one tensor at a time. A model that is not readable, whose
// external weights are not there, or that would exceed 2 GiB is refused before
// the first byte is written.
func Rewrite(dst io.Writer, path string, round func([]float32)) error {
	m, err := Inspect(path)
	if err != nil {
		return err
	}
	if err := CheckExternal(path, m); err != nil {
		return err
	}
	f, size, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the folder of %s: %w", path, err)
	}
	defer root.Close()
	r := &rewriter{scanner: newScanner(f, size), path: path, root: root, round: round}
	defer r.close()
	p, err := r.plan(field{end: size}, modelMessage)
	if err != nil {
		return inFile(path, err)
	}
	if p.length > MaxFile {
		return fmt.Errorf("%s: with its weights inside, the model would have %d bytes; one file can hold %d", path, p.length, MaxFile)
	}
	w := bufio.NewWriterSize(dst, 64<<10)
	if err := r.emit(w, p); err != nil {
		return inFile(path, err)
	}
	return w.Flush()
}

// message is a kind of ONNX message that can hold tensors.
type message int

const (
	modelMessage message = iota + 1
	graphMessage
	nodeMessage
	attributeMessage
	sparseMessage
	functionMessage
	tensorMessage
)

// members says which fields of a message lead to tensors.
var members = map[message]map[protowire.Number]message{
	modelMessage:     {7: graphMessage, 25: functionMessage},
	graphMessage:     {1: nodeMessage, 5: tensorMessage, 15: sparseMessage},
	nodeMessage:      {5: attributeMessage},
	attributeMessage: {5: tensorMessage, 6: graphMessage, 10: tensorMessage, 11: graphMessage, 22: sparseMessage, 23: sparseMessage},
	sparseMessage:    {1: tensorMessage, 2: tensorMessage},
	functionMessage:  {7: nodeMessage},
}

// patch is a field whose value will have another content or length.
type patch struct {
	field
	length   int64 // of the new value
	children []patch
	tensor   *tensor // the data is replaced, if not nil
}

type rewriter struct {
	*scanner
	path  string
	root  *os.Root
	round func([]float32)
	data  *os.File // the file of external weights opened last
	name  string   // its location
}

func (r *rewriter) close() {
	if r.data != nil {
		r.data.Close()
	}
}

// fieldSize is the length of a length-delimited field with its tag.
func fieldSize(num protowire.Number, length int64) int64 {
	return int64(protowire.SizeTag(num)) + int64(protowire.SizeVarint(uint64(length))) + length
}

// plan finds the tensors to replace below f, and what that makes of its length.
func (r *rewriter) plan(f field, kind message) (patch, error) {
	p := patch{field: f, length: f.size()}
	err := r.each(f.body, f.end, "a message", func(child field) error {
		next := members[kind][child.num]
		if next == 0 {
			return nil
		}
		var c patch
		var err error
		if next == tensorMessage {
			c, err = r.planTensor(child)
		} else {
			c, err = r.plan(child, next)
		}
		if err != nil || c.tensor == nil && c.children == nil {
			return err
		}
		p.children = append(p.children, c)
		p.length += fieldSize(child.num, c.length) - (child.end - child.start)
		return nil
	})
	return p, err
}

// replaced tells the fields of a tensor that its data makes superfluous.
func replaced(num protowire.Number) bool {
	switch num {
	case tensorFloatData, tensorRawData, tensorExternal, tensorLocation:
		return true
	}
	return false
}

func (r *rewriter) planTensor(f field) (patch, error) {
	t, err := r.tensor(f)
	if err != nil {
		return patch{}, err
	}
	if !t.external && (t.typ != Float32 || r.round == nil) {
		return patch{}, nil
	}
	p := patch{field: f, tensor: t, length: f.size() + fieldSize(tensorRawData, t.bytes)}
	floats := int64(0)
	err = r.each(f.body, f.end, "a tensor", func(f field) error {
		switch {
		case f.num == tensorSegment:
			return faultAt(f.start, "%s is stored in segments, which no exporter has written for years", t.label())
		case f.num == tensorFloatData && f.typ == protowire.Fixed32Type:
			floats++
		case f.num == tensorFloatData:
			floats += f.size() / 4
		}
		if replaced(f.num) {
			p.length -= f.end - f.start
		}
		return nil
	})
	if err == nil && !t.external && t.raw.start == 0 && floats != t.elements {
		err = faultAt(f.start, "%s of shape %v has %d elements of data", t.label(), t.dims, floats)
	}
	return p, err
}

// emit writes the value of p.
func (r *rewriter) emit(w *bufio.Writer, p patch) error {
	if p.tensor != nil {
		return r.emitTensor(w, p)
	}
	at := p.body
	for _, c := range p.children {
		if err := r.copy(w, at, c.start); err != nil {
			return err
		}
		if err := head(w, c.num, c.length); err != nil {
			return err
		}
		if err := r.emit(w, c); err != nil {
			return err
		}
		at = c.end
	}
	return r.copy(w, at, p.end)
}

// head writes the tag and length of a length-delimited field.
func head(w *bufio.Writer, num protowire.Number, length int64) error {
	b := protowire.AppendTag(w.AvailableBuffer(), num, protowire.BytesType)
	_, err := w.Write(protowire.AppendVarint(b, uint64(length)))
	return err
}

// copy writes the bytes of the model from one place to another.
func (r *rewriter) copy(w *bufio.Writer, from, to int64) error {
	r.jump(from)
	for r.at() < to {
		if r.pos == len(r.buf) {
			if err := r.fill(); err != nil {
				return err
			}
		}
		n := min(int64(len(r.buf)-r.pos), to-r.at())
		if _, err := w.Write(r.buf[r.pos : r.pos+int(n)]); err != nil {
			return err
		}
		r.pos += int(n)
	}
	return nil
}

// emitTensor writes a tensor with its data as raw data at the end.
func (r *rewriter) emitTensor(w *bufio.Writer, p patch) error {
	t := p.tensor
	err := r.each(p.body, p.end, "a tensor", func(f field) error {
		if replaced(f.num) {
			return nil
		}
		return r.copy(w, f.start, f.end)
	})
	if err != nil {
		return err
	}
	if err := head(w, tensorRawData, t.bytes); err != nil {
		return err
	}
	var data io.Reader
	switch {
	case t.external:
		if data, err = r.external(t); err != nil {
			return err
		}
	case t.raw.start > 0:
		r.jump(t.raw.body)
		data = scannerReader{r.scanner, t.raw.end}
	}
	if t.typ != Float32 || r.round == nil {
		if _, err := io.CopyN(w, data, t.bytes); err != nil {
			return fmt.Errorf("copy %s of %s: %w", t.label(), r.path, err)
		}
		return nil
	}
	values := make([]float32, 0, t.elements)
	if data != nil {
		values, err = readFloats(data, values)
	} else {
		values, err = r.floatData(p.field, values)
	}
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", t.label(), r.path, err)
	}
	r.round(values)
	for _, v := range values {
		if _, err := w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), math.Float32bits(v))); err != nil {
			return err
		}
	}
	return nil
}

// external returns the bytes of a tensor in a file of external weights.
func (r *rewriter) external(t *tensor) (io.Reader, error) {
	if r.data == nil || r.name != t.location {
		f, err := openExternal(r.root, r.path, External{t.location, t.offset + t.bytes})
		if err != nil {
			return nil, err
		}
		r.close()
		r.data, r.name = f, t.location
	}
	return io.NewSectionReader(r.data, t.offset, t.bytes), nil
}

// readFloats fills values up to their capacity.
func readFloats(data io.Reader, values []float32) ([]float32, error) {
	var chunk [16 << 10]byte
	for len(values) < cap(values) {
		part := chunk[:min(len(chunk), 4*(cap(values)-len(values)))]
		if _, err := io.ReadFull(data, part); err != nil {
			return nil, err
		}
		for ; len(part) > 0; part = part[4:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(part)))
		}
	}
	return values, nil
}

// floatData appends the float_data of the tensor in f to values.
func (r *rewriter) floatData(f field, values []float32) ([]float32, error) {
	err := r.each(f.body, f.end, "a tensor", func(f field) error {
		switch {
		case f.num != tensorFloatData:
		case f.typ == protowire.Fixed32Type:
			values = append(values, math.Float32frombits(uint32(f.bits)))
		default:
			r.jump(f.body)
			for range f.size() / 4 {
				var b [4]byte
				if err := r.read(b[:]); err != nil {
					return err
				}
				values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(b[:])))
			}
		}
		return nil
	})
	return values, err
}

// scannerReader reads the bytes of the model up to end.
type scannerReader struct {
	*scanner
	end int64
}

func (s scannerReader) Read(p []byte) (int, error) {
	n := min(int64(len(p)), s.end-s.at())
	if n <= 0 {
		return 0, io.EOF
	}
	return int(n), s.read(p[:n])
}
