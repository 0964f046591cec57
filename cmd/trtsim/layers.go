package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// maxLayers bounds the layers that an engine lists.
const maxLayers = 20000

// quantised are the operators that get kernels of eight bits or fewer.
var quantised = []string{"Conv", "ConvTranspose", "Gemm", "MatMul"}

// narrows reports whether a layer of an operator computes in a quantised
// precision. INT8 takes elementwise operators and pooling with it.
func narrows(op, precision string) bool {
	if slices.Contains(quantised, op) {
		return true
	}
	return precision == "int8" && (layerTypes[op] == "PointWiseV2" || layerTypes[op] == "CaskPooling")
}

// layerTypes are the inspector's names of what an operator becomes, as layer
// information that others published shows them. Operators without a row keep
// their own name, which Gather, Slice, TopK, Constant, Shape and Cast do there.
var layerTypes = map[string]string{
	"Conv": "CaskConvolution", "ConvTranspose": "CaskDeconvolutionV2",
	"Gemm": "CaskGemmMatrixMultiply", "MatMul": "CaskGemmMatrixMultiply",
	"MaxPool": "CaskPooling", "AveragePool": "CaskPooling", "GlobalAveragePool": "CaskPooling", "GlobalMaxPool": "CaskPooling",
	"Softmax": "CaskSoftMaxV2", "LogSoftmax": "CaskSoftMaxV2",
	"Add": "PointWiseV2", "Sub": "PointWiseV2", "Mul": "PointWiseV2", "Div": "PointWiseV2", "Pow": "PointWiseV2",
	"Relu": "PointWiseV2", "LeakyRelu": "PointWiseV2", "Sigmoid": "PointWiseV2", "Tanh": "PointWiseV2", "Erf": "PointWiseV2",
	"Sqrt": "PointWiseV2", "Exp": "PointWiseV2", "Clip": "PointWiseV2", "HardSwish": "PointWiseV2", "Gelu": "PointWiseV2",
	"ReduceMean": "Reduce", "ReduceSum": "Reduce", "ReduceMax": "Reduce", "ReduceMin": "Reduce", "ReduceProd": "Reduce",
	"Reshape": "NoOp", "Flatten": "NoOp", "Squeeze": "NoOp", "Unsqueeze": "NoOp", "Identity": "NoOp", "Dropout": "NoOp",
	"Transpose": "Shuffle", "QuantizeLinear": "Reformat", "DequantizeLinear": "Reformat",
}

// layers makes one layer of every node. The names count the nodes of one
// operator, since trtsim fuses nothing.
func layers(m *onnx.Model, precision string, typed bool) []container.Layer {
	float := ownType(m)
	integers := strings.HasPrefix(float, "int") || float == "bool"
	switch {
	case integers:
	case precision == "fp16" || precision == "bf16":
		float = precision
	case !typed:
		float = "fp32"
	}
	heavy := float
	switch {
	case integers:
	case precision == "int8" || precision == "fp8" || precision == "int4":
		heavy = precision
	case m.QDQ:
		heavy = "int8"
	}
	var out []container.Layer
	for _, op := range m.Operators {
		typ, ok := layerTypes[op.Name]
		if !ok {
			typ = op.Name
		}
		for i := range op.Count {
			if len(out) == maxLayers {
				return out
			}
			l := container.Layer{Name: fmt.Sprintf("%s_%d", op.Name, i), Type: typ, Precision: float}
			if narrows(op.Name, precision) {
				l.Precision = heavy
			}
			out = append(out, l)
		}
	}
	return out
}

// ownType is the type that a model computes in by itself: that of most of its
// weights, or of its inputs and outputs where it has none. Models without floats
// compute in integers.
func ownType(m *onnx.Model) string {
	size := map[onnx.DataType]int64{}
	for t, n := range m.WeightTypes {
		size[t] += n
	}
	for _, v := range slices.Concat(m.Inputs, m.Outputs) {
		size[v.Type]++
	}
	best := ""
	var most int64
	for _, c := range []struct {
		typ  onnx.DataType
		name string
	}{{onnx.Float32, "fp32"}, {onnx.Float16, "fp16"}, {onnx.BFloat16, "bf16"}, {onnx.Float64, "fp32"}} {
		if size[c.typ] > most {
			best, most = c.name, size[c.typ]
		}
	}
	if best != "" {
		return best
	}
	for t, name := range map[onnx.DataType]string{onnx.Int32: "int32", onnx.Int64: "int64", onnx.Bool: "bool"} {
		if size[t] > most || size[t] == most && most > 0 && name < best {
			best, most = name, size[t]
		}
	}
	if best == "" {
		return "fp32"
	}
	return best
}

// formats are the inspector's names of a tensor's type, before TensorRT 10 and
// from then on.
var formats = map[string][2]string{
	"fp32":  {"Row major linear FP32", "Float"},
	"fp16":  {"Row major linear FP16 format", "Half"},
	"bf16":  {"Row major linear BFloat16 format", "BFloat16"},
	"int8":  {"Row major Int8 format", "Int8"},
	"fp8":   {"Row major linear FP8 format", "FP8"},
	"int4":  {"Row major linear INT4 format", "Int4"},
	"int32": {"Row major Int32 format", "Int32"},
	"int64": {"Row major Int64 format", "Int64"},
	"bool":  {"Row major Bool format", "Bool"},
}

// layerTensor is one side of a layer in the inspector's JSON.
type layerTensor struct {
	Name       string  `json:"Name"`
	Location   string  `json:"Location,omitempty"`
	Dimensions []int64 `json:"Dimensions"`
	Format     string  `json:"Format/Datatype"`
}

// layerObject is a layer at detailed verbosity.
type layerObject struct {
	Name      string        `json:"Name"`
	LayerType string        `json:"LayerType"`
	Inputs    []layerTensor `json:"Inputs"`
	Outputs   []layerTensor `json:"Outputs"`
	Tactic    string        `json:"TacticName"`
	Stream    int           `json:"StreamId"`
	Metadata  string        `json:"Metadata"`
}

// layerInfo is what the engine inspector says of an engine.
func (s *sim) layerInfo(m container.Meta) ([]byte, error) {
	info := struct {
		Layers   []any    `json:"Layers"`
		Bindings []string `json:"Bindings"`
	}{Layers: []any{}, Bindings: []string{}}
	column := 0
	if s.version.AtLeast(10, 0) {
		column = 1
	}
	if m.Verbosity != "none" {
		for _, l := range m.Layers {
			if m.Verbosity != "detailed" {
				info.Layers = append(info.Layers, l.Name)
				continue
			}
			f := formats[l.Precision][column]
			info.Layers = append(info.Layers, layerObject{
				Name: l.Name, LayerType: l.Type,
				Inputs:  []layerTensor{{Name: l.Name + "_in", Location: "Device", Dimensions: []int64{}, Format: f}},
				Outputs: []layerTensor{{Name: l.Name + "_out", Location: "Device", Dimensions: []int64{}, Format: f}},
				Tactic:  "trtsim_" + l.Precision, Metadata: fmt.Sprintf("[ONNX Layer: %s]", l.Name),
			})
		}
	}
	for _, t := range slices.Concat(m.Inputs, m.Outputs) {
		info.Bindings = append(info.Bindings, t.Name)
	}
	return json.MarshalIndent(info, "", " ")
}

// exportLayers prints and writes the layer information that was asked for.
func (s *sim) exportLayers(m container.Meta) {
	o := s.options
	if !o.DumpLayers && o.ExportLayers == "" {
		return
	}
	data, err := s.layerInfo(m)
	if err != nil {
		return
	}
	if o.DumpLayers {
		s.log.info("Layer Information:")
		s.log.info("Layers:")
		for _, l := range m.Layers {
			fmt.Fprintln(s.log.out, l.Name)
		}
		fmt.Fprintf(s.log.out, "\nBindings:\n")
		for _, t := range slices.Concat(m.Inputs, m.Outputs) {
			fmt.Fprintln(s.log.out, t.Name)
		}
	}
	if o.ExportLayers != "" {
		// A failure to write is not reported: trtexec does not look either.
		_ = os.WriteFile(o.ExportLayers, append(data, '\n'), 0o666)
	}
}
