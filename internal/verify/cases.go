package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// Profile is the shapes that one optimization profile accepts.
type Profile struct {
	Name   string
	Shapes []Shape
}

// Shape holds the least, the preferred and the greatest dimensions of one input.
type Shape struct {
	Input         string
	Min, Opt, Max []int64
}

// Names of cases that do not come from a profile.
const (
	staticCase = "static"
	goldenCase = "golden"
)

// maxInputBytes bounds the inputs of all cases of one model together: they are
// written to disk, run on a CPU and, with their outputs, kept in the store.
const maxInputBytes = 4 << 30

// Cases returns the runs that prove an engine of m, without outputs yet: one for
// a static model, else the min, opt and max shapes of every profile, or opt
// alone when corners is false. Corners of one profile that have the same shapes
// run once, under the first name. Profiles must cover every dynamic input and
// agree with every fixed dimension; all disagreements are reported together.
func Cases(m *onnx.Model, profiles []Profile, corners bool) ([]Case, error) {
	if err := checkProfiles(m, profiles); err != nil {
		return nil, err
	}
	var cases []Case
	if !slices.ContainsFunc(m.Inputs, onnx.Value.Dynamic) {
		c, err := newCase(staticCase, 0, m.Inputs, nil)
		if err != nil {
			return nil, err
		}
		return boundCases(append(cases, c))
	}
	for i, p := range profiles {
		first := len(cases)
		for _, corner := range []struct {
			name string
			dims func(Shape) []int64
		}{
			{"min", func(s Shape) []int64 { return s.Min }},
			{"opt", func(s Shape) []int64 { return s.Opt }},
			{"max", func(s Shape) []int64 { return s.Max }},
		} {
			if !corners && corner.name != "opt" {
				continue
			}
			shapes := map[string][]int64{}
			for _, s := range p.Shapes {
				shapes[s.Input] = corner.dims(s)
			}
			c, err := newCase(p.Name+"/"+corner.name, i, m.Inputs, shapes)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(cases[first:], c.sameShapes) {
				cases = append(cases, c)
			}
		}
	}
	return boundCases(cases)
}

// newCase makes a case of all inputs; those without an entry in shapes take
// their declared shape.
func newCase(name string, profile int, inputs []onnx.Value, shapes map[string][]int64) (Case, error) {
	c := Case{Name: name, Profile: profile}
	for i, v := range inputs {
		shape, ok := shapes[v.Name]
		if !ok {
			shape = make([]int64, len(v.Shape))
			for j, d := range v.Shape {
				shape[j] = d.Size
			}
		}
		e, err := elementOf(v.Type)
		if err != nil {
			return Case{}, profileFault("leave verification inputs of this type to the model: make it an initializer, or cast it inside the model",
				"input %q: %w", v.Name, err)
		}
		_, size, err := count(shape, e.size)
		if err != nil {
			return Case{}, profileFault("choose smaller shapes", "case %s: input %q: %w", name, v.Name, err)
		}
		c.Inputs = append(c.Inputs, Tensor{
			Name: v.Name, Type: v.Type, Shape: append([]int64{}, shape...), Size: size,
			File: fmt.Sprintf("ref/%s/in-%d.raw", plan.CaseFolder(name), i),
		})
	}
	return c, nil
}

func (c Case) sameShapes(d Case) bool {
	return slices.EqualFunc(c.Inputs, d.Inputs, func(a, b Tensor) bool { return slices.Equal(a.Shape, b.Shape) })
}

// boundCases refuses inputs that together need too much room.
func boundCases(cases []Case) ([]Case, error) {
	var total int64
	for _, c := range cases {
		var size int64
		for _, t := range c.Inputs {
			size += t.Size
		}
		if total += size; size > maxInputBytes || total > maxInputBytes {
			return nil, profileFault("choose a smaller max shape, or set corners = false under [verify]",
				"case %s: its inputs need %d MiB, %d MiB with the cases before it, more than the %d MiB that verification may use",
				c.Name, size>>20, total>>20, maxInputBytes>>20)
		}
	}
	return cases, nil
}

// checkProfiles reports every disagreement between m and its profiles.
func checkProfiles(m *onnx.Model, profiles []Profile) error {
	var errs []error
	for _, v := range m.Inputs {
		if v.Dynamic() && len(profiles) == 0 {
			errs = append(errs, profileFault("add a [model.NAME.profile.NAME] table with min, opt and max for it",
				"input %q is dynamic, %s, and the matrix has no profile", v.Name, declared(v)))
		}
	}
	for i, p := range profiles {
		if !plainName(p.Name) {
			errs = append(errs, profileFault("use letters, digits, - and _", "profile %q: the name cannot be a folder", p.Name))
		}
		if slices.ContainsFunc(profiles[:i], func(q Profile) bool { return q.Name == p.Name }) {
			errs = append(errs, profileFault("rename one", "two profiles are called %q", p.Name))
		}
		errs = append(errs, p.check(m)...)
	}
	return errors.Join(errs...)
}

func (p Profile) check(m *onnx.Model) (errs []error) {
	covered := map[string]bool{}
	for _, s := range p.Shapes {
		at := slices.IndexFunc(m.Inputs, func(v onnx.Value) bool { return v.Name == s.Input })
		switch {
		case at < 0:
			errs = append(errs, profileFault("name one of "+nameList(m.Inputs),
				"profile %s: the model has no input %q", p.Name, s.Input))
			continue
		case covered[s.Input]:
			errs = append(errs, profileFault("keep one", "profile %s: input %q stands twice", p.Name, s.Input))
			continue
		}
		covered[s.Input] = true
		for _, corner := range []struct {
			name string
			dims []int64
		}{{"min", s.Min}, {"opt", s.Opt}, {"max", s.Max}} {
			if why := disagreement(m.Inputs[at], corner.dims); why != "" {
				errs = append(errs, profileFault("give "+declared(m.Inputs[at])+", with sizes for the names",
					"profile %s: input %q: %s %s: %s", p.Name, s.Input, corner.name, shapeText(corner.dims), why))
			}
		}
	}
	for _, v := range m.Inputs {
		if v.Dynamic() && !covered[v.Name] {
			errs = append(errs, profileFault("add min, opt and max for it",
				"profile %s: input %q is dynamic, %s, and has no shapes there", p.Name, v.Name, declared(v)))
		}
	}
	return errs
}

// disagreement says why dims cannot be the shape of v; "" when they can.
func disagreement(v onnx.Value, dims []int64) string {
	for i, d := range dims {
		if d < 0 {
			return fmt.Sprintf("dimension %d is negative", i)
		}
	}
	if v.Shape == nil {
		return ""
	}
	if len(dims) != len(v.Shape) {
		return fmt.Sprintf("%d dimensions where the model has %d, %s", len(dims), len(v.Shape), dimsText(v.Shape))
	}
	for i, d := range v.Shape {
		if d.Size >= 0 && d.Size != dims[i] {
			return fmt.Sprintf("dimension %d is %d where the model fixes %d", i, dims[i], d.Size)
		}
	}
	return ""
}

// FitProfile returns c with the first profile that takes its input shapes, which
// is how a golden case, whose shapes come from files, finds the profile to run.
func (c Case) FitProfile(profiles []Profile) (Case, error) {
	var why []string
	for i, p := range profiles {
		misfit := p.misfit(c.Inputs)
		if misfit == "" {
			c.Profile = i
			return c, nil
		}
		why = append(why, misfit)
	}
	if len(profiles) == 0 {
		return c, nil
	}
	return c, profileFault("widen a profile, or give reference data of other shapes",
		"case %s fits no profile: %s", c.Name, strings.Join(why, "; "))
}

// misfit says which input lies outside p; "" when none does.
func (p Profile) misfit(inputs []Tensor) string {
	for _, t := range inputs {
		for _, s := range p.Shapes {
			if s.Input != t.Name {
				continue
			}
			if len(t.Shape) != len(s.Min) || len(t.Shape) != len(s.Max) {
				return fmt.Sprintf("input %q is %s, profile %s takes %d dimensions", t.Name, shapeText(t.Shape), p.Name, len(s.Min))
			}
			for i, d := range t.Shape {
				if d < s.Min[i] || d > s.Max[i] {
					return fmt.Sprintf("input %q is %s, dimension %d of profile %s takes %d to %d",
						t.Name, shapeText(t.Shape), i, p.Name, s.Min[i], s.Max[i])
				}
			}
		}
	}
	return ""
}

// profileFault is a mistake in a matrix's shapes.
func profileFault(fix, format string, args ...any) error {
	return fault.New(fault.Usage, "profile-shape", fix, format, args...)
}

// plainName reports whether name can stand in a path and in a case name.
func plainName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	})
}

func declared(v onnx.Value) string {
	if v.Shape == nil {
		return "a shape that the model leaves open"
	}
	return dimsText(v.Shape)
}

func nameList(values []onnx.Value) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = fmt.Sprintf("%q", v.Name)
	}
	return strings.Join(names, ", ")
}
