package starter

import (
	"regexp"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// ranges are the shapes that a profile allows for one input.
type ranges struct {
	min, opt, max []int64
}

// What the name of a dynamic dimension says about its size: anything that looks
// like a length or a picture's side gets room, batches and the like start at one.
var guesses = []struct {
	param         *regexp.Regexp
	min, opt, max int64
}{
	{regexp.MustCompile(`(?i)seq|len|time|token`), 1, 128, 512},
	{regexp.MustCompile(`(?i)height|width|^[hw]$`), 224, 224, 640},
	{regexp.MustCompile(`(?i)batch|^n$|unk|^b$`), 1, 8, 32},
}

// most bounds the elements of a guessed input: a model that is tried out should
// not need gigabytes of reference data.
const most = 1 << 26

// guess fills in the dynamic dimensions of an input.
func guess(v onnx.Value) ranges {
	if v.Shape == nil {
		return ranges{[]int64{1}, []int64{8}, []int64{32}} // TensorRT wants a rank; the file says that this one is guessed
	}
	dynamic := 0
	for _, d := range v.Shape {
		if d.Size < 0 {
			dynamic++
		}
	}
	var r ranges
	for i, d := range v.Shape {
		lo, mid, hi := d.Size, d.Size, d.Size
		if d.Size < 0 {
			lo, mid, hi = guessDim(d.Param, i == 0 || dynamic == 1)
		}
		r.min, r.opt, r.max = append(r.min, lo), append(r.opt, mid), append(r.max, hi)
	}
	r.bound()
	return r
}

// guessDim guesses from a dimension's name; batch says that it looks like one
// when there is no name: it comes first, or is the only one that is free.
func guessDim(param string, batch bool) (lo, mid, hi int64) {
	for _, g := range guesses {
		if g.param.MatchString(param) {
			return g.min, g.opt, g.max
		}
	}
	if batch {
		return 1, 8, 32
	}
	return 1, 64, 256
}

// bound halves the largest guessed dimension until the input is small enough, or
// nothing is left to halve.
func (r ranges) bound() {
	for volume(r.max) > most {
		at := -1
		for i := range r.max {
			if r.max[i] > r.min[i] && (at < 0 || r.max[i] > r.max[at]) {
				at = i
			}
		}
		if at < 0 {
			return
		}
		r.max[at] = max(r.min[at], r.max[at]/2)
		r.opt[at] = min(r.opt[at], r.max[at])
	}
}

// volume is the number of elements, or more than most.
func volume(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		if d > 0 && n > (most+1)/d {
			return most + 1
		}
		n *= d
	}
	return n
}
