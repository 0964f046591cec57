package verify

import "math"

// Each power of two is cut into 64 bins, so a bin is at most 1/64 of its value
// wide and its middle is within 0.8 % of everything in it.
const (
	binBits = 6
	binDrop = 52 - binBits // low bits of the significand that a bin ignores
)

// histogram counts non-negative values in logarithmic bins, in one MiB whatever
// the number of values. The bits of such a float64 order as the value does.
type histogram [1 << (63 - binDrop)]int64

func (h *histogram) add(v float64) { h[math.Float64bits(v)>>binDrop]++ }

// quantile returns a value within 0.8 % of the smallest one that at least the
// share q of n counted values does not exceed; 0 stays exact, and subnormal
// numbers may come out as 0.
func (h *histogram) quantile(q float64, n int64) float64 {
	rank := max(1, int64(math.Ceil(q*float64(n))))
	var seen int64
	for bin, k := range h {
		if seen += k; seen >= rank {
			low := math.Float64frombits(uint64(bin) << binDrop)
			if bin == 0 {
				return 0
			}
			return low + (math.Float64frombits(uint64(bin+1)<<binDrop)-low)/2
		}
	}
	return 0
}
