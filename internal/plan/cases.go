package plan

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// cases lists the shapes that an engine of the model has to answer for. Shapes
// that occur twice within a profile run once, under the first name: a profile
// has its own kernels, so the same shapes in another profile prove something new.
func cases(g *onnx.Model, m *matrix.Model, golden []trtexec.Binding, corners bool) []Case {
	if golden != nil && m.Outputs != "" && beyondONNX(g, m) {
		return []Case{{Name: "golden", Shapes: golden, Profile: max(holding(m.Profiles, golden), 0), Timed: true}}
	}
	var list []Case
	if len(m.Profiles) == 0 {
		list = append(list, Case{Name: "static", Shapes: bind(g, nil, nil), Timed: true})
	}
	for i, p := range m.Profiles {
		opt := bind(g, p.Shapes, func(s matrix.Shape) []int64 { return s.Opt })
		corner := []Case{{Name: p.Name + "/opt", Shapes: opt}}
		if corners {
			corner = []Case{
				{Name: p.Name + "/min", Shapes: bind(g, p.Shapes, func(s matrix.Shape) []int64 { return s.Min })},
				corner[0],
				{Name: p.Name + "/max", Shapes: bind(g, p.Shapes, func(s matrix.Shape) []int64 { return s.Max })},
			}
		}
		var done []Case
		for _, c := range corner {
			if slices.ContainsFunc(done, func(d Case) bool { return sameShapes(d.Shapes, c.Shapes) }) {
				continue
			}
			c.Profile, c.Timed = i, sameShapes(c.Shapes, opt)
			done = append(done, c)
		}
		list = append(list, done...)
	}
	if golden != nil {
		list = append(list, Case{Name: "golden", Profile: max(holding(m.Profiles, golden), 0), Shapes: golden})
	}
	return list
}

// beyondONNX reports whether a model computes what ONNX does not define, in
// plugins of its own or in those that come with TensorRT, most of whose names end
// in _TRT. ONNX Runtime cannot tell what comes out of those, so such a model is
// judged by reference outputs that its owner brings.
func beyondONNX(g *onnx.Model, m *matrix.Model) bool {
	return len(m.Plugins)+len(m.DynamicPlugins) > 0 || slices.ContainsFunc(g.Operators, func(o onnx.Operator) bool {
		return o.Domain == "trt.plugins" || strings.HasSuffix(o.Name, "_TRT")
	})
}

// bind gives every input of the graph its dimensions: those that pick takes from
// the profile, or the model's own where the profile says nothing.
func bind(g *onnx.Model, shapes []matrix.Shape, pick func(matrix.Shape) []int64) []trtexec.Binding {
	list := make([]trtexec.Binding, len(g.Inputs))
	for i, in := range g.Inputs {
		list[i].Input = in.Name
		if s, ok := shapeOf(shapes, in.Name); ok {
			list[i].Dims = pick(s)
			continue
		}
		list[i].Dims = make([]int64, len(in.Shape))
		for j, d := range in.Shape {
			list[i].Dims[j] = d.Size
		}
	}
	return list
}

func shapeOf(shapes []matrix.Shape, input string) (matrix.Shape, bool) {
	for _, s := range shapes {
		if s.Input == input {
			return s, true
		}
	}
	return matrix.Shape{}, false
}

// holding returns the index of the first profile whose ranges hold the shapes,
// or -1.
func holding(profiles []matrix.Profile, shapes []trtexec.Binding) int {
	return slices.IndexFunc(profiles, func(p matrix.Profile) bool {
		for _, s := range p.Shapes {
			i := slices.IndexFunc(shapes, func(b trtexec.Binding) bool { return b.Input == s.Input })
			if i < 0 || !within(shapes[i].Dims, s) {
				return false
			}
		}
		return true
	})
}

func within(dims []int64, s matrix.Shape) bool {
	if len(dims) != len(s.Min) {
		return false
	}
	for i, d := range dims {
		if d < s.Min[i] || d > s.Max[i] {
			return false
		}
	}
	return true
}

func sameShapes(a, b []trtexec.Binding) bool {
	return slices.EqualFunc(a, b, func(x, y trtexec.Binding) bool {
		return x.Input == y.Input && slices.Equal(x.Dims, y.Dims)
	})
}
