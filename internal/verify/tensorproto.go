package verify

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Field numbers of TensorProto in onnx.proto.
const (
	protoDims         = 1
	protoType         = 2
	protoSegment      = 3
	protoFloatData    = 4
	protoInt32Data    = 5
	protoStringData   = 6
	protoInt64Data    = 7
	protoName         = 8
	protoRawData      = 9
	protoDoubleData   = 10
	protoUint64Data   = 11
	protoExternalData = 13
	protoDataLocation = 14
)

// Bounds of what is kept in memory of a file from outside.
const (
	maxRank = 32
	maxName = 64 << 10
)

// header is what a file says about the tensor in it.
type header struct {
	name  string
	typ   onnx.DataType
	shape []int64
}

// bytes returns the size of the tensor's raw data.
func (h header) bytes() (int64, error) {
	e, err := elementOf(h.typ)
	if err != nil {
		return 0, err
	}
	_, bytes, err := count(h.shape, e.size)
	return bytes, err
}

// protoHeader reads a serialized TensorProto without its data.
func protoHeader(r io.Reader) (header, error) {
	var h header
	err := walkProto(r, func(f protoField) error {
		switch f.num {
		case protoDims:
			return f.varints(func(v uint64) error {
				if len(h.shape) == maxRank {
					return fmt.Errorf("more than %d dimensions", maxRank)
				}
				if int64(v) < 0 {
					return fmt.Errorf("dimension %d is negative", len(h.shape))
				}
				h.shape = append(h.shape, int64(v))
				return nil
			})
		case protoType:
			if f.typ != protowire.VarintType {
				return errors.New("the element type is not a number")
			}
			h.typ = onnx.DataType(int32(f.value))
		case protoName:
			name, err := f.text()
			h.name = name
			return err
		case protoSegment:
			return errors.New("the tensor is cut into segments")
		case protoExternalData:
			return errors.New("its values lie in another file (external data)")
		case protoDataLocation:
			if f.value != 0 {
				return errors.New("its values lie in another file (external data)")
			}
		}
		return nil
	})
	if err != nil {
		return header{}, err
	}
	if h.typ == onnx.Undefined {
		return header{}, errors.New("no element type: not a TensorProto")
	}
	_, err = h.bytes()
	return h, err
}

// protoData copies the values of a serialized TensorProto, whose header is h, to
// w as raw bytes.
func protoData(w io.Writer, r io.Reader, h header) error {
	e, err := elementOf(h.typ)
	if err != nil {
		return err
	}
	n, bytes, err := count(h.shape, e.size)
	if err != nil {
		return err
	}
	typed := protoFieldOf(h.typ)
	values := valueWriter{w: w, typ: h.typ, size: e.size, left: n}
	raw := false
	err = walkProto(r, func(f protoField) error {
		switch f.num {
		case protoRawData:
			if f.body == nil || raw || values.left != n {
				return errors.New("values stand there twice")
			}
			raw = true
			if size := f.body.left; size != bytes {
				return fmt.Errorf("raw_data has %d bytes, %s of %s needs %d", size, shapeText(h.shape), h.typ, bytes)
			}
			_, err := io.Copy(w, f.body)
			return err
		case typed:
			if raw {
				return errors.New("values stand there twice")
			}
			switch f.num {
			case protoFloatData:
				return f.fixed(4, values.add)
			case protoDoubleData:
				return f.fixed(8, values.add)
			}
			return f.varints(values.add)
		case protoFloatData, protoInt32Data, protoStringData, protoInt64Data, protoDoubleData, protoUint64Data:
			return fmt.Errorf("the values of %s stand in field %d, which is not theirs", h.typ, f.num)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case !raw && values.left > 0:
		return fmt.Errorf("%d values are missing: %s of %s needs %d", values.left, shapeText(h.shape), h.typ, n)
	}
	return values.flush()
}

// protoFieldOf is the field that holds values of a type when raw_data does not.
func protoFieldOf(t onnx.DataType) protowire.Number {
	switch t {
	case onnx.Float32:
		return protoFloatData
	case onnx.Float64:
		return protoDoubleData
	case onnx.Int64:
		return protoInt64Data
	case onnx.Uint32, onnx.Uint64:
		return protoUint64Data
	}
	return protoInt32Data
}

// valueWriter writes values of typed fields as raw bytes.
type valueWriter struct {
	w    io.Writer
	typ  onnx.DataType
	size int
	left int64 // values still to come
	buf  []byte
}

// add writes one value: the bits of a float, or a number as a varint holds it.
func (v *valueWriter) add(bits uint64) error {
	if v.left == 0 {
		return errors.New("more values than the shape has elements")
	}
	v.left--
	lo, hi := varintRange(v.typ)
	if n := int64(bits); lo < hi && (n < lo || n > hi) {
		return fmt.Errorf("value %d does not fit into %s", n, v.typ)
	}
	var le [8]byte
	binary.LittleEndian.PutUint64(le[:], bits)
	v.buf = append(v.buf, le[:v.size]...)
	if len(v.buf) >= blockElements {
		return v.flush()
	}
	return nil
}

func (v *valueWriter) flush() error {
	_, err := v.w.Write(v.buf)
	v.buf = v.buf[:0]
	return err
}

// varintRange bounds what a varint may hold for a type narrower than its field;
// both are 0 where every value is fine. Half precision stands there as its bits.
func varintRange(t onnx.DataType) (lo, hi int64) {
	switch t {
	case onnx.Uint8:
		return 0, math.MaxUint8
	case onnx.Int8:
		return math.MinInt8, math.MaxInt8
	case onnx.Uint16, onnx.Float16, onnx.BFloat16:
		return 0, math.MaxUint16
	case onnx.Int16:
		return math.MinInt16, math.MaxInt16
	case onnx.Int32:
		return math.MinInt32, math.MaxInt32
	case onnx.Uint32:
		return 0, math.MaxUint32
	case onnx.Bool:
		return 0, 1
	}
	return 0, 0
}

// protoField is one field of a message, seen while reading it.
type protoField struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64       // of a varint or fixed field
	body  *protoReader // of a length-delimited field, else nil
}

// walkProto calls visit for every field of the message that r holds, in constant
// memory. What visit leaves of a body is skipped.
func walkProto(r io.Reader, visit func(protoField) error) error {
	p := &protoReader{r: bufio.NewReaderSize(r, 64<<10), left: math.MaxInt64}
	for {
		if _, err := p.r.Peek(1); err == io.EOF {
			return nil
		}
		tag, err := binary.ReadUvarint(p)
		if err != nil {
			return cut(err)
		}
		var f protoField
		f.num, f.typ = protowire.DecodeTag(tag)
		if f.num < protowire.MinValidNumber {
			return errors.New("not a protobuf message")
		}
		switch f.typ {
		case protowire.VarintType:
			f.value, err = binary.ReadUvarint(p)
		case protowire.Fixed32Type:
			f.value, err = p.fixed(4)
		case protowire.Fixed64Type:
			f.value, err = p.fixed(8)
		case protowire.BytesType:
			f.value, err = binary.ReadUvarint(p)
			if f.value > math.MaxInt64 {
				return errors.New("not a protobuf message")
			}
			f.body = &protoReader{r: p.r, left: int64(f.value)}
		default:
			return errors.New("not a protobuf message")
		}
		if err != nil {
			return cut(err)
		}
		if err := visit(f); err != nil {
			return err
		}
		if f.body != nil {
			if _, err := io.Copy(io.Discard, f.body); err != nil {
				return cut(err)
			}
		}
	}
}

// cut says that a file ends within a value.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is cut short")
	}
	return err
}

// varints calls each for every number of a repeated field, packed or not.
func (f protoField) varints(each func(uint64) error) error {
	if f.typ == protowire.VarintType {
		return each(f.value)
	}
	if f.body == nil {
		return fmt.Errorf("field %d is no list of numbers", f.num)
	}
	for f.body.left > 0 {
		v, err := binary.ReadUvarint(f.body)
		if err != nil {
			return cut(err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

// fixed is varints for numbers of a fixed size in bytes.
func (f protoField) fixed(size int, each func(uint64) error) error {
	if f.typ == protowire.Fixed32Type && size == 4 || f.typ == protowire.Fixed64Type && size == 8 {
		return each(f.value)
	}
	if f.body == nil || f.body.left%int64(size) != 0 {
		return fmt.Errorf("field %d is no list of %d-byte numbers", f.num, size)
	}
	for f.body.left > 0 {
		v, err := f.body.fixed(size)
		if err != nil {
			return cut(err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

// text returns a string field.
func (f protoField) text() (string, error) {
	if f.body == nil || f.body.left > maxName {
		return "", fmt.Errorf("field %d is no text of at most %d KiB", f.num, maxName>>10)
	}
	b, err := io.ReadAll(f.body)
	if err != nil {
		return "", cut(err)
	}
	return string(b), nil
}

// protoReader reads the next left bytes of r, which must be there.
type protoReader struct {
	r    *bufio.Reader
	left int64
}

func (p *protoReader) ReadByte() (byte, error) {
	if p.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	p.left--
	return p.r.ReadByte()
}

func (p *protoReader) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.r.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// fixed reads a little-endian number of size bytes.
func (p *protoReader) fixed(size int) (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(p, b[:size])
	return binary.LittleEndian.Uint64(b[:]), err
}
