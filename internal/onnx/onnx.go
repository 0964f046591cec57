// Package onnx says what an ONNX model needs, from its structure alone: inputs,
// outputs, opsets, operators, external data. It never loads weights, so memory
// stays constant for models of many GiB.
package onnx

// Model is what a model file declares.
type Model struct {
	IRVersion   int64
	Producer    string // producer name and version, joined by a space
	Opsets      []Opset
	Inputs      []Value // without initializers, which old exporters list too
	Outputs     []Value
	Operators   []Operator         // with subgraphs and functions, ordered by domain and name
	External    []External         // files that hold weights, ordered by location
	WeightBytes int64              // inline and external
	WeightTypes map[DataType]int64 // bytes of weights per element type
	QDQ         bool               // has QuantizeLinear or DequantizeLinear nodes
}

// Opset is one opset import. Domain "" is ai.onnx.
type Opset struct {
	Domain  string
	Version int64
}

// Operator counts the nodes of one operator.
type Operator struct {
	Domain string
	Name   string
	Count  int
}

// External is one file of external weights.
type External struct {
	Location string // slash-separated, strictly below the model's folder
	Bytes    int64  // how far into the file the model's references reach
}

// Value is a graph input or output.
type Value struct {
	Name      string
	Type      DataType // Undefined when it is not a tensor
	Shape     []Dim    // nil when the model declares no shape at all
	Container string   // "" for a tensor; else "sequence", "map", "optional", ...
}

// Dim is one dimension: a fixed size, or a dynamic one with an optional name.
type Dim struct {
	Size  int64  // -1 when dynamic
	Param string // symbolic name, or ""
}

// DataType is an ONNX tensor element type (TensorProto.DataType).
type DataType int32

// Dynamic reports whether any dimension is not fixed.
func (v Value) Dynamic() bool {
	for _, d := range v.Shape {
		if d.Size < 0 {
			return true
		}
	}
	return v.Shape == nil
}
