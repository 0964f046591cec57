package engine

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// webPage matches the start of a page of HTML or XHTML.
var webPage = regexp.MustCompile(`(?is)^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|title|meta|script)([\s>]|$)`)

// documents are the texts that people hand in for a plan, by their start. The
// first that fits is the answer.
var documents = []struct {
	kind  Kind
	start *regexp.Regexp // of the text without a byte order mark and leading space
	note  string
}{
	{GitLFSPointer, regexp.MustCompile(`^version https://(git-lfs|hawser)\.github\.com/spec/`), // behind what an editor put there
		"the file itself was never fetched from Git LFS: run git lfs pull"},
	{HTML, webPage,
		"a web page was saved in place of the file: the download gave an error or login page"},
	// The error bodies of S3, Google Cloud Storage and Azure Blob Storage.
	{ErrorDocument, regexp.MustCompile(`^(<\?xml[^>]*>\s*)?<Error[\s>]`),
		"an object store's error message was saved in place of the file"},
	{OpenVINO, regexp.MustCompile(`^(<\?xml[^>]*>\s*)?<net\s`), // OpenVINO, IR format
		"an OpenVINO model: take the model that it was made from, and build an engine from its ONNX"},
	{XML, regexp.MustCompile(`^<\?xml\s`), "an XML document"},
	{CalibrationCache, regexp.MustCompile(`^TRT-\d+-\w*Calibration`), // NVIDIA/TensorRT, IInt8Calibrator::writeCalibrationCache
		"a calibration cache of TensorRT: it goes into a build as calibration, it is no engine"},
	{LayerInfo, regexp.MustCompile(`^\{\s*"Layers"\s*:`), // NVIDIA/TensorRT, trtexec --exportLayerInfo
		"the layer information that trtexec exports, not the engine"},
	{ErrorDocument, regexp.MustCompile(`(?i)^\{\s*"(error|errors|message|detail|fault|code)"\s*:`),
		"a server's error message was saved in place of the file"},
	{JSON, regexp.MustCompile(`^[{\[]\s*["{\[\]}\d]`), "a JSON document"},
	{TrtexecLog, regexp.MustCompile(`(?m)^&&&& (RUNNING|PASSED|FAILED) TensorRT`), // NVIDIA/TensorRT, samples/common/logger.h
		"what trtexec printed, not the engine"},
	{TritonConfig, regexp.MustCompile(`(?m)^\s*(platform|backend|max_batch_size)\s*:`), // Triton, model_config.proto
		"a model configuration of Triton: the engine lies in a folder beside it, as 1/model.plan"},
	{ONNXText, regexp.MustCompile(`^(<\s*)?"?ir_version"?\s*:`), // onnx, docs/Syntax.md, and the text format of protobuf
		"an ONNX model as text: save it as a binary .onnx, and build an engine from that"},
	{Caffe, regexp.MustCompile(`(?m)^\s*(layers?|input_param)\s*\{`), // Caffe, caffe.proto
		"a network of Caffe (prototxt)" + export},
	{NCNN, regexp.MustCompile(`^7767517\s`), // ncnn wiki, param and model file structure
		"a network of ncnn: take the model that it was made from"},
	{Link, regexp.MustCompile(`^\.{0,2}/?[\w@%+=:.,-]+(/[\w@%+=:.,-]+)+\n?$`),
		"a path and nothing else: a symbolic link was copied as text; copy what it points to"},
	{Text, regexp.MustCompile(`(?i)\b(access ?denied|not found|forbidden|unauthori[sz]ed|no such (file|key))\b`),
		"text that looks like an error message, in place of the file"},
	{Text, regexp.MustCompile(``), "text, not an engine"},
}

// quotable matches the code and the sentence of an error document.
var quotable = regexp.MustCompile(`(?s)<(?:Code|Message)>([^<]{1,300})</|"(?:message|error|detail)"\s*:\s*"([^"]{1,300})"`)

// leastText is how long a text must be to be taken for one: a few letters may
// be any data.
const leastText = 6

// texts names a file that is text.
func (x *inspection) texts(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	// Pages are written in all encodings of the world.
	foreign := webPage.Match(text) && bytes.IndexByte(text, 0) < 0
	if len(text) < leastText || !foreign && !readable(text, x.size > headBytes) {
		return false
	}
	for _, d := range documents {
		if !d.start.Match(text) {
			continue
		}
		x.f.Kind = d.kind
		more := ""
		if d.kind == ErrorDocument {
			for i, m := range quotable.FindAllSubmatch(text, 2) {
				more += []string{": ", ", "}[i] + quoted(string(bytes.TrimSpace(append(m[1], m[2]...))))
			}
		}
		x.note("%s%s", d.note, more)
		return true
	}
	return false
}

// readable reports whether p is text in UTF-8; cut, that it may end inside a
// character.
func readable(p []byte, cut bool) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && n == 1:
			return cut && len(p) < utf8.UTFMax && !utf8.FullRune(p)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\x1b' || r == 0x7f:
			return false
		}
		p = p[n:]
	}
	return true
}
