// Package trtexec speaks trtexec's language: it turns intent into a command line
// for one TensorRT release, refuses what that release cannot do, and reads what
// trtexec printed. It is pure: it starts nothing and opens nothing.
package trtexec

import "github.com/trtfarm/trtfarm/internal/catalog"

// Build is the intent of one engine build. Paths are as trtexec will see them.
type Build struct {
	TensorRT          catalog.Version
	Model             string // ONNX file
	Engine            string // plan to write
	Precision         string // a matrix precision: fp32, tf32, fp16, bf16, int8, fp8, int4, best
	Typed             bool   // the model already carries the asked types (fp16 weights, Q/DQ nodes)
	Profiles          []Profile
	WorkspaceMiB      int // 0: no limit
	OptimizationLevel int // -1: TensorRT's default
	TimingCache       string
	Plugins           []string // loaded into trtexec itself
	DynamicPlugins    []string // loaded through TensorRT's plugin registry
	Calibration       string
	Modes             Modes
	LayerInfo         string // file for the layer information, or ""
	Extra             []string
}

// Profile is one optimization profile.
type Profile struct {
	Shapes []Shape
}

// Shape is one input's range in a profile.
type Shape struct {
	Input         string
	Min, Opt, Max []int64
}

// Inference is the intent of one run of a finished engine.
type Inference struct {
	TensorRT       catalog.Version
	Engine         string
	Profile        int // which profile to use
	Profiles       int // how many the engine has; 0 for a static model
	Shapes         []Binding
	Inputs         []InputFile
	Plugins        []string
	DynamicPlugins []string
	// Refit is the ONNX file whose weights a stripped plan is given after it is
	// loaded; "" for a plan that carries its weights.
	Refit string
	// VersionCompatible says that the engine was built with --versionCompatible:
	// such a plan holds host code, which trtexec runs only when it is told so.
	VersionCompatible bool
	Outputs           string // file for --exportOutput, where raw bindings do not exist; "" for none
	Iterations        int
	Duration          int // seconds
	WarmUpMs          int
}

// Binding is one input's dimensions for a run.
type Binding struct {
	Input string
	Dims  []int64
}

// InputFile is the raw file that holds one input's values.
type InputFile struct {
	Input string
	File  string
}

// Refusal says that a release cannot do what was asked, and what to do instead.
type Refusal struct {
	Cause  string // label of the diagnosis table, such as "precision-unsupported"
	Reason string
	Fix    string
}

// Error gives the reason and the fix.
func (r *Refusal) Error() string {
	if r.Fix == "" {
		return r.Reason
	}
	return r.Reason + "; " + r.Fix
}

// Args returns the argument vector, "trtexec" first, or a *Refusal.
func (b Build) Args() ([]string, error) { return buildArgs(b) }

// Args returns the argument vector, "trtexec" first, or a *Refusal. Transfers,
// spin-wait and CUDA graph are pinned to off for every release, so that
// latencies compare across releases.
func (i Inference) Args() ([]string, error) { return inferenceArgs(i) }

// Log is what one run of trtexec printed, as far as it is understood.
type Log struct {
	TensorRT           string   `json:"tensorrt"` // "8.6.1", from the banner or the version line; "" when absent
	Status             string   `json:"status"`   // PASSED, FAILED, WAIVED, or "" when no trailer was printed
	Device             Device   `json:"device"`
	BuildSeconds       float64  `json:"build_seconds,omitempty"`
	EngineMiB          float64  `json:"engine_mib,omitempty"`
	Deserialized       bool     `json:"deserialized"` // "Engine deserialized in" was printed
	DeserializeSeconds float64  `json:"deserialize_seconds,omitempty"`
	Skipped            bool     `json:"skipped,omitempty"` // it ended before any inference, as it was told
	ThroughputQPS      float64  `json:"throughput_qps,omitempty"`
	Latency            Summary  `json:"latency_ms"`         // host latency
	GPUCompute         Summary  `json:"gpu_compute_ms"`     // kernel time
	Forced             []string `json:"forced,omitempty"`   // inputs whose dynamic dimensions were silently set to 1
	Errors             []Line   `json:"errors,omitempty"`   // [E] and [F] lines and bare CUDA failures, the first 100
	Failures           []Line   `json:"failures,omitempty"` // lines that prove failure whatever the trailer says
	Simulated          bool     `json:"simulated"`
}

// Device is the device block of a log.
type Device struct {
	Name      string `json:"name"`
	UUID      string `json:"uuid"`
	SM        string `json:"sm"`
	SMs       int    `json:"sms"`
	MemoryMiB int64  `json:"memory_mib"`
}

// Summary is one line of the performance summary, in milliseconds.
type Summary struct {
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90,omitempty"`
	P95    float64 `json:"p95,omitempty"`
	P99    float64 `json:"p99"`
}

// Line is one line of a log; N starts at 1.
type Line struct {
	N    int    `json:"line"`
	Text string `json:"text"`
}
