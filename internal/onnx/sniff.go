package onnx

import (
	"bytes"
	"fmt"
)

// impostors are the files that people hand over in place of a model, told by
// their first bytes. None of them can start an ONNX model that any exporter
// writes.
var impostors = []impostor{
	{"version https://git-lfs", "this is a Git LFS pointer, not the model", "run `git lfs pull` in its repository"},
	{"ftrt", "this is a TensorRT engine, not an ONNX model", "bring the ONNX model: engines are built from it and cannot be turned back"},
	{"ptrt", "this is a TensorRT engine, not an ONNX model", "bring the ONNX model: engines are built from it and cannot be turned back"},
	{"PK\x03\x04", "this is a zip archive, such as PyTorch writes, not an ONNX model", "export the model to ONNX first"},
	{"\x1f\x8b", "this is a gzip file", "unpack it first"},
	{"\x89HDF\r\n", "this is an HDF5 file, such as Keras writes, not an ONNX model", "convert it to ONNX first"},
}

// impostor is a kind of file that is no model.
type impostor struct {
	prefix, reason, fix string
}

// sniff says what the file is when its first bytes show that it is no model; nil
// when they do not.
func sniff(head []byte) error {
	for _, i := range impostors {
		if bytes.HasPrefix(head, []byte(i.prefix)) {
			return &Error{Offset: -1, Reason: i.reason, Fix: i.fix}
		}
	}
	low := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf"))
	if bytes.HasPrefix(low, []byte("<!doctype html")) || bytes.HasPrefix(low, []byte("<html")) {
		return &Error{Offset: -1, Reason: "this is a web page, not an ONNX model: the download gave an error or login page",
			Fix: "fetch it again with the rights that its server asks for"}
	}
	return nil
}

// textual returns a reason when head is plain text. Names inside a model can
// make short files look like text, so it is asked only after reading failed.
func textual(head []byte) string {
	if len(head) == 0 {
		return ""
	}
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return ""
		}
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return fmt.Sprintf("this is a text file, not an ONNX model; it begins %.60q", line)
}
