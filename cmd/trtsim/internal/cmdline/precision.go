package cmdline

import (
	"errors"
	"slices"
	"strings"
)

// precision reads the switches that choose types.
func precision(a *arguments, o *Options) error {
	for _, p := range []string{"fp16", "bf16", "int8", "fp8", "int4"} { // in the order of the echo
		if _, ok := a.take("--" + p); ok {
			o.Types = append(o.Types, p)
		}
	}
	a.on("--best", &o.Best)
	a.on("--noTF32", &o.NoTF32)
	a.on("--stronglyTyped", &o.Typed)
	a.text("--calib", &o.Calib)
	v := a.version
	if v.AtLeast(11, 0) {
		if o.Typed {
			o.warn("--stronglyTyped is deprecated and has no effect: networks are always strongly typed.")
		}
		o.Typed = true
		return nil
	}
	if o.Typed && o.Best && v.AtLeast(10, 14) {
		return errors.New("--best and --stronglyTyped cannot be both set. --best enables implicit precisions, while --stronglyTyped enforces explicit precisions.")
	}
	if o.Typed {
		for _, p := range o.Types {
			o.warn("Invalid usage, setting %s mode is not allowed if graph is strongly typed. Disabling BuilderFlag::k%s.", p, strings.ToUpper(p))
		}
		o.Types = nil
	}
	if v.AtLeast(10, 14) && (len(o.Types) > 0 || o.Best) {
		o.warn("Weakly-typed networks have been deprecated in TensorRT. Precision flags such as --fp16 are deprecated with them; use a strongly typed network instead.")
	}
	if slices.Contains(o.Types, "fp8") && slices.Contains(o.Types, "int8") {
		return errors.New("Invalid usage, fp8 and int8 aren't allowed to be enabled together.")
	}
	return nil
}
