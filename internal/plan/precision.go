package plan

import (
	"fmt"
	"slices"

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
			fmt.Sprintf("%s asked, and model %s is quantized: its Q/DQ nodes make it compute in %s, which TensorRT refuses when only %s is allowed", c.Precision, c.Model.Name, is, c.Precision),
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

// quantization names the precision that a quantized model computes in.
func quantization(g *onnx.Model) matrix.Precision {
	for _, p := range []matrix.Precision{matrix.FP8, matrix.INT4} {
		if carries(g, p) {
			return p
		}
	}
	return matrix.INT8
}
