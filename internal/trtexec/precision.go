package trtexec

import "fmt"

// precisionFlags names trtexec's flag for each precision. TF32 is on by default
// wherever the GPU has it.
var precisionFlags = map[string]string{
	"fp32": "--noTF32",
	"tf32": "",
	"fp16": "--fp16",
	"bf16": "--bf16",
	"int8": "--int8",
	"fp8":  "--fp8",
	"int4": "--int4",
	"best": "--best",
}

// precisionArgs translates the asked precision, or refuses it; it never drops it.
func precisionArgs(b Build) ([]string, error) {
	v := b.TensorRT
	flag, ok := precisionFlags[b.Precision]
	switch {
	case !ok:
		return nil, unsupported("use fp32, tf32, fp16, bf16, int8, fp8, int4 or best", "precision %q is not known", b.Precision)
	case v.AtLeast(11, 0):
		if err := typedOnly(b); err != nil {
			return nil, err
		}
		if b.Precision == "fp32" {
			return []string{flag}, nil
		}
		return nil, nil
	case b.Precision == "fp32":
		return []string{flag}, nil
	case b.Precision == "tf32":
		return nil, nil
	}
	if !takes(flag, v) {
		return nil, unsupported("use an image with one of these, or another precision",
			"TensorRT %s cannot build %s: trtexec has %s in TensorRT %s", v, b.Precision, flag, takers(flag))
	}
	if err := quantized(b); err != nil {
		return nil, err
	}
	// A model that carries its types needs no permission to use them, and a weakly
	// typed build could still run its layers in another type. So such models are
	// built strongly typed wherever that exists, Q/DQ models included; that is also
	// what TensorRT 11 does with them, so the two compare. The precision flags must
	// then be left out: trtexec warns and ignores them. "best" is the one wish that
	// only weak typing can grant.
	if b.Typed && b.Precision != "best" && takes("--stronglyTyped", v) {
		return []string{"--stronglyTyped"}, nil
	}
	args := []string{flag}
	if b.Calibration != "" && implicit(b.Precision) {
		args = append(args, "--calib="+b.Calibration)
	}
	return args, nil
}

// implicit reports whether a precision lets TensorRT quantize layers by a
// calibration cache.
func implicit(precision string) bool { return precision == "int8" || precision == "best" }

// typedOnly refuses what TensorRT 11 cannot do: it takes every type from the
// model and knows no flag for any.
func typedOnly(b Build) error {
	const fix = "convert the model's types first (ModelOpt AutoCast for fp16 and bf16, ModelOpt quantization for Q/DQ), or use an image with TensorRT 10"
	switch {
	case b.Precision == "best":
		return unsupported(fix, "TensorRT %s takes precisions from the model alone, so it cannot choose the best ones", b.TensorRT)
	case !b.Typed:
		return unsupported(fix, "TensorRT %s takes precisions from the model alone, and this model is not in %s", b.TensorRT, b.Precision)
	}
	return nil
}

// quantized refuses builds whose scales nobody provides.
func quantized(b Build) error {
	switch {
	case b.Precision == "fp8" || b.Precision == "int4":
		if !b.Typed {
			return unsupported("quantize the model first (ModelOpt quantization for Q/DQ), or use another precision",
				"%s needs the scales of Q/DQ nodes, and this model has none", b.Precision)
		}
	case implicit(b.Precision) && b.Typed && b.Calibration != "":
		return unsupported("remove calibration, or use the model without Q/DQ nodes",
			"%s gets its scales from the model's Q/DQ nodes and a calibration cache: TensorRT would ignore the cache", b.Precision)
	case implicit(b.Precision) && !b.Typed && b.Calibration == "":
		return unsupported("give a calibration cache (calibration in build), quantize the model first (ModelOpt quantization for Q/DQ), or use fp16",
			"%s without a calibration cache or Q/DQ nodes runs on made-up dynamic ranges: fast, and wrong", b.Precision)
	}
	return nil
}

func unsupported(fix, format string, args ...any) error {
	return &Refusal{Cause: "precision-unsupported", Reason: fmt.Sprintf(format, args...), Fix: fix}
}
