// Package onnxtest writes small ONNX models for tests.
package onnxtest

import (
	"slices"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// Bytes is a length-delimited field whose value is the joined parts.
func Bytes(num protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), slices.Concat(parts...))
}

// Text is a string field.
func Text(num protowire.Number, s string) []byte { return Bytes(num, []byte(s)) }

// Int is a varint field.
func Int(num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(v))
}

// Model is a whole model of IR version 8 with the ai.onnx opset 17. The parts
// are fields of its graph: see Node, Input, Output and Initializer.
func Model(parts ...[]byte) []byte {
	return slices.Concat(Int(1, 8), Text(2, "onnxtest"), Bytes(8, Int(2, 17)), Bytes(7, append(parts, Text(2, "g"))...))
}

// Node is a node of a graph; attributes are made by Attribute.
func Node(op string, in, out []string, attributes ...[]byte) []byte {
	var body []byte
	for _, name := range in {
		body = append(body, Text(1, name)...)
	}
	for _, name := range out {
		body = append(body, Text(2, name)...)
	}
	return Bytes(1, body, Text(4, op), slices.Concat(attributes...))
}

// AttributeType is an AttributeProto.AttributeType.
type AttributeType int64

// The attribute types that tests use, with the field that holds the value.
const (
	IntAttribute    AttributeType = 2 // field 3
	TensorAttribute AttributeType = 4 // field 5
	GraphAttribute  AttributeType = 5 // field 6
)

// Attribute is an attribute of a node; value is the field that holds it.
func Attribute(name string, typ AttributeType, value []byte) []byte {
	return Bytes(5, Text(1, name), value, Int(20, int64(typ)))
}

// Input is a graph input of a tensor type. A negative dimension is dynamic.
func Input(name string, typ onnx.DataType, dims ...int64) []byte {
	return Bytes(11, value(name, typ, dims))
}

// Output is a graph output of a tensor type. A negative dimension is dynamic.
func Output(name string, typ onnx.DataType, dims ...int64) []byte {
	return Bytes(12, value(name, typ, dims))
}

func value(name string, typ onnx.DataType, dims []int64) []byte {
	var shape []byte
	for _, d := range dims {
		if d < 0 {
			shape = append(shape, Bytes(1, Text(2, "n"))...)
		} else {
			shape = append(shape, Bytes(1, Int(1, d))...)
		}
	}
	return slices.Concat(Text(1, name), Bytes(2, Bytes(1, Int(1, int64(typ)), Bytes(2, shape))))
}

// Initializer is a weight of a graph.
func Initializer(parts ...[]byte) []byte { return Bytes(5, parts...) }

// Tensor is the head of a TensorProto; its data follows as Raw, or as External.
func Tensor(name string, typ onnx.DataType, dims ...int64) []byte {
	var body []byte
	for _, d := range dims {
		body = append(body, Int(1, d)...)
	}
	return slices.Concat(body, Int(2, int64(typ)), Text(8, name))
}

// Raw is the raw data of a tensor.
func Raw(data []byte) []byte { return Bytes(9, data) }

// External is what a tensor says of data in another file; keys and values take turns.
func External(pairs ...string) []byte {
	var body []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		body = append(body, Bytes(13, Text(1, pairs[i]), Text(2, pairs[i+1]))...)
	}
	return append(body, Int(14, 1)...)
}
