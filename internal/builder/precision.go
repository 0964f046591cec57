package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// Promise is what an engine is asked to compute in.
type Promise struct {
	Precision string // of the matrix; "" promises nothing
	Quantized bool   // the model has Q/DQ nodes
}

// Keeps holds the layers of a build against the promise; why is for people.
func (p Promise) Keeps(layers map[string]int64) (answer trtexec.Promise, why string) {
	return trtexec.Keeps(p.Precision, layers, p.Quantized)
}

// judgePrecision says whether the engine computes in what was asked for. Where the
// layers do not tell, it is not refused: doubt says so.
func judgePrecision(job Job, r Result) *fault.Fault {
	answer, why := job.Promise.Keeps(r.Layers)
	if job.Promise.Precision == "" || answer != trtexec.Broken {
		return nil
	}
	return fault.New(fault.Build, "precision-not-kept", precisionFix(job),
		"build of %s: asked %s, but the engine does not compute in it: %s", job.Cell, job.Promise.Precision, why)
}

// doubt says in words that nobody knows whether the promise was kept; "" when it is
// known.
func doubt(job Job, r Result) string {
	answer, why := job.Promise.Keeps(r.Layers)
	if job.Promise.Precision == "" || answer != trtexec.Unknown {
		return ""
	}
	return fmt.Sprintf("whether %s computes in %s is not known: %s", job.Cell, job.Promise.Precision, why)
}

// precisionFix is the remedy for a promise that was not kept, which depends on who
// chooses the types: the model, or TensorRT by what it finds fastest.
func precisionFix(job Job) string {
	asked := job.Promise.Precision
	has := func(flag string) bool {
		return slices.ContainsFunc(job.Argv, func(a string) bool {
			name, _, _ := strings.Cut(a, "=")
			return name == flag
		})
	}
	v, err := catalog.ParseVersion(job.Image.TensorRT)
	typed := has("--stronglyTyped") || err == nil && v.AtLeast(11, 0)
	scaled := asked == "int8" || asked == "fp8" || asked == "int4"
	switch {
	case has("--layerPrecisions") || has("--layerOutputTypes"):
		return "see what --layerPrecisions and --layerOutputTypes in extra_args say: they win over precisions"
	case asked == "fp32" || asked == "tf32":
		return "ask for the precision that the model is in, or convert the model to fp32"
	case typed && scaled:
		return "the build takes its types from the model, and no layer makes use of its Q/DQ nodes: place them on both inputs of every Conv, Gemm and MatMul (ModelOpt quantization does), or ask for fp16"
	case typed:
		return fmt.Sprintf("the build takes its types from the model: convert the layers, not only the weights, to %s (ModelOpt AutoCast does), or ask for fp32", asked)
	case asked == "int8" && has("--calib"):
		return "see that the calibration cache is of this very model (it names the model's tensors), quantize the model itself (ModelOpt quantization), or ask for fp16"
	case scaled:
		return "place Q/DQ nodes on both inputs of every Conv, Gemm and MatMul (ModelOpt quantization does), or ask for fp16"
	}
	return fmt.Sprintf("TensorRT found nothing faster in %[1]s for this model and GPU: ask for fp32, insist with --precisionConstraints=obey and --layerPrecisions=*:%[1]s in extra_args, or convert the model itself (ModelOpt AutoCast)", asked)
}
