package compat

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// kinds says what a file is that is no plan.
var kinds = map[engine.Kind]string{
	engine.GitLFSPointer: "a Git LFS pointer, the engine itself was never fetched",
	engine.ONNX:          "an ONNX model, no engine was built from it yet",
	engine.HTML:          "a web page that was saved in place of an engine",
	engine.Gzip:          "compressed with gzip",
	engine.Zip:           "a zip archive",
	engine.Empty:         "empty",
}

func describe(f engine.File) Engine {
	e := Engine{TensorRT: f.TensorRT, SM: f.SM, Trouble: trouble(f)}
	if d := f.Device; d != nil {
		e.SMs, e.MemoryBytes, e.BusBits, e.Likely = d.SMs, d.MemoryBytes, d.MemoryBusBits, d.Likely
	}
	return e
}

// trouble says why no TensorRT loads the file, wherever.
func trouble(f engine.File) string {
	switch {
	case f.Kind != engine.Plan:
		what, known := kinds[f.Kind]
		if !known {
			what = "no TensorRT plan"
		}
		return fmt.Sprintf("the file is %s: TensorRT cannot load it", what)
	case f.Truncated:
		return "the plan is cut off: TensorRT cannot load it"
	case f.Damaged:
		return "the plan is damaged: TensorRT cannot load it"
	case f.Simulated:
		return "the plan is simulated: TensorRT cannot load it"
	}
	return ""
}
