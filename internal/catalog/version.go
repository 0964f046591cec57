package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is a TensorRT version. Fields that a source does not give are -1, so
// that "10.3" never passes for "10.3.0.0".
type Version struct {
	Major, Minor, Patch, Build int
}

// ParseVersion reads "10.3", "8.6.1" or "8.6.1.6+cuda12.0.1.011"; what follows
// a "+" or "-" is dropped, as NGC image labels append the CUDA version there.
func ParseVersion(s string) (Version, error) {
	text, _, _ := strings.Cut(s, "+")
	text, _, _ = strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return Version{}, fmt.Errorf("TensorRT version %q: want two to four numbers, such as 10.3.0.26", s)
	}
	n := [4]int{-1, -1, -1, -1}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 || v > 9999 {
			return Version{}, fmt.Errorf("TensorRT version %q: %q is not a number", s, p)
		}
		n[i] = v
	}
	if n[0] == 0 {
		return Version{}, fmt.Errorf("TensorRT version %q: there is no TensorRT 0", s)
	}
	return Version{n[0], n[1], n[2], n[3]}, nil
}

// String prints the known fields, joined by dots; the zero Version is "".
func (v Version) String() string {
	if v == (Version{}) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%d", v.Major, v.Minor)
	if v.Patch >= 0 {
		fmt.Fprintf(&b, ".%d", v.Patch)
		if v.Build >= 0 {
			fmt.Fprintf(&b, ".%d", v.Build)
		}
	}
	return b.String()
}

// AtLeast reports whether v is major.minor or newer.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// Agrees reports whether v and o can be the same release: every field that
// both know is equal.
func (v Version) Agrees(o Version) bool {
	same := func(a, b int) bool { return a < 0 || b < 0 || a == b }
	return v.Major == o.Major && v.Minor == o.Minor && same(v.Patch, o.Patch) && same(v.Build, o.Build)
}

// Compare orders versions; a field that is not known counts as 0.
func (v Version) Compare(o Version) int {
	a := [4]int{v.Major, v.Minor, max(v.Patch, 0), max(v.Build, 0)}
	b := [4]int{o.Major, o.Minor, max(o.Patch, 0), max(o.Build, 0)}
	return slices.Compare(a[:], b[:])
}
