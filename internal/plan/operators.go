package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// graphKey is what the verdict on a model's graph depends on.
type graphKey struct {
	model   *matrix.Model
	release catalog.Version
}

// graphVerdict is what the ONNX parser of a release makes of a model.
type graphVerdict struct {
	problems []problem
	warnings []string
}

func (v *graphVerdict) refuse(cause, fix, format string, args ...any) {
	v.problems = append(v.problems, problem{fault.Build, cause, fmt.Sprintf(format, args...), fix})
}

func (v *graphVerdict) warn(format string, args ...any) {
	v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
}

// graph works out once what a release makes of a model.
func (p *planner) graph(c *Cell, model *modelFacts) graphVerdict {
	release, unknown := p.release(c.Image)
	if len(unknown) > 0 || model.Graph == nil {
		return graphVerdict{}
	}
	key := graphKey{c.Model, release}
	if v, ok := p.graphs[key]; ok {
		return v
	}
	var v graphVerdict
	v.opset(c.Model, model.Graph, release)
	v.functions(c.Model, model.Graph, release)
	v.operators(c.Model, model.Graph, release)
	v.types(c.Model, model.Graph, release)
	p.graphs[key] = v
	return v
}

// opset compares the model's opset with what the parser documents. It takes
// newer ones as long as the operators in them did not change.
func (v *graphVerdict) opset(m *matrix.Model, g *onnx.Model, release catalog.Version) {
	asked, newest := g.MaxOpset(), catalog.NewestONNX()
	documented, _, known := catalog.Opset(release)
	switch {
	case asked > newestOpset: // said for all releases alike
	case asked > newest.Opset:
		v.warn("model %s has opset %d, and ONNX %s, the newest that is known here, defines %d", m.Name, asked, newest.Release, newest.Opset)
	case documented > 0 && asked > documented && known:
		v.warn("model %s has opset %d, and TensorRT %d.%d documents %d at most: operators that changed since may be refused", m.Name, asked, release.Major, release.Minor, documented)
	case documented > 0 && asked > documented:
		v.warn("model %s has opset %d, and TensorRT %d.%d is not known to take more than %d: operators that changed since may be refused", m.Name, asked, release.Major, release.Minor, documented)
	}
}

func (v *graphVerdict) functions(m *matrix.Model, g *onnx.Model, release catalog.Version) {
	if len(g.Functions) == 0 {
		return
	}
	switch a := catalog.LocalFunctions(release); a.Verdict {
	case catalog.Cannot:
		v.refuse("unsupported-op", "inline them when exporting (onnx.inliner.inline_local_functions), or take a newer image",
			"model %s defines %s of its own: %s", m.Name, count(len(g.Functions), "function"), a.Why)
	case catalog.Uncertain:
		v.warn("model %s defines functions of its own: %s", m.Name, a.Why)
	}
}

// operators says which nodes TensorRT cannot build by itself, and whether a
// plugin library would help. What libraries the matrix gives provide is only
// known once they are loaded.
func (v *graphVerdict) operators(m *matrix.Model, g *onnx.Model, release catalog.Version) {
	libraries := len(m.Plugins)+len(m.DynamicPlugins) > 0
	var never, missing phrases
	for _, o := range g.Operators {
		a := catalog.Operator(o.Domain, o.Name, release)
		switch a.Verdict {
		case catalog.Can:
			continue
		case catalog.Uncertain:
			if !libraries {
				v.warn("model %s uses %s: %s", m.Name, called(o), a.Why)
			}
			continue
		}
		plugin := catalog.PluginFor(o.Domain, o.Name, release)
		switch {
		case plugin.Verdict == catalog.Cannot:
			never.add(called(o), a.Why+", and no plugin can help, because "+plugin.Why)
		case !libraries:
			missing.add(called(o), a.Why)
		case plugin.Why != "":
			v.warn("model %s uses %s: %s", m.Name, called(o), plugin.Why)
		}
	}
	for _, p := range never {
		v.refuse("unsupported-op", "export the model without that", "model %s uses %s: %s", m.Name, list(p.names), p.why)
	}
	for _, p := range missing {
		v.refuse("plugin-missing", fmt.Sprintf("give the library that has it in plugins of [model.%s], export the model without it, or exclude this image", m.Name),
			"model %s uses %s: %s", m.Name, list(p.names), p.why)
	}
}

// phrases gathers the operators of which the same is to be said.
type phrases []phrase

type phrase struct {
	names []string
	why   string
}

func (p *phrases) add(name, why string) {
	for i := range *p {
		if (*p)[i].why == why {
			(*p)[i].names = append((*p)[i].names, name)
			return
		}
	}
	*p = append(*p, phrase{[]string{name}, why})
}

// list joins names as a sentence does; of many it gives the first.
func list(names []string) string {
	const most = 6
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// types says which inputs and outputs TensorRT cannot bind, and which weights
// its parser cannot read.
func (v *graphVerdict) types(m *matrix.Model, g *onnx.Model, release catalog.Version) {
	for _, side := range []struct {
		word   string
		values []onnx.Value
	}{{"input", g.Inputs}, {"output", g.Outputs}} {
		for _, value := range side.values {
			a := catalog.TensorType(int32(value.Type), release)
			switch {
			case value.Container != "":
				v.refuse("unsupported-op", "export the model with tensors alone", "%s %s of model %s is a %s, and TensorRT takes and gives tensors alone", side.word, value.Name, m.Name, value.Container)
			case a.Verdict == catalog.Cannot:
				v.refuse("unsupported-op", "cast it inside the model to a type that TensorRT takes, such as int32 or float32, or exclude this image",
					"%s %s of model %s is %s: %s", side.word, value.Name, m.Name, value.Type, a.Why)
			}
		}
	}
	if g.QDQ && g.WeightTypes[uint8Type] > g.WeightTypes[int8Type] {
		v.warn("model %s is quantized to uint8, and TensorRT quantizes to int8 with zero points of 0: its parser may refuse the model", m.Name)
	}
	var types []onnx.DataType
	for t := range g.WeightTypes {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		if a := catalog.WeightType(int32(t), release); a.Verdict == catalog.Cannot && t != stringType {
			v.refuse("unsupported-op", "export the model with weights of another type, or exclude this image", "model %s has weights of type %s: %s", m.Name, t, a.Why)
		}
	}
}

// Element types of quantized weights (onnx.proto, TensorProto.DataType).
const (
	uint8Type onnx.DataType = 2
	int8Type  onnx.DataType = 3
)

// stringType marks tensors of text. They are found in attributes that TensorRT
// never looks at, and where it does the operator around them is refused.
const stringType onnx.DataType = 8

// called names an operator with its domain.
func called(o onnx.Operator) string {
	name := o.Name
	if !onnxDomain(o.Domain) {
		name += " of domain " + o.Domain
	}
	if o.Count > 1 {
		name += fmt.Sprintf(" (%d nodes)", o.Count)
	}
	return name
}

func count(n int, what string) string {
	if n == 1 {
		return "a " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// runtimeDomains are the operator domains that ONNX Runtime brings along.
var runtimeDomains = []string{"", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}

// referenceProblems says when nobody can compute what the outputs should be: ONNX
// Runtime has none of TensorRT's plugins.
func referenceProblems(m *matrix.Model, g *onnx.Model) []problem {
	if g == nil || m.Inputs != "" && m.Outputs != "" {
		return nil
	}
	var lacks []string
	for _, o := range g.Operators {
		if !slices.Contains(runtimeDomains, o.Domain) || strings.HasSuffix(o.Name, "_TRT") || strings.HasPrefix(o.Name, "TRT_") {
			lacks = append(lacks, called(o))
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return []problem{{fault.Usage, "reference-data",
		fmt.Sprintf("model %s uses %s, and ONNX Runtime, which makes the reference outputs, does not know that", m.Name, list(lacks)),
		fmt.Sprintf("give inputs and outputs of [model.%s], made where the operator is known", m.Name)}}
}

// ownReferences says that a model can only be judged by its own data.
func ownReferences(m *matrix.Model, g *onnx.Model) []string {
	if m.Inputs == "" || m.Outputs == "" || !beyondONNX(g, m) {
		return nil
	}
	return []string{"verified with the model's own inputs and outputs alone, not at min, opt and max: ONNX Runtime has no plugins"}
}
