package compat

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
)

func describe(f engine.File) Engine {
	e := Engine{TensorRT: f.TensorRT, SM: f.SM}
	e.Trouble, e.Remedy = trouble(f)
	if e.Trouble == "" {
		e.Trouble, e.Doubt, e.Remedy = trailing(f)
	}
	if d := f.Device; d != nil {
		e.SMs, e.MemoryBytes, e.BusBits, e.Likely = d.SMs, d.MemoryBytes, d.MemoryBusBits, d.Likely
	}
	return e
}

// trouble says why no TensorRT loads the file, wherever, and what to do. What a
// file is that is no plan, and what to do with it, its first note says.
func trouble(f engine.File) (why, remedy string) {
	const whole = "take a whole engine, or build one"
	switch {
	case f.Kind == engine.ONNX && !f.Truncated && len(f.Notes) > 0:
		return "the file is no TensorRT plan: " + f.Notes[0], "build an engine from it: trtfarm init MODEL.onnx writes the matrix for that"
	case f.Kind != engine.Plan && len(f.Notes) > 0:
		return "the file is no TensorRT plan: " + f.Notes[0], whole
	case f.Kind != engine.Plan:
		return "the file is no TensorRT plan", whole
	case f.Truncated:
		return "the plan is cut off: TensorRT cannot load it", whole
	case f.Damaged:
		return "the plan is damaged: TensorRT cannot load it", whole
	case f.Simulated:
		return "the plan is simulated: TensorRT cannot load it", "build one with TensorRT, on a GPU"
	case f.Leading > 0:
		return fmt.Sprintf("%d bytes that do not belong to the plan precede it: TensorRT cannot load the file as it is", f.Leading),
			fmt.Sprintf("cut the first %d bytes: tail -c +%d FILE > NEW", f.Leading, f.Leading+1)
	}
	return "", ""
}

// trailing says what comes of bytes behind the end of a plan. TensorRT 7 and older
// want the file to be no shorter than the plan (Star-Clouds/CenterFace issue 69);
// readers of bare engines since then want their size to be that of the file
// (NVIDIA/TensorRT issues 1736 and 3848). What those of containers want is not
// known.
func trailing(f engine.File) (trouble, doubt, remedy string) {
	built, _ := catalog.ParseVersion(f.TensorRT)
	if f.Trailing == 0 || built.Major > 0 && built.Major < 8 {
		return "", "", ""
	}
	why := fmt.Sprintf("%d bytes follow the end of the plan", f.Trailing)
	remedy = fmt.Sprintf("cut them off: head -c %d FILE > NEW", f.Size-f.Trailing)
	if f.Container == "ptrt" {
		return why + ", and TensorRT wants the size in its header to be that of the file", "", remedy
	}
	return "", why + ", and whether TensorRT minds is not known", remedy
}
