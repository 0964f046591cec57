// Package plan decides, before anything runs, what becomes of every cell: its
// command lines, its key, whether it is published already, and if it must be
// made, which input moved. It is pure: all it knows is handed to it.
package plan

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Facts are what the shell found out about the world for a matrix.
type Facts struct {
	Models  map[string]Model // by model name
	Images  map[string]Image // by reference, build and verify images alike
	Runners []Runner
	Store   Store
}

// Model is what was found out about one model's files.
type Model struct {
	Graph       *onnx.Model
	Files       []File // the ONNX file first, then external data by location
	Plugins     []File
	Calibration map[string]File // by path as written
	Err         error           // why the rest is empty
}

// File is one file that goes into a build.
type File struct {
	Name   string // base name in the workspace: slash-separated, below the model's folder
	Path   string // where it lies on this machine
	Size   int64
	SHA256 string
}

// Image is what an image reference means right now.
type Image struct {
	Digest   string
	Manifest string
	TensorRT string // as declared by the image, the lock or the catalogue; "" when nobody knows
	CUDA     string
	Source   string // "lock", "registry", "catalogue" or "local": who said so
	Err      error  // why the digest is unknown
}

// Runner is a place with GPUs.
type Runner struct {
	Name string
	GPUs []string // catalogue names
}

// Store is what a store already holds.
type Store struct {
	Keys   map[string]bool   // keys of records of the matrix's models
	Newest map[string]Record // newest record of a cell ID, for cells whose key is not in Keys
	Err    error             // why nothing is known
}

// Record is the part of a published record that a plan compares with.
type Record struct {
	Key     string
	BuiltAt time.Time
	Inputs  []Input
}

// Input is one named ingredient of a key, in a fixed order.
type Input struct {
	Name  string
	Value string
}

// Status is what becomes of a cell.
type Status string

// The verdicts.
const (
	Build   Status = "build"
	Cached  Status = "cached"
	Refused Status = "refused"
)

// Cell is the plan for one cell.
type Cell struct {
	*matrix.Cell
	Digest   string // of the build image; "" when unknown
	TensorRT string // of the build image
	Key      string // "" when an ingredient is unknown
	Inputs   []Input
	Status   Status
	Reasons  []string // why it is built (which input moved) or refused (why, and what to do)
	Code     int      // exit code when refused
	Cause    string   // label when refused
	Runner   string   // first runner that can take it; "" when none or cached
	Argv     []string // the build command
	Runs     []Run    // the verification runs, in order
}

// Run is one verification run: which case, and how.
type Run struct {
	Case string
	Argv []string
}

// Make plans every cell of m, in m's order.
func Make(m *matrix.Matrix, f Facts) []Cell { return makePlan(m, f) }
