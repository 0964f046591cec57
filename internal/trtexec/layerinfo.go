package trtexec

import (
	"fmt"
	"io"
	"strings"
)

// ReadLayerInfo reads what --exportLayerInfo wrote and counts the layers of the
// first profile by the type they compute in: fp32, fp16, bf16, fp8, int8, int4,
// fp4, int32, int64, uint8, bool, or "unknown". A layer with several types counts
// for the narrowest of its tensors, weights and kernel, since that is what makes it
// an int8 layer; integers count only where nothing else is there. Layers that move
// data and compute nothing are left out. A layer that stands for a whole region
// whose inside is not shown is "unknown" when what goes in and out of it is fp32:
// it may compute in anything.
//
// It returns nil when the engine was built without detailed profiling verbosity:
// the file then holds names alone. Memory does not grow with the file.
// Source: TensorRT documents the keys nowhere as a whole; they are those of real
// files (NVIDIA/TensorRT, tools/experimental/trt-engine-explorer; NVIDIA/TensorRT
// issues 4020 and 4397), and for TensorRT 11 those of NVIDIA's guide "Migrating
// IEngineInspector Usage from TensorRT 10.x to 11.x": there a tensor's format and
// type are two keys.
func ReadLayerInfo(r io.Reader) (map[string]int64, error) {
	s := newScanner(r)
	var counts map[string]int64
	if _, err := s.expect('{'); err != nil {
		return nil, fmt.Errorf("read layer information: %w", err)
	}
	err := s.members(func(key string, value token) error {
		if key != "Layers" || value.kind != '[' {
			return s.skip(value)
		}
		return s.elements(func(value token) error {
			if value.kind != '{' {
				return s.skip(value)
			}
			l, err := readLayer(s)
			if err != nil {
				return err
			}
			if counts == nil {
				counts = map[string]int64{}
			}
			if l.first() && !l.plumbing() {
				counts[l.precision()]++
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read layer information: %w", err)
	}
	return counts, nil
}

// layer is what one object of the inspector says.
type layer struct {
	name, kind string
	narrowest  int // index into narrowness, plus 1; 0: no type was named
}

func readLayer(s *scanner) (layer, error) {
	var l layer
	err := s.members(func(key string, value token) error {
		switch {
		case key == "Name" && value.kind == '"':
			l.name = value.text
		case key == "LayerType" && value.kind == '"':
			l.kind = value.text
		case (key == "Inputs" || key == "Outputs") && value.kind == '[':
			return s.elements(func(value token) error {
				if value.kind != '{' {
					return s.skip(value)
				}
				return l.tensor(s)
			})
		case key == "TacticName" && value.kind == '"':
			l.runs(value.text)
		case (key == "Weights" || key == "Bias") && value.kind == '{':
			return l.weights(s)
		default:
			return s.skip(value)
		}
		return nil
	})
	return l, err
}

// tensor reads the object whose brace was just taken, which describes an input or
// an output. Its type says more than its format, which names one, too, where both
// are there.
func (l *layer) tensor(s *scanner) error {
	var format, typ string
	err := s.members(func(key string, value token) error {
		if value.kind == '"' {
			switch strings.ToLower(key) {
			case "format/datatype", "datatype":
				typ = value.text
			case "format":
				format = value.text
			}
		}
		return s.skip(value)
	})
	if typeOf(typ) == 0 {
		typ = format
	}
	l.uses(typ)
	return err
}

// weights reads the object whose brace was just taken, which describes weights.
func (l *layer) weights(s *scanner) error {
	return s.members(func(key string, value token) error {
		if key == "Type" && value.kind == '"' {
			l.uses(value.text)
		}
		return s.skip(value)
	})
}

// kernels are parts of the names of kernels that tell which type they multiply
// in, whatever they read and write: "sm80_xmma_gemm_f16f16_f16f16_f16_nn",
// "ampere_h16816gemm_64x64_ldg8_nn", "sm80_xmma_gemm_i8i8_i8i32_f32_tn".
var kernels = []struct{ part, typ string }{
	{"bf16bf16", "bf16"},
	{"f16f16", "fp16"}, {"h16816", "fp16"}, {"h1688", "fp16"}, {"h884", "fp16"},
	{"i8i8", "int8"}, {"i8816", "int8"}, {"i16832", "int8"},
	{"e4m3", "fp8"},
}

// runs notes the type that a kernel's name tells.
func (l *layer) runs(kernel string) {
	kernel = strings.ToLower(kernel)
	for _, k := range kernels {
		if strings.Contains(kernel, k.part) {
			l.uses(k.typ)
			return
		}
	}
}

func (l *layer) uses(text string) {
	n := typeOf(text)
	if n > 0 && (l.narrowest == 0 || n < l.narrowest) {
		l.narrowest = n
	}
}

// narrowness lists the types from the narrowest on, and last those of indices
// and masks, with the words by which the inspector names them. The first word
// that fits counts, so a longer word stands before one that it contains.
var narrowness = []struct {
	name  string
	words []string
}{
	{"fp4", []string{"fp4", "e2m1"}},
	{"int4", []string{"int4"}},
	{"fp8", []string{"fp8", "e4m3", "e5m2"}},
	{"int8", []string{"int8"}},
	{"bf16", []string{"bf16", "bfloat16"}},
	{"fp16", []string{"fp16", "half"}},
	{"fp32", []string{"fp32", "float"}},
	{"uint8", []string{"uint8"}},
	{"int32", []string{"int32"}},
	{"int64", []string{"int64"}},
	{"bool", []string{"bool"}},
}

// typeOf finds the type that a format names, such as "Half" or "Thirty-two wide
// channel vectorized row major Int8 format.": its index in narrowness plus 1, or
// 0.
func typeOf(format string) int {
	format = strings.ToLower(format)
	for i, t := range narrowness {
		for _, w := range t.words {
			at := strings.Index(format, w)
			if at >= 0 && (at == 0 || format[at-1] != 'u') { // uint8 is no int8
				return i + 1
			}
		}
	}
	return 0
}

func (l layer) precision() string {
	if l.narrowest == 0 {
		return "unknown"
	}
	name := narrowness[l.narrowest-1].name
	if l.opaque() && !narrowFloat(name) && name != "int8" && name != "int4" {
		return "unknown"
	}
	return name
}

// opaque reports whether the layer stands for a region that TensorRT compiles as
// a whole. Newer releases list what is inside such regions, older ones do not.
func (l layer) opaque() bool {
	return l.kind == "Myelin" || l.kind == "DLA" || l.kind == "Loop" || strings.HasPrefix(l.name, "{ForeignNode[")
}

// first reports whether the layer belongs to the first profile: the name says so
// for every other one.
func (l layer) first() bool {
	_, after, ok := strings.Cut(l.name, " [profile ")
	return !ok || strings.HasPrefix(after, "0]")
}

// plumbing reports whether the layer only moves, converts, names or orders data.
func (l layer) plumbing() bool {
	switch l.kind {
	case "Reformat", "NoOp", "Constant", "Shape", "ShapeHostToDevice", "DeviceToShapeHost", "Signal", "Wait",
		"Cast", "Quantize", "QuantizeLinear", "Dequantize", "DequantizeLinear":
		return true
	}
	return strings.HasPrefix(l.name, "[trainStation") // orders streams
}
