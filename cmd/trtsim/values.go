package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/rounding"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// randomValues makes n elements: floats in [-1,1], integers in [-128,127],
// booleans 0 or 1. The same seed gives the same values in every run.
func randomValues(r *rand.Rand, t onnx.DataType, n int) []byte {
	out := make([]byte, 0, n*int(t.Size()))
	le := binary.LittleEndian
	for range n {
		switch t {
		case onnx.Float32:
			out = le.AppendUint32(out, math.Float32bits(r.Float32()*2-1))
		case onnx.Float16:
			out = le.AppendUint16(out, rounding.Half(r.Float32()*2-1))
		case onnx.BFloat16:
			out = le.AppendUint16(out, rounding.Brain(r.Float32()*2-1))
		case onnx.Bool:
			out = append(out, byte(r.IntN(2)))
		case onnx.Int8, onnx.Uint8:
			out = append(out, byte(r.IntN(256)))
		case onnx.Int32:
			out = le.AppendUint32(out, uint32(int32(r.IntN(256)-128)))
		case onnx.Int64:
			out = le.AppendUint64(out, uint64(int64(r.IntN(256)-128)))
		}
	}
	return out
}

// round applies a precision to float32 data in place.
func round(data []byte, t onnx.DataType, precision string) {
	f := rounding.For(precision)
	if f == nil || t != onnx.Float32 {
		return
	}
	le := binary.LittleEndian
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(le.Uint32(data[4*i:]))
	}
	f(values)
	for i, v := range values {
		le.PutUint32(data[4*i:], math.Float32bits(v))
	}
}

// convert changes the element type where engine and model differ: int32 and
// int64, float32 and float64.
func convert(data []byte, from, to onnx.DataType) []byte {
	if from == to {
		return data
	}
	le := binary.LittleEndian
	n := len(data) / int(from.Size())
	out := make([]byte, 0, n*int(to.Size()))
	for i := range n {
		switch {
		case from == onnx.Int32 && to == onnx.Int64:
			out = le.AppendUint64(out, uint64(int64(int32(le.Uint32(data[4*i:])))))
		case from == onnx.Int64 && to == onnx.Int32:
			out = le.AppendUint32(out, uint32(int32(max(math.MinInt32, min(math.MaxInt32, int64(le.Uint64(data[8*i:])))))))
		case from == onnx.Float32 && to == onnx.Float64:
			out = le.AppendUint64(out, math.Float64bits(float64(math.Float32frombits(le.Uint32(data[4*i:])))))
		case from == onnx.Float64 && to == onnx.Float32:
			out = le.AppendUint32(out, math.Float32bits(float32(math.Float64frombits(le.Uint64(data[8*i:])))))
		}
	}
	return out
}

// change applies f to every float of data.
func change(data []byte, t onnx.DataType, f func(float32) float32) {
	le := binary.LittleEndian
	switch t {
	case onnx.Float32:
		for i := 0; i+4 <= len(data); i += 4 {
			le.PutUint32(data[i:], math.Float32bits(f(math.Float32frombits(le.Uint32(data[i:])))))
		}
	case onnx.Float16:
		for i := 0; i+2 <= len(data); i += 2 {
			le.PutUint16(data[i:], rounding.Half(f(rounding.FromHalf(le.Uint16(data[i:])))))
		}
	case onnx.BFloat16:
		for i := 0; i+2 <= len(data); i += 2 {
			le.PutUint16(data[i:], rounding.Brain(f(rounding.FromBrain(le.Uint16(data[i:])))))
		}
	}
}

// text prints element i as trtexec does: six digits, bare nan and inf.
func text(data []byte, t onnx.DataType, i int) string {
	le := binary.LittleEndian
	var f float64
	switch t {
	case onnx.Float32:
		f = float64(math.Float32frombits(le.Uint32(data[4*i:])))
	case onnx.Float16:
		f = float64(rounding.FromHalf(le.Uint16(data[2*i:])))
	case onnx.BFloat16:
		f = float64(rounding.FromBrain(le.Uint16(data[2*i:])))
	case onnx.Int32:
		return strconv.Itoa(int(int32(le.Uint32(data[4*i:]))))
	case onnx.Int64:
		return strconv.FormatInt(int64(le.Uint64(data[8*i:])), 10)
	case onnx.Int8:
		return strconv.Itoa(int(int8(data[i])))
	default:
		return strconv.Itoa(int(data[i]))
	}
	switch {
	case f != f:
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return number(f)
}

// corrupt applies the faults that spoil outputs.
func (s *sim) corrupt(outputs []binding) {
	relative, err := strconv.ParseFloat(s.faults.arg("wrong-output"), 64)
	for _, b := range outputs {
		if err == nil {
			change(b.data, b.typ(), func(f float32) float32 { return f * float32(1+relative) })
		}
		if s.faults.has("nan") {
			change(b.data, b.typ(), func(float32) float32 { return float32(math.NaN()) })
		}
	}
}
