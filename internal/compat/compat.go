// Package compat answers whether an engine will run at a place, by NVIDIA's
// compatibility rules: which TensorRT loads which plan, and which GPU runs it.
// It is pure: what it knows of the engine and of the place is handed to it.
package compat

import (
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/inventory"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// Verdict says whether an engine will run at a place.
type Verdict string

// The verdicts, from best to worst but for the last.
const (
	Valid      Verdict = "valid"
	Suboptimal Verdict = "suboptimal" // it runs, but was tuned for another GPU or gives speed away
	Invalid    Verdict = "invalid"
	Unknown    Verdict = "unknown" // a fact is missing that decides
)

// Engine is what decides where a plan runs. Fields that are not known are zero.
type Engine struct {
	TensorRT    string // "10.3.0.26"
	SM          string // compute capability of the GPU that built it, "7.5"
	SMs         int
	MemoryBytes int64
	BusBits     int
	Likely      []string       // catalogue names of the GPUs that may have built it
	Modes       *trtexec.Modes // nil: nobody knows; most plans are built without any
	Trouble     string         // why no TensorRT can load the file at all, or ""
	Doubt       string         // why TensorRT may not load the file, or ""
	Remedy      string         // what to do about trouble or doubt, or ""
}

// Place is where an engine shall run. Fields that are not known are zero.
type Place struct {
	Name      string // how the user calls it: "t4,trt=8.6.1", "node gpu-7: NVIDIA A10"
	GPU       string // catalogue name, of a kind or of a family
	Product   string // as the driver prints it
	SM        string
	MemoryMiB int64
	MIG       string   // profile of a slice: "1g.5gb", or as inventory.GPU has it
	Shared    bool     // time-shared with others
	TensorRT  string   // two to four numbers
	CUDA      string   // of the image that holds TensorRT
	Driver    string   // "550.54.15"
	OS, Arch  string   // "linux", "amd64"
	Notes     []string // what the catalogue is not sure of, in sentences without an end
}

// Answer is a verdict with its reasons, most telling first.
type Answer struct {
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"` // sentences without capital and full stop
	Fix     string   `json:"fix,omitempty"`
}

// Describe takes from a file what decides where it runs.
func Describe(f engine.File) Engine { return describe(f) }

// Judge says whether the engine will run at the place, and why. It answers for a
// plan that was built without any mode where Modes is nil, and says where a mode
// would change the answer.
func Judge(e Engine, p Place) Answer { return judge(e, p) }

// Versions says whether TensorRT runtime loads a plan that TensorRT built wrote,
// and why. Fields that a version does not give are taken to agree; the reason
// says so. It is Unknown when a version is zero.
func Versions(built, runtime catalog.Version, versionCompatible bool) (Verdict, string) {
	return versions(built, runtime, versionCompatible)
}

// ParsePlace reads what a user writes for a place: a GPU and what runs there,
// separated by commas, such as "t4,trt=8.6.1", "sm=8.6,image=24.08-py3" or
// "a100,trt=10.3.0.26,driver=550.54.15". Every part may be missing, but not all.
// An error says what is wrong and what is allowed, in one line without the text.
func ParsePlace(text string) (Place, error) { return parsePlace(text) }

// PlaceOf returns the place that a GPU of an inventory is. What runs there is not
// in the list: Merge adds it.
func PlaceOf(g inventory.GPU) Place { return placeOf(g) }

// Merge returns a with what it lacks taken from b.
func Merge(a, b Place) Place { return merge(a, b) }
