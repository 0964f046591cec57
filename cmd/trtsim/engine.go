package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/rounding"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// precision is how the engine rounds.
func (s *sim) precision(m *onnx.Model) string {
	o := s.options
	if s.faults.has("precision") {
		return "fp32"
	}
	types := s.types()
	if o.Typed { // the model carries its types itself
		types = nil
	}
	if m.QDQ { // quantisation is written in the model
		types = slices.DeleteFunc(types, func(t string) bool { return t == "int8" || t == "fp8" || t == "int4" })
	}
	if !o.NoTF32 && s.gpu.AtLeast(8, 0) {
		types = append(types, "tf32")
	}
	return rounding.Of(types)
}

// types are the precisions that the builder may choose from, beside FP32. What
// --best means grew with the releases.
func (s *sim) types() []string {
	types := slices.Clone(s.options.Types)
	if !s.options.Best {
		return types
	}
	v := s.version
	if !slices.Contains(types, "fp16") {
		types = append(types, "fp16")
	}
	if v.AtLeast(9, 0) && s.gpu != nil && s.gpu.AtLeast(8, 0) && !slices.Contains(types, "bf16") {
		types = append(types, "bf16")
	}
	if !(v.AtLeast(10, 14) && s.gpu != nil && s.gpu.SM == "10.3") && !slices.Contains(types, "int8") {
		types = append(types, "int8")
	}
	return types
}

// weights is the rounding of a model's float32 tensors for a precision. Scales
// of Q/DQ nodes and, for quantisation, variances must stay as they are: TensorRT
// never narrows those. They have one sign, which sets them apart from weights.
func weights(precision string, qdq bool) func([]float32) {
	round := rounding.For(precision)
	if round == nil || !qdq && !rounding.Quantises(precision) {
		return round
	}
	return func(v []float32) {
		if slices.ContainsFunc(v, func(f float32) bool { return f < 0 }) && slices.ContainsFunc(v, func(f float32) bool { return f > 0 }) {
			round(v)
		}
	}
}

// writeEngine writes the engine to path and returns its size.
func (s *sim) writeEngine(path string, m *onnx.Model, profiles []container.Profile) (int64, error) {
	precision := s.precision(m)
	model, err := scratch(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer model.Close()
	round := weights(precision, m.QDQ)
	if s.options.Stripped {
		round = strip
	}
	if err := onnx.Rewrite(model, s.options.Model, round); err != nil {
		return 0, err
	}
	modelSize, err := model.Seek(0, 1)
	if err != nil {
		return 0, err
	}
	if _, err := model.Seek(0, 0); err != nil {
		return 0, err
	}
	e := container.Engine{Version: s.version, Device: *s.gpu, Meta: s.describe(m, profiles, precision)}
	e.Meta.ModelSize = modelSize
	if v := s.faults.arg("wrong-version"); v != "" {
		if e.Version, err = catalog.ParseVersion(v); err != nil {
			return 0, err
		}
		e.Meta.TensorRT = e.Version.String()
	}
	if text := s.env("TRTSIM_ENGINE_SIZE"); text != "" {
		if e.Pad, err = parseSize(text); err != nil {
			return 0, fmt.Errorf("TRTSIM_ENGINE_SIZE: %w", err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	size, err := container.Write(f, e, model)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return size, err
}

// describe says in the engine's section what the engine is.
func (s *sim) describe(m *onnx.Model, profiles []container.Profile, precision string) container.Meta {
	o := s.options
	meta := container.Meta{
		TensorRT: s.version.String(), SM: s.gpu.SM, Product: s.gpu.Product, Precision: precision,
		Profiles: profiles, Verbosity: o.Verbosity, VersionCompatible: o.VersionCompatible, Options: s.args[1:],
		ExcludesRuntime: o.ExcludeLeanRuntime, Platform: o.Platform, Refittable: o.Refit || o.Stripped, Stripped: o.Stripped,
		Layers: layers(m, precision, o.Typed),
	}
	if s.faults.has("precision") {
		for i := range meta.Layers {
			meta.Layers[i].Precision = "fp32"
		}
	}
	if o.Hardware != "none" {
		meta.Hardware = o.Hardware
	}
	if !s.embedsPlugins() {
		for _, op := range foreign(m, s.version) {
			meta.Plugins = append(meta.Plugins, op.Name)
		}
	}
	tensor := func(v onnx.Value) container.Tensor {
		t, _ := bindingType(v.Type, s.version)
		out := container.Tensor{Name: v.Name, Type: int32(t), ModelType: int32(v.Type), Dims: []int64{}}
		for _, d := range v.Shape {
			out.Dims = append(out.Dims, d.Size)
		}
		return out
	}
	for i, v := range m.Inputs {
		t := tensor(v)
		if v.Shape == nil && len(profiles) > 0 { // rank unknown to the model: the profile gives it
			for range profiles[0].Shapes[i].Opt {
				t.Dims = append(t.Dims, -1)
			}
		}
		meta.Inputs = append(meta.Inputs, t)
	}
	for _, v := range m.Outputs {
		meta.Outputs = append(meta.Outputs, tensor(v))
	}
	return meta
}

// scratch opens a file that vanishes with its descriptor, in a folder that has
// room for an engine; "" is the temporary folder, or the working one where that
// cannot be written.
func scratch(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".trtsim-*")
	if err != nil && dir == "" {
		f, err = os.CreateTemp(".", ".trtsim-*")
	}
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// parseSize reads "5GiB", "64MiB" or a number of bytes.
func parseSize(text string) (int64, error) {
	digits, factor := text, int64(1)
	for suffix, f := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			digits, factor = rest, f
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<40/factor {
		return 0, fmt.Errorf("%q is not a size up to 1024GiB, such as 5GiB", text)
	}
	return n * factor, nil
}
