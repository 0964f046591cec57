package trtexec

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// speaks refuses the releases whose command line is not known: what follows 11
// may change its flags as 11 did.
func speaks(v catalog.Version) error {
	if v.AtLeast(8, 4) && v.Major <= 11 {
		return nil
	}
	what := "TensorRT " + v.String()
	if v == (catalog.Version{}) {
		what = "an image whose TensorRT is not known"
	}
	return &Refusal{
		Cause:  "trtexec-usage",
		Reason: "trtfarm does not know the trtexec of " + what,
		Fix:    "use an image with TensorRT 8.4 to 11 (tensorrt:22.07-py3 or later)",
	}
}

// takes reports whether trtexec of v accepts a flag.
func takes(flag string, v catalog.Version) bool {
	s, _ := catalog.FlagSupport(flag, v)
	return s != catalog.No
}

// takers says in words which releases accept a flag: "9.0 to 10.16". It is ""
// when none does.
func takers(flag string) string {
	all, with := catalog.Releases(), catalog.FlagReleases(flag)
	var spans []string
	for i := 0; i < len(all) && len(with) > 0; {
		if all[i] != with[0] {
			i++
			continue
		}
		first := with[0]
		n := 0
		for n < len(with) && i < len(all) && all[i] == with[n] {
			n, i = n+1, i+1
		}
		last := with[n-1]
		with = with[n:]
		switch {
		case i == len(all):
			spans = append(spans, first.String()+" and later")
		case first == last:
			spans = append(spans, first.String())
		default:
			spans = append(spans, fmt.Sprintf("%s to %s", first, last))
		}
	}
	return strings.Join(spans, ", ")
}

// first returns the oldest release that takes a flag.
func first(flag string) catalog.Version {
	if with := catalog.FlagReleases(flag); len(with) > 0 {
		return with[0]
	}
	return catalog.Version{}
}

// imagesWith says in words which images have a trtexec that takes a flag, as
// "an image with TensorRT 9.0 or newer (tensorrt:24.05-py3 or later)".
func imagesWith(flag string) string {
	v := first(flag)
	text := fmt.Sprintf("an image with TensorRT %s or newer", v)
	if tag := oldestTag(v); tag != "" {
		text += fmt.Sprintf(" (tensorrt:%s or later)", tag)
	}
	return text
}

// oldestTag returns the oldest tag of NGC that is known to hold TensorRT v or
// newer, as "24.05-py3"; "" when none is.
func oldestTag(v catalog.Version) string {
	for _, image := range catalog.NGCImages() {
		if has, err := catalog.ParseVersion(image.TensorRT); err == nil && has.AtLeast(v.Major, v.Minor) {
			return image.Tag + "-py3"
		}
	}
	return ""
}

// InputTypeNarrowed reports whether int64 inputs of the model become int32
// bindings of the engine, as they do before TensorRT 9: files for --loadInputs
// must then hold 32-bit values.
func InputTypeNarrowed(v catalog.Version) bool {
	const int64Type = 7 // of ONNX's TensorProto.DataType
	a := catalog.TensorType(int64Type, v)
	return a.Verdict == catalog.Can && a.Why != ""
}
