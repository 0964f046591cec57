package onnx_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

// nested is a graph with n graphs inside one another.
func nested(n int) []byte {
	if n == 0 {
		return Node("Add", nil, nil)
	}
	return Node("If", nil, nil, Attribute("then_branch", GraphAttribute, Bytes(6, nested(n-1))))
}

// refused checks that reading fails with an Error that says want.
func refused(t *testing.T, model []byte, want string) {
	t.Helper()
	m, err := read(model)
	if _, ok := errors.AsType[*onnx.Error](err); !ok || m != nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Read gives %v, %v; want an Error with %q", m, err, want)
	}
}

func TestWhatIsNoModelIsRefusedWithWhatItIs(t *testing.T) {
	pad := func(s string, n int) []byte { return append([]byte(s), bytes.Repeat([]byte{1}, n)...) }
	tar := make([]byte, 512)
	copy(tar[257:], "ustar")
	copy(tar, "model.onnx")
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"an empty file":             {nil, "the file is empty"},
		"a Git LFS pointer":         {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "git lfs pull"},
		"a web page":                {[]byte("\n<!DOCTYPE html><title>403"), "web page"},
		"an answer of S3":           {[]byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code>`), "XML answer"},
		"an engine":                 {[]byte("ftrt\x00\x00\x00\x00"), "TensorRT engine"},
		"an old engine":             {[]byte("ptrt\x00\x00\x00\x00"), "engines are built from it"},
		"an engine behind JSON":     {[]byte("\x20\x01\x00\x00{\"description\": \"YOLO\"}ftrt"), "behind a JSON header"},
		"a TorchScript archive":     {pad("PK\x03\x04", 30), "export the model to ONNX"},
		"an old checkpoint":         {pad("\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", 30), "PyTorch checkpoint"},
		"safetensors":               {[]byte("\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{}}"), "safetensors"},
		"a TensorFlow Lite model":   {[]byte("\x1c\x00\x00\x00TFL3\x14\x00"), "TensorFlow Lite"},
		"an ORT model":              {[]byte("\x1c\x00\x00\x00ORTM\x14\x00"), "ONNX Runtime's own format"},
		"a SavedModel":              {slices.Concat(Int(1, 1), Bytes(2, Bytes(1, Text(1, "")), make([]byte, 1000))), "TensorFlow SavedModel"},
		"a frozen graph":            {Bytes(1, Text(1, "input"), Text(2, "Placeholder")), "frozen TensorFlow graph"},
		"a tensor":                  {slices.Concat(Tensor("x", onnx.Float32, 1, 3), Raw(make([]byte, 12))), "give the .onnx file"},
		"a tar archive":             {tar, "tar archive"},
		"a gzip file":               {pad("\x1f\x8b", 30), "unpack it"},
		"a text":                    {[]byte("resnet50 lives elsewhere now\nask Bob"), `text file, not an ONNX model; it begins "resnet50 lives elsewhere now"`},
		"a model as text":           {[]byte("ir_version: 8\ngraph {\n}"), "written as text; TensorRT reads binary models; save it as a binary model"},
		"a model in ONNX's grammar": {[]byte("<\n  ir_version: 7,\n  opset_import: [\"\" : 10]\n>"), "written as text"},
		"a hole":                    {make([]byte, 4096), "zero bytes alone"},
		"an empty graph, no field":  {Int(1, 8), "holds no graph"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.file, tc.want) })
	}
}

func TestDamageIsRefusedWithPlaceAndReason(t *testing.T) {
	weight := func(parts ...[]byte) []byte { return Model(Initializer(parts...)) }
	whole := Model(Node("Add", nil, nil))
	for name, tc := range map[string]struct {
		model []byte
		want  string
	}{
		"a file cut short":         {whole[:len(whole)-3], "byte 16: field 7 of the model claims 10 bytes where 7 are left"},
		"a file cut inside a tag":  {append(slices.Clone(whole), 0x80), "byte 29: the model ends inside a field"},
		"a group":                  {append(slices.Clone(whole), 0x0b), "byte 28: the model has a field of wire type 3"},
		"field number 0":           {append(slices.Clone(whole), 0x02), "byte 28: the model has a field with number 0"},
		"an endless number":        {append([]byte{0x08}, bytes.Repeat([]byte{0xff}, 10)...), "byte 1: a number is longer than 64 bits"},
		"a graph that is a number": {Int(7, 1), "byte 0: a graph has wire type 0"},
		"a node without operator":  {Model(Bytes(1)), "no operator name"},
		"a name too long":          {Model(Node(strings.Repeat("x", 65<<10), nil, nil)), "an operator name is 66560 bytes long"},
		"graphs without end":       {Model(nested(40)), "nest deeper than 32 levels"},
		"a negative shape":         {weight(Tensor("w", onnx.Float32, -1)), `tensor "w" has the dimension -1`},
		"a shape too large":        {weight(Tensor("w", onnx.Float32, 1<<40, 1<<40)), `tensor "w" of shape [1099511627776 1099511627776] is larger`},
		"too many dimensions":      {weight(Tensor("w", onnx.Float32, make([]int64, 65)...)), "more than 64 dimensions"},
		"data that does not fit":   {weight(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 7))), `tensor "w" of type float32 and shape [2] needs 8 bytes, but its raw data has 7`},
		"an external length":       {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "length", "9")), "its external data entry gives 9"},
		"a negative offset":        {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "offset", "-1")), `tensor "w": external data has offset "-1"`},
		"two offsets":              {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "offset", "0", "offset", "8")), `tensor "w": external data gives two values for offset, 0 and 8`},
		"two files":                {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "location", "v")), `external data names two files, "w" and "v"`},
		"external strings":         {weight(Tensor("w", onnx.String, 2), External("location", "w")), "whose size is not known"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.model, tc.want) })
	}
}

func TestLocationsOutsideTheModelsFolderAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ location, want string }{
		"nowhere":             {"", `tensor "conv1.weight": its data is external, but the model names no file`},
		"an absolute path":    {"/etc/passwd", `tensor "conv1.weight": external data at "/etc/passwd" is refused: it is an absolute path`},
		"above":               {"../b", "leaves the model's folder"},
		"above and back":      {"a/../../b", "leaves the model's folder"},
		"only inside":         {"a/../b", "leaves the model's folder"},
		"above, for Windows":  {`..\b`, "backslash"},
		"a share":             {`\\host\share\w.bin`, "backslash"},
		"with a zero byte":    {"a\x00b", "zero byte"},
		"a drive":             {"C:/w.bin", "drive letter"},
		"a drive, relatively": {"c:w.bin", "drive letter"},
		"an address":          {"https://example.com/w.bin", "an address"},
		"here":                {"./", "names a folder"},
		"here, twice":         {"a/./../.", "leaves the model's folder"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, Model(Initializer(Tensor("conv1.weight", onnx.Float32, 1), External("location", tc.location))), tc.want)
		})
	}
}

func TestRepeatedEntriesThatAgreeAreTaken(t *testing.T) {
	m := mustRead(t, Model(Initializer(Tensor("w", onnx.Float32, 2),
		External("location", "w", "offset", "8", "location", "w", "offset", "8", "checksum", "a", "checksum", "b"))))
	if want := (onnx.External{Location: "w", Bytes: 16}); len(m.External) != 1 || m.External[0] != want {
		t.Errorf("external is %v, want %v", m.External, want)
	}
}
