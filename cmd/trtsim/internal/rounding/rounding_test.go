package rounding

import (
	"math"
	"testing"
)

func TestFor(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, tc := range map[string]struct {
		precision string
		in, want  []float32
	}{
		"half keeps what it can hold":                   {"fp16", []float32{0, 1, -2.5, 65504}, []float32{0, 1, -2.5, 65504}},
		"half rounds ties to even":                      {"fp16", []float32{1 + 1.0/2048, 1 + 3.0/2048}, []float32{1, 1 + 4.0/2048}},
		"half overflows to infinity":                    {"fp16", []float32{65520, -1e9, 65519}, []float32{inf, -inf, 65504}},
		"half keeps subnormals":                         {"fp16", []float32{1.0 / (1 << 24), 1.0 / (1 << 26), -3.0 / (1 << 25)}, []float32{1.0 / (1 << 24), 0, -2.0 / (1 << 24)}},
		"half carries a subnormal into the normal ones": {"fp16", []float32{1.0/(1<<14) - 1.0/(1<<26)}, []float32{1.0 / (1 << 14)}},
		"brain has eight bits":                          {"bf16", []float32{1 + 1.0/256, 1 + 3.0/256, 3e38}, []float32{1, 1 + 4.0/256, 3.0040553e38}},
		"tf32 has eleven bits":                          {"tf32", []float32{1 + 1.0/2048, 1 + 1.0/1024, 1e-30}, []float32{1, 1 + 1.0/1024, TF32(1e-30)}},
		"fp8 scales by the largest value":               {"fp8", []float32{-448, 1.0625, 1.1875, 0.0014}, []float32{-448, 1, 1.25, 0.001953125}},
		"fp8 keeps the same precision at any scale":     {"fp8", []float32{448.0 / 1024, 1.0625 / 1024}, []float32{448.0 / 1024, 1.0 / 1024}},
		"int8 scales by the largest value":              {"int8", []float32{-127, 63.4, 0.4}, []float32{-127, 63, 0}},
		"int8 leaves zeros alone":                       {"int8", []float32{0, 0}, []float32{0, 0}},
		"int4 has fifteen levels":                       {"int4", []float32{7, -3.4, 0.6}, []float32{7, -3, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got := append([]float32(nil), tc.in...)
			For(tc.precision)(got)
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("%s(%g) = %g, want %g", tc.precision, tc.in[i], got[i], tc.want[i])
				}
			}
		})
	}
}

func TestFP8Saturates(t *testing.T) {
	for in, want := range map[float32]float32{500: 448, -1e9: -448, 464: 448, 0: 0, -0.0005: 0} {
		if got := FP8(in); got != want {
			t.Errorf("FP8(%g) = %g, want %g", in, got, want)
		}
	}
}

func TestFullPrecisionLeavesValuesAlone(t *testing.T) {
	if For("fp32") != nil {
		t.Error("fp32 rounds")
	}
}

func TestEveryHalfSurvivesTheRoundTrip(t *testing.T) {
	for h := range 1 << 16 {
		f := FromHalf(uint16(h))
		if f != f {
			if g := FromHalf(Half(f)); g == g {
				t.Fatalf("NaN %#x became %g", h, g)
			}
			continue
		}
		if got := Half(f); got != uint16(h) {
			t.Fatalf("Half(FromHalf(%#x)) = %#x", h, got)
		}
	}
}

func FuzzHalf(f *testing.F) {
	for _, v := range []float32{0, 1, 65504, 65520, 1e-8, 6e-8, float32(math.Inf(-1))} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float32) {
		if v != v || math.Abs(float64(v)) >= 65520 {
			return
		}
		got := float64(FromHalf(Half(v)))
		ulp := math.Ldexp(1, max(math.Ilogb(float64(v)), -14)-10)
		if math.Abs(got-float64(v)) > ulp/2 {
			t.Errorf("Half(%g) is %g, further than half an ulp away", v, got)
		}
	})
}
