// Package container writes and reads the engine files of trtsim: the "ftrt"
// container of TensorRT 8.6 and later, or the bare "ptrt" archive of 8.4 and 8.5,
// with true version bytes and device block, and a mark of trtsim's own that says
// that the engine is simulated.
package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Meta is what the mark of a simulated engine says, as JSON, before the model.
type Meta struct {
	Simulated         bool      `json:"simulated"`
	Note              string    `json:"note"`
	TensorRT          string    `json:"tensorrt"`
	SM                string    `json:"sm"`
	Product           string    `json:"product"`
	Precision         string    `json:"precision"` // rounding applied: fp32, tf32, fp16, bf16, int8, fp8, int4
	Inputs            []Tensor  `json:"inputs"`
	Outputs           []Tensor  `json:"outputs"`
	Profiles          []Profile `json:"profiles,omitempty"`
	Layers            []Layer   `json:"layers,omitempty"`
	Verbosity         string    `json:"profiling_verbosity"`
	Plugins           []string  `json:"plugins,omitempty"` // operators that a plugin library must provide at load
	VersionCompatible bool      `json:"version_compatible,omitempty"`
	ExcludesRuntime   bool      `json:"excludes_lean_runtime,omitempty"` // a version-compatible plan without the lean runtime
	Hardware          string    `json:"hardware_compatibility,omitempty"`
	Platform          string    `json:"runtime_platform,omitempty"` // "" for the one it was built on
	Refittable        bool      `json:"refittable,omitempty"`
	Stripped          bool      `json:"stripped,omitempty"` // the weights are zeros until the engine is refitted
	Options           []string  `json:"options"`
	ModelSize         int64     `json:"model_size"` // bytes of ONNX that end the mark
}

// Tensor is a binding of the engine. Types are ONNX element types; Type is the
// engine's, ModelType the model's, which differ where TensorRT narrows one.
type Tensor struct {
	Name      string  `json:"name"`
	Type      int32   `json:"type"`
	ModelType int32   `json:"model_type"`
	Dims      []int64 `json:"dims"` // -1 where dynamic
}

// bindable reports whether the engine's type is one that TensorRT binds, and the
// model's the same or one that TensorRT narrows to it.
func (t Tensor) bindable() bool {
	const single, word, long, double = 1, 6, 7, 11 // numbers of ONNX's element types
	if !slices.Contains([]int32{single, 2, 3, word, long, 9, 10, 16}, t.Type) {
		return false
	}
	return t.ModelType == t.Type || t.Type == word && t.ModelType == long || t.Type == single && t.ModelType == double
}

// Profile is one optimization profile.
type Profile struct {
	Shapes []Range `json:"shapes"`
}

// Range is one input's range in a profile.
type Range struct {
	Input string  `json:"input"`
	Min   []int64 `json:"min"`
	Opt   []int64 `json:"opt"`
	Max   []int64 `json:"max"`
}

// Layer is one layer of the simulated engine.
type Layer struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Precision string `json:"precision"`
}

const (
	note       = "written by trtsim; no GPU and no TensorRT took part"
	maxMeta    = 4 << 20 // bytes of JSON that a reader looks at
	maxEntries = 1 << 16 // tensors, profiles or layers that a reader accepts
)

// encode gives the JSON, whose first line says that the engine is simulated.
func (m Meta) encode() ([]byte, error) {
	m.Simulated, m.Note = true, note
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	data = bytes.Replace(data, []byte("{\n "), []byte("{"), 1)
	data = append(data, '\n')
	if len(data) > maxMeta {
		return nil, fmt.Errorf("description of %d bytes is larger than %d", len(data), maxMeta)
	}
	return data, nil
}

// errDamaged says that a mark makes no sense.
var errDamaged = errors.New("the mark of the simulated engine is damaged")

// decodeMeta reads the JSON at the start of a section of the given size, and
// returns where the model lies in it.
func decodeMeta(r io.Reader, size int64) (m Meta, model int64, err error) {
	dec := json.NewDecoder(io.LimitReader(r, min(size, maxMeta)))
	if err := dec.Decode(&m); err != nil {
		return Meta{}, 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	model = size - m.ModelSize
	switch {
	case !m.Simulated:
		return Meta{}, 0, fmt.Errorf("%w: it does not say that it is simulated", errDamaged)
	case m.ModelSize < 0 || model < dec.InputOffset():
		return Meta{}, 0, fmt.Errorf("%w: a model of %d bytes does not fit", errDamaged, m.ModelSize)
	case len(m.Inputs) > maxEntries || len(m.Outputs) > maxEntries || len(m.Profiles) > maxEntries || len(m.Layers) > maxEntries:
		return Meta{}, 0, fmt.Errorf("%w: too many entries", errDamaged)
	}
	for _, t := range slices.Concat(m.Inputs, m.Outputs) {
		if !t.bindable() {
			return Meta{}, 0, fmt.Errorf("%w: %s is of type %d for type %d of the model", errDamaged, t.Name, t.Type, t.ModelType)
		}
	}
	for _, p := range m.Profiles {
		for _, s := range p.Shapes {
			if len(s.Min) != len(s.Opt) || len(s.Opt) != len(s.Max) {
				return Meta{}, 0, fmt.Errorf("%w: profile of %s", errDamaged, s.Input)
			}
		}
	}
	return m, model, nil
}
