package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Model is what an ONNX model declares, as inspect shows it.
type Model struct {
	IRVersion   int64            `json:"ir_version"`
	Producer    string           `json:"producer"`
	Opsets      []Opset          `json:"opsets"`
	Inputs      []Tensor         `json:"inputs"`
	Outputs     []Tensor         `json:"outputs"`
	Operators   []Operator       `json:"operators"`
	Custom      []Operator       `json:"custom"`              // those that need a plugin
	Functions   []Operator       `json:"functions,omitempty"` // that the model defines itself, and how often they are called
	QDQ         bool             `json:"qdq"`
	Weights     map[string]int64 `json:"weights"` // bytes per element type
	WeightBytes int64            `json:"weight_bytes"`
	External    []External       `json:"external"`
}

// Opset is one set of operators that a model imports. ONNX's own is "ai.onnx".
type Opset struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

// Operator counts the nodes of one operator.
type Operator struct {
	Domain string `json:"domain"`
	Name   string `json:"name"`
	Count  int    `json:"count"`
}

// Tensor is an input or output.
type Tensor struct {
	Name      string `json:"name"`
	Type      string `json:"type"`                // "" for what is not a tensor
	Shape     []Dim  `json:"shape"`               // null when the model declares none
	Container string `json:"container,omitempty"` // "sequence", "map", ...
}

// Dim is a dimension: a number, the name of a dynamic one, or null.
type Dim onnx.Dim

// MarshalJSON writes a number, a string or null.
func (d Dim) MarshalJSON() ([]byte, error) {
	switch {
	case d.Size >= 0:
		return json.Marshal(d.Size)
	case d.Param != "":
		return json.Marshal(d.Param)
	}
	return []byte("null"), nil
}

// External is a file of weights that belongs to a model.
type External struct {
	Location string `json:"location"`
	Bytes    int64  `json:"bytes"`   // how far the model refers into it
	Present  *bool  `json:"present"` // it is there and long enough; null when nobody looked
}

// NewModel takes what a model declares.
func NewModel(m *onnx.Model) *Model {
	out := &Model{
		IRVersion: m.IRVersion, Producer: m.Producer, QDQ: m.QDQ, WeightBytes: m.WeightBytes,
		Opsets: []Opset{}, Inputs: tensors(m.Inputs), Outputs: tensors(m.Outputs),
		Operators: []Operator{}, Custom: []Operator{}, Weights: map[string]int64{}, External: []External{},
	}
	for _, o := range m.Opsets {
		out.Opsets = append(out.Opsets, Opset{domain(o.Domain), o.Version})
	}
	for _, o := range m.Operators {
		shown := Operator{domain(o.Domain), o.Name, o.Count}
		out.Operators = append(out.Operators, shown)
		if custom(o) {
			out.Custom = append(out.Custom, shown)
		}
	}
	for _, f := range m.Functions {
		out.Functions = append(out.Functions, Operator{domain(f.Domain), f.Name, f.Calls})
	}
	for t, n := range m.WeightTypes {
		out.Weights[t.String()] += n
	}
	for _, e := range m.External {
		out.External = append(out.External, External{Location: e.Location, Bytes: e.Bytes})
	}
	return out
}

func tensors(values []onnx.Value) []Tensor {
	list := []Tensor{}
	for _, v := range values {
		t := Tensor{Name: v.Name, Container: v.Container}
		if v.Type != onnx.Undefined {
			t.Type = v.Type.String()
		}
		if v.Shape != nil {
			t.Shape = []Dim{}
		}
		for _, d := range v.Shape {
			t.Shape = append(t.Shape, Dim(d))
		}
		list = append(list, t)
	}
	return list
}

func domain(d string) string { return cmp.Or(d, "ai.onnx") }

// custom reports whether TensorRT's parser has the operator from a plugin only:
// it is not ONNX's own, or named as the plugins that come with TensorRT are. What
// begins with TRT_ the parser reads itself (onnx-tensorrt, builtin_op_importers.cpp).
func custom(o onnx.Operator) bool {
	return (o.Domain != "" || strings.HasSuffix(o.Name, "_TRT")) && !strings.HasPrefix(o.Name, "TRT_")
}

// model writes what a model declares.
func (p *page) model(m *Model) {
	p.line("made by", fmt.Sprintf("%s, IR version %d", known(m.Producer), m.IRVersion))
	var opsets []string
	for _, o := range m.Opsets {
		opsets = append(opsets, fmt.Sprintf("%s %d", o.Domain, o.Version))
	}
	p.lines("opset", folded(opsets, 4))
	p.tensors("input", m.Inputs)
	p.tensors("output", m.Outputs)
	p.operators(m)
	if m.QDQ {
		p.line("quantized", "yes: it holds QuantizeLinear or DequantizeLinear")
	}
	p.line("weights", weights(m))
	for i, e := range m.External {
		name := ""
		if i == 0 {
			name = "external"
		}
		p.line(name, fmt.Sprintf("%s, %s%s", oneLine.Replace(e.Location), Size(e.Bytes), presence(e.Present)))
	}
}

// tensors writes inputs or outputs, in columns.
func (p *page) tensors(name string, list []Tensor) {
	const most = 12
	if len(list) == 0 {
		p.line(name, "none")
		return
	}
	t := Table{}
	for _, v := range list[:min(most, len(list))] {
		t.Rows = append(t.Rows, []string{v.Name, strings.TrimSpace(v.Container + " " + v.Type), shape(v)})
	}
	lines := t.text()
	if more := len(list) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	p.lines(name, lines)
}

func shape(t Tensor) string {
	if t.Shape == nil {
		if t.Container != "" {
			return ""
		}
		return "of any shape"
	}
	if len(t.Shape) == 0 {
		return "scalar"
	}
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = cmp.Or(d.Param, "?")
		if d.Size >= 0 {
			dims[i] = fmt.Sprint(d.Size)
		}
	}
	return strings.Join(dims, " x ")
}

// operators counts the nodes, the most frequent operators first.
func (p *page) operators(m *Model) {
	const most = 16
	nodes := 0
	list := slices.Clone(m.Operators)
	for _, o := range list {
		nodes += o.Count
	}
	slices.SortStableFunc(list, func(a, b Operator) int { return cmp.Compare(b.Count, a.Count) })
	parts := counts(list[:min(most, len(list))], false)
	if more := len(list) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %s more", counted(more, "kind")))
	}
	p.line("operators", fmt.Sprintf("%s of %s", counted(nodes, "node"), counted(len(list), "kind")))
	p.lines("", folded(parts, 6))
	p.lines("plugins for", counts(m.Custom, true))
	if n := len(m.Functions); n > 0 {
		p.line("functions", fmt.Sprintf("%s of its own", counted(n, "function")))
	}
}

// counts tells how many nodes there are of each operator.
func counts(list []Operator, domains bool) []string {
	parts := make([]string, len(list))
	for i, o := range list {
		parts[i] = fmt.Sprintf("%d %s", o.Count, o.Name)
		if domains {
			parts[i] = fmt.Sprintf("%s of %s, %s", o.Name, o.Domain, counted(o.Count, "node"))
		}
	}
	return parts
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// weights tells bytes by element type, the most first.
func weights(m *Model) string {
	types := slices.SortedFunc(maps.Keys(m.Weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.Weights[b], m.Weights[a]), cmp.Compare(a, b))
	})
	switch len(types) {
	case 0:
		return "none"
	case 1:
		return fmt.Sprintf("%s of %s", Size(m.WeightBytes), types[0])
	}
	for i, t := range types {
		types[i] = Size(m.Weights[t]) + " of " + t
	}
	return fmt.Sprintf("%s: %s", Size(m.WeightBytes), strings.Join(types, ", "))
}

func presence(there *bool) string {
	switch {
	case there == nil:
		return ""
	case *there:
		return ", present"
	}
	return ", MISSING or not usable"
}
