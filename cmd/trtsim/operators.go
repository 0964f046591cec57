package main

import (
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// imports reports whether a release's parser takes an operator by itself. Where
// the catalogue does not know, it does: a simulation refuses nothing that
// TensorRT may build.
func imports(op onnx.Operator, v catalog.Version) bool {
	return catalog.Operator(op.Domain, op.Name, v).Verdict != catalog.Cannot
}

// sequenceOp reports whether an operator of ONNX works on what is no tensor, such
// as a sequence. TensorRT takes no library's word for those.
func sequenceOp(name string) bool {
	return catalog.PluginFor("", name, catalog.Version{}).Verdict == catalog.Cannot
}

// foreign lists the operators that only a plugin library can provide.
func foreign(m *onnx.Model, v catalog.Version) []onnx.Operator {
	var out []onnx.Operator
	for _, op := range m.Operators {
		if !imports(op, v) {
			out = append(out, op)
		}
	}
	return out
}
