package cmdline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

var (
	formatTypes   = []string{"fp32", "fp16", "bf16", "int32", "int64", "int8", "uint8", "bool", "fp8", "int4"}
	formatLayouts = []string{"chw", "chw2", "chw4", "hwc8", "chw16", "chw32", "dhwc8", "cdhw32", "hwc", "dla_linear", "dla_hwc4", "hwc16", "dhwc"}
)

// ioFormats checks a list of "type:layout+layout", or from 11.0, where types
// come from the model alone, of "layout+layout".
func ioFormats(s string, v catalog.Version) error {
	for _, part := range strings.Split(s, ",") {
		layouts := part
		if !v.AtLeast(11, 0) {
			typ, rest, typed := strings.Cut(part, ":")
			switch {
			case !typed:
				return fmt.Errorf("Invalid IOFormat %s", part)
			case !slices.Contains(formatTypes, typ):
				return fmt.Errorf("Invalid DataType %s", typ)
			}
			layouts = rest
		}
		for _, l := range strings.Split(layouts, "+") {
			if !slices.Contains(formatLayouts, l) {
				return fmt.Errorf("Invalid TensorFormat %s", l)
			}
		}
	}
	return nil
}

// tacticSources checks a list of names, each behind a sign.
func tacticSources(s string, v catalog.Version) error {
	signs := map[string]byte{}
	for _, part := range strings.Split(s, ",") {
		if part == "" || part[0] != '+' && part[0] != '-' {
			return errors.New("Tactic source must be prefixed with + or -, indicating whether it should be enabled or disabled respectively.")
		}
		name := strings.ToUpper(part[1:])
		switch name {
		case "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS":
		case "CUBLAS", "CUBLASLT", "CUBLAS_LT", "CUDNN":
			if v.AtLeast(11, 0) {
				return fmt.Errorf("Unknown tactic source: %s", name)
			}
		default:
			return fmt.Errorf("Unknown tactic source: %s", name)
		}
		if sign, ok := signs[name]; ok && sign != part[0] {
			return fmt.Errorf("Cannot enable and disable %s", name)
		}
		signs[name] = part[0]
	}
	return nil
}
