package onnx

import (
	"fmt"
	"strconv"
)

// The element types that runtimes take as inputs and outputs. The numbers are
// those of TensorProto.DataType in onnx.proto.
const (
	Undefined DataType = 0
	Float32   DataType = 1
	Uint8     DataType = 2
	Int8      DataType = 3
	Uint16    DataType = 4
	Int16     DataType = 5
	Int32     DataType = 6
	Int64     DataType = 7
	String    DataType = 8
	Bool      DataType = 9
	Float16   DataType = 10
	Float64   DataType = 11
	Uint32    DataType = 12
	Uint64    DataType = 13
	BFloat16  DataType = 16
)

// dataTypes lists TensorProto.DataType of onnx.proto (ONNX 1.20): the index is
// the number there. Bits is 0 where elements have no fixed size.
var dataTypes = [...]struct {
	name string
	bits int64
}{
	{"undefined", 0}, {"float32", 32}, {"uint8", 8}, {"int8", 8}, {"uint16", 16}, {"int16", 16},
	{"int32", 32}, {"int64", 64}, {"string", 0}, {"bool", 8}, {"float16", 16}, {"float64", 64},
	{"uint32", 32}, {"uint64", 64}, {"complex64", 64}, {"complex128", 128}, {"bfloat16", 16},
	{"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8}, {"float8e5m2fnuz", 8},
	{"uint4", 4}, {"int4", 4}, {"float4e2m1", 4}, {"float8e8m0", 8}, {"uint2", 2}, {"int2", 2},
}

// String names the type as NumPy would: "float32", "int64". A number that ONNX
// does not define reads "type 99".
func (t DataType) String() string {
	if t < 0 || int(t) >= len(dataTypes) {
		return "type " + strconv.Itoa(int(t))
	}
	return dataTypes[t].name
}

// Size is the number of bytes of one element. It is 0 for strings, for types
// that pack several elements into a byte, and for unknown types.
func (t DataType) Size() int64 { return t.bits() / 8 }

func (t DataType) bits() int64 {
	if t < 0 || int(t) >= len(dataTypes) {
		return 0
	}
	return dataTypes[t].bits
}

// ParseDataType is the reverse of String for the types that ONNX defines.
func ParseDataType(s string) (DataType, error) {
	for i, d := range dataTypes {
		if i > 0 && d.name == s {
			return DataType(i), nil
		}
	}
	return Undefined, fmt.Errorf("element type %q is not one that ONNX defines, such as float32 or int64", s)
}
