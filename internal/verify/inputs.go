package verify

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// Seed is the seed of every input of a model, from the digest of its content.
func Seed(modelDigest string) [32]byte {
	return fingerprint("trtfarm inputs v1", modelDigest)
}

// InputSeed is the seed of one input in one case, so that no two inputs of a
// model hold the same values.
func InputSeed(seed [32]byte, caseName, input string) [32]byte {
	return fingerprint("trtfarm input v1", string(seed[:]), caseName, input)
}

// fingerprint hashes fields so that no two lists of fields give the same bytes.
func fingerprint(fields ...string) [32]byte {
	h := sha256.New()
	for _, f := range fields {
		fmt.Fprintf(h, "%d:%s", len(f), f)
	}
	return [32]byte(h.Sum(nil))
}

// blockElements is how many elements are held in memory at a time.
const blockElements = 8192

// WriteInput writes t's values to w as raw bytes: values that suit its type and
// what its name says about its role (see roles), the same for the same seed on
// every machine. Float values have no more digits than the type holds, so a
// float16 input is the float32 input of the same seed, cut short.
func WriteInput(w io.Writer, t Tensor, seed [32]byte) error {
	e, err := elementOf(t.Type)
	if err != nil {
		return fmt.Errorf("input %q: %w", t.Name, err)
	}
	n, _, err := count(t.Shape, e.size)
	if err != nil {
		return fmt.Errorf("input %q: %w", t.Name, err)
	}
	row := int64(1)
	if len(t.Shape) > 0 {
		row = max(1, t.Shape[len(t.Shape)-1])
	}
	g := generator{role: roleOf(t.Name, t.Type), element: e, random: newRandom(seed)}
	buf := make([]byte, 0, min(n, blockElements)*int64(e.size))
	for i := int64(0); i < n; {
		buf = buf[:0]
		for ; i < n && len(buf) < cap(buf); i++ {
			at := len(buf)
			buf = buf[:at+e.size]
			put(t.Type, buf[at:], g.value(i%row))
		}
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("write input %q: %w", t.Name, err)
		}
	}
	return nil
}

// generator draws the values of one input.
type generator struct {
	role
	element
	random *random
}

// value returns the next element, which stands at column of its row. It draws
// exactly one number, whatever the pattern.
func (g *generator) value(column int64) float64 {
	u := g.random.next()
	span := g.hi - g.lo
	switch g.pattern {
	case constant:
		return g.lo
	case ramp:
		return float64(column)
	case mask:
		if column > 0 && u>>61 == 0 {
			return g.hi
		}
		return g.lo
	case positive:
		return g.lo + span*math.Ldexp(float64(u>>(64-g.bits)+1), -g.bits)
	}
	if g.class == float {
		return g.lo + span*math.Ldexp(float64(u>>(64-g.bits)), -g.bits)
	}
	whole, _ := bits.Mul64(u, uint64(span))
	return g.lo + float64(whole)
}
