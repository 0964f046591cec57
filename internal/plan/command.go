package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// Where things lie in a cell's workspace.
const (
	EnginePath      = "engine.plan"
	LayersPath      = "layers.json"
	TimingCachePath = "timing.cache"
	CalibrationPath = "calibration.cache"
	up              = "../../" // from the working directory of a verification run
)

// ModelPath is where a file of the model lies in the workspace.
func ModelPath(f File) string { return "model/" + f.Name }

// PluginPath is where the plugin library with the given index lies in the
// workspace; the index keeps libraries of one name apart.
func PluginPath(i int, f File) string { return fmt.Sprintf("plugins/%d-%s", i, path.Base(f.Name)) }

// CaseFolder is how a case is called in file names.
func CaseFolder(name string) string { return strings.ReplaceAll(name, "/", "-") }

// buildCommand returns the argument vector that builds the cell's engine.
func (p *planner) buildCommand(c *Cell, model *modelFacts, v catalog.Version) ([]string, error) {
	b := trtexec.Build{
		TensorRT:          v,
		Model:             ModelPath(model.Files[0]),
		Engine:            EnginePath,
		Precision:         string(c.Precision),
		Typed:             carries(model.Graph, c.Precision),
		Profiles:          model.ranges,
		WorkspaceMiB:      c.Build.WorkspaceMiB,
		OptimizationLevel: c.Build.OptimizationLevel,
		LayerInfo:         LayersPath,
		Extra:             c.Build.ExtraArgs,
		Modes: trtexec.Modes{
			VersionCompatible: c.Build.VersionCompatible,
			Hardware:          c.Build.HardwareCompatibility,
			Refit:             c.Build.Refit,
			Stripped:          c.Build.StripWeights,
		},
	}
	if c.Build.TimingCache {
		b.TimingCache = TimingCachePath
	}
	if c.Build.Calibration != "" {
		b.Calibration = CalibrationPath
	}
	b.Plugins, b.DynamicPlugins = pluginPaths(c.Model, model, "", nil)
	argv, err := b.Args()
	if err == nil {
		err = fedTypes(c.Build.ExtraArgs, model.Graph, v)
	}
	if err == nil && trtexec.ModesOf(argv).VersionCompatible && !v.AtLeast(10, 0) && beyondONNX(model.Graph, c.Model) {
		// Source: NVIDIA/TensorRT, samples/common/sampleEngines.cpp, release/8.6 to
		// release/9.3: "Not loading standard plugins since --versionCompatible is
		// specified."
		c.Warnings = append(c.Warnings, fmt.Sprintf(
			"version_compatible with TensorRT %s: trtexec does not load the plugins that come with TensorRT then; give libraries for all that the model uses in dynamic_plugins, or use an image with TensorRT 10", v))
	}
	if err != nil {
		return nil, err
	}
	return argv, nil
}

// bindingTypes are trtexec's names of the types that a model's inputs may have.
var bindingTypes = map[onnx.DataType]string{
	onnx.Float32: "fp32", onnx.Float16: "fp16", onnx.BFloat16: "bf16", onnx.Int8: "int8", onnx.Uint8: "uint8",
	onnx.Int32: "int32", onnx.Int64: "int64", onnx.Bool: "bool",
}

// fedTypes refuses --inputIOFormats that give an input another type than the
// model's, before TensorRT 11 took types away from it: verification feeds files of
// the model's types, and trtexec reads the bytes of a wrong one as they come.
func fedTypes(extra []string, g *onnx.Model, v catalog.Version) error {
	for _, a := range extra {
		list, ok := strings.CutPrefix(a, "--inputIOFormats=")
		if !ok || v.AtLeast(11, 0) {
			continue
		}
		entries := strings.Split(list, ",")
		for i, in := range g.Inputs {
			typ, _, _ := strings.Cut(entries[min(i, len(entries)-1)], ":") // one entry is for all
			want := bindingTypes[in.Type]
			if want == "int64" && trtexec.InputTypeNarrowed(v) {
				want = "int32"
			}
			if want != "" && typ != want {
				return &trtexec.Refusal{Cause: "trtexec-usage", Fix: "remove it, or convert the model's inputs",
					Reason: fmt.Sprintf("extra argument %s makes input %s %s, and verification feeds it as the model has it, as %s", a, in.Name, typ, want)}
			}
		}
	}
	return nil
}

// pluginPaths returns the libraries of a model as commands name them: first those
// that are loaded into trtexec, then those of the registry. Below is what leads to
// the workspace. What an engine carries in itself, by its build command, is left
// out.
func pluginPaths(m *matrix.Model, model *modelFacts, below string, embedded []string) (static, dynamic []string) {
	for i, f := range model.Plugins {
		name := PluginPath(i, f)
		switch {
		case slices.Contains(embedded, name):
		case i < len(m.Plugins):
			static = append(static, below+name)
		default:
			dynamic = append(dynamic, below+name)
		}
	}
	return static, dynamic
}

// loadKind is what loading an engine has to know of how it was built.
type loadKind struct {
	compatible, stripped bool
	embedded             string // libraries that it carries, with newlines between
}

func loadKindOf(argv []string) loadKind {
	m := trtexec.ModesOf(argv)
	return loadKind{m.VersionCompatible, m.Stripped, strings.Join(trtexec.Embedded(argv), "\n")}
}

// How often a case runs: often enough to be sure of its outputs, or long enough
// to measure its 99th percentile. Seconds and milliseconds as trtexec takes them.
const (
	proofIterations                            = 10
	timedIterations, timedSeconds, timedWarmUp = 100, 3, 200
)

// runs returns the verification runs of cases.
func runs(cases []Case, model *modelFacts, v catalog.Version, key runKey) ([]Run, error) {
	raw, known := catalog.FlagSupport("--dumpRawBindingsToFile", v)
	list := make([]Run, 0, len(cases))
	for _, k := range cases {
		folder := CaseFolder(k.Name)
		r := Run{Case: k.Name, Dir: "run/" + folder}
		i := trtexec.Inference{
			TensorRT:          v,
			Engine:            up + EnginePath,
			Profile:           k.Profile,
			Profiles:          len(model.ranges),
			VersionCompatible: key.kind.compatible,
			Iterations:        proofIterations,
		}
		if k.Timed && key.timed {
			i.Iterations, i.Duration, i.WarmUpMs = timedIterations, timedSeconds, timedWarmUp
		}
		if known && raw == "no" {
			i.Outputs = "outputs.json"
		}
		if key.kind.stripped {
			i.Refit = up + ModelPath(model.Files[0])
		}
		i.Plugins, i.DynamicPlugins = pluginPaths(key.model, model, up, strings.Split(key.kind.embedded, "\n"))
		for n, in := range model.Graph.Inputs {
			if in.Dynamic() {
				i.Shapes = append(i.Shapes, k.Shapes[n])
			}
			file := fmt.Sprintf("ref/%s/in-%d.raw", folder, n)
			if kind := narrowed(in.Type, v); kind != "" {
				cast := Cast{Input: in.Name, From: file, To: fmt.Sprintf("%s/cast-%d.raw", r.Dir, n), Type: kind}
				r.Casts = append(r.Casts, cast)
				file = cast.To
			}
			i.Inputs = append(i.Inputs, trtexec.InputFile{Input: in.Name, File: up + file})
		}
		var err error
		if r.Argv, err = i.Args(); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// narrowed names the conversion that an input of a type needs, because the engine
// takes a narrower one; "" when it needs none.
func narrowed(t onnx.DataType, v catalog.Version) string {
	switch {
	case t == int64Type && trtexec.InputTypeNarrowed(v):
		return "int64-int32"
	case t == float64Type:
		return "float64-float32"
	}
	return ""
}

// Element types of ONNX (onnx.proto, TensorProto.DataType).
const (
	float32Type  onnx.DataType = 1
	int64Type    onnx.DataType = 7
	float16Type  onnx.DataType = 10
	float64Type  onnx.DataType = 11
	bfloat16Type onnx.DataType = 16
)

// Types of quantized values, by the precision that they stand for.
var quantizedTypes = map[matrix.Precision][]onnx.DataType{
	matrix.FP8:  {17, 18, 19, 20}, // FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ
	matrix.INT4: {21, 22},         // UINT4, INT4
}

// carries reports whether the model itself computes in the asked precision, so
// that a strongly typed build obeys it.
func carries(g *onnx.Model, p matrix.Precision) bool {
	quantized := func(p matrix.Precision) bool {
		for _, t := range quantizedTypes[p] {
			if g.WeightTypes[t] > 0 {
				return true
			}
		}
		return false
	}
	switch p {
	case matrix.FP8, matrix.INT4:
		return g.QDQ && quantized(p)
	case matrix.INT8:
		return g.QDQ && !quantized(matrix.FP8) && !quantized(matrix.INT4)
	case matrix.FP16:
		return floats(g) == float16Type
	case matrix.BF16:
		return floats(g) == bfloat16Type
	case matrix.FP32, matrix.TF32:
		return floats(g) == float32Type && !g.QDQ
	case matrix.Best: // asks for no type, so only scales can be carried
		return g.QDQ
	}
	return false
}

// floats returns the floating-point type that holds most of the model's
// weights; without any, that of its first floating-point input; else float32.
func floats(g *onnx.Model) onnx.DataType {
	kinds := []onnx.DataType{float32Type, float16Type, bfloat16Type}
	best, bytes := onnx.DataType(0), int64(0)
	for _, t := range kinds {
		if g.WeightTypes[t] > bytes {
			best, bytes = t, g.WeightTypes[t]
		}
	}
	if best != 0 {
		return best
	}
	for _, in := range g.Inputs {
		for _, t := range kinds {
			if in.Type == t {
				return t
			}
		}
	}
	return float32Type
}
