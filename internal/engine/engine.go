// Package engine answers one question from bytes alone: what is this file? It
// knows TensorRT plans of every layout seen so far, and the things that people
// mistake for plans.
package engine

import "io"

// Kind says what a file is.
type Kind string

// The kinds of file that Inspect tells apart.
const (
	Plan          Kind = "tensorrt-plan"
	GitLFSPointer Kind = "git-lfs-pointer"
	ONNX          Kind = "onnx"
	HTML          Kind = "html"
	Gzip          Kind = "gzip"
	Zip           Kind = "zip" // TorchScript and NumPy archives among others
	Empty         Kind = "empty"
	Unknown       Kind = "unknown"
)

// File is what the bytes of a file tell. What they do not tell is "", 0 or nil,
// never guessed.
type File struct {
	Kind          Kind      `json:"kind"`
	Size          int64     `json:"size"`
	TensorRT      string    `json:"tensorrt"` // four numbers, "10.3.0.26"
	SM            string    `json:"sm"`       // compute capability, "7.5"
	Device        *Device   `json:"device"`
	Container     string    `json:"container"` // "ftrt", "ptrt", "flatbuffer" or ""
	Serialization *int64    `json:"serialization"`
	Sections      []Section `json:"sections,omitempty"`
	Truncated     bool      `json:"truncated"`
	Damaged       bool      `json:"damaged"` // a checksum or a structure inside does not hold
	Simulated     bool      `json:"simulated"`
	Notes         []string  `json:"notes"`
}

// Device is the GPU that a plan says it was built on.
type Device struct {
	SMs           int      `json:"sms"`
	MemoryBytes   int64    `json:"memory_bytes"`
	CoreKHz       int      `json:"core_khz"`
	MemoryKHz     int      `json:"memory_khz"`
	MemoryBusBits int      `json:"memory_bus_bits"`
	L2Bytes       int64    `json:"l2_bytes"`
	Likely        []string `json:"likely"` // catalogue names that fit
}

// Section is one entry of the section table of an "ftrt" container.
type Section struct {
	Tag    string `json:"tag"`    // as its number is spelled, "ENGN"; the bytes read backwards
	Offset int64  `json:"offset"` // from the start of the container
	Size   int64  `json:"size"`
}

// SimulatedTag is the tag of the extra section by which trtsim marks every
// engine it writes, spelled as Section.Tag is.
const SimulatedTag = "SIMU"

// Inspect reads at most a few hundred KiB of r, plus whole files of the layouts
// that carry a checksum when they are at most 64 MiB. It returns an error only
// when reading itself fails; bytes that make no sense are described, not refused.
func Inspect(r io.ReaderAt, size int64) (File, error) {
	x := &inspection{view: view{r: r, size: size}, f: File{Size: size, Notes: []string{}}}
	x.f.Kind = Unknown
	x.inspect()
	return x.f, x.err
}

// Skim is Inspect for a file that is far away: it computes no checksum and reads
// a few KiB, however large the file is.
func Skim(r io.ReaderAt, size int64) (File, error) { return Inspect(r, size) }
