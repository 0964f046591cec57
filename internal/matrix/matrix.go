// Package matrix turns the text of a matrix file into checked cells: which
// engines to make, in a defined order. It reads no other file than the text it
// is given, and reports every mistake of that text at once, each at its place.
//
// The cells are the product of models, images, GPUs and precisions, less what
// exclude entries match. Then each include entry applies to every combination
// that its keys match, where a missing key means every listed value: a cell
// that is there gets the entry's build and verify settings, another is added.
// An exclude entry holds against an include entry too, unless that one names
// every key that the exclude entry names.
//
// Beside how an engine is built, a build table says what kind of engine it is to
// be, all off by default:
//
//	version_compatible     = true       # newer TensorRT may load it, too
//	hardware_compatibility = "ampere+"  # GPUs of 8.0 and later may; "sameComputeCapability": those like the target; "none"
//	refit                  = true       # its weights can be replaced
//	strip_weights          = true       # shipped without its weights: the loader refits it with those of the same model
//
// A model's plugins are loaded into trtexec itself, its dynamic_plugins through
// TensorRT's plugin registry.
package matrix

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// Matrix is a checked matrix file.
type Matrix struct {
	File   string // as named by the user; relative paths in the matrix are relative to its folder
	Models []*Model
	Images []string // image references, in the order of the file
	GPUs   []string // canonical catalogue names, in the order of the file
	Cells  []*Cell  // every engine to make: models, then images, GPUs, precisions, variants; included extras last
}

// Model is one [model.NAME] table.
type Model struct {
	Name    string
	Release string   // free text such as "2026.11.0"; "" when absent
	ONNX    string   // path, file://, s3:// or https://, as written
	SHA256  string   // lower case hex, or "" when not pinned
	Inputs  string   // folder with reference inputs, or ""
	Outputs string   // folder with reference outputs, or ""
	Plugins []string // shared libraries, in load order
	// DynamicPlugins are libraries that TensorRT's plugin registry loads, as
	// plugins written for it want; --dynamicPlugins of trtexec.
	DynamicPlugins []string
	Profiles       []Profile
	Pos            diag.Pos // of the table's name
	ONNXPos        diag.Pos // of the value of onnx
}

// Profile is one [model.NAME.profile.NAME] table: the shapes that one TensorRT
// optimization profile accepts.
type Profile struct {
	Name   string
	Shapes []Shape // in the order of the file
	Pos    diag.Pos
}

// Shape holds the least, the preferred and the greatest dimensions of one
// input. All three have the same rank, and Min <= Opt <= Max in each dimension.
// A scalar has rank 0.
type Shape struct {
	Input         string
	Min, Opt, Max []int64
	Pos           diag.Pos
}

// Precision is what the user wants the engine to compute in.
type Precision string

// The precisions that a matrix may name.
const (
	FP32 Precision = "fp32" // TF32 switched off
	TF32 Precision = "tf32"
	FP16 Precision = "fp16"
	BF16 Precision = "bf16"
	INT8 Precision = "int8"
	FP8  Precision = "fp8"
	INT4 Precision = "int4"
	Best Precision = "best"
)

// Precisions lists every known precision in the order to show it.
var Precisions = []Precision{FP32, TF32, FP16, BF16, INT8, FP8, INT4, Best}

// Cell is one engine to make.
type Cell struct {
	ID        string // MODEL/IMAGE LABEL/GPU/PRECISION[/VARIANT], lower case but for the model's own name
	Model     *Model
	Image     string // reference as written in the matrix
	GPU       string // canonical catalogue name
	Precision Precision
	Variant   string // "" for the plain cell
	Build     Build  // with the overrides of include applied
	Verify    Verify
	Pos       diag.Pos // the line of the matrix that asks for it: the include entry, or the axis
}

// Build holds the [build] settings of a cell.
type Build struct {
	OptimizationLevel int // 0 to 5; -1 leaves TensorRT's default
	WorkspaceMiB      int // 0 means no limit
	TimingCache       bool
	Timeout           time.Duration // for one build step
	Retries           int           // for infrastructure faults only
	ExtraArgs         []string
	Calibration       string // path of a calibration cache, or ""

	VersionCompatible     bool   // newer TensorRT may load the plan
	HardwareCompatibility string // "", "ampere+" or "sameComputeCapability"
	Refit                 bool   // weights can be replaced
	StripWeights          bool   // the plan is shipped without its weights, to be refitted with the same ones
}

// Verify holds the [verify] settings of a cell.
type Verify struct {
	Image     string // deploy image; "" means the build image
	Tolerance Tolerance
	Corners   bool    // run min, opt and max of every profile, not opt alone
	MaxP99Ms  float64 // 0 means no gate
}

// Tolerance is the greatest error an output element may have: an element passes
// when |got-want| <= Abs + Rel*|want|.
type Tolerance struct {
	Abs, Rel float64
}

// TagLabel returns how an image is called in cell IDs and store paths: its tag,
// prefixed with the repository's last name unless that is "tensorrt".
func TagLabel(image string) string { return tagLabel(image) }
