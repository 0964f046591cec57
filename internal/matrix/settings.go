package matrix

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// setting is one thing that [build], [verify] or an include entry says of a cell.
type setting func(*Cell)

// defaultBuild is how a cell is built when the file says nothing.
var defaultBuild = Build{OptimizationLevel: -1, TimingCache: true, Timeout: 30 * time.Minute, Retries: 2}

// defaultTolerance is what each precision may cost when the file says nothing:
// a few units of its own resolution, summed over the layers of a common network.
var defaultTolerance = map[Precision]Tolerance{
	FP32: {1e-4, 1e-4},
	TF32: {1e-3, 1e-3},
	FP16: {1e-2, 1e-2},
	BF16: {5e-2, 5e-2},
	INT8: {1e-1, 1e-1},
	FP8:  {1e-1, 1e-1},
	INT4: {2e-1, 2e-1},
	Best: {1e-1, 1e-1},
}

// set makes a field whose value becomes a setting.
func set[T any](to *[]setting, name string, read func(*tomlfile.Value) (T, bool), store func(*Cell, T)) tomlfile.Field {
	return tomlfile.Field{Name: name, Read: func(v *tomlfile.Value) {
		if x, ok := read(v); ok {
			*to = append(*to, func(c *Cell) { store(c, x) })
		}
	}}
}

// buildSettings reads a build table.
func buildSettings(v *tomlfile.Value) []setting {
	var out []setting
	v.Fields(
		set(&out, "optimization_level", within(0, 5), func(c *Cell, n int) { c.Build.OptimizationLevel = n }),
		set(&out, "workspace", workspace, func(c *Cell, n int) { c.Build.WorkspaceMiB = n }),
		set(&out, "timing_cache", (*tomlfile.Value).Bool, func(c *Cell, b bool) { c.Build.TimingCache = b }),
		set(&out, "timeout", duration, func(c *Cell, d time.Duration) { c.Build.Timeout = d }),
		set(&out, "retries", within(0, 100), func(c *Cell, n int) { c.Build.Retries = n }),
		set(&out, "extra_args", extraArgs, func(c *Cell, a []string) { c.Build.ExtraArgs = a }),
		set(&out, "calibration", path, func(c *Cell, s string) { c.Build.Calibration = s }),
		set(&out, "version_compatible", (*tomlfile.Value).Bool, func(c *Cell, b bool) { c.Build.VersionCompatible = b }),
		set(&out, "hardware_compatibility", hardwareLevel, func(c *Cell, s string) { c.Build.HardwareCompatibility = s }),
		set(&out, "refit", (*tomlfile.Value).Bool, func(c *Cell, b bool) { c.Build.Refit = b }),
		set(&out, "strip_weights", (*tomlfile.Value).Bool, func(c *Cell, b bool) { c.Build.StripWeights = b }),
	)
	return out
}

// verifySettings reads a verify table.
func (p *parser) verifySettings(v *tomlfile.Value) []setting {
	var out []setting
	v.Fields(
		set(&out, "image", deployImage, func(c *Cell, s string) { c.Verify.Image = s }),
		tomlfile.Field{Name: "tolerance", Read: func(v *tomlfile.Value) { out = append(out, tolerances(v)...) }},
		set(&out, "corners", (*tomlfile.Value).Bool, func(c *Cell, b bool) { c.Verify.Corners = b }),
		tomlfile.Field{Name: "max_p99_ms", Read: func(v *tomlfile.Value) { out = append(out, p.speedGates(v)...) }},
	)
	return out
}

// deployImage reads the image to verify in; "" means the build image.
func deployImage(v *tomlfile.Value) (string, bool) {
	if s, ok := v.Text(); ok && s == "" {
		return "", true
	}
	if !v.IsText() {
		return "", false // Text has said so
	}
	return image(v)
}

// tolerances reads a table from precision to greatest error.
func tolerances(v *tomlfile.Value) []setting {
	var out []setting
	entries, _ := v.Entries()
	for _, e := range entries {
		pr := Precision(e.Name)
		if !slices.Contains(Precisions, pr) {
			m := e.MistakeAtKey("precision %s is not known", tomlfile.Quote(e.Name))
			m.Allowed = precisionNames()
			fixNearest(m, e.Name, m.Allowed)
			continue
		}
		of := func(store func(*Tolerance, float64)) func(*Cell, float64) {
			return func(c *Cell, x float64) {
				if c.Precision == pr {
					store(&c.Verify.Tolerance, x)
				}
			}
		}
		e.Fields(
			set(&out, "abs", limit, of(func(t *Tolerance, x float64) { t.Abs = x })),
			set(&out, "rel", limit, of(func(t *Tolerance, x float64) { t.Rel = x })),
		)
	}
	return out
}

// limit reads a number that is zero or more.
func limit(v *tomlfile.Value) (float64, bool) {
	x, ok := v.Float()
	if ok && (math.IsNaN(x) || math.IsInf(x, 0) || x < 0) {
		v.Mistake("%s is %v; it must be a finite number, zero or more", v.Path(), x)
		return 0, false
	}
	return x, ok
}

// speedGate is a GPU that max_p99_ms names.
type speedGate struct {
	value *tomlfile.Value
	gpu   string
}

// speedGates reads max_p99_ms: a table from GPU to milliseconds, or one number
// for every GPU.
func (p *parser) speedGates(v *tomlfile.Value) []setting {
	var out []setting
	if !v.IsTable() {
		if x, ok := milliseconds(v); ok {
			out = append(out, func(c *Cell) { c.Verify.MaxP99Ms = x })
		}
		return out
	}
	entries, _ := v.Entries()
	seen := map[string]bool{}
	for _, e := range entries {
		name, known := gpuKey(e)
		x, ok := milliseconds(e)
		if known && seen[name] {
			e.MistakeAtKey("gpu %s has a limit already", tomlfile.Quote(name)).Fix = "remove it here"
		}
		if !known || !ok || seen[name] {
			continue
		}
		seen[name] = true
		p.gates = append(p.gates, speedGate{e, name})
		out = append(out, func(c *Cell) {
			if c.GPU == name {
				c.Verify.MaxP99Ms = x
			}
		})
	}
	return out
}

func milliseconds(v *tomlfile.Value) (float64, bool) {
	x, ok := v.Float()
	if ok && (math.IsNaN(x) || math.IsInf(x, 0) || x <= 0) {
		v.Mistake("%s is %v; it must be a finite number of milliseconds above zero", v.Path(), x).Fix = "remove it to have no limit"
		return 0, false
	}
	return x, ok
}

// hardwareLevels are what trtexec's --hardwareCompatibilityLevel takes.
var hardwareLevels = []string{"none", "ampere+", "sameComputeCapability"}

// hardwareLevel reads how many kinds of GPU may load the engine; "none", which is
// TensorRT's default, is "".
func hardwareLevel(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	if !slices.Contains(hardwareLevels, s) {
		unknown(v, "hardware_compatibility", s, hardwareLevels)
		return "", false
	}
	if s == "none" {
		return "", true
	}
	return s, true
}

// extraArgs reads further arguments for trtexec. Whether the release of the
// image knows them is the plan's question.
func extraArgs(v *tomlfile.Value) ([]string, bool) {
	args, ok := v.Texts()
	elements := []*tomlfile.Value{}
	if ok {
		elements, _ = v.Elements()
	}
	for i, a := range args {
		switch {
		case !strings.HasPrefix(a, "--") || len(a) == 2:
			m := elements[i].Mistake("%s is not an option of trtexec", tomlfile.Quote(a))
			m.Allowed = []string{"--name", "--name=value"}
			ok = false
		case strings.ContainsFunc(a, func(r rune) bool { return r < ' ' || r == 0x7f }):
			elements[i].Mistake("an argument holds a control character")
			ok = false
		case strings.Contains(a, " ") && !strings.Contains(a, "="):
			name, value, _ := strings.Cut(a, " ")
			elements[i].Mistake("trtexec takes an option and its value as one word").Fix = "write " + tomlfile.Quote(name+"="+strings.TrimSpace(value))
			ok = false
		}
	}
	return args, ok
}
