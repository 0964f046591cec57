package verify

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Tolerance is how far an output element may be off: it passes when
// |got-want| <= Abs + Rel*|want|.
//
// Integers are results of a decision, such as an argmax, and one beside the
// right one is wrong: they must be equal, unless Abs is at least 1 and so can
// only be meant for them. Rel never applies to integers, and nothing to booleans.
type Tolerance struct {
	Abs, Rel float64
}

// applied is what t means for outputs of a class.
func (t Tolerance) applied(c class) Tolerance {
	switch c {
	case float:
		return t
	case boolean:
		return Tolerance{}
	}
	return Tolerance{Abs: math.Floor(t.Abs)}
}

// What makes an output incomparable. Both are the engine's doing.
var (
	ErrSize = errors.New("output and reference differ in size")
	ErrType = errors.New("output and reference differ in kind")
)

// ErrReference marks a reference file that does not hold what its case says.
var ErrReference = errors.New("reference output is damaged")

// Compare compares an output with its reference, element by element, in constant
// memory. Both are raw tensors of shape; their types may differ in width, as
// where TensorRT narrows int64 to int32, but not in kind. A NaN or an infinity
// passes only where the reference has the same; otherwise the element is beyond
// any tolerance. Statistics are over the elements that are finite on both sides;
// relative errors leave out those whose reference is 0; P99Abs is within 1 %.
// Errors wrap ErrSize, ErrType, ErrReference, or come from a reader.
func Compare(got, want io.Reader, gotType, wantType onnx.DataType, shape []int64, tol Tolerance) (Errors, error) {
	ge, err := elementOf(gotType)
	if err != nil {
		return Errors{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	we, err := elementOf(wantType)
	if err != nil {
		return Errors{}, fmt.Errorf("%w: %w", ErrReference, err)
	}
	if ge.class != we.class {
		return Errors{}, fmt.Errorf("%w: the engine gave %s, the reference is %s", ErrType, ge.name, we.name)
	}
	n, wantBytes, err := count(shape, we.size)
	if err != nil {
		return Errors{}, fmt.Errorf("%w: %w", ErrReference, err)
	}
	c := comparison{tol: tol.applied(we.class), hist: new(histogram), excess: math.Inf(-1), worst: -1}
	size := min(n, blockElements)
	gotBuf, wantBuf := make([]byte, size*int64(ge.size)), make([]byte, size*int64(we.size))
	g, w := make([]float64, size), make([]float64, size)
	var gi, wi []int64
	if we.class != float {
		gi, wi = make([]int64, size), make([]int64, size)
	}
	for c.n < n {
		k := int(min(size, n-c.n))
		gb, wb := gotBuf[:k*ge.size], wantBuf[:k*we.size]
		if read, err := io.ReadFull(want, wb); err != nil {
			return Errors{}, short(err, ErrReference, "it holds %d bytes, %s of %s needs %d",
				c.n*int64(we.size)+int64(read), shapeText(shape), we.name, wantBytes)
		}
		if read, err := io.ReadFull(got, gb); err != nil {
			return Errors{}, short(err, ErrSize, "the engine gave %s, the reference is %s, %d elements",
				amount(c.n*int64(ge.size)+int64(read), ge), shapeText(shape), n)
		}
		floats(gotType, g[:k], gb)
		floats(wantType, w[:k], wb)
		if we.class == float {
			c.addFloats(g[:k], w[:k])
		} else {
			integers(gotType, gi[:k], gb)
			integers(wantType, wi[:k], wb)
			c.addIntegers(g[:k], w[:k], gi[:k], wi[:k])
		}
	}
	if more, err := io.Copy(io.Discard, want); err != nil || more > 0 {
		return Errors{}, short(err, ErrReference, "it holds %d bytes, %s of %s needs %d",
			wantBytes+more, shapeText(shape), we.name, wantBytes)
	}
	if more, err := io.Copy(io.Discard, got); err != nil || more > 0 {
		return Errors{}, short(err, ErrSize, "the engine gave %s, the reference is %s, %d elements",
			amount(n*int64(ge.size)+more, ge), shapeText(shape), n)
	}
	return c.errors(shape), nil
}

// short turns the end of a reader, or data beyond the expected end (err nil),
// into kind; other errors of the reader stay what they are.
func short(err, kind error, format string, args ...any) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: "+format, append([]any{kind}, args...)...)
}

// amount says how many elements so many bytes are.
func amount(bytes int64, e element) string {
	if bytes%int64(e.size) != 0 {
		return fmt.Sprintf("%d bytes, which is no whole number of %s elements", bytes, e.name)
	}
	return fmt.Sprintf("%d elements of %s", bytes/int64(e.size), e.name)
}

// comparison accumulates a Compare. Sums are kept per block first, so that
// rounding grows with the number of blocks, not of elements.
type comparison struct {
	tol                Tolerance
	n, finite          int64
	nan, inf, over     int64
	sum, most, mostRel float64
	dot, gg, ww        float64
	hist               *histogram
	worst              int64   // index of the worst element; -1 before the first
	excess             float64 // its distance beyond the tolerance
	worstGot, worstRef float64
}

func (c *comparison) addFloats(g, w []float64) {
	var sum, dot, gg, ww float64
	for i, want := range w {
		got := g[i]
		d := math.Abs(got - want)
		if d > math.MaxFloat64 || d != d {
			if d = c.special(int64(i), got, want); d < 0 {
				continue
			}
		}
		// The conversion keeps processors with fused multiply-add from rounding
		// otherwise than others do.
		excess := d - (c.tol.Abs + float64(c.tol.Rel*math.Abs(want)))
		if excess > 0 {
			c.over++
		}
		if excess > c.excess || c.worst < 0 {
			c.setWorst(int64(i), excess, got, want)
		}
		if d > 0 {
			c.most = max(c.most, d)
			if want != 0 {
				c.mostRel = max(c.mostRel, d/math.Abs(want))
			}
		}
		c.finite++
		c.hist.add(d)
		sum += d
		dot += float64(got * want)
		gg += float64(got * got)
		ww += float64(want * want)
	}
	c.endBlock(len(w), sum, dot, gg, ww)
}

// special counts a pair whose difference is not a finite number. It returns -1
// when that settles the pair, else the difference to go on with: two finite
// doubles can be further apart than a double can say.
func (c *comparison) special(i int64, got, want float64) float64 {
	switch {
	case !math.IsNaN(got-want) && !math.IsInf(got, 0) && !math.IsInf(want, 0):
		return math.MaxFloat64
	case got == want || math.IsNaN(got) && math.IsNaN(want):
		return -1
	case math.IsNaN(got):
		c.nan++
	case math.IsInf(got, 0):
		c.inf++
	}
	c.over++
	if !math.IsInf(c.excess, 1) {
		c.setWorst(i, math.Inf(1), got, want)
	}
	return -1
}

// addIntegers is addFloats for exact types: g and w are what gi and wi say, as
// near as a float64 comes.
func (c *comparison) addIntegers(g, w []float64, gi, wi []int64) {
	var sum, dot, gg, ww float64
	for i, want := range wi {
		apart := uint64(gi[i]) - uint64(want) // modulo 2^64, which the order of the two undoes
		if gi[i] < want {
			apart = -apart
		}
		d := float64(apart)
		excess := d - c.tol.Abs
		if excess > 0 {
			c.over++
		}
		if excess > c.excess || c.worst < 0 {
			c.setWorst(int64(i), excess, g[i], w[i])
		}
		if d > 0 {
			c.most = max(c.most, d)
			if w[i] != 0 {
				c.mostRel = max(c.mostRel, d/math.Abs(w[i]))
			}
		}
		c.finite++
		c.hist.add(d)
		sum += d
		dot += float64(g[i] * w[i])
		gg += float64(g[i] * g[i])
		ww += float64(w[i] * w[i])
	}
	c.endBlock(len(w), sum, dot, gg, ww)
}

func (c *comparison) setWorst(i int64, excess, got, want float64) {
	c.worst, c.excess, c.worstGot, c.worstRef = c.n+i, excess, got, want
}

func (c *comparison) endBlock(n int, sum, dot, gg, ww float64) {
	c.n += int64(n)
	c.sum += sum
	c.dot += dot
	c.gg += gg
	c.ww += ww
}

// errors is the outcome.
func (c *comparison) errors(shape []int64) Errors {
	e := Errors{
		Elements: c.n, NaN: c.nan, Inf: c.inf, Over: c.over,
		MaxAbs: c.most, MaxRel: finite(c.mostRel), Cosine: c.cosine(),
		Worst: Worst{Index: []int64{}}, Abs: c.tol.Abs, Rel: c.tol.Rel, Passed: c.over == 0,
	}
	if c.finite > 0 {
		e.MeanAbs = finite(c.sum / float64(c.finite))
		e.P99Abs = min(c.hist.quantile(0.99, c.finite), c.most)
	}
	if c.worst >= 0 {
		e.Worst = Worst{Index: unravel(c.worst, shape), Got: c.worstGot, Want: c.worstRef}
	}
	return e
}

// cosine is 1 for equal data whatever the rounding, and 0 where the squares of
// huge doubles overflow: they have a direction, but not one known here.
func (c *comparison) cosine() float64 {
	switch {
	case c.most == 0:
		return 1
	case c.gg == 0 || c.ww == 0:
		return 0
	}
	cos := c.dot / math.Sqrt(c.gg) / math.Sqrt(c.ww)
	if math.IsNaN(cos) || math.IsInf(cos, 0) {
		return 0
	}
	return max(-1, min(1, cos))
}

// finite keeps what JSON cannot say out of a statistic.
func finite(v float64) float64 { return min(v, math.MaxFloat64) }

// unravel turns a position in C order into an index per dimension.
func unravel(i int64, shape []int64) []int64 {
	index := make([]int64, len(shape))
	for d, size := range slices.Backward(shape) {
		index[d] = i % size
		i /= size
	}
	return index
}
