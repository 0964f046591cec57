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
	Operators   []Operator         // of the graph, its subgraphs and the functions it reaches, ordered by domain and name
	Functions   []Function         // that the model defines itself, ordered by domain and name
	External    []External         // files that hold weights, ordered by location
	WeightBytes int64              // inline and external
	WeightTypes map[DataType]int64 // bytes of weights per element type
	QDQ         bool               // has QuantizeLinear or DequantizeLinear nodes, or TensorRT's own kinds of them
	FileBytes   int64              // of the model file alone: more than MaxFile is no valid protobuf
}

// MaxFile is the largest model file that ONNX Runtime and TensorRT read:
// protobuf counts the bytes of a message in 31 bits. A larger model must keep
// its weights in files of their own.
const MaxFile = 1<<31 - 1

// Opset is one opset import. Domain "" is ai.onnx.
type Opset struct {
	Domain  string
	Version int64
}

// Operator counts the nodes of one operator. Domain "" is ai.onnx. A call of a
// function that the model defines is no operator: see Function. The nodes of a
// function count once, however often it is called, and not at all when nothing
// calls it.
type Operator struct {
	Domain string
	Name   string
	Count  int
}

// Function is a model-local function: an operator that the model defines by a
// body of others, so that nobody else has to provide it.
type Function struct {
	Domain string
	Name   string
	Calls  int // nodes that call it, in the graph and in functions that it reaches
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
