package engine

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// headBytes is how much of the front of a file tells what it is.
const headBytes = 4096

// other describes a file that is no plan.
func (x *inspection) other(head []byte) {
	f := &x.f
	low := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf"))
	switch {
	case x.err != nil:
	case bytes.HasPrefix(head, []byte("version https://git-lfs.github.com/spec/")):
		f.Kind = GitLFSPointer
		x.note("the file itself was never fetched from Git LFS: run git lfs pull, or install git-lfs in the job that copied it%s", pointed(head))
	case bytes.HasPrefix(low, []byte("<!doctype html")) || bytes.HasPrefix(low, []byte("<html")):
		f.Kind = HTML
		x.note("a web page was saved in place of the file: the download gave an error or login page")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		f.Kind = Gzip
		x.note("compressed with gzip: unpack it first")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		f.Kind = Zip
		x.note("%s", archived(head))
	case x.onnx(head):
		f.Kind = ONNX
		x.note("an ONNX model: an engine must be built from it first")
	default:
		x.unknown(head)
	}
}

// unknown says what little can be said.
func (x *inspection) unknown(head []byte) {
	switch {
	case len(bytes.Trim(head, "\x00")) == 0:
		x.note("the file begins with %d zero bytes: it was reserved and never written, or lost in a crash", len(head))
	case len(head) < 4 && (strings.HasPrefix(planMagic, string(head)) || strings.HasPrefix(archiveMagic, string(head))):
		x.f.Truncated = true
		x.note("the file ends inside its first word")
	default:
		x.note("the file begins with the bytes % x, which start no plan that is known", head[:min(len(head), 8)])
	}
}

// pointed tells the size and hash in a Git LFS pointer.
func pointed(head []byte) string {
	var oid, size string
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "oid":
			oid = value
		case "size":
			size = value
		}
	}
	if oid == "" || size == "" || len(oid)+len(size) > 200 {
		return ""
	}
	return fmt.Sprintf("; it points to %s of %s bytes", oid, size)
}

// archived says what a zip archive holds, from the name of its first entry,
// which starts at byte 30.
func archived(head []byte) string {
	if len(head) > 30 {
		name := head[30:min(len(head), 30+int(head[26])|int(head[27])<<8)]
		switch {
		case bytes.HasSuffix(name, []byte("data.pkl")), bytes.Contains(name, []byte("archive/")):
			return "a zip archive as PyTorch writes it (TorchScript or a checkpoint): export it to ONNX and build an engine from that"
		case bytes.HasSuffix(name, []byte(".npy")):
			return "a NumPy archive (.npz)"
		}
	}
	return "a zip archive: unpack it first"
}

// modelFields are the fields of ONNX's ModelProto and their wire types.
var modelFields = map[protowire.Number]protowire.Type{
	1: protowire.VarintType, 2: protowire.BytesType, 3: protowire.BytesType, 4: protowire.BytesType, 5: protowire.VarintType,
	6: protowire.BytesType, 7: protowire.BytesType, 8: protowire.BytesType, 14: protowire.BytesType, 20: protowire.BytesType,
	25: protowire.BytesType, 26: protowire.BytesType,
}

// onnx reports whether the file starts as an ONNX model: known fields only, an
// IR version that exists or will soon, and the graph among the first fields.
func (x *inspection) onnx(head []byte) bool {
	version := uint64(0)
	for len(head) > 0 {
		num, typ, n := protowire.ConsumeTag(head)
		if n < 0 || modelFields[num] != typ || typ == protowire.VarintType && num != 1 && num != 5 {
			return false
		}
		head = head[n:]
		v, n := protowire.ConsumeVarint(head)
		if n < 0 {
			return false
		}
		head = head[n:]
		switch {
		case num == 1:
			version = v
		case num == 7:
			if v > uint64(x.size) {
				x.f.Truncated = true
				x.note("the graph of the model claims %d bytes, the file has %d", v, x.size)
			}
			return version >= 1 && version < 100
		case typ == protowire.BytesType:
			if v > uint64(len(head)) {
				return false
			}
			head = head[v:]
		}
	}
	return false
}
