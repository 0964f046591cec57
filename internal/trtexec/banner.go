package trtexec

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Banner returns the version as trtexec prints it between the brackets of its
// &&&& lines: "TensorRT v8601", and from 10.4 on with the build number,
// "TensorRT v101303] [b9". Unknown numbers are printed as 0, an unknown build
// not at all.
// Source: NVIDIA/TensorRT, samples/common/logger.h of release/8.4 to release/11.1.
func Banner(v catalog.Version) string {
	n := v.Major*1000 + v.Minor*100 + max(v.Patch, 0)
	if v.Major >= 10 {
		n = v.Major*10000 + v.Minor*100 + max(v.Patch, 0)
	}
	text := fmt.Sprintf("TensorRT v%d", n)
	if v.AtLeast(10, 4) && v.Build >= 0 {
		text += fmt.Sprintf("] [b%d", v.Build)
	}
	return text
}

// ParseBanner reads what Banner prints.
func ParseBanner(text string) (catalog.Version, bool) {
	digits, ok := strings.CutPrefix(text, "TensorRT v")
	if !ok {
		return catalog.Version{}, false
	}
	digits, build, built := strings.Cut(digits, "] [b")
	n, err := strconv.Atoi(digits)
	if err != nil || digits[0] == '+' {
		return catalog.Version{}, false
	}
	v := catalog.Version{Patch: n % 100, Build: -1}
	switch {
	case n >= 1000 && n < 10_000:
		v.Major, v.Minor = n/1000, n/100%10
	case n >= 100_000 && n < 1_000_000:
		v.Major, v.Minor = n/10000, n/100%100
	default:
		return catalog.Version{}, false
	}
	if built {
		if v.Build, err = strconv.Atoi(build); err != nil || v.Build < 0 || v.Build > 9999 {
			return catalog.Version{}, false
		}
	}
	return v, true
}
