package compat

import "github.com/trtfarm/trtfarm/internal/engine"

func describe(f engine.File) Engine {
	e := Engine{TensorRT: f.TensorRT, SM: f.SM, Trouble: trouble(f)}
	if d := f.Device; d != nil {
		e.SMs, e.MemoryBytes, e.BusBits, e.Likely = d.SMs, d.MemoryBytes, d.MemoryBusBits, d.Likely
	}
	return e
}

// trouble says why no TensorRT loads the file, wherever. What a file is that is no
// plan, and what to do with it, its first note says.
func trouble(f engine.File) string {
	switch {
	case f.Kind != engine.Plan && len(f.Notes) > 0:
		return "the file is no TensorRT plan: " + f.Notes[0]
	case f.Kind != engine.Plan:
		return "the file is no TensorRT plan"
	case f.Truncated:
		return "the plan is cut off: TensorRT cannot load it"
	case f.Damaged:
		return "the plan is damaged: TensorRT cannot load it"
	case f.Simulated:
		return "the plan is simulated: TensorRT cannot load it"
	}
	return ""
}
