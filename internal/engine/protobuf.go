package engine

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// part is one field at the top of a protobuf message: its number and type, its
// value or length, and the first bytes of its content.
type part struct {
	num   protowire.Number
	typ   protowire.Type
	n     uint64
	start []byte
}

// Bounds of what is looked at of a protobuf message: its first fields, of which
// a few may lie beyond the head of the file.
const (
	maxParts = 64
	maxHops  = 4
)

// parts reads the first fields of a message. Whole is false where something that
// is no field comes, or a field ends beyond the file.
func (x *inspection) parts() (list []part, whole bool) {
	at, hops := int64(0), 0
	for len(list) < maxParts && at < x.size {
		if at >= headBytes {
			if hops++; hops > maxHops {
				return list, true
			}
		}
		p := x.bytes(at, 96)
		num, typ, n := protowire.ConsumeTag(p)
		if n < 0 || typ != protowire.VarintType && typ != protowire.BytesType {
			return list, false
		}
		v, k := protowire.ConsumeVarint(p[n:])
		if k < 0 {
			return list, false
		}
		at += int64(n + k)
		f := part{num: num, typ: typ, n: v, start: p[n+k:]}
		if typ == protowire.BytesType {
			f.start = f.start[:min(uint64(len(f.start)), v)]
			if v > uint64(x.size-at) {
				return append(list, f), false
			}
			at += int64(v)
		}
		list = append(list, f)
	}
	return list, true
}

// messages are the models that are protobuf messages. The first that fits is the
// answer.
var messages = []struct {
	kind Kind
	fits func([]part) bool
	note string
}{
	{ONNX, onnxModel, "an ONNX model: an engine must be built from it first"},
	{ONNXTensor, onnxTensor, "a tensor, as reference inputs and outputs of ONNX models are kept: data, not a model"},
	{UFF, uffModel, "a UFF model, for TensorRT 5 to 8 (its parser is gone since 9)" + export},
	{CoreML, coreMLModel, "a Core ML model" + export},
	{TensorFlow, savedModel, "the graph of a SavedModel of TensorFlow" + export},
	{TensorFlow, frozenGraph, "a frozen graph of TensorFlow" + export},
}

// protobuf names a model by the fields of its message.
func (x *inspection) protobuf(head []byte) bool {
	list, whole := x.parts()
	for _, m := range messages {
		if !m.fits(list) {
			continue
		}
		x.f.Kind = m.kind
		x.note("%s", m.note)
		if last := list[len(list)-1]; !whole && last.typ == protowire.BytesType {
			x.cut("a field of the model claims %d bytes, the file has %d", last.n, x.size)
		}
		if m.kind == ONNX {
			x.onnxNotes(head)
		}
		return true
	}
	return false
}

// onnxNotes says what the start of an ONNX model shows beyond its kind.
func (x *inspection) onnxNotes(head []byte) {
	if bytes.Contains(head, []byte("EPContext")) { // ONNX Runtime, onnx_ctx_model_helper.h
		x.aside("ONNX Runtime keeps a compiled engine in it, or beside it (EPContext): trtexec does not build from that; take the model that it was made from")
	}
	if bytes.Contains(head, []byte("\x0a\x08location\x12")) { // onnx.proto, TensorProto.external_data
		x.aside("its weights lie in files beside it: they must be copied along")
	}
}

// onnxFields are the fields of ONNX's ModelProto and their wire types (onnx.proto).
var onnxFields = map[protowire.Number]protowire.Type{
	1: protowire.VarintType, 2: protowire.BytesType, 3: protowire.BytesType, 4: protowire.BytesType, 5: protowire.VarintType,
	6: protowire.BytesType, 7: protowire.BytesType, 8: protowire.BytesType, 14: protowire.BytesType, 20: protowire.BytesType,
	25: protowire.BytesType, 26: protowire.BytesType,
}

// onnxNewest is the highest number of a field in onnxFields. Releases to come
// may add some behind it.
const onnxNewest = 26

// onnxModel wants known fields, an IR version that exists or will soon, and a
// graph; fields that are not known yet, in a model that imports opsets only.
func onnxModel(list []part) bool {
	version, graph := false, false
	opsets := slices.ContainsFunc(list, func(f part) bool { return f.num == 8 && f.typ == protowire.BytesType })
	for _, f := range list {
		typ, known := onnxFields[f.num]
		if known && typ != f.typ || !known && (f.num <= onnxNewest || !opsets) {
			return false
		}
		if f.num == 1 {
			version = f.n >= 1 && f.n < 100
		}
		graph = graph || f.num == 7 && graphStarts(f.start)
	}
	return version && graph
}

// graphStarts reports whether a GraphProto may start so: a node, a name, a
// tensor or what else a graph has, or nothing.
func graphStarts(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	num, typ, n := protowire.ConsumeTag(p)
	return n > 0 && typ == protowire.BytesType && num <= 16
}

// onnxTensor is a TensorProto of onnx.proto: dimensions, a type, and values.
func onnxTensor(list []part) bool {
	typed, values := false, false
	for _, f := range list {
		switch {
		case f.num == 1:
		case f.num == 2 && f.typ == protowire.VarintType && f.n >= 1 && f.n < 64:
			typed = true
		case f.typ == protowire.BytesType && (f.num == 4 || f.num == 5 || f.num == 7 || f.num == 9 || f.num == 10 || f.num == 11):
			values = true
		case f.typ == protowire.BytesType && (f.num == 6 || f.num == 8 || f.num == 12 || f.num == 13):
		default:
			return false
		}
	}
	return typed && values
}

// uffModel is a MetaGraph of uff.proto: two numbers, then descriptors and graphs.
func uffModel(list []part) bool {
	return len(list) >= 3 && list[0].num == 1 && list[0].typ == protowire.VarintType && list[0].n < 100 &&
		list[1].num == 2 && list[1].typ == protowire.VarintType && list[1].n < 100 &&
		list[2].num == 3 && list[2].typ == protowire.BytesType && len(list[2].start) > 0 && list[2].start[0] == 0x0a
}

// coreMLModel is a Model of Core ML's Model.proto: a version, a description, and
// a model whose kind is a number from 200 on.
func coreMLModel(list []part) bool {
	if len(list) < 3 || list[0].num != 1 || list[0].typ != protowire.VarintType || list[0].n < 1 || list[0].n > 99 ||
		list[1].num != 2 || list[1].typ != protowire.BytesType {
		return false
	}
	last := list[len(list)-1]
	return last.num >= 200 && last.num < 4000 && last.typ == protowire.BytesType
}

// savedModel is a SavedModel of saved_model.proto: the schema version 1, then
// graphs, each with its own description first.
func savedModel(list []part) bool {
	return len(list) >= 2 && list[0].num == 1 && list[0].typ == protowire.VarintType && list[0].n == 1 &&
		list[1].num == 2 && list[1].typ == protowire.BytesType && len(list[1].start) > 2 && list[1].start[0] == 0x0a && list[1].n > 64
}

// frozenGraph is a GraphDef of graph.proto: nodes, each with a name and an
// operator first.
func frozenGraph(list []part) bool {
	if len(list) < 2 || list[0].num != 1 || list[0].typ != protowire.BytesType {
		return false
	}
	p := list[0].start
	for _, want := range []protowire.Number{1, 2} {
		num, typ, n := protowire.ConsumeTag(p)
		if n < 0 || num != want || typ != protowire.BytesType {
			return false
		}
		text, k := protowire.ConsumeBytes(p[n:])
		if k < 0 || len(text) == 0 || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
		p = p[n+k:]
	}
	return true
}
