// Package engine answers one question from bytes alone: what is this file? It
// knows TensorRT plans of every layout seen so far, and the things that people
// mistake for plans.
package engine

import (
	"encoding/json"
	"io"
)

// File is what the bytes of a file tell. What they do not tell is "", 0 or nil,
// never guessed.
type File struct {
	Kind     Kind   `json:"kind"`
	Size     int64  `json:"size"`
	TensorRT string `json:"tensorrt"` // four numbers, "10.3.0.26"
	SM       string `json:"sm"`       // compute capability, "7.5"
	// Device is nil when the GPU is not described in a way that is known.
	Device    *Device `json:"device"`
	Container string  `json:"container"` // "ftrt", "ptrt", "flatbuffer" or ""
	// Serialization is the number by which a runtime tells its own plans: the one
	// that its message "Version tag does not match" prints.
	Serialization *int64    `json:"serialization"`
	Sections      []Section `json:"sections,omitempty"`
	Leading       int64     `json:"leading_bytes,omitempty"`  // before the plan
	Trailing      int64     `json:"trailing_bytes,omitempty"` // behind the end that the plan gives itself
	Truncated     bool      `json:"truncated"`
	Damaged       bool      `json:"damaged"` // a checksum or a structure inside does not hold
	Simulated     bool      `json:"simulated"`
	// Notes are sentences for people: what is wrong comes first, what else is
	// known of the file follows.
	Notes []string `json:"notes"`
}

// Device is the GPU that a plan says it was built on. A number that the plan
// does not tell is 0, and null in JSON.
type Device struct {
	SMs           int
	MemoryBytes   int64
	CoreKHz       int
	MemoryKHz     int
	MemoryBusBits int
	L2Bytes       int64
	Likely        []string // catalogue names that fit; empty, not nil, when none does
}

// MarshalJSON writes numbers that are not known as null.
func (d Device) MarshalJSON() ([]byte, error) {
	likely := d.Likely
	if likely == nil {
		likely = []string{}
	}
	return json.Marshal(struct {
		SMs           *int     `json:"sms"`
		MemoryBytes   *int64   `json:"memory_bytes"`
		CoreKHz       *int     `json:"core_khz"`
		MemoryKHz     *int     `json:"memory_khz"`
		MemoryBusBits *int     `json:"memory_bus_bits"`
		L2Bytes       *int64   `json:"l2_bytes"`
		Likely        []string `json:"likely"`
	}{known(d.SMs), known(d.MemoryBytes), known(d.CoreKHz), known(d.MemoryKHz), known(d.MemoryBusBits), known(d.L2Bytes), likely})
}

func known[T comparable](n T) *T {
	var unknown T
	if n == unknown {
		return nil
	}
	return &n
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Device) UnmarshalJSON(text []byte) error {
	var in struct {
		SMs           int      `json:"sms"`
		MemoryBytes   int64    `json:"memory_bytes"`
		CoreKHz       int      `json:"core_khz"`
		MemoryKHz     int      `json:"memory_khz"`
		MemoryBusBits int      `json:"memory_bus_bits"`
		L2Bytes       int64    `json:"l2_bytes"`
		Likely        []string `json:"likely"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*d = Device(in)
	return nil
}

// Section is one entry of the section table of an "ftrt" container.
type Section struct {
	Tag    string `json:"tag"`    // as its number is spelled, "ENGN"; the bytes read backwards
	Offset int64  `json:"offset"` // from the start of the container
	Size   int64  `json:"size"`
}

// Inspect reads a few KiB of r, and the whole file, in pieces, where the layout
// carries a checksum (TensorRT 6 to 8.0). It returns an error only when reading
// itself fails: the File then holds what was found before, and nothing is said to
// be wrong that was not read. Bytes that make no sense are described, not refused.
func Inspect(r io.ReaderAt, size int64) (File, error) { return look(r, size, false) }

// Skim is Inspect for a file that is far away: it computes no checksum and reads
// less than 16 KiB, however large the file is; two or three pieces of a plan.
func Skim(r io.ReaderAt, size int64) (File, error) { return look(r, size, true) }
