package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// newestOpset is beyond any opset that ONNX may define in the years to come; a
// model that asks for more is broken. ONNX stood at 25 when TensorRT 11 came out
// and adds two or three a year.
const newestOpset = 40

// unreadable says why a model's files cannot be used at all.
func unreadable(m *matrix.Model, f Model) []problem {
	switch {
	case f.Err != nil:
		if known := fault.In(f.Err); known != nil {
			return []problem{{known.Code, known.Cause, fmt.Sprintf("model %s: %s", m.Name, oneLine(known.Message)), known.Fix}}
		}
		p := problem{fault.Build, "onnx-invalid", fmt.Sprintf("model %s: %s", m.Name, oneLine(f.Err.Error())),
			"export the model again, or fetch it again if it was cut short"}
		if told, ok := errors.AsType[*onnx.Error](f.Err); ok && told.Fix != "" {
			p.what, p.fix = fmt.Sprintf("model %s: %s", m.Name, oneLine(told.Where())), told.Fix
		}
		switch {
		case errors.Is(f.Err, onnx.ErrExternal):
			p.code = fault.Usage
			p.fix = "bring the external weights beside the model, under the names that it was exported with"
		case errors.Is(f.Err, fs.ErrNotExist):
			p.code, p.cause = fault.Usage, "file-missing"
			p.fix = fmt.Sprintf("correct onnx of model %s, which is relative to the matrix, or bring the file there", m.Name)
		}
		return []problem{p}
	case f.Graph == nil || len(f.Files) == 0:
		return []problem{{fault.Usage, "file-missing", fmt.Sprintf("model %s was not read", m.Name), ""}}
	case m.SHA256 != "" && m.SHA256 != f.Files[0].SHA256:
		return []problem{{fault.Usage, "model-changed",
			fmt.Sprintf("model %s is pinned to sha256 %s, but %s has %s", m.Name, m.SHA256, f.Files[0].Name, f.Files[0].SHA256),
			"bring the pinned file, or pin the new one"}}
	}
	return nil
}

// materialProblems says what a cell's files forbid.
func (p *planner) materialProblems(c *Cell, model *modelFacts) []problem {
	problems := slices.Clone(model.problems)
	if len(problems) > 0 {
		return problems
	}
	for i, path := range slices.Concat(c.Model.Plugins, c.Model.DynamicPlugins) {
		if i >= len(model.Plugins) || model.Plugins[i].SHA256 == "" {
			problems = append(problems, problem{fault.Usage, "file-missing",
				fmt.Sprintf("plugin library %s of model %s was not found", path, c.Model.Name),
				"build the library, or correct plugins, which is relative to the matrix"})
		}
	}
	if path := c.Build.Calibration; path != "" && model.Calibration[path].SHA256 == "" {
		problems = append(problems, problem{fault.Usage, "file-missing",
			fmt.Sprintf("calibration cache %s was not found", path),
			"make it by calibrating the model, or correct the path, which is relative to the matrix"})
	}
	return problems
}

// shapeProblems says where profiles and inputs contradict one another.
func shapeProblems(m *matrix.Model, g *onnx.Model) []problem {
	bad := func(fix, format string, args ...any) problem {
		return problem{fault.Usage, "profile-shape", fmt.Sprintf("model %s: ", m.Name) + fmt.Sprintf(format, args...), fix}
	}
	var dynamic []onnx.Value
	names := make([]string, len(g.Inputs))
	for i, in := range g.Inputs {
		names[i] = in.Name
		if in.Dynamic() {
			dynamic = append(dynamic, in)
		}
	}
	if len(m.Profiles) == 0 && len(dynamic) > 0 {
		in := dynamic[0]
		return []problem{bad(
			fmt.Sprintf("add [model.%s.profile.main] with `%s = { min = %s, opt = …, max = … }`", m.Name, key(in.Name), example(in)),
			"input %s is dynamic (%s) and no profile says which shapes to build for: TensorRT would build for 1 alone", in.Name, shape(in))}
	}
	if len(m.Profiles) > 0 && len(dynamic) == 0 {
		return []problem{bad(fmt.Sprintf("remove its profiles, or export %s with dynamic axes", m.Name),
			"all inputs have fixed shapes, and TensorRT refuses shapes for such a model")}
	}
	var problems []problem
	for _, p := range m.Profiles {
		for _, s := range p.Shapes {
			i := slices.Index(names, s.Input)
			if i < 0 {
				fix := "inputs of the model: " + strings.Join(names, ", ")
				if near := diag.Nearest(s.Input, names); near != "" {
					fix = fmt.Sprintf("write %q", near)
				}
				problems = append(problems, bad(fix, "profile %s names input %q, which the model lacks", p.Name, s.Input))
				continue
			}
			if what := mismatch(s, g.Inputs[i]); what != "" {
				problems = append(problems, bad(fmt.Sprintf("give shapes that fit %s", shape(g.Inputs[i])), "profile %s, input %s: %s", p.Name, s.Input, what))
			}
		}
		for _, in := range dynamic {
			if _, ok := shapeOf(p.Shapes, in.Name); !ok {
				problems = append(problems, bad(
					fmt.Sprintf("add `%s = { min = %s, opt = …, max = … }` to it", key(in.Name), example(in)),
					"profile %s has no shapes for input %s, which is dynamic (%s)", p.Name, in.Name, shape(in)))
			}
		}
	}
	return problems
}

// mismatch says how a profile's shape contradicts the model's, or "".
func mismatch(s matrix.Shape, in onnx.Value) string {
	if in.Shape == nil {
		return ""
	}
	if len(s.Min) != len(in.Shape) {
		return fmt.Sprintf("%d dimensions are given, the model has %d", len(s.Min), len(in.Shape))
	}
	for i, d := range in.Shape {
		for _, have := range []int64{s.Min[i], s.Opt[i], s.Max[i]} {
			if d.Size >= 0 && have != d.Size {
				return fmt.Sprintf("dimension %d is %d in the model, not %d", i+1, d.Size, have)
			}
		}
	}
	return ""
}

// shape prints an input's shape as its model declares it.
func shape(in onnx.Value) string {
	if in.Shape == nil {
		return "no shape declared"
	}
	if len(in.Shape) == 0 {
		return "scalar"
	}
	parts := make([]string, len(in.Shape))
	for i, d := range in.Shape {
		switch {
		case d.Size >= 0:
			parts[i] = fmt.Sprint(d.Size)
		case d.Param != "":
			parts[i] = d.Param
		default:
			parts[i] = "?"
		}
	}
	return strings.Join(parts, "x")
}

// example prints the least shape of an input as TOML.
func example(in onnx.Value) string {
	parts := make([]string, len(in.Shape))
	for i, d := range in.Shape {
		parts[i] = fmt.Sprint(max(d.Size, 1))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// key prints an input's name as a TOML key.
func key(name string) string {
	bare := name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == ""
	if bare {
		return name
	}
	return fmt.Sprintf("%q", name)
}

// goldenShapes puts the shapes of the stored inputs into the model's order and
// says what they lack.
func goldenShapes(m *matrix.Model, g *onnx.Model, golden []trtexec.Binding) ([]trtexec.Binding, []problem) {
	bad := func(format string, args ...any) []problem {
		return []problem{{fault.Usage, "profile-shape",
			fmt.Sprintf("model %s: reference inputs in %s ", m.Name, m.Inputs) + fmt.Sprintf(format, args...),
			"store one tensor for each input, of a shape that a profile holds"}}
	}
	ordered := make([]trtexec.Binding, len(g.Inputs))
	for n, in := range g.Inputs {
		i := slices.IndexFunc(golden, func(b trtexec.Binding) bool { return b.Input == in.Name })
		if i < 0 {
			return nil, bad("lack input %s", in.Name)
		}
		ordered[n] = golden[i]
		fixed := matrix.Shape{Min: golden[i].Dims, Opt: golden[i].Dims, Max: golden[i].Dims}
		if what := mismatch(fixed, in); what != "" {
			return nil, bad("do not fit input %s: %s", in.Name, what)
		}
	}
	if len(m.Profiles) > 0 && holding(m.Profiles, ordered) < 0 {
		return nil, bad("lie outside every profile")
	}
	return ordered, nil
}

// fileProblems says what no TensorRT can read in a model file.
func fileProblems(m *matrix.Model, g *onnx.Model) []problem {
	var problems []problem
	if g.FileBytes > onnx.MaxFile {
		problems = append(problems, problem{fault.Build, "onnx-invalid",
			fmt.Sprintf("model %s is one file of %d bytes, and protobuf, in which it is written, ends at %d", m.Name, g.FileBytes, onnx.MaxFile),
			"save it with its weights outside (onnx.save with save_as_external_data=True)"})
	}
	if asked := g.MaxOpset(); asked > newestOpset {
		problems = append(problems, problem{fault.Build, "unsupported-op",
			fmt.Sprintf("model %s asks for opset %d, which no release of ONNX defines", m.Name, asked),
			"export it with an opset that TensorRT knows, such as 17"})
	}
	return problems
}

func onnxDomain(domain string) bool { return domain == "" || domain == "ai.onnx" }
