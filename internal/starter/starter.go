// Package starter writes a first matrix for a model, from what the model itself
// declares: one that passes every check and says what to change.
package starter

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

var unfit = regexp.MustCompile(`[^a-zA-Z0-9._-]+`)

// Name makes a model name from a file's name; a file that is only called
// "model" takes its folder's.
func Name(file string) string {
	base := strings.TrimSuffix(path.Base(filepath.ToSlash(file)), ".onnx")
	if base == "model" {
		if abs, err := filepath.Abs(file); err == nil {
			base = filepath.Base(filepath.Dir(abs))
		}
	}
	name := strings.Trim(unfit.ReplaceAllString(base, "-"), "-._")
	if name == "" {
		return "model"
	}
	return strings.ToLower(strings.TrimRight(name[:min(len(name), 60)], "-._"))
}

// Matrix returns the text of a matrix for a model whose file, seen from the
// matrix, is at onnxPath.
func Matrix(name, onnxPath string, m *onnx.Model) []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# What to build of %s. Check it: trtfarm check; see what it would do: trtfarm plan.", name)
	p("version = 1\n")
	p("[model.%s]", key(name))
	p(`release = "0.1.0"               # goes into every record and names the release`)
	p("onnx    = %s", quote(onnxPath))
	p(`# inputs  = "golden/inputs"     # your own reference data (.pb, .npz, raw); without it,`)
	p(`# outputs = "golden/outputs"    # ONNX Runtime makes it from seeded inputs`)
	for _, o := range m.Operators {
		if o.Domain != "" && o.Domain != "ai.onnx" {
			p("# The operator %s of domain %s is not one of ONNX.", key(o.Name), key(o.Domain))
			p("# Name the library that has it, unless TensorRT does, and give inputs and outputs above.")
			p("plugins = []")
			break
		}
	}
	p("")
	writeInputs(p, name, m)
	precision := precisionOf(m)
	first := suggestions[precision]
	p(`[matrix]`)
	p(`# NGC images to build in; an engine loads only in the TensorRT that built it.`)
	p(`images     = ["nvcr.io/nvidia/tensorrt:24.08-py3"]`)
	p(`# GPUs to build on; an engine belongs to the GPU that built it.`)
	p(`gpus       = ["%s"]`, strings.Join(first.gpus, `", "`))
	p(`precisions = [%s]`, quote(precision))
	p(`# exclude  = [{ gpu = "%s", image = "*:24.08-py3" }]`, first.gpus[0])
	p(``)
	p(`[build]`)
	p(`optimization_level = 3          # 0 to 5: more is slower to build and faster to run`)
	p(`workspace    = "4GiB"`)
	p(`timing_cache = true`)
	p(`timeout      = "30m"`)
	p(``)
	p(`[verify]`)
	p(`corners   = true                # run min, opt and max of every profile`)
	p(`tolerance = { %s = %s }  # how far an output may be off`, precision, first.tolerance)
	p(`# max_p99_ms = { %s = 12.0 }    # refuse an engine that is slower than this`, first.gpus[0])
	return []byte(b.String())
}

// Element types of quantized weights (onnx.proto, TensorProto.DataType): the
// float8 ones, and the 4-bit integers.
var (
	float8 = []onnx.DataType{17, 18, 19, 20}
	int4   = []onnx.DataType{21, 22}
)

// precisionOf suggests fp16, but not for a model whose types or quantization
// decide.
func precisionOf(m *onnx.Model) string {
	holds := func(types ...onnx.DataType) bool {
		return slices.ContainsFunc(types, func(t onnx.DataType) bool { return m.WeightTypes[t] > 0 })
	}
	switch {
	case m.QDQ && holds(float8...):
		return "fp8"
	case m.QDQ && holds(int4...):
		return "int4"
	case m.QDQ:
		return "int8"
	case holds(onnx.BFloat16):
		return "bf16"
	}
	return "fp16"
}

// suggestions hold, for a precision, GPUs to begin with that have it, and what the
// matrix tolerates when it says nothing.
var suggestions = map[string]struct {
	gpus      []string
	tolerance string
}{
	"fp16": {[]string{"T4", "A10", "A100"}, `{ abs = 1e-2, rel = 1e-2 }`},
	"bf16": {[]string{"A10", "A100"}, `{ abs = 5e-2, rel = 5e-2 }`},
	"int8": {[]string{"T4", "A10", "A100"}, `{ abs = 1e-1, rel = 1e-1 }`},
	"fp8":  {[]string{"L4", "H100"}, `{ abs = 1e-1, rel = 1e-1 }`},
	"int4": {[]string{"A10", "A100"}, `{ abs = 2e-1, rel = 2e-1 }`},
}

func writeInputs(p func(string, ...any), name string, m *onnx.Model) {
	for _, in := range m.Inputs {
		p("# input  %s: %s %s", key(in.Name), in.Type, dims(in))
	}
	for _, out := range m.Outputs {
		p("# output %s: %s %s", key(out.Name), out.Type, dims(out))
	}
	width, dynamic := 0, dynamicInputs(m)
	if len(dynamic) == 0 {
		p("# All dimensions are fixed, so there is no profile to choose.\n")
		return
	}
	p("\n# Dynamic dimensions need a profile: the smallest, the usual and the largest shape")
	p("# that callers will send. The numbers below are guesses; put yours.")
	p("[model.%s.profile.default]", key(name))
	for _, in := range dynamic {
		width = max(width, utf8.RuneCountInString(key(in.Name)))
	}
	for _, in := range dynamic {
		r := guess(in)
		p("%-*s = { min = %s, opt = %s, max = %s }", min(width, 40), key(in.Name), list(r.min), list(r.opt), list(r.max))
	}
	p("")
}

// dynamicInputs are those that a profile must name, each once, as some exporters
// repeat them.
func dynamicInputs(m *onnx.Model) []onnx.Value {
	var all []onnx.Value
	for _, in := range m.Inputs {
		known := slices.ContainsFunc(all, func(v onnx.Value) bool { return key(v.Name) == key(in.Name) })
		if in.Dynamic() && in.Name != "" && !known {
			all = append(all, in)
		}
	}
	return all
}

// dims writes a declared shape, as in [batch, 3, 224, 224].
func dims(v onnx.Value) string {
	if v.Shape == nil {
		return "of unknown rank"
	}
	if len(v.Shape) == 0 {
		return "(a scalar)"
	}
	parts := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		switch {
		case d.Size >= 0:
			parts[i] = fmt.Sprint(d.Size)
		case d.Param != "":
			parts[i] = key(d.Param)
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func list(dims []int64) string {
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = fmt.Sprint(d)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// key writes a TOML key, quoted where it must be.
func key(name string) string {
	if bare.MatchString(name) {
		return name
	}
	return quote(name)
}

// quote writes a TOML basic string. It keeps a name from outside on its line, in
// comments too, and spells out what could be mistaken when it is looked at.
func quote(s string) string {
	b := []byte{'"'}
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case strconv.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r <= 0xffff:
			b = fmt.Appendf(b, `\u%04X`, r)
		default:
			b = fmt.Appendf(b, `\U%08X`, r)
		}
	}
	return string(append(b, '"'))
}
