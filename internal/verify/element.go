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

// elements are the types that can be generated, loaded and compared. Numbers and
// meanings: TensorProto.DataType in onnx.proto. The others have no whole bytes
// (4 bit), no fixed size (string) or no counterpart in TensorRT.
var elements = map[onnx.DataType]element{
	1:  {"float32", 4, float, 24},
	2:  {"uint8", 1, integer, 0},
	3:  {"int8", 1, integer, 0},
	4:  {"uint16", 2, integer, 0},
	5:  {"int16", 2, integer, 0},
	6:  {"int32", 4, integer, 0},
	7:  {"int64", 8, integer, 0},
	9:  {"bool", 1, boolean, 0},
	10: {"float16", 2, float, 11},
	11: {"float64", 8, float, 53},
	12: {"uint32", 4, integer, 0},
	13: {"uint64", 8, unsigned64, 0},
	16: {"bfloat16", 2, float, 8},
}

// elementOf returns what is known about t, or an error that names it.
func elementOf(t onnx.DataType) (element, error) {
	if e, ok := elements[t]; ok {
		return e, nil
	}
	return element{}, fmt.Errorf("element type %d is not supported: it can be neither generated nor compared", int32(t))
}

// typeName is how messages call a type.
func typeName(t onnx.DataType) string {
	if e, ok := elements[t]; ok {
		return e.name
	}
	return fmt.Sprintf("type %d", int32(t))
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
	case 1:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	case 10:
		for i := range dst {
			dst[i] = float64(fromHalf(le.Uint16(src[2*i:])))
		}
	case 11:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(src[8*i:]))
		}
	case 16:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16))
		}
	case 13:
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
	case 2:
		return int64(src[i])
	case 3:
		return int64(int8(src[i]))
	case 4:
		return int64(le.Uint16(src[2*i:]))
	case 5:
		return int64(int16(le.Uint16(src[2*i:])))
	case 6:
		return int64(int32(le.Uint32(src[4*i:])))
	case 7:
		return int64(le.Uint64(src[8*i:]))
	case 9:
		return int64(min(src[i], 1))
	case 12:
		return int64(le.Uint32(src[4*i:]))
	case 13:
		return int64(le.Uint64(src[8*i:]) ^ 1<<63)
	}
	panic("verify: not an integer type")
}

// put encodes v as one element of type t at the start of dst, rounding floats to
// the nearest value, ties to even.
func put(t onnx.DataType, dst []byte, v float64) {
	le := binary.LittleEndian
	switch t {
	case 1:
		le.PutUint32(dst, math.Float32bits(float32(v)))
	case 2, 3, 9:
		dst[0] = byte(int64(v))
	case 4, 5:
		le.PutUint16(dst, uint16(int64(v)))
	case 6, 12:
		le.PutUint32(dst, uint32(int64(v)))
	case 7, 13:
		le.PutUint64(dst, uint64(int64(v)))
	case 10:
		le.PutUint16(dst, toHalf(float32(v)))
	case 11:
		le.PutUint64(dst, math.Float64bits(v))
	case 16:
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
