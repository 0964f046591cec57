package engine_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// zipOf is a zip archive with entries of those names.
func zipOf(t testing.TB, names ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "content")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// torch are the names of a PyTorch archive with so many tensors.
func torch(tensors int, last ...string) []string {
	names := []string{"net/data.pkl", "net/byteorder"}
	for i := range tensors {
		names = append(names, fmt.Sprintf("net/data/%d", i))
	}
	return append(names, last...)
}

func tarOf(t testing.TB, name string, content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(content)
	w.Close()
	return b.Bytes()
}

// message writes fields: a number and a string or an integer take turns.
func message(fields ...any) []byte {
	var p []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			p = protowire.AppendVarint(protowire.AppendTag(p, num, protowire.VarintType), uint64(v))
		case string:
			p = protowire.AppendString(protowire.AppendTag(p, num, protowire.BytesType), v)
		case []byte:
			p = protowire.AppendBytes(protowire.AppendTag(p, num, protowire.BytesType), v)
		}
	}
	return p
}

// widen is a text as a Windows shell redirects it.
func widen(text []byte) []byte {
	p := []byte("\xff\xfe")
	for _, c := range text {
		p = append(p, c, 0)
	}
	return p
}

type lookalike struct {
	kind engine.Kind
	data []byte
	note string
}

func lookalikes(t testing.TB) map[string]lookalike {
	graph := message(1, message(1, "x", 2, "y", 4, "Relu"), 2, "g")
	node := message(1, message(1, "input", 2, "Placeholder"))
	plan := releaseOf(t, "10.3.0.26").plan(t4)
	dll := append([]byte("MZ"), make([]byte, 200)...)
	dll[60] = 128
	copy(dll[128:], "PE\x00\x00")
	elf := func(typ, machine byte) []byte {
		return []byte("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + string([]byte{typ, 0, machine, 0}) + strings.Repeat("\x00", 44))
	}
	return map[string]lookalike{
		"nothing":               {engine.Empty, nil, "the file is empty"},
		"a Git LFS pointer":     {engine.GitLFSPointer, load(t, "lfs-pointer-yolov3-416.trt"), "7ccdb36134d2c75e35c942e6eccd54256acc837611817194547d4323e65ccc8f of 302591311 bytes"},
		"half a pointer":        {engine.GitLFSPointer, []byte("version https://git-lfs.github.com/spec/v1\noid "), "git lfs pull"},
		"a pointer that plays":  {engine.GitLFSPointer, []byte("version https://git-lfs.github.com/spec/v1\noid \x1b[2J\nsize 1\n"), `\x1b[2J`},
		"a git-annex pointer":   {engine.GitAnnexPointer, []byte("/annex/objects/SHA256E-s1--0.engine\n"), "git annex get"},
		"a web page":            {engine.HTML, []byte("\ufeff\n<!doctype HTML><p>"), "web page"},
		"a page with a comment": {engine.HTML, []byte("<!-- x --><html lang=en>"), "web page"},
		"S3 refusing":           {engine.ErrorDocument, []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>1</RequestId></Error>"), "was saved in place of the file: AccessDenied, Access Denied"},
		"Azure refusing":        {engine.ErrorDocument, []byte("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code><Message>The specified blob does not exist.\nRequestId:0</Message></Error>"), "BlobNotFound"},
		"an API refusing":       {engine.ErrorDocument, []byte(`{"message":"401 Unauthorized"}`), "error message was saved in place of the file: 401 Unauthorized"},
		"a sentence":            {engine.Text, []byte("404: Not Found"), "looks like an error message"},
		"a JSON document":       {engine.JSON, []byte(`{"task": "detect"}`), "JSON"},
		"a list":                {engine.JSON, []byte("[\n 1, 2]"), "JSON"},
		"layer information":     {engine.LayerInfo, []byte("{\"Layers\": [\"a\"]}"), "trtexec exports"},
		"XML":                   {engine.XML, []byte("<?xml version='1.0'?><a/>"), "XML"},
		"OpenVINO":              {engine.OpenVINO, []byte("<?xml version=\"1.0\"?>\n<net name=\"x\" version=\"11\">"), "OpenVINO"},
		"gzip":                  {engine.Gzip, gzipOf(plan), "unpack"},
		"zstd":                  {engine.Zstd, []byte("\x28\xb5\x2f\xfd\x24"), "zstd"},
		"xz":                    {engine.XZ, []byte("\xfd7zXZ\x00\x00"), "xz"},
		"bzip2":                 {engine.Bzip2, []byte("BZh91AY&SY\x00"), "bzip2"},
		"LZ4":                   {engine.LZ4, []byte("\x04\x22\x4d\x18\x64"), "LZ4"},
		"7z":                    {engine.SevenZip, []byte("7z\xbc\xaf\x27\x1c\x00"), "7z"},
		"RAR":                   {engine.RAR, []byte("Rar!\x1a\x07\x01"), "RAR"},
		"tar with a plan":       {engine.Tar, tarOf(t, "model.plan", plan), "it starts with model.plan"},
		"TorchScript":           {engine.TorchScript, zipOf(t, torch(3, "net/code/__torch__/net.py", "net/constants.pkl", "net/version")...), "TorchScript"},
		"a large TorchScript":   {engine.TorchScript, zipOf(t, torch(5000, "net/code/__torch__/net.py", "net/constants.pkl", "net/version")...), "TorchScript"},
		"a checkpoint":          {engine.PyTorch, zipOf(t, torch(3, "net/version", "net/.data/serialization_id")...), "checkpoint"},
		"a large checkpoint":    {engine.PyTorch, zipOf(t, torch(5000, "net/version", "net/.data/serialization_id")...), "checkpoint"},
		"half a checkpoint":     {engine.PyTorch, zipOf(t, torch(9)...)[:300], "the end of the archive is missing"},
		"torch.export":          {engine.PyTorch, zipOf(t, "model/archive_format", "model/data/weights/weight_0"), "torch.export"},
		"a Keras model":         {engine.Keras, zipOf(t, "metadata.json", "config.json", "model.weights.h5"), "Keras"},
		"a NumPy archive":       {engine.NumPy, zipOf(t, "arr_0.npy"), "NumPy"},
		"a zipped SavedModel":   {engine.TensorFlow, zipOf(t, "m/variables/", "m/saved_model.pb"), "SavedModel"},
		"a zipped engine":       {engine.Zip, zipOf(t, "readme", "out/model.engine"), "with out/model.engine"},
		"another zip":           {engine.Zip, zipOf(t, "readme"), "unpack it first"},
		"an empty zip":          {engine.Zip, zipOf(t), "holds nothing"},
		"an old checkpoint":     {engine.PyTorch, []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"), "before 1.6"},
		"a pickle":              {engine.Pickle, []byte("\x80\x04\x95\x10"), "pickle"},
		"a NumPy array":         {engine.NumPy, []byte("\x93NUMPY\x01\x00"), "data"},
		"HDF5":                  {engine.HDF5, []byte("\x89HDF\r\n\x1a\n\x00"), "Keras"},
		"TensorFlow Lite":       {engine.TFLite, []byte("\x1c\x00\x00\x00TFL3\x14\x00"), "Lite"},
		"ONNX Runtime":          {engine.ORT, []byte("\x20\x00\x00\x00ORTM\x14\x00"), "ONNX Runtime"},
		"GGUF":                  {engine.GGUF, []byte("GGUF\x03\x00\x00\x00"), "llama.cpp"},
		"RKNN":                  {engine.RKNN, []byte("RKNN\x00\x00\x00\x00"), "Rockchip"},
		"safetensors":           {engine.Safetensors, []byte("\x10\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{}}"), "safetensors"},
		"half of safetensors":   {engine.Safetensors, []byte("\x10\x27\x00\x00\x00\x00\x00\x00{\"__metadata__\":{}}"), "ends inside its header of 10000 bytes"},
		"a plugin":              {engine.ELF, elf(3, 62), "a shared library or program for x86-64, not an engine: a plugin goes to"},
		"a program of a Jetson": {engine.ELF, elf(2, 183), "a program for aarch64"},
		"an object file":        {engine.ELF, elf(1, 62), "an ELF file"},
		"a DLL":                 {engine.PE, dll, "Windows"},
		"base64":                {engine.Base64, []byte(base64.StdEncoding.EncodeToString(plan)), "decode it"},
		"base64 of an archive":  {engine.Base64, []byte(base64.StdEncoding.EncodeToString(releaseOf(t, "8.2.1.8").plan(t4))), "decode it"},
		"redirected on Windows": {engine.UTF16, widen(plan), "a Windows shell took for text"},
		"text of Windows":       {engine.UTF16, widen([]byte("hello")), "16-bit characters"},

		"an ONNX model":           {engine.ONNX, message(1, 8, 2, "pytorch", 7, graph, 8, message(2, 17)), "an engine must be built from it"},
		"ONNX, graph first":       {engine.ONNX, message(7, append(slices.Clone(graph), message(5, make([]byte, 9000))...), 1, 8), "an engine must be built from it"},
		"ONNX of a later release": {engine.ONNX, message(1, 15, 7, graph, 8, message(2, 30), 27, "new", 31, 7), "an engine must be built from it"},
		"ONNX with a low field":   {engine.Unknown, message(1, 8, 7, graph, 8, message(2, 17), 24, "x"), "start no plan"},
		"ONNX without opsets":     {engine.Unknown, message(1, 8, 7, graph, 27, "new"), "start no plan"},
		"ONNX, opset first":       {engine.ONNX, message(8, message(2, 17), 1, 8, 7, graph), "an engine must be built from it"},
		"half an ONNX model":      {engine.ONNX, []byte("\x08\x08\x12\x04test\x3a\x7f\x0a\x00"), "claims 127 bytes"},
		"ONNX with external data": {engine.ONNX, message(1, 8, 7, message(5, message(13, message(1, "location", 2, "w.bin")))), "its weights lie in files beside it"},
		"ONNX with an engine":     {engine.ONNX, message(1, 8, 7, message(1, message(4, "EPContext"))), "EPContext"},
		"an ONNX tensor":          {engine.ONNXTensor, message(1, 1, 1, 3, 2, 1, 9, "abcdefghijkl"), "reference inputs"},
		"ONNX as text":            {engine.ONNXText, []byte("<\n  ir_version: 8,\n  opset_import: [\"\" : 17]\n>\nagraph (x) => (y)"), "as text"},
		"ONNX as protobuf text":   {engine.ONNXText, []byte("ir_version: 8\nproducer_name: \"x\"\n"), "as text"},
		"Core ML":                 {engine.CoreML, message(1, 5, 2, message(1, "in"), 500, "layers"), "Core ML"},
		"UFF":                     {engine.UFF, message(1, 1, 2, 1, 3, message(1, "tensorflow_extension"), 4, "graph"), "UFF"},
		"a SavedModel":            {engine.TensorFlow, message(1, 1, 2, message(1, strings.Repeat("m", 100))), "SavedModel"},
		"a frozen graph":          {engine.TensorFlow, append(slices.Clone(node), node...), "frozen graph"},

		"a calibration cache": {engine.CalibrationCache, []byte("TRT-8601-EntropyCalibration2\ninput: 3c010a14\n"), "calibration"},
		"an old cache":        {engine.CalibrationCache, []byte("TRT-7103-MinMaxCalibration\n"), "calibration"},
		"a Triton config":     {engine.TritonConfig, []byte("name: \"m\"\nplatform: \"tensorrt_plan\"\n"), "Triton"},
		"Caffe":               {engine.Caffe, []byte("name: \"net\"\nlayer {\n  name: \"data\"\n"), "Caffe"},
		"ncnn":                {engine.NCNN, []byte("7767517\n75 83\nInput data 0 1 data\n"), "ncnn"},
		"a log":               {engine.TrtexecLog, []byte("some banner\n&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec\n"), "trtexec printed"},
		"a symbolic link":     {engine.Link, []byte("../../blobs/3f2a9c"), "symbolic link"},
		"a sentence of ours":  {engine.Text, []byte("plan B"), "text, not an engine"},
		"text cut in a rune":  {engine.Text, []byte(strings.Repeat("ä", 2047) + "xää"), "text"},

		"zeros":                {engine.Zeros, make([]byte, 5000), "begins and ends with zero bytes, 4096 at its start"},
		"zeros at its start":   {engine.Unknown, append(make([]byte, 5000), 1), "begins with 4096 zero bytes, and ends with others"},
		"a page of XHTML":      {engine.HTML, []byte("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C\">\n<html>"), "web page"},
		"a page in Latin-1":    {engine.HTML, []byte("<html><body>acc\xe8s interdit</body></html>"), "web page"},
		"a page without frame": {engine.HTML, []byte("<!-- a\nb --><title>404</title>"), "web page"},
		"a page cut short":     {engine.HTML, []byte("<!doctype html"), "web page"},
		"an edited pointer":    {engine.GitLFSPointer, []byte("\ufeffversion https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"), "git lfs pull"},
		"tags and bytes":       {engine.Unknown, []byte("<html>\x00\x01\x02"), "start no plan"},
		"other bytes":          {engine.Unknown, []byte("plan\x00B"), "70 6c 61 6e 00 42"},
		"a number and no plan": {engine.Unknown, []byte("\x03\x00\x00\x00{x}nope"), "start no plan"},
		"MZ and no more":       {engine.Unknown, []byte("MZ\x00\x01"), "start no plan"},
		"BZ and no more":       {engine.Unknown, []byte("BZh\x00"), "start no plan"},
		"a pickle of nothing":  {engine.Unknown, []byte("\x80\x09\x00"), "start no plan"},
		"a graph and no more":  {engine.Unknown, []byte("\x0a\x01\x00"), "start no plan"},
	}
}

func everyLookalike(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	for name, l := range lookalikes(t) {
		all[name] = l.data
	}
	return all
}

func TestWhatPeopleTakeForAPlanIsNamed(t *testing.T) {
	for name, tc := range lookalikes(t) {
		t.Run(name, func(t *testing.T) {
			f := inspect(t, tc.data)
			if f.Kind != tc.kind || f.TensorRT != "" || f.Device != nil || f.Container != "" || !noted(f, tc.note) {
				t.Errorf("Inspect gives %+v, want %s with the note %q", f, tc.kind, tc.note)
			}
			if wantCut := strings.HasPrefix(name, "half ") && tc.kind != engine.GitLFSPointer; f.Truncated != wantCut {
				t.Errorf("Truncated is %v in %+v", f.Truncated, f)
			}
		})
	}
}
