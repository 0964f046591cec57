package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// lookalike is a kind of file that people hand in for a plan, known by its first
// bytes.
type lookalike struct {
	kind  Kind
	at    int
	magic string
	note  string
	// check, where set, says more or, with false, that it is something else.
	check func(x *inspection, head []byte) (more string, ok bool)
}

const (
	unpack = ": unpack it first"
	export = ": export it to ONNX, and build an engine from that"
)

// lookalikes are ordered: the first that fits is the answer. Sources follow each row.
var lookalikes = []lookalike{
	{kind: GitLFSPointer, magic: "version https://git-lfs.github.com/spec/", check: pointed, // Git LFS, docs/spec.md
		note: "the file itself was never fetched from Git LFS: run git lfs pull, or install git-lfs in the job that copied it"},
	{kind: GitLFSPointer, magic: "version https://hawser.github.com/spec/", check: pointed, // the same, docs/spec.md: before its release
		note: "the file itself was never fetched from Git LFS: run git lfs pull"},
	{kind: GitAnnexPointer, magic: "/annex/objects/", // git-annex, internals/pointer_file
		note: "the file itself was never fetched by git-annex: run git annex get"},
	{kind: Gzip, magic: "\x1f\x8b", note: "compressed with gzip" + unpack},                                                                                           // RFC 1952, 2.3.1
	{kind: Zstd, magic: "\x28\xb5\x2f\xfd", note: "compressed with zstd" + unpack},                                                                                   // RFC 8878, 3.1.1
	{kind: XZ, magic: "\xfd7zXZ\x00", note: "compressed with xz" + unpack},                                                                                           // xz-file-format.txt, 2.1.1.1
	{kind: Bzip2, magic: "BZh", check: bzip2, note: "compressed with bzip2" + unpack},                                                                                // bzip2 manual; block magic
	{kind: LZ4, magic: "\x04\x22\x4d\x18", note: "compressed with LZ4" + unpack},                                                                                     // lz4_Frame_format.md
	{kind: SevenZip, magic: "7z\xbc\xaf\x27\x1c", note: "a 7z archive" + unpack},                                                                                     // 7zFormat.txt
	{kind: RAR, magic: "Rar!\x1a\x07", note: "a RAR archive" + unpack},                                                                                               // RAR 5.0 technote
	{kind: Tar, at: 257, magic: "ustar", check: member, note: "a tar archive" + unpack},                                                                              // POSIX.1, pax
	{kind: Zip, magic: "PK\x03\x04", check: zipped},                                                                                                                  // APPNOTE.TXT, 4.3.7
	{kind: Zip, magic: "PK\x05\x06", note: "a zip archive that holds nothing"},                                                                                       // APPNOTE.TXT, 4.3.16
	{kind: PyTorch, magic: "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", note: "a PyTorch checkpoint of before 1.6" + export},                          // torch/serialization.py, MAGIC_NUMBER
	{kind: Pickle, magic: "\x80", check: pickled, note: "a Python pickle, perhaps a PyTorch checkpoint" + export + ". Loading a pickle runs code"},                   // PEP 307, PEP 3154
	{kind: NumPy, magic: "\x93NUMPY", note: "a NumPy array: data, not a model"},                                                                                      // NumPy, lib.format
	{kind: HDF5, magic: "\x89HDF\r\n\x1a\n", note: "an HDF5 file, as Keras writes weights" + export},                                                                 // HDF5 file format, superblock
	{kind: GGUF, magic: "GGUF", note: "a GGUF model for llama.cpp: TensorRT does not read it"},                                                                       // ggml, docs/gguf.md
	{kind: TFLite, at: 4, magic: "TFL3", note: "a TensorFlow Lite model" + export},                                                                                   // schema.fbs, file_identifier
	{kind: ORT, at: 4, magic: "ORTM", note: "a model in ONNX Runtime's own format: take the ONNX model that it was made from"},                                       // ort.fbs, file_identifier
	{kind: RKNN, magic: "RKNN", note: "a model for Rockchip NPUs: TensorRT does not read it"},                                                                        // Netron, rknn.js
	{kind: ELF, magic: "\x7fELF", check: linked},                                                                                                                     // elf(5)
	{kind: PE, magic: "MZ", check: portable, note: "a Windows library or program, not an engine: a plugin goes to --dynamicPlugins"},                                 // PE format, MS-DOS stub
	{kind: Safetensors, at: 8, magic: "{\"", check: tensors, note: "weights in safetensors: export the model they belong to to ONNX, and build an engine from that"}, // safetensors README
	{kind: Base64, magic: "ZnRyd", note: "a plan written as base64: decode it first"},                                                                                // RFC 4648 of "ftrt"
	{kind: Base64, magic: "cHRyd", note: "a plan written as base64: decode it first"},                                                                                // RFC 4648 of "ptrt"
	{kind: UTF16, magic: "\xff\xfe", check: widened},                                                                                                                 // RFC 2781, 3.2
}

// signed names a file by its first bytes.
func (x *inspection) signed(head []byte) bool {
	for _, l := range lookalikes {
		if len(head) < l.at || !bytes.HasPrefix(head[l.at:], []byte(l.magic)) {
			continue
		}
		kind, more := l.kind, ""
		if l.check != nil {
			x.f.Kind = kind
			var ok bool
			if more, ok = l.check(x, head); !ok {
				x.f.Kind = Unknown
				continue
			}
			kind = x.f.Kind // a check may know better
		}
		x.f.Kind = kind
		x.f.Notes = append([]string{l.note + more}, x.f.Notes...)
		return true
	}
	return false
}

// pointed tells the size and hash in a Git LFS pointer.
func pointed(_ *inspection, head []byte) (string, bool) {
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
		return "", true
	}
	return fmt.Sprintf("; it points to %s of %s bytes", quoted(oid), quoted(size)), true
}

// quoted keeps what a file says from playing with a terminal.
func quoted(text string) string {
	if q := fmt.Sprintf("%q", text); q != `"`+text+`"` {
		return q
	}
	return text
}

func bzip2(_ *inspection, head []byte) (string, bool) {
	return "", len(head) >= 10 && head[3] >= '1' && head[3] <= '9' && (string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17rE8P\x90")
}

// member names the first file of a tar archive.
func member(_ *inspection, head []byte) (string, bool) {
	name, _, _ := bytes.Cut(head[:100], []byte{0})
	if len(name) == 0 {
		return "", true
	}
	return "; it starts with " + quoted(string(name)), true
}

// pickled reports whether a protocol number and an opcode that starts a value follow.
func pickled(_ *inspection, head []byte) (string, bool) {
	return "", len(head) >= 3 && head[1] >= 2 && head[1] <= 5 && bytes.IndexByte([]byte("}]()\x8a\x95\x8cXcKN"), head[2]) >= 0
}

// linked says what an ELF file is, and for which machine.
func linked(_ *inspection, head []byte) (string, bool) {
	if len(head) < 20 {
		return "", false
	}
	machine := map[uint16]string{62: "x86-64", 183: "aarch64"}[binary.LittleEndian.Uint16(head[18:])]
	if machine != "" {
		machine = " for " + machine
	}
	switch binary.LittleEndian.Uint16(head[16:]) {
	case 3:
		return "a shared library or program" + machine + ", not an engine: a plugin goes to plugins in the matrix, or to --dynamicPlugins", true
	case 2:
		return "a program" + machine + ", not an engine", true
	}
	return "an ELF file" + machine + ", not an engine", true
}

// portable follows the pointer of the MS-DOS stub.
func portable(_ *inspection, head []byte) (string, bool) {
	if len(head) < 64 {
		return "", false
	}
	at := int64(binary.LittleEndian.Uint32(head[60:]))
	return "", at+4 <= int64(len(head)) && string(head[at:at+4]) == "PE\x00\x00"
}

// tensors reports whether the eight bytes at the start are the length of a header.
func tensors(x *inspection, head []byte) (string, bool) {
	const most = 100e6 // as the reference implementation bounds it
	n := binary.LittleEndian.Uint64(head)
	if n < 2 || n > most {
		return "", false
	}
	if n+8 > uint64(x.size) {
		x.cut("the file ends inside its header of %d bytes", n)
	}
	return "", true
}

// widened tells a plan that was taken for text from text.
func widened(_ *inspection, head []byte) (string, bool) {
	if bytes.HasPrefix(head[2:], []byte("f\x00t\x00r\x00t\x00")) || bytes.HasPrefix(head[2:], []byte("p\x00t\x00r\x00t\x00")) {
		return "a plan that a Windows shell took for text when it redirected it, which cannot be undone: copy it again, without > and |", true
	}
	return "text of 16-bit characters, as Windows writes it", len(head) >= 4 && len(head)%2 == 0 && head[3] == 0
}

// unknown says what little can be said.
func (x *inspection) unknown(head []byte) {
	switch {
	case x.err != nil:
	case !zeros(head):
		x.note("the file begins with the bytes % x, which start no plan that is known", head[:min(len(head), 16)])
	case !zeros(x.bytes(max(x.size-windowBytes, 0), windowBytes)):
		x.note("the file begins with %d zero bytes, and ends with others: its start was never written, or lost in a crash", len(head))
	default:
		x.f.Kind = Zeros
		x.note("the file begins and ends with zero bytes, %d at its start: it was reserved and never written, or lost in a crash", len(head))
	}
}

func zeros(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }
