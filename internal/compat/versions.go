package compat

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// A crossing is a pair of majors that a version compatible plan may cross.
type crossing struct {
	built, runtime int
	doubt          string // "" where the newest documentation promises it
	source         string
}

const (
	matrix11 = "https://docs.nvidia.com/deeplearning/tensorrt/11.4.1/getting-started/support-matrix.html"
	guide10  = "https://docs.nvidia.com/deeplearning/tensorrt/10.16.1/inference-library/version-compatibility.html"
)

var crossings = []crossing{
	{8, 10, "", matrix11},
	{10, 11, "", matrix11},
	{8, 9, "the documentation of TensorRT 10 promises it, that of 11.4 no longer does", guide10},
	{9, 10, "the documentation of TensorRT 10 promises it, that of 11.4 no longer does", guide10},
}

func versions(built, runtime catalog.Version, compatible bool) (Verdict, string) {
	var none catalog.Version
	switch {
	case built == none:
		return Unknown, "which TensorRT wrote the plan is not known"
	case runtime == none:
		return Unknown, fmt.Sprintf("the plan was written by TensorRT %s, and which TensorRT runs there is not given", built)
	case built.Agrees(runtime):
		return Valid, fmt.Sprintf("the plan was written by TensorRT %s, and %s", built, same(built, runtime))
	}
	both := fmt.Sprintf("the plan was written by TensorRT %s, %s runs there: ", built, runtime)
	if !compatible {
		return Invalid, both + "a plan loads only in the very TensorRT that wrote it"
	}
	switch {
	case runtime.Compare(built) < 0:
		return Invalid, both + "an older TensorRT never loads the plan of a newer one"
	case !built.AtLeast(8, 6):
		return Invalid, both + "version compatible plans came with TensorRT 8.6"
	case built.Major == runtime.Major:
		return Valid, both + "a newer TensorRT loads a version compatible plan, though perhaps slower than one of its own"
	}
	for _, c := range crossings {
		if c.built != built.Major || c.runtime != runtime.Major {
			continue
		}
		reason := both + fmt.Sprintf("TensorRT %d loads version compatible plans of TensorRT %d, though perhaps slower than its own", c.runtime, c.built)
		if c.doubt != "" {
			reason += "; " + c.doubt
		}
		return Valid, reason
	}
	return Invalid, both + fmt.Sprintf("version compatible plans cross from TensorRT 8 to 10 and from 10 to 11, not from %d to %d", built.Major, runtime.Major)
}

// same says that two versions agree, and on what that rests.
func same(built, runtime catalog.Version) string {
	missing := ""
	switch less := min(known(built), known(runtime)); {
	case less == 2:
		missing = "patch and build are"
	case less == 3:
		missing = "the build is"
	default:
		return "the same runs there"
	}
	return fmt.Sprintf("%s runs there: the same as far as the numbers go, %s not given", runtime, missing)
}

// known counts the numbers that a version gives.
func known(v catalog.Version) int {
	switch {
	case v.Patch < 0:
		return 2
	case v.Build < 0:
		return 3
	}
	return 4
}
