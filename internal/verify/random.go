package verify

import (
	"encoding/binary"
	"math/bits"
)

// random is xoshiro256++ (Blackman and Vigna, public domain). It is our own so
// that the same seed gives the same inputs with every Go release and platform:
// references are kept by the seed of their inputs.
type random [4]uint64

// newRandom starts from seed.
func newRandom(seed [32]byte) *random {
	var r random
	for i := range r {
		r[i] = binary.LittleEndian.Uint64(seed[8*i:])
	}
	if r == (random{}) {
		r[0] = 0x9e3779b97f4a7c15 // the one state that xoshiro never leaves
	}
	return &r
}

// next returns 64 uniform bits.
func (r *random) next() uint64 {
	out := bits.RotateLeft64(r[0]+r[3], 23) + r[0]
	t := r[1] << 17
	r[2] ^= r[0]
	r[3] ^= r[1]
	r[1] ^= r[2]
	r[0] ^= r[3]
	r[2] ^= t
	r[3] = bits.RotateLeft64(r[3], 45)
	return out
}
