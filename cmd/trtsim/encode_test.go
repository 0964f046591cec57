package main

import (
	"strconv"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"

	"encoding/binary"
	"math"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/rounding"
)

// typed is a tensor of a type.
func typed(t onnx.DataType) container.Tensor { return container.Tensor{Type: int32(t)} }

// encode makes the bytes of a binding.
func (b binding) encode(values ...float64) []byte {
	var out []byte
	le := binary.LittleEndian
	for _, v := range values {
		switch b.typ() {
		case onnx.Float32:
			out = le.AppendUint32(out, math.Float32bits(float32(v)))
		case onnx.Float16:
			out = le.AppendUint16(out, rounding.Half(float32(v)))
		case onnx.Int32:
			out = le.AppendUint32(out, uint32(int32(v)))
		case onnx.Int64:
			out = le.AppendUint64(out, uint64(int64(v)))
		}
	}
	return out
}

// decode reads the bytes of a binding.
func (b binding) decode(data []byte) []float64 {
	var out []float64
	for i := range len(data) / int(b.typ().Size()) {
		v, err := strconv.ParseFloat(text(data, b.typ(), i), 64)
		if err != nil {
			panic(err)
		}
		out = append(out, v)
	}
	return out
}
