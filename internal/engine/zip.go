package engine

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// zipTail is how much of the end of a zip archive is read for the names in it.
// Its directory ends there; writers of models put what tells them apart last.
const zipTail = 8 << 10

// archives are the models that are zip archives, by the names of entries. The
// first that fits is the answer.
var archives = []struct {
	kind  Kind
	entry func(name string) bool
	note  string
}{
	// torch/csrc/jit/serialization, export_module.cpp: archive/code/, archive/constants.pkl
	{TorchScript, func(n string) bool { return strings.HasSuffix(n, "/constants.pkl") || strings.Contains(n, "/code/") }, "a TorchScript module" + export},
	// PyTorch, docs/source/export/pt2_archive.md
	{PyTorch, func(n string) bool {
		return strings.HasSuffix(n, "archive_format") || strings.HasPrefix(n, "serialized_exported_program")
	}, "a program of torch.export" + export},
	// torch/serialization.py, _save
	{PyTorch, func(n string) bool { return strings.HasSuffix(n, "/data.pkl") || n == "data.pkl" }, "a PyTorch checkpoint: load it into its model, export that to ONNX, and build an engine from it"},
	// Keras, saving/saving_lib.py
	{Keras, func(n string) bool { return n == "model.weights.h5" }, "a Keras model" + export},
	// TensorFlow, SavedModel
	{TensorFlow, func(n string) bool { return strings.HasSuffix(n, "saved_model.pb") }, "a zipped SavedModel of TensorFlow" + export},
	// NumPy, lib.npyio
	{NumPy, func(n string) bool { return strings.HasSuffix(n, ".npy") }, "a NumPy archive (.npz): data, not a model"},
}

// zipped says what a zip archive holds, from the first entry and the names at
// its end.
func zipped(x *inspection, head []byte) (string, bool) {
	names := entries(head, "PK\x03\x04", 26, 30)
	tail := x.bytes(max(x.size-zipTail, 0), zipTail)
	names = append(names, entries(tail, "PK\x01\x02", 28, 46)...)
	if !bytes.Contains(tail, []byte("PK\x05\x06")) {
		x.cut("the end of the archive is missing")
	}
	for _, a := range archives {
		if slices.ContainsFunc(names, a.entry) {
			x.f.Kind = a.kind
			return a.note, true
		}
	}
	for _, n := range names {
		for _, suffix := range []string{".engine", ".plan", ".trt", ".onnx"} {
			if strings.HasSuffix(n, suffix) {
				return "a zip archive with " + quoted(n) + unpack, true
			}
		}
	}
	return "a zip archive" + unpack, true
}

// entries lists the names behind a signature; length is where their length lies
// from there, start where they do.
func entries(p []byte, signature string, length, start int) []string {
	var names []string
	for {
		at := bytes.Index(p, []byte(signature))
		if at < 0 || len(p) < at+start {
			return names
		}
		p = p[at:]
		n := int(binary.LittleEndian.Uint16(p[length:]))
		if len(p) >= start+n {
			names = append(names, string(p[start:start+n]))
		}
		p = p[len(signature):]
	}
}
