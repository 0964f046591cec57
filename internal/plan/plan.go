// Package plan decides, before anything runs, what becomes of every cell: its
// command lines, its key, whether it is published already, and if it must be
// made, which input moved. It is pure: all it knows is handed to it.
package plan

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
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
	Files       []File            // the ONNX file first, then external data by location
	Plugins     []File            // the libraries of plugins, then those of dynamic_plugins
	Calibration map[string]File   // by path as written
	Golden      []trtexec.Binding // shapes of the stored reference inputs, where the matrix names some
	Err         error             // why the rest is empty
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
	Driver   string // that its CUDA was released with, as the image declares it; "" when it does not
	Source   string // "lock", "registry", "catalogue" or "local": who said so
	Err      error  // why the digest is unknown
}

// Runner is a place with GPUs.
type Runner struct {
	Name      string
	GPUs      []string // catalogue names
	Driver    string   // of the host, "535.161.08"; "" when unknown
	Simulated bool     // a stand-in builds there: its engines never share a key with real ones
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

// DriverTooOld is the cause of a refusal because no runner's driver serves the
// CUDA of an image.
const DriverTooOld = "driver-too-old"

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

	Fix            string // what to do when refused; Reasons[0] ends with it
	Warnings       []string
	ModelDigest    string // of the model with its external data
	Simulated      bool   // only a stand-in can build it
	VerifyImage    string // reference of the image that verifies: the deploy image, or the build image
	VerifyDigest   string // "" when unknown
	VerifyTensorRT string
	Cases          []Case // what Runs are made of, in the same order
}

// Run is one verification run: which case, and how. Its command runs in the
// folder run/CASE of the workspace.
type Run struct {
	Case  string
	Argv  []string
	Dir   string // working directory, relative to the workspace
	Casts []Cast // inputs to rewrite before the command runs
}

// Cast rewrites one input file to the type that the engine takes. Paths are
// relative to the workspace.
type Cast struct {
	Input    string
	From, To string
	Type     string // "int64-int32" or "float64-float32"
}

// Case is one set of shapes that an engine has to answer for.
type Case struct {
	Name    string            // "static", "PROFILE/min", "PROFILE/opt", "PROFILE/max" or "golden"
	Profile int               // index; 0 for a static model
	Shapes  []trtexec.Binding // every input, in the model's order
	Timed   bool              // its shapes are those that the speed gate is about
}

// Make plans every cell of m, in m's order.
func Make(m *matrix.Matrix, f Facts) []Cell { return makePlan(m, f) }
