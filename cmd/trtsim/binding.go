package main

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// typeNames are trtexec's names of the element types that TensorRT binds.
var typeNames = map[onnx.DataType]string{
	onnx.Float32: "fp32", onnx.Float16: "fp16", onnx.BFloat16: "bf16", onnx.Int8: "int8", onnx.Uint8: "uint8",
	onnx.Int32: "int32", onnx.Int64: "int64", onnx.Bool: "bool",
}

// narrower are the types that TensorRT binds others as, where it narrows them.
var narrower = map[onnx.DataType]onnx.DataType{onnx.Float64: onnx.Float32, onnx.Int64: onnx.Int32}

// bindingType is the engine's type for an input or output of the model, if it has
// one.
func bindingType(t onnx.DataType, v catalog.Version) (onnx.DataType, bool) {
	a := catalog.TensorType(int32(t), v)
	if a.Verdict == catalog.Can && a.Why != "" {
		t = narrower[t]
	}
	_, ok := typeNames[t]
	return t, ok && a.Verdict != catalog.Cannot
}

// maxBinding bounds one binding's bytes, so that a typing error in a shape does
// not take the host's memory.
const maxBinding = 8 << 30

// volume is the number of elements of a shape.
func volume(dims []int64, elementSize int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("dimension %d of %v is negative", d, dims)
		}
		if d > 0 && n > maxBinding/elementSize/d {
			return 0, fmt.Errorf("a tensor of shape %v exceeds %d GiB", dims, maxBinding>>30)
		}
		n *= d
	}
	return n, nil
}

// rawName is the file that --dumpRawBindingsToFile writes for a binding: what
// is no letter, digit or one of "._-," becomes an underscore.
func rawName(name, direction string, dims []int64, typ onnx.DataType) string {
	shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(dims), " ", "."), "[]")
	full := name + "." + direction + "." + shape + "." + typeNames[typ] + ".raw"
	out := []byte(full)
	for i, c := range out {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("._-,", rune(c)) {
			out[i] = '_'
		}
	}
	return string(out)
}
