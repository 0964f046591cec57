package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// raw encodes values as elements of t.
func raw(t onnx.DataType, values ...float64) []byte {
	size := int(t.Size())
	b := make([]byte, size*len(values))
	for i, v := range values {
		switch {
		case t == onnx.Float16 && math.IsInf(v, 0):
			copy(b[i*size:], []byte{0, map[bool]byte{true: 0xfc, false: 0x7c}[v < 0]})
		case t == onnx.Float16 && math.IsNaN(v):
			copy(b[i*size:], []byte{0, 0x7e})
		default:
			put(t, b[i*size:], v)
		}
	}
	return b
}

func compare(t *testing.T, gotType, wantType onnx.DataType, got, want []float64, tol Tolerance) Errors {
	t.Helper()
	e, err := Compare(bytes.NewReader(raw(gotType, got...)), bytes.NewReader(raw(wantType, want...)),
		gotType, wantType, []int64{int64(len(want))}, tol)
	if err != nil {
		t.Fatalf("Compare(%v, %v): %v", got, want, err)
	}
	return e
}

func TestComparePassesWhatIsWithinTolerance(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, tc := range map[string]struct {
		got, want         onnx.DataType
		g, w              []float64
		tol               Tolerance
		over, nan, inf    int64
		worst             int64
		maxAbs, maxRel    float64
		appliedAbs, apRel float64
	}{
		"an error on the bound passes": {onnx.Float32, onnx.Float32, []float64{1.5, 2}, []float64{1, 2},
			Tolerance{0.25, 0.25}, 0, 0, 0, 0, 0.5, 0.5, 0.25, 0.25},
		"an error just beyond it does not": {onnx.Float64, onnx.Float64, []float64{1.5000001, 2}, []float64{1, 2},
			Tolerance{0.25, 0.25}, 1, 0, 0, 0, 0.5000001, 0.5000001, 0.25, 0.25},
		"the tolerance follows the reference, not the output": {onnx.Float32, onnx.Float32, []float64{100}, []float64{1},
			Tolerance{0, 1}, 1, 0, 0, 0, 99, 99, 0, 1},
		"the worst element is the furthest beyond its own tolerance": {onnx.Float32, onnx.Float32,
			[]float64{1010, 2, 3}, []float64{1000, 1, 3}, Tolerance{0, 0.01}, 1, 0, 0, 1, 10, 1, 0, 0.01},
		"a NaN fails and is the worst": {onnx.Float32, onnx.Float32, []float64{9, nan, 3}, []float64{1, 2, 3},
			Tolerance{100, 100}, 1, 1, 0, 1, 8, 8, 100, 100},
		"an infinity fails": {onnx.Float16, onnx.Float32, []float64{1, 2, inf}, []float64{1, 2, 70000},
			Tolerance{100, 100}, 1, 0, 1, 2, 0, 0, 100, 100},
		"NaN where the reference is infinite counts as NaN": {onnx.Float32, onnx.Float32, []float64{nan}, []float64{inf},
			Tolerance{1, 1}, 1, 1, 0, 0, 0, 0, 1, 1},
		"infinities of other signs differ": {onnx.Float32, onnx.Float32, []float64{inf}, []float64{-inf},
			Tolerance{1, 1}, 1, 0, 1, 0, 0, 0, 1, 1},
		"NaN and infinities in the same places pass": {onnx.Float32, onnx.Float16, []float64{nan, inf, -inf, 4}, []float64{nan, inf, -inf, 4},
			Tolerance{}, 0, 0, 0, 3, 0, 0, 0, 0},
		"a finite value where the reference is NaN fails": {onnx.Float32, onnx.Float32, []float64{1, 2}, []float64{nan, 2},
			Tolerance{1, 1}, 1, 0, 0, 0, 0, 0, 1, 1},
		"relative errors leave out references of zero": {onnx.Float32, onnx.Float32, []float64{0.5, 1}, []float64{0, 1},
			Tolerance{1, 0}, 0, 0, 0, 0, 0.5, 0, 1, 0},
		"integers must be equal whatever the relative tolerance": {onnx.Int64, onnx.Int64, []float64{201}, []float64{200},
			Tolerance{0.5, 0.5}, 1, 0, 0, 0, 1, 0.005, 0, 0},
		"an absolute tolerance of one and more is for integers too": {onnx.Uint8, onnx.Uint8, []float64{201, 10}, []float64{200, 12},
			Tolerance{1.5, 0}, 1, 0, 0, 1, 2, 2.0 / 12, 1, 0},
		"integers may be narrower than the reference": {onnx.Int32, onnx.Int64, []float64{-7, 1 << 30}, []float64{-7, 1 << 30},
			Tolerance{}, 0, 0, 0, 0, 0, 0, 0, 0},
		"booleans must be equal": {onnx.Bool, onnx.Bool, []float64{1, 0}, []float64{1, 1},
			Tolerance{5, 5}, 1, 0, 0, 1, 1, 1, 0, 0},
		"doubles further apart than a double can say": {onnx.Float64, onnx.Float64, []float64{math.MaxFloat64}, []float64{-math.MaxFloat64},
			Tolerance{1, 0}, 1, 0, 0, 0, math.MaxFloat64, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := compare(t, tc.got, tc.want, tc.g, tc.w, tc.tol)
			want := Errors{Elements: int64(len(tc.w)), NaN: tc.nan, Inf: tc.inf, Over: tc.over,
				MaxAbs: tc.maxAbs, MaxRel: tc.maxRel, Abs: tc.appliedAbs, Rel: tc.apRel, Passed: tc.over == 0}
			got := e
			got.MeanAbs, got.P99Abs, got.Cosine, got.Worst = 0, 0, 0, Worst{}
			got.MaxAbs, got.MaxRel = round(got.MaxAbs), round(got.MaxRel)
			want.MaxAbs, want.MaxRel = round(want.MaxAbs), round(want.MaxRel)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Compare(%v, %v, %+v)\n got %+v\nwant %+v", tc.g, tc.w, tc.tol, got, want)
			}
			if !slices.Equal(e.Worst.Index, []int64{tc.worst}) {
				t.Errorf("worst is element %v, want %d", e.Worst.Index, tc.worst)
			}
		})
	}
}

// round drops what is beyond ten digits.
func round(v float64) float64 {
	if v == 0 || v > 1e300 {
		return v
	}
	scale := math.Pow(10, 10-math.Ceil(math.Log10(v)))
	return math.Round(v*scale) / scale
}

func TestCompareTellsIntegersApartThatNoFloatCan(t *testing.T) {
	big := []byte{1, 0, 0, 0, 0, 0, 0, 0x40}
	other := []byte{0, 0, 0, 0, 0, 0, 0, 0x40}
	for _, typ := range []onnx.DataType{onnx.Int64, onnx.Uint64} {
		e, err := Compare(bytes.NewReader(big), bytes.NewReader(other), typ, typ, nil, Tolerance{})
		if err != nil || e.Passed || e.MaxAbs != 1 {
			t.Errorf("2^62+1 against 2^62 as %s: %+v, %v; want 1 apart", typ, e, err)
		}
	}
	top, zero := bytes.Repeat([]byte{0xff}, 8), make([]byte, 8)
	if e, _ := Compare(bytes.NewReader(top), bytes.NewReader(zero), onnx.Uint64, onnx.Uint64, nil, Tolerance{}); e.MaxAbs != 0x1p64 {
		t.Errorf("the greatest uint64 is %g from 0, want 2^64", e.MaxAbs)
	}
}

func TestCompareRefusesWhatCannotBeCompared(t *testing.T) {
	for name, tc := range map[string]struct {
		gotType, wantType onnx.DataType
		got, want         int // bytes
		err               error
		text              string
	}{
		"an output cut short":             {onnx.Float32, onnx.Float32, 20, 24, ErrSize, "gave 5 elements of float32, the reference is [2 3], 6 elements"},
		"an output cut within an element": {onnx.Float32, onnx.Float32, 21, 24, ErrSize, "21 bytes"},
		"an output too long":              {onnx.Float16, onnx.Float32, 24, 24, ErrSize, "gave 12 elements of float16, the reference is [2 3]"},
		"a reference cut short":           {onnx.Float32, onnx.Float32, 24, 20, ErrReference, "holds 20 bytes, [2 3] of float32 needs 24"},
		"a reference too long":            {onnx.Float32, onnx.Float32, 24, 25, ErrReference, "holds 25 bytes"},
		"a float for an integer":          {onnx.Float32, onnx.Int32, 24, 24, ErrType, "gave float32, the reference is int32"},
		"a type without elements":         {onnx.String, onnx.Float32, 24, 24, ErrType, "string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compare(bytes.NewReader(make([]byte, tc.got)), bytes.NewReader(make([]byte, tc.want)),
				tc.gotType, tc.wantType, []int64{2, 3}, Tolerance{})
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("Compare: %v\nwant %v with %q", err, tc.err, tc.text)
			}
		})
	}
	broken := errors.New("broken disk")
	_, err := Compare(iotest.ErrReader(broken), bytes.NewReader(make([]byte, 4)), onnx.Float32, onnx.Float32, nil, Tolerance{})
	if !errors.Is(err, broken) || errors.Is(err, ErrSize) {
		t.Errorf("Compare with a broken reader: %v, want its own error", err)
	}
}

func TestCompareOfTheSameDataIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range roles[1].types {
		data := make([]byte, 100_003*int(typ.Size()))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		shape := []int64{100_003}
		e, err := Compare(iotest.HalfReader(bytes.NewReader(data)), bytes.NewReader(data), typ, typ, shape, Tolerance{})
		if err != nil || !e.Passed || e.Over != 0 || e.MaxAbs != 0 || e.MeanAbs != 0 || e.P99Abs != 0 || e.MaxRel != 0 || e.Cosine != 1 {
			t.Errorf("%s against itself: %+v, %v", typ, e, err)
		}
	}
}

// TestCompareSeesAChangeOfOnePercent holds all statistics against a plain
// computation, for changes at random places and in random order.
func TestCompareSeesAChangeOfOnePercent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 100, blockElements, 3*blockElements + 17} {
		want := make([]float64, n)
		for i := range want {
			want[i] = float64(float32(r.Float64() + 0.5))
		}
		got := slices.Clone(want)
		at := r.IntN(n)
		got[at] = float64(float32(want[at] * 1.01))
		e := compare(t, onnx.Float32, onnx.Float32, got, want, Tolerance{1e-4, 1e-3})
		if e.Passed || e.Over != 1 || !slices.Equal(e.Worst.Index, []int64{int64(at)}) {
			t.Errorf("n=%d: 1 %% at %d: %+v", n, at, e)
		}
		for i := range got {
			got[i] = float64(float32(want[i] + r.NormFloat64()*0.01))
		}
		e = compare(t, onnx.Float32, onnx.Float32, got, want, Tolerance{0.01, 0})
		diffs := make([]float64, n)
		var sum, dot, gg, ww float64
		var over int64
		for i := range got {
			diffs[i] = math.Abs(got[i] - want[i])
			sum += diffs[i]
			dot, gg, ww = dot+got[i]*want[i], gg+got[i]*got[i], ww+want[i]*want[i]
			if diffs[i] > 0.01 {
				over++
			}
		}
		slices.Sort(diffs)
		p99 := diffs[int(math.Ceil(0.99*float64(n)))-1]
		if e.Over != over || e.MaxAbs != diffs[n-1] || !near(e.MeanAbs, sum/float64(n), 1e-12) ||
			!near(e.P99Abs, p99, 0.01) || !near(e.Cosine, dot/math.Sqrt(gg*ww), 1e-12) {
			t.Errorf("n=%d: got %+v\nwant over %d max %g mean %g p99 %g cosine %g", n, e, over, diffs[n-1], sum/float64(n), p99, dot/math.Sqrt(gg*ww))
		}
		// The order of elements changes nothing but the place of the worst.
		order := r.Perm(n)
		pg, pw := make([]float64, n), make([]float64, n)
		for i, j := range order {
			pg[i], pw[i] = got[j], want[j]
		}
		p := compare(t, onnx.Float32, onnx.Float32, pg, pw, Tolerance{0.01, 0})
		if p.Over != e.Over || p.MaxAbs != e.MaxAbs || p.P99Abs != e.P99Abs || p.MaxRel != e.MaxRel ||
			int64(order[p.Worst.Index[0]]) != e.Worst.Index[0] || !near(p.MeanAbs, e.MeanAbs, 1e-12) {
			t.Errorf("n=%d: permuted\n got %+v\nwant %+v", n, p, e)
		}
	}
}

func near(got, want, rel float64) bool { return math.Abs(got-want) <= rel*math.Abs(want) }

func TestHistogramIsWithinOnePercentForEveryNormalNumber(t *testing.T) {
	for v := 0x1p-1022; v < math.MaxFloat64/3; v *= 2.7182 {
		h := new(histogram)
		h.add(v)
		if q := h.quantile(0.99, 1); !near(q, v, 0.01) {
			t.Fatalf("quantile of %g alone is %g", v, q)
		}
	}
	h := new(histogram)
	h.add(math.MaxFloat64)
	if q := h.quantile(1, 1); math.IsNaN(q) {
		t.Errorf("quantile of the greatest number is %g", q)
	}
}

func TestCosineKnowsOppositeAndZeroVectors(t *testing.T) {
	for name, tc := range map[string]struct {
		got, want []float64
		cosine    float64
	}{
		"opposite":    {[]float64{-1, -2}, []float64{1, 2}, -1},
		"orthogonal":  {[]float64{0, 2}, []float64{1, 0}, 0},
		"both zero":   {[]float64{0, 0}, []float64{0, 0}, 1},
		"one is zero": {[]float64{0, 0}, []float64{1, 0}, 0},
	} {
		if e := compare(t, onnx.Float32, onnx.Float32, tc.got, tc.want, Tolerance{}); !near(e.Cosine, tc.cosine, 1e-12) {
			t.Errorf("%s: cosine %g, want %g", name, e.Cosine, tc.cosine)
		}
	}
}

func TestWorstIsAnIndexInEveryDimension(t *testing.T) {
	got, want := make([]float64, 24), make([]float64, 24)
	got[1*12+2*4+3] = 5
	e, err := Compare(bytes.NewReader(raw(onnx.Float32, got...)), bytes.NewReader(raw(onnx.Float32, want...)),
		onnx.Float32, onnx.Float32, []int64{2, 3, 4}, Tolerance{})
	if err != nil || !slices.Equal(e.Worst.Index, []int64{1, 2, 3}) || e.Worst.Got != 5 {
		t.Errorf("worst %+v, %v; want [1 2 3] and 5", e.Worst, err)
	}
	empty, err := Compare(strings.NewReader(""), strings.NewReader(""), onnx.Float32, onnx.Float32, []int64{0, 3}, Tolerance{})
	if err != nil || !empty.Passed || empty.Elements != 0 {
		t.Errorf("an empty tensor: %+v, %v", empty, err)
	}
}

func TestErrorsSurviveJSONWithNaN(t *testing.T) {
	e := compare(t, onnx.Float32, onnx.Float32, []float64{math.NaN(), math.Inf(-1)}, []float64{math.Inf(1), 2}, Tolerance{})
	e.Worst.Want = math.Inf(-1)
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"worst":{"index":[0],"got":"NaN","want":"-Infinity"}`) {
		t.Errorf("JSON %s", data)
	}
	var back Errors
	if err := json.Unmarshal(data, &back); err != nil || !math.IsNaN(back.Worst.Got) || !math.IsInf(back.Worst.Want, -1) {
		t.Errorf("read back %+v, %v", back.Worst, err)
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, typ := range []onnx.DataType{onnx.Float32, onnx.Float16, onnx.Int32} {
		b.Run(typ.String(), func(b *testing.B) {
			const n = 4 << 20
			r := rand.New(rand.NewPCG(1, 2))
			values := make([]float64, n)
			for i := range values {
				values[i] = r.Float64() * 100
			}
			want := raw(typ, values...)
			for i := range values {
				values[i] *= 1 + r.NormFloat64()*1e-3
			}
			got := raw(typ, values...)
			b.SetBytes(int64(len(want)))
			for b.Loop() {
				if _, err := Compare(bytes.NewReader(got), bytes.NewReader(want), typ, typ, []int64{n}, Tolerance{1e-2, 1e-2}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
