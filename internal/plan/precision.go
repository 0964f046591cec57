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

// unquantized are the precisions that ask for no scales.
var unquantized = []matrix.Precision{matrix.FP32, matrix.TF32, matrix.FP16, matrix.BF16}

// precisionProblems says when the GPU does not compute in the asked precision, or
// the model does in another.
func precisionProblems(c *Cell, model *modelFacts, gpu gpuFacts) []problem {
	if model.Graph != nil && model.Graph.QDQ && slices.Contains(unquantized, c.Precision) {
		is := quantization(model.Graph)
		return []problem{{fault.Usage, "precision-unsupported",
			fmt.Sprintf("%s asked, and model %s is quantized: by its Q/DQ nodes it computes in %s", c.Precision, c.Model.Name, is),
			fmt.Sprintf("ask for %s, or give the model without Q/DQ nodes", is)}}
	}
	a := catalog.Computes(string(c.Precision), gpu.SM)
	if a.Verdict != catalog.Cannot {
		return nil
	}
	return []problem{{fault.Usage, "precision-unsupported",
		fmt.Sprintf("%s asked on %s, which is compute capability %s: %s", c.Precision, c.GPU, gpu.SM, a.Why),
		fmt.Sprintf("exclude %s for %s", c.Precision, c.GPU)}}
}

// precisionWarnings says when the GPU computes in the asked precision, and gains
// nothing by it.
func precisionWarnings(c *Cell, gpu gpuFacts) []string {
	a := catalog.Computes(string(c.Precision), gpu.SM)
	if a.Verdict == catalog.Cannot || a.Why == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s on %s: %s", c.Precision, c.GPU, a.Why)}
}

// deprecations says which flags of a build go away, because TensorRT 11 takes
// types from the model alone.
func (p *planner) deprecations(c *Cell) []string {
	v, unknown := p.release(c.Image)
	if len(unknown) > 0 {
		return nil
	}
	var warnings []string
	for _, arg := range c.Argv {
		name, _, _ := strings.Cut(arg, "=")
		if s, _ := catalog.FlagSupport(name, v); s == catalog.Deprecated {
			warnings = append(warnings, fmt.Sprintf("%s is deprecated in TensorRT %d.%d: from 11 on, types come from the model alone; convert them there in time (ModelOpt AutoCast or quantization)", name, v.Major, v.Minor))
		}
	}
	return warnings
}

// quantization names the precision that a quantized model computes in.
func quantization(g *onnx.Model) matrix.Precision {
	for _, p := range []matrix.Precision{matrix.FP8, matrix.INT4} {
		if carries(g, p) {
			return p
		}
	}
	return matrix.INT8
}
