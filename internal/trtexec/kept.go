package trtexec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Promise says whether an engine computes in the precision that was asked for.
type Promise string

// The answers.
const (
	Kept    Promise = "kept"
	Broken  Promise = "broken"
	Unknown Promise = "unknown" // the layer information does not tell
)

// Keeps holds what ReadLayerInfo counted against the precision that was asked for.
// quantized says that the model has Q/DQ nodes, which are obeyed whatever is asked.
// why is for people: what speaks for the answer.
//
// A precision is kept when at least one layer computes in it: which layers gain
// from it is TensorRT's choice. It is broken only where every computing layer is
// seen to do something else. Weights that are stored in fewer bits than the layer
// computes in do not show in the layer information, so the precisions of quantized
// models can be kept unseen.
func Keeps(asked string, obtained map[string]int64, quantized bool) (answer Promise, why string) {
	n := obtained
	total := int64(0)
	for _, count := range n {
		total += count
	}
	floats := n["fp32"] + n["fp16"] + n["bf16"] + n["fp8"] + n["fp4"]
	narrow := total - n["fp32"] - n["unknown"] - n["int32"] - n["int64"] - n["uint8"] - n["bool"]
	found := shares(n)
	switch {
	case asked == "best":
		return Kept, "best asks for no type; " + found
	case obtained == nil:
		return Unknown, "the engine does not tell what its layers compute in"
	case floats+n["int8"]+n["int4"]+n["unknown"] == 0:
		return Kept, "no layer computes with floating-point numbers; " + found
	case asked == "fp32" || asked == "tf32":
		// Nothing but the model's own types and Q/DQ nodes allows narrower layers.
		if quantized {
			narrow -= n["int8"] + n["int4"] + n["fp8"] + n["fp4"]
		}
		switch {
		case narrow <= 0:
			return Kept, found
		case narrow > n["fp32"]+n["unknown"]:
			return Broken, found
		}
		return Unknown, found + "; a layer that reads or writes a narrower type may still compute in fp32"
	case n[asked] > 0:
		return Kept, found
	case n["unknown"] > 0:
		return Unknown, found + "; the unknown ones may compute in " + asked
	case quantized && (asked == "fp16" || asked == "bf16") && n["int8"]+n["int4"]+n["fp8"]+n["fp4"] > 0 && n["fp32"] == 0:
		return Kept, found + ", as the model's Q/DQ nodes ask"
	case quantized && (asked == "int8" || asked == "fp8" || asked == "int4") && n["fp16"]+n["bf16"] > 0:
		return Unknown, found + "; weights that are stored in " + asked + " do not show"
	}
	return Broken, found
}

// shares words the counts, the most frequent type first: "20 layers in fp32, 1 in
// fp16".
func shares(counts map[string]int64) string {
	types := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = fmt.Sprintf("%d in %s", counts[t], t)
	}
	if len(parts) == 0 {
		return "no computing layers"
	}
	return "computing layers: " + strings.Join(parts, ", ")
}

func narrowFloat(typ string) bool {
	return slices.Contains([]string{"fp16", "bf16", "fp8", "fp4"}, typ)
}
