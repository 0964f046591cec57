package plan

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// precisionProblems says when the GPU does not compute in the asked precision.
func precisionProblems(c *Cell, gpu gpuFacts) []problem {
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
