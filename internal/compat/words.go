package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// maker names the GPU that built the plan.
func (q *question) maker() string {
	text := "compute capability " + q.e.SM
	const most = 3
	switch likely := q.e.Likely; {
	case len(likely) > most:
		return text + ", most likely " + named(likely[0]) + " or one of its like"
	case len(likely) > 0:
		all := make([]string, len(likely))
		for i, name := range likely {
			all[i] = named(name)
		}
		return text + ", most likely " + enumerated(all, "or")
	case q.e.SMs > 0 && q.e.BusBits > 0:
		return text + fmt.Sprintf(" (%d SMs, %d-bit memory bus)", q.e.SMs, q.e.BusBits)
	}
	return text
}

// there names the GPU of the place.
func (q *question) there() string {
	name := cmp.Or(q.p.GPU, q.p.Product)
	switch {
	case name == "":
		return "a GPU of compute capability " + q.sm
	case q.sm == "" || q.sm == q.e.SM:
		return named(name)
	}
	return fmt.Sprintf("%s (%s)", named(name), q.sm)
}

// named puts the article before a name: an A10, a T4, an RTX A6000, a GeForce.
func named(name string) string {
	r := []rune(name + "  ")
	vowels := "AEIOU"
	if !unicode.IsLower(r[1]) {
		vowels = "AEFHILMNORSX" // spelled letter by letter
	}
	if strings.ContainsRune(vowels, unicode.ToUpper(r[0])) {
		return "an " + name
	}
	return "a " + name
}

// enumerated joins names as a sentence does.
func enumerated(names []string, word string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// counts names how many SMs the boards have.
func counts(boards []catalog.Board) string {
	var all []string
	for _, b := range boards {
		if n := strconv.Itoa(b.SMs); b.SMs > 0 && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return enumerated(all, "or")
}

// atLeast reports whether a compute capability is b or newer; what is none is the
// oldest.
func atLeast(a, b string) bool {
	x, _ := catalog.Capability(a)
	y, _ := catalog.Capability(b)
	return x >= y
}
