package trtexec

import (
	"fmt"
	"io"
	"strings"
)

// ReadLayerInfo reads what --exportLayerInfo wrote and counts the layers of the
// first profile by the type they compute in: fp32, fp16, bf16, fp8, int8, int4,
// fp4, int32, int64, uint8, bool, or "unknown". A layer with several types counts
// for the narrowest of its tensors and weights, since that is what makes it an
// int8 layer; integers count only where nothing else is there. Layers that move
// data and compute nothing are left out.
//
// It returns nil when the engine was built without detailed profiling verbosity:
// the file then holds names alone. Memory does not grow with the file.
// Source: the keys are those of the engine inspector as real files hold them;
// TensorRT does not document them.
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
			if l.first() && !plumbing(l.kind) {
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
				return l.typed(s, "Format/Datatype")
			})
		case (key == "Weights" || key == "Bias") && value.kind == '{':
			return l.typed(s, "Type")
		default:
			return s.skip(value)
		}
		return nil
	})
	return l, err
}

// typed reads the object whose brace was just taken, which names a type at key.
func (l *layer) typed(s *scanner, key string) error {
	return s.members(func(k string, value token) error {
		if k == key && value.kind == '"' {
			l.uses(value.text)
		}
		return s.skip(value)
	})
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
	return narrowness[l.narrowest-1].name
}

// first reports whether the layer belongs to the first profile: the name says so
// for every other one.
func (l layer) first() bool {
	_, after, ok := strings.Cut(l.name, " [profile ")
	return !ok || strings.HasPrefix(after, "0]")
}

// plumbing reports whether a kind of layer only moves or names data.
func plumbing(kind string) bool {
	switch kind {
	case "Reformat", "NoOp", "Constant", "Shape", "ShapeHostToDevice", "DeviceToShapeHost", "Signal", "Wait", "Cast":
		return true
	}
	return false
}
