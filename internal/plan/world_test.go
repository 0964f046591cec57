package plan_test

import (
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
)

const imageRef = "nvcr.io/nvidia/tensorrt:24.08-py3"

// world is one cell and all that a plan may know about it. Tests change one
// thing in it and look at what becomes of the cell.
type world struct {
	cell    *matrix.Cell
	model   plan.Model
	image   plan.Image
	runners []plan.Runner
	store   plan.Store
	facts   func(*plan.Facts) // last word
	base    []string          // extra arguments of the cell that this one is compared with
}

// dynamicWorld has a model with two inputs, two profiles, external weights, a
// plugin and a calibration cache.
func dynamicWorld() *world {
	shape := func(in string, batch ...int64) matrix.Shape {
		return matrix.Shape{Input: in, Min: []int64{batch[0], 3}, Opt: []int64{batch[1], 3}, Max: []int64{batch[2], 3}}
	}
	input := func(name string, t onnx.DataType) onnx.Value {
		return onnx.Value{Name: name, Type: t, Shape: []onnx.Dim{{Size: -1, Param: "batch"}, {Size: 3}}}
	}
	m := &matrix.Model{Name: "net", Release: "1", ONNX: "net.onnx", Plugins: []string{"libp.so"}, Profiles: []matrix.Profile{
		{Name: "small", Shapes: []matrix.Shape{shape("data", 1, 8, 32), shape("ids", 1, 8, 32)}},
		{Name: "large", Shapes: []matrix.Shape{shape("data", 32, 64, 64), shape("ids", 32, 64, 64)}},
	}}
	return &world{
		cell: &matrix.Cell{
			ID: "net/24.08-py3/t4/fp16", Model: m, Image: imageRef, GPU: "T4", Precision: matrix.FP16,
			Build:  matrix.Build{OptimizationLevel: 3, TimingCache: true, Calibration: "calib.cache"},
			Verify: matrix.Verify{Corners: true},
		},
		model: plan.Model{
			Graph: &onnx.Model{
				Opsets: []onnx.Opset{{Version: 17}},
				Inputs: []onnx.Value{input("data", 1), input("ids", 7)},
			},
			Files:       []plan.File{{Name: "net.onnx", Path: "/src/net.onnx", SHA256: sum('a')}, {Name: "net.bin", SHA256: sum('b')}},
			Plugins:     []plan.File{{Name: "libp.so", SHA256: sum('9')}},
			Calibration: map[string]plan.File{"calib.cache": {Name: "calib.cache", SHA256: sum('8')}},
		},
		image: plan.Image{Digest: "sha256:" + sum('d'), TensorRT: "10.3.0.26"},
	}
}

// staticWorld has a model with one input of fixed shape and nothing else.
func staticWorld() *world {
	w := dynamicWorld()
	w.cell.Model.Profiles, w.cell.Model.Plugins = nil, nil
	w.cell.Build.Calibration = ""
	w.model.Plugins, w.model.Calibration = nil, nil
	w.model.Graph.Inputs = []onnx.Value{{Name: "x", Type: 1, Shape: []onnx.Dim{{Size: 1}, {Size: 3}}}}
	return w
}

func (w *world) plan() []plan.Cell {
	f := plan.Facts{
		Models:  map[string]plan.Model{w.cell.Model.Name: w.model},
		Images:  map[string]plan.Image{imageRef: w.image},
		Runners: w.runners,
		Store:   w.store,
	}
	if w.facts != nil {
		w.facts(&f)
	}
	return plan.Make(&matrix.Matrix{Models: []*matrix.Model{w.cell.Model}, Cells: []*matrix.Cell{w.cell}}, f)
}

// only returns the plan of the world's cell.
func only(t *testing.T, w *world) plan.Cell {
	t.Helper()
	cells := w.plan()
	if len(cells) != 1 {
		t.Fatalf("%d cells, want 1", len(cells))
	}
	return cells[0]
}

func sum(digit byte) string { return strings.Repeat(string(digit), 64) }

func operator(name string) onnx.Operator { return onnx.Operator{Name: name, Count: 1} }

// matrixOf is a matrix of cells of one model.
func matrixOf(cells ...*matrix.Cell) *matrix.Matrix {
	return &matrix.Matrix{Models: []*matrix.Model{cells[0].Model}, Cells: cells}
}
