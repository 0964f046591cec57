package artifact

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/verify"
)

// Manifest is the record of one published engine. It is written last: the
// record exists when its manifest exists. Fields are only ever added.
type Manifest struct {
	Version   int       `json:"version"` // 1
	Cell      string    `json:"cell"`    // cell ID
	Key       string    `json:"key"`
	Model     string    `json:"model"`
	Release   string    `json:"release"`
	Variant   string    `json:"variant,omitempty"`
	Simulated bool      `json:"simulated"` // measured: the engine itself says so
	BuiltAt   time.Time `json:"built_at"`  // UTC
	Engine    Blob      `json:"engine"`

	GPU       GPU       `json:"gpu"`
	Image     Image     `json:"image"`
	TensorRT  Measured  `json:"tensorrt"`
	CUDA      string    `json:"cuda"` // as the image declares it; "" when unknown
	Precision Precision `json:"precision"`

	Argv       []string        `json:"argv"`        // the build command, exactly
	VerifyArgv [][]string      `json:"verify_argv"` // the verification commands, exactly
	Source     Source          `json:"source"`
	Profiles   []Profile       `json:"profiles"`
	Inputs     []Input         `json:"inputs"` // what the key was made of, in order
	Verified   []verify.Result `json:"verified"`
	Blobs      []Blob          `json:"blobs"`     // logs, layer information and other files
	Materials  []Material      `json:"materials"` // what the build had: model, external data, plugins, calibration
	Replays    []Replay        `json:"replays"`   // the verification runs, with what it takes to repeat them

	Seconds Durations `json:"seconds"`
	Runner  string    `json:"runner"`
	Trtfarm string    `json:"trtfarm"` // version of trtfarm
	Run     string    `json:"run"`
	CIRun   string    `json:"ci_run,omitempty"` // URL of the CI run
}

// Blob is a file of a record. Path is relative to the store's prefix.
type Blob struct {
	Role      string `json:"role,omitempty"` // "build.log", "layers.json", …; "" for the engine
	Path      string `json:"path"`
	Size      int64  `json:"size"`
	MD5       string `json:"md5"`
	SHA256    string `json:"sha256"`
	CRC64NVME string `json:"crc64nvme,omitempty"` // base64; lets S3 prove large objects by the checksum it keeps
}

// Digest returns what the blob's bytes must be.
func (b Blob) Digest() Digest {
	return Digest{Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, CRC64NVME: b.CRC64NVME}
}

// GPU says which GPU was asked for and which one built the engine.
type GPU struct {
	Target    string `json:"target"`
	Product   string `json:"product"` // as trtexec printed it
	UUID      string `json:"uuid"`
	SM        string `json:"sm"`
	SMs       int    `json:"sms"`
	MemoryMiB int64  `json:"memory_mib"`
	Driver    string `json:"driver"` // "" when unknown
}

// Image says which container built and which one verified the engine.
type Image struct {
	Ref          string `json:"ref"`
	Digest       string `json:"digest"`             // what the tag meant
	Manifest     string `json:"manifest,omitempty"` // the platform's manifest, where Digest is an index
	VerifyRef    string `json:"verify_ref,omitempty"`
	VerifyDigest string `json:"verify_digest,omitempty"`
}

// Measured compares what was promised with what the engine's header says.
type Measured struct {
	Declared string `json:"declared"`
	Engine   string `json:"engine"`
}

// Precision compares what was asked with what the layers compute in.
type Precision struct {
	Asked    string           `json:"asked"`
	Obtained map[string]int64 `json:"obtained,omitempty"` // layers per type; nil when the build told nothing
	Promise  string           `json:"promise,omitempty"`  // "kept", or "unknown" where the layers do not tell
	Why      string           `json:"why,omitempty"`      // what speaks for it, in words
}

// Source says where the model came from.
type Source struct {
	Model  string `json:"model"`  // as written in the matrix
	SHA256 string `json:"sha256"` // of the ONNX file
	Digest string `json:"digest"` // of the model with its external data
	Commit string `json:"commit,omitempty"`
}

// Profile is one optimization profile of the engine.
type Profile struct {
	Name   string  `json:"name"`
	Shapes []Shape `json:"shapes"`
}

// Shape is one input's range in a profile.
type Shape struct {
	Input string  `json:"input"`
	Min   []int64 `json:"min"`
	Opt   []int64 `json:"opt"`
	Max   []int64 `json:"max"`
}

// Input is one ingredient of a key.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Material is a file that a build was given.
type Material struct {
	Path   string `json:"path"` // in the workspace
	Blob   string `json:"blob"` // object, relative to the store's prefix
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Replay is one verification run: its inputs and reference outputs are blobs,
// named by their SHA-256.
type Replay struct {
	verify.Case
	Argv  []string `json:"argv"`
	Casts []Cast   `json:"casts,omitempty"`
}

// Cast says that an input file was rewritten to the type that the engine takes.
type Cast struct {
	From string `json:"from"`
	To   string `json:"to"`
	Type string `json:"type"`
}

// Durations are seconds by step.
type Durations struct {
	Fetch   float64 `json:"fetch"`
	Build   float64 `json:"build"`
	Verify  float64 `json:"verify"`
	Publish float64 `json:"publish"`
}
