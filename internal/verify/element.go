package verify

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// class groups element types by what a comparison may assume about them.
type class int

const (
	float class = iota + 1
	integer
	unsigned64 // apart, since it exceeds int64
	boolean
)

// element is what this package knows about one element type.
type element struct {
	name  string
	size  int // bytes
	class class
	bits  int // of the significand, for floats
}

// elementOf returns what is known about a type that can be generated, loaded and
// compared, or an error that names it. The others have no whole bytes (4 bit),
// no fixed size (string) or no counterpart in TensorRT.
func elementOf(t onnx.DataType) (element, error) {
	e := element{name: t.String(), size: int(t.Size())}
	switch t {
	case onnx.Float32:
		e.class, e.bits = float, 24
	case onnx.Float16:
		e.class, e.bits = float, 11
	case onnx.BFloat16:
		e.class, e.bits = float, 8
	case onnx.Float64:
		e.class, e.bits = float, 53
	case onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Uint8, onnx.Uint16, onnx.Uint32:
		e.class = integer
	case onnx.Uint64:
		e.class = unsigned64
	case onnx.Bool:
		e.class = boolean
	default:
		return element{}, fmt.Errorf("elements of %s can be neither generated nor compared", t)
	}
	return e, nil
}

// maxTensorBytes bounds one tensor, so that sizes never overflow.
const maxTensorBytes = 1 << 40

// count returns the number of elements of shape and their size in bytes.
func count(shape []int64, size int) (elements, bytes int64, err error) {
	elements = 1
	for _, d := range shape {
		if d < 0 {
			return 0, 0, fmt.Errorf("shape %s has a negative dimension", shapeText(shape))
		}
		if d != 0 && elements > maxTensorBytes/int64(size)/d {
			return 0, 0, fmt.Errorf("shape %s needs more than %d GiB", shapeText(shape), int64(maxTensorBytes>>30))
		}
		elements *= d
	}
	return elements, elements * int64(size), nil
}

// shapeText writes a shape as people do: [1 3 224 224], or scalar.
func shapeText(shape []int64) string {
	if len(shape) == 0 {
		return "scalar"
	}
	return fmt.Sprint(shape)
}

// dimsText writes a declared shape, with names or ? for what is dynamic.
func dimsText(dims []onnx.Dim) string {
	if len(dims) == 0 {
		return "scalar"
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		switch {
		case d.Size >= 0:
			parts[i] = fmt.Sprint(d.Size)
		case d.Param != "":
			parts[i] = d.Param
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// floats decodes len(dst) elements of type t from src.
func floats(t onnx.DataType, dst []float64, src []byte) {
	le := binary.LittleEndian
	switch t {
	case onnx.Float32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	case onnx.Float16:
		for i := range dst {
			dst[i] = float64(fromHalf(le.Uint16(src[2*i:])))
		}
	case onnx.Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(src[8*i:]))
		}
	case onnx.BFloat16:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16))
		}
	case onnx.Uint64:
		for i := range dst {
			dst[i] = float64(le.Uint64(src[8*i:]))
		}
	default:
		for i := range dst {
			dst[i] = float64(integerAt(t, src, i))
		}
	}
}

// integers decodes len(dst) elements of an integer or boolean type. Values of
// uint64 are shifted by 2^63, which keeps their order and their differences.
func integers(t onnx.DataType, dst []int64, src []byte) {
	for i := range dst {
		dst[i] = integerAt(t, src, i)
	}
}

func integerAt(t onnx.DataType, src []byte, i int) int64 {
	le := binary.LittleEndian
	switch t {
	case onnx.Uint8:
		return int64(src[i])
	case onnx.Int8:
		return int64(int8(src[i]))
	case onnx.Uint16:
		return int64(le.Uint16(src[2*i:]))
	case onnx.Int16:
		return int64(int16(le.Uint16(src[2*i:])))
	case onnx.Int32:
		return int64(int32(le.Uint32(src[4*i:])))
	case onnx.Int64:
		return int64(le.Uint64(src[8*i:]))
	case onnx.Bool:
		return int64(min(src[i], 1))
	case onnx.Uint32:
		return int64(le.Uint32(src[4*i:]))
	case onnx.Uint64:
		return int64(le.Uint64(src[8*i:]) ^ 1<<63)
	}
	panic("verify: not an integer type")
}

// put encodes v as one element of type t at the start of dst, rounding floats to
// the nearest value, ties to even.
func put(t onnx.DataType, dst []byte, v float64) {
	le := binary.LittleEndian
	switch t {
	case onnx.Float32:
		le.PutUint32(dst, math.Float32bits(float32(v)))
	case onnx.Uint8, onnx.Int8, onnx.Bool:
		dst[0] = byte(int64(v))
	case onnx.Uint16, onnx.Int16:
		le.PutUint16(dst, uint16(int64(v)))
	case onnx.Int32, onnx.Uint32:
		le.PutUint32(dst, uint32(int64(v)))
	case onnx.Int64, onnx.Uint64:
		le.PutUint64(dst, uint64(int64(v)))
	case onnx.Float16:
		le.PutUint16(dst, toHalf(float32(v)))
	case onnx.Float64:
		le.PutUint64(dst, math.Float64bits(v))
	case onnx.BFloat16:
		b := math.Float32bits(float32(v))
		le.PutUint16(dst, uint16((b+0x7fff+b>>16&1)>>16))
	}
}

// fromHalf widens an IEEE 754 binary16.
func fromHalf(h uint16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24
		return math.Float32frombits(math.Float32bits(float32(frac)*0x1p-24) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// toHalf narrows a finite value to an IEEE 754 binary16.
func toHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign, abs := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case abs >= 0x477ff000: // rounds beyond 65504
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: in units of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(abs))*0x1p24))
	}
	return sign | uint16((abs-112<<23+0xfff+abs>>13&1)>>13)
}
