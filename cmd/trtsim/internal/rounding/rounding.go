// Package rounding narrows float32 values to what another number format can
// hold, and gives them back as float32.
package rounding

import (
	"math"
	"slices"
)

// Func rounds values in place.
type Func func([]float32)

// For returns how a precision rounds values; nil when it leaves them alone.
func For(precision string) Func {
	switch precision {
	case "fp16":
		return each(func(f float32) float32 { return FromHalf(Half(f)) })
	case "bf16":
		return each(func(f float32) float32 { return FromBrain(Brain(f)) })
	case "tf32":
		return each(TF32)
	case "fp8":
		return scaled(448, FP8)
	case "int8":
		return scaled(127, integer(127))
	case "int4":
		return scaled(7, integer(7))
	}
	return nil
}

// Quantises reports whether a precision needs a scale for every tensor.
func Quantises(precision string) bool {
	return precision == "fp8" || precision == "int8" || precision == "int4"
}

func each(f func(float32) float32) Func {
	return func(v []float32) {
		for i, x := range v {
			v[i] = f(x)
		}
	}
}

// Half rounds to the nearest IEEE binary16, ties to even, and overflows to
// infinity.
func Half(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN stays a quiet NaN
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520 and up, infinity included
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		x := float64(math.Float32frombits(b)) * (1 << 24)
		return sign | uint16(math.RoundToEven(x))
	}
	b += 0xfff + b>>13&1
	return sign | uint16(b>>13-(112<<10))
}

// FromHalf widens a binary16.
func FromHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0:
		f := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(f))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// Brain rounds to the nearest bfloat16, ties to even.
func Brain(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromBrain widens a bfloat16.
func FromBrain(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// TF32 rounds to a mantissa of ten bits, ties to even, and keeps the exponent's
// range.
func TF32(f float32) float32 {
	b := math.Float32bits(f)
	if b&0x7f800000 == 0x7f800000 {
		return f
	}
	b += 0xfff + b>>13&1
	return math.Float32frombits(b &^ 0x1fff)
}

// FP8 rounds to the nearest E4M3 number, ties to even, and saturates at 448.
func FP8(f float32) float32 {
	x := math.Abs(float64(f))
	if x != x {
		return f
	}
	exp := math.Ilogb(x)
	if x == 0 || exp < -6 {
		exp = -6
	}
	ulp := math.Ldexp(1, exp-3)
	x = min(math.RoundToEven(x/ulp)*ulp, 448)
	return float32(math.Copysign(x, float64(f)))
}

// integer rounds to the integers from -limit to limit.
func integer(limit float64) func(float32) float32 {
	return func(f float32) float32 {
		return float32(max(-limit, min(limit, math.RoundToEven(float64(f)))))
	}
}

// scaled rounds a whole tensor with the scale that brings its largest finite
// magnitude to top.
func scaled(top float64, round func(float32) float32) Func {
	return func(v []float32) {
		var largest float64
		for _, f := range v {
			if a := math.Abs(float64(f)); a > largest && !math.IsInf(a, 0) {
				largest = a
			}
		}
		scale := largest / top
		if scale == 0 {
			return
		}
		for i, f := range v {
			if f == f {
				v[i] = float32(float64(round(float32(float64(f)/scale))) * scale)
			}
		}
	}
}

// Of names the precision by which the switches of a build round: the narrowest,
// since the builder is free to choose it.
func Of(types []string) string {
	for _, p := range []string{"int4", "int8", "fp8", "fp16", "bf16", "tf32"} {
		if slices.Contains(types, p) {
			return p
		}
	}
	return "fp32"
}
