// Package starter writes a first matrix for a model, from what the model itself
// declares: one that passes every check and says what to change.
package starter

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

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
	return strings.ToLower(name[:min(len(name), 60)])
}

// How a dynamic dimension is filled in: batches and the like start at one,
// anything that looks like a length or a picture's side gets room.
var guesses = []struct {
	param         *regexp.Regexp
	min, opt, max int64
}{
	{regexp.MustCompile(`(?i)seq|len|time|token`), 1, 128, 512},
	{regexp.MustCompile(`(?i)height|width|^[hw]$`), 224, 224, 640},
	{regexp.MustCompile(`(?i)batch|^n$|unk|^b$`), 1, 8, 32},
}

// Matrix returns the text of a matrix for a model whose file, seen from the
// matrix, is at onnxPath.
func Matrix(name, onnxPath string, m *onnx.Model) []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# What to build of %s. Check it with: trtfarm check, see what it would do: trtfarm plan.", name)
	p("version = 1\n")
	p("[model.%s]", key(name))
	p("release = \"0.1.0\"                # free text; goes into every record")
	p("onnx    = %s", quote(onnxPath))
	p("# inputs  = \"golden/inputs\"      # your own reference data (.pb, .npz, raw); without it,")
	p("# outputs = \"golden/outputs\"     # ONNX Runtime makes it from seeded inputs")
	for _, o := range m.Operators {
		if o.Domain != "" && o.Domain != "ai.onnx" {
			p("plugins = []                     # %s of domain %s comes from outside ONNX: name the .so that provides it", key(o.Name), key(o.Domain))
			break
		}
	}
	p("")
	writeInputs(p, name, m)
	p(`[matrix]`)
	p(`# NGC images to build in; each engine loads only in the TensorRT that built it.`)
	p(`images     = ["nvcr.io/nvidia/tensorrt:24.08-py3"]`)
	p(`# GPUs to build on; each engine belongs to the GPU that built it.`)
	p(`gpus       = ["T4", "A10", "A100"]`)
	p(`precisions = [%s]`, precisions(m))
	p(`# exclude  = [{ gpu = "T4", image = "*:24.08-py3" }]`)
	p(``)
	p(`[build]`)
	p(`optimization_level = 3              # 0 to 5: more is slower to build and faster to run`)
	p(`workspace    = "4GiB"`)
	p(`timing_cache = true`)
	p(`timeout      = "30m"`)
	p(``)
	p(`[verify]`)
	p(`corners   = true                    # run min, opt and max of every profile`)
	p(`tolerance = { fp32 = { abs = 1e-4, rel = 1e-4 }, fp16 = { abs = 1e-2, rel = 1e-2 } }`)
	p(`# max_p99_ms = { T4 = 12.0 }        # fail an engine that is slower than this`)
	return []byte(b.String())
}

// precisions suggests fp16, but not for a model whose quantization decides.
func precisions(m *onnx.Model) string {
	if m.QDQ {
		return `"int8"`
	}
	return `"fp16"`
}

func writeInputs(p func(string, ...any), name string, m *onnx.Model) {
	dynamic := false
	for _, in := range m.Inputs {
		dynamic = dynamic || in.Dynamic()
		p("# input  %s: %s %s", key(in.Name), in.Type, dims(in))
	}
	for _, out := range m.Outputs {
		p("# output %s: %s %s", key(out.Name), out.Type, dims(out))
	}
	if !dynamic {
		p("# All dimensions are fixed, so there is no profile to choose.\n")
		return
	}
	p("\n# Dynamic dimensions need a profile: the smallest, the usual and the largest shape")
	p("# that callers will send. The numbers below are guesses; put yours.")
	p("[model.%s.profile.default]", key(name))
	for _, in := range m.Inputs {
		if !in.Dynamic() {
			continue
		}
		var least, usual, most []string
		for _, d := range in.Shape {
			lo, mid, hi := guess(d, len(least))
			least, usual, most = append(least, fmt.Sprint(lo)), append(usual, fmt.Sprint(mid)), append(most, fmt.Sprint(hi))
		}
		p("%s = { min = [%s], opt = [%s], max = [%s] }", key(in.Name), strings.Join(least, ", "), strings.Join(usual, ", "), strings.Join(most, ", "))
	}
	p("")
}

func guess(d onnx.Dim, position int) (lo, mid, hi int64) {
	if d.Size >= 0 {
		return d.Size, d.Size, d.Size
	}
	for _, g := range guesses {
		if g.param.MatchString(d.Param) {
			return g.min, g.opt, g.max
		}
	}
	if position == 0 {
		return 1, 8, 32
	}
	return 1, 64, 256
}

func dims(v onnx.Value) string {
	if v.Shape == nil {
		return "of unknown shape"
	}
	if len(v.Shape) == 0 {
		return "(scalar)"
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
	return strings.Join(parts, "x")
}

var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// key writes a TOML key, quoted where it must be.
func key(name string) string {
	if bare.MatchString(name) {
		return name
	}
	return quote(name)
}

// quote writes a TOML basic string; every JSON string is one. It keeps a name
// from outside on its line, in comments too.
func quote(s string) string {
	text, _ := json.Marshal(strings.ToValidUTF8(s, "\uFFFD")) // strings always encode
	return string(text)
}
