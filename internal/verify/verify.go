// Package verify decides whether an engine computes what its model means: which
// runs to make, with which inputs, against which reference outputs, and how far
// an output may be off.
package verify

import (
	"context"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Case is one run of an engine: a profile at given shapes, with inputs and the
// outputs that the model itself gives for them.
type Case struct {
	Name    string   `json:"name"`    // "static", "small/opt", "golden", …
	Profile int      `json:"profile"` // index; 0 for a static model
	Inputs  []Tensor `json:"inputs"`
	Outputs []Tensor `json:"outputs"`
}

// Tensor is one named tensor in a raw file: little endian, C order, no header.
type Tensor struct {
	Name   string        `json:"name"`
	Type   onnx.DataType `json:"type"`
	Shape  []int64       `json:"shape"`
	File   string        `json:"file"` // slash-separated, relative to the folder that holds the case
	Size   int64         `json:"size"`
	SHA256 string        `json:"sha256"`
}

// Result is the outcome of one case.
type Result struct {
	Case      string   `json:"case"`
	Profile   int      `json:"profile"`
	Loaded    bool     `json:"loaded"`
	Passed    bool     `json:"passed"`
	Outputs   []Errors `json:"outputs"`
	LatencyMs Latency  `json:"latency_ms"`
	MaxP99Ms  float64  `json:"max_p99_ms,omitempty"` // the speed gate; 0 for none
}

// Latency is what trtexec measured in a case, in milliseconds.
type Latency struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
}

// Errors compares one output with its reference.
type Errors struct {
	Output   string  `json:"output"`
	Elements int64   `json:"elements"`
	NaN      int64   `json:"nan"` // elements that are NaN where the reference is not
	Inf      int64   `json:"inf"` // likewise
	MaxAbs   float64 `json:"max_abs"`
	MeanAbs  float64 `json:"mean_abs"`
	P99Abs   float64 `json:"p99_abs"`
	MaxRel   float64 `json:"max_rel"`
	Cosine   float64 `json:"cosine"` // 1 for equal directions; 1 when both are zero
	Over     int64   `json:"over"`   // elements beyond the tolerance
	Worst    Worst   `json:"worst"`  // the element furthest beyond its tolerance
	Abs      float64 `json:"tolerance_abs"`
	Rel      float64 `json:"tolerance_rel"`
	Passed   bool    `json:"passed"`
}

// Worst is one element.
type Worst struct {
	Index []int64 `json:"index"`
	Got   float64 `json:"got"`
	Want  float64 `json:"want"`
}

// A Runtime computes what a model means. It is ONNX Runtime in its own process;
// the interface is here so that a test can be sure which runtime it uses.
type Runtime interface {
	// Run computes outputs of model from inputs, whose files lie below dir, and
	// writes each output to a file below dir. It returns the outputs with their
	// types and shapes, in the model's order.
	Run(ctx context.Context, model, dir string, inputs []Tensor) ([]Tensor, error)
	// Version names the runtime, such as "onnxruntime 1.24.3".
	Version(ctx context.Context) (string, error)
}
