package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// headSize is how much of a file tells what it is.
const headSize = 512

// What to do about a file that is no model.
const (
	bringModel = "bring the ONNX model: engines are built from it and cannot be turned back"
	export     = "export the model to ONNX first, with the framework that it comes from"
	unpack     = "unpack it, and give the .onnx file that it holds"
	fetchAgain = "fetch it again with the rights that its server asks for"
	asBinary   = "save it as a binary model: load it with the onnx package and save it under a name ending in .onnx"
)

// impostors are the files that people hand over in place of a model, told by
// bytes at a fixed place. None of them can start an ONNX model that any exporter
// writes.
var impostors = []struct {
	at                 int
	bytes, reason, fix string
}{
	{0, "version https://git-lfs", "this is a Git LFS pointer, not the model", "run `git lfs pull` in its repository"},
	{0, "ftrt", "this is a TensorRT engine, not an ONNX model", bringModel},
	{0, "ptrt", "this is a TensorRT engine, not an ONNX model", bringModel},
	{0, "PK\x03\x04", "this is a zip archive, such as PyTorch and TorchScript write, not an ONNX model", export},
	{0, "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "this is a PyTorch checkpoint, not an ONNX model", export},
	{0, "\x89HDF\r\n", "this is an HDF5 file, such as Keras writes, not an ONNX model", export},
	{4, "TFL3", "this is a TensorFlow Lite model, not an ONNX model", export},
	{4, "ORTM", "this is a model in ONNX Runtime's own format, not an ONNX model", "bring the .onnx file that it was made from"},
	{0, "GGUF", "this is a GGUF model, not an ONNX model", export},
	{0, "\x93NUMPY", "this is a NumPy array, not an ONNX model", "give the model; arrays are reference data"},
	{0, "\x1f\x8b", "this is a gzip file", unpack},
	{0, "\x28\xb5\x2f\xfd", "this is a Zstandard file", unpack},
	{0, "BZh", "this is a bzip2 file", unpack},
	{0, "\xfd7zXZ\x00", "this is an xz file", unpack},
	{0, "7z\xbc\xaf\x27\x1c", "this is a 7-Zip archive", unpack},
	{257, "ustar", "this is a tar archive", unpack},
}

// sniff says what the file is when its first bytes show that it is no model; nil
// when they do not.
func sniff(head []byte) error {
	for _, i := range impostors {
		if len(head) > i.at && bytes.HasPrefix(head[i.at:], []byte(i.bytes)) {
			return &Error{Offset: -1, Reason: i.reason, Fix: i.fix}
		}
	}
	low := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf"))
	for _, page := range []string{"<!doctype html", "<html", "<?xml"} {
		if bytes.HasPrefix(low, []byte(page)) {
			return &Error{Offset: -1, Reason: "this is a web page or an XML answer, not an ONNX model: the download gave an error or login page", Fix: fetchAgain}
		}
	}
	if len(head) > 8 && head[4] == '{' && binary.LittleEndian.Uint32(head) < 1<<24 {
		return &Error{Offset: -1, Reason: "this is a TensorRT engine behind a JSON header, as some exporters write, not an ONNX model", Fix: bringModel}
	}
	if len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<30 {
		return &Error{Offset: -1, Reason: "this is a safetensors file, which holds weights and no graph", Fix: export}
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return &Error{Offset: -1, Reason: "the file begins with zero bytes alone: it was never written, or not to its end", Fix: "fetch or export it again"}
	}
	return nil
}

// guess says what a file may be that could not be read as a model; nil when its
// first bytes do not tell. Short models can look like each of these, so it is
// asked only after reading failed.
func guess(head []byte) error {
	if e := textual(head); e != nil {
		return e
	}
	num, typ, n := protowire.ConsumeTag(head)
	if n < 0 {
		return nil
	}
	rest := head[n:]
	switch {
	case num == 1 && typ == protowire.BytesType && isNode(rest):
		return &Error{Offset: -1, Reason: "this looks like a frozen TensorFlow graph, not an ONNX model", Fix: "convert it to ONNX first, for example with tf2onnx"}
	case num == 1 && typ == protowire.VarintType && isSavedModel(rest):
		return &Error{Offset: -1, Reason: "this looks like a TensorFlow SavedModel, not an ONNX model", Fix: "convert it to ONNX first, for example with tf2onnx"}
	case num == 1 && typ == protowire.VarintType && isTensor(rest):
		return &Error{Offset: -1, Reason: "this looks like a single tensor, such as the reference data of a model, not the model", Fix: "give the .onnx file; tensors belong to inputs and outputs"}
	}
	return nil
}

// isNode reports whether b, behind the first tag, holds a TensorFlow NodeDef:
// a name and an operator, where an ONNX model has its version.
func isNode(b []byte) bool {
	_, n := protowire.ConsumeVarint(b)
	if n < 0 || n >= len(b) || b[n] != 0x0a {
		return false
	}
	name, m := protowire.ConsumeBytes(b[n+1:])
	return m > 0 && len(name) > 0 && n+1+m < len(b) && b[n+1+m] == 0x12
}

// isSavedModel reports whether b, behind the tag of the schema version, goes on
// with a MetaGraphDef, whose first field is a message. An ONNX model has the
// name of its producer there.
func isSavedModel(b []byte) bool {
	version, n := protowire.ConsumeVarint(b)
	if n < 0 || version != 1 || n >= len(b) || b[n] != 0x12 {
		return false
	}
	size, m := protowire.ConsumeVarint(b[n+1:])
	at := n + 1 + m
	return m > 0 && size > headSize && at < len(b) && (b[at] == 0x0a || b[at] == 0x12)
}

// isTensor reports whether b, behind the tag of a first dimension, goes on with
// more dimensions and then the element type of a TensorProto.
func isTensor(b []byte) bool {
	for {
		_, n := protowire.ConsumeVarint(b)
		if n < 0 || n >= len(b) {
			return false
		}
		switch b[n] {
		case 0x08:
			b = b[n+1:]
		case 0x10:
			return true
		default:
			return false
		}
	}
}

// textual says what a file of plain text is.
func textual(head []byte) error {
	if len(head) == 0 {
		return nil
	}
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return nil
		}
	}
	text := strings.TrimLeft(string(head), " \t\r\n<")
	if strings.HasPrefix(text, "ir_version") || strings.HasPrefix(text, "opset_import") || strings.HasPrefix(text, "graph {") {
		return &Error{Offset: -1, Reason: "this is an ONNX model written as text; TensorRT reads binary models", Fix: asBinary}
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return &Error{Offset: -1, Reason: fmt.Sprintf("this is a text file, not an ONNX model; it begins %.60q", line)}
}
