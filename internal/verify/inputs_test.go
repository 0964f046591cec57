package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

func generate(t *testing.T, name string, typ onnx.DataType, shape ...int64) []float64 {
	t.Helper()
	var b bytes.Buffer
	if err := WriteInput(&b, Tensor{Name: name, Type: typ, Shape: shape}, InputSeed(Seed("m"), "c", name)); err != nil {
		t.Fatal(err)
	}
	n, size, _ := count(shape, int(typ.Size()))
	if int64(b.Len()) != size {
		t.Fatalf("%s: %d bytes, want %d", name, b.Len(), size)
	}
	v := make([]float64, n)
	floats(typ, v, b.Bytes())
	return v
}

// TestInputsNeverChange pins what seeds mean: references in stores were made from
// these bytes.
func TestInputsNeverChange(t *testing.T) {
	for _, tc := range []struct {
		name  string
		typ   onnx.DataType
		shape []int64
		want  string
	}{
		{"x", onnx.Float32, []int64{3, 1001}, "2848d7973c17cf31"},
		{"x", onnx.Float16, []int64{3, 1001}, "4c4bb6b1643ca5e4"},
		{"x", onnx.BFloat16, []int64{3, 1001}, "ba63c4b4fd936f4c"},
		{"x", onnx.Float64, []int64{30, 1001}, "b61df218da7ef1c4"},
		{"input_ids", onnx.Int64, []int64{3, 1001}, "f217042acd9e83cd"},
		{"input_ids", onnx.Int32, []int64{3, 1001}, "090dad0acd47aed1"},
		{"attention_mask", onnx.Int64, []int64{3, 1001}, "e018484e37a79f0c"},
		{"token_type_ids", onnx.Int64, []int64{3, 1001}, "4f23caf1b95f9de4"},
		{"pixels", onnx.Uint8, []int64{3, 1001}, "8a78dd49cb3f98b9"},
		{"q", onnx.Int8, []int64{3, 1001}, "9c2b2d426b427bc2"},
		{"on", onnx.Bool, []int64{3, 1001}, "844000cef9756b7c"},
		{"sigma", onnx.Float32, []int64{7}, "6e82ceeb1a0af700"},
	} {
		h := sha256.New()
		err := WriteInput(h, Tensor{Name: tc.name, Type: tc.typ, Shape: tc.shape}, InputSeed(Seed("sha256:m"), "p/opt", tc.name))
		if got := hex.EncodeToString(h.Sum(nil))[:16]; err != nil || got != tc.want {
			t.Errorf("%s %s: %s, %v; want %s", tc.name, tc.typ, got, err, tc.want)
		}
	}
}

func TestInputsSuitTheirRole(t *testing.T) {
	in := func(lo, hi float64) func(row []float64) bool {
		return func(row []float64) bool {
			for _, v := range row {
				if v < lo || v > hi || math.IsNaN(v) {
					return false
				}
			}
			return true
		}
	}
	used := func(row []float64) bool { return in(0, 1)(row) && row[0] == 1 }
	for name, tc := range map[string]struct {
		input string
		typ   onnx.DataType
		fits  func(row []float64) bool
		mean  float64 // within 0.05 of the span
		span  float64
	}{
		"token ids are small and not negative":            {"input_ids", onnx.Int64, in(0, 9), 4.5, 10},
		"unknown integers too":                            {"onnx::Gather_3", onnx.Int32, in(0, 9), 4.5, 10},
		"segments are two":                                {"token_type_ids", onnx.Int64, in(0, 1), 0.5, 1},
		"masks mostly keep, and something in every row":   {"input_mask", onnx.Int64, used, 0.875, 1},
		"masks in camel case":                             {"attentionMask", onnx.Int32, used, 0.875, 1},
		"float masks":                                     {"attention_mask", onnx.Float32, used, 0.875, 1},
		"bool masks":                                      {"mask", onnx.Bool, used, 0.875, 1},
		"padding masks mostly let through":                {"key_padding_mask", onnx.Bool, func(r []float64) bool { return r[0] == 0 }, 0.125, 1},
		"sample rates are one that models know":           {"sr", onnx.Int64, in(16000, 16000), 16000, 1},
		"lengths are at least one":                        {"x_lengths", onnx.Int64, in(1, 1), 1, 1},
		"positions count up":                              {"position_ids", onnx.Int64, func(r []float64) bool { return r[0] == 0 && r[5] == 5 }, 49.5, 100},
		"pixels use all of a byte":                        {"image", onnx.Uint8, in(0, 255), 127.5, 256},
		"quantized data is not negative":                  {"image", onnx.Int8, in(0, 127), 63.5, 128},
		"booleans are even":                               {"use_cache", onnx.Bool, in(0, 1), 0.5, 1},
		"floats lie around zero":                          {"data", onnx.Float32, in(-1, math.Nextafter(1, 0)), 0, 2},
		"half floats too":                                 {"data", onnx.Float16, in(-1, math.Nextafter(1, 0)), 0, 2},
		"bfloat16 too":                                    {"data", onnx.BFloat16, in(-1, math.Nextafter(1, 0)), 0, 2},
		"what a model divides by is above zero":           {"sigma", onnx.Float32, in(math.SmallestNonzeroFloat64, 1), 0.5, 1},
		"also in half precision":                          {"sigma", onnx.Float16, in(math.SmallestNonzeroFloat64, 1), 0.5, 1},
		"a name that only holds the letters of a keyword": {"stressor", onnx.Int64, in(0, 9), 4.5, 10},
	} {
		t.Run(name, func(t *testing.T) {
			const rows, columns = 300, 100
			v := generate(t, tc.input, tc.typ, rows, columns)
			sum := 0.0
			for r := range rows {
				row := v[r*columns : (r+1)*columns]
				if !tc.fits(row) {
					t.Fatalf("row %d of %s: %v", r, tc.input, row)
				}
				for _, x := range row {
					sum += x
				}
			}
			if mean := sum / float64(len(v)); math.Abs(mean-tc.mean) > 0.05*tc.span {
				t.Errorf("mean of %s is %g, want %g", tc.input, mean, tc.mean)
			}
		})
	}
	if v := generate(t, "attention_mask", onnx.Int64); v[0] != 1 {
		t.Errorf("a scalar mask is %v, want 1", v)
	}
	half, full := generate(t, "data", onnx.Float16, 1000), generate(t, "data", onnx.Float32, 1000)
	for i := range half {
		if d := full[i] - half[i]; d < 0 || d >= 0x1p-10 {
			t.Fatalf("float16 input %d is %g, the float32 one %g", i, half[i], full[i])
		}
	}
}

func TestSeedsTellInputsApart(t *testing.T) {
	a := InputSeed(Seed("m"), "a", "bc")
	for what, b := range map[string][32]byte{
		"fields run together": InputSeed(Seed("m"), "ab", "c"),
		"another model":       InputSeed(Seed("n"), "a", "bc"),
		"another case":        InputSeed(Seed("m"), "b", "bc"),
	} {
		if a == b {
			t.Errorf("%s: the same seed", what)
		}
	}
	if *newRandom([32]byte{}) == (random{}) {
		t.Error("the zero seed makes a generator that stands still")
	}
}

// The expected numbers are those of the authors' C code from the same state.
func TestRandomIsXoshiro(t *testing.T) {
	r := random{1, 2, 3, 4}
	for i, want := range []uint64{41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205} {
		if got := r.next(); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
	}
}

func TestWriteInputStopsWithItsWriter(t *testing.T) {
	full := errors.New("disk full")
	err := WriteInput(writerFunc(func([]byte) (int, error) { return 0, full }),
		Tensor{Name: "x", Type: onnx.Float32, Shape: []int64{1 << 36}}, [32]byte{})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("WriteInput: %v, want the writer's error and the input's name", err)
	}
	if err := WriteInput(writerFunc(nil), Tensor{Name: "x", Type: onnx.String}, [32]byte{}); err == nil {
		t.Error("a string input was generated")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestHalfPrecisionGoesThereAndBack(t *testing.T) {
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		if math.IsInf(float64(v), 0) || v != v {
			continue
		}
		if back := toHalf(v); back != uint16(h) {
			t.Fatalf("%#04x is %g, which is written as %#04x", h, v, back)
		}
	}
	for v, want := range map[float32]uint16{
		1 + 0x1p-11: 0x3c00, 1 + 0x3p-11: 0x3c02, // ties go to even
		65519: 0x7bff, 65520: 0x7c00, 0x1p-25: 0, 0x1.8p-25: 1, -2: 0xc000,
	} {
		if got := toHalf(v); got != want {
			t.Errorf("%g is written as %#04x, want %#04x", v, got, want)
		}
	}
	if fromHalf(0x7c00) != float32(math.Inf(1)) || fromHalf(0x7e00) == fromHalf(0x7e00) || fromHalf(0x3555) != 0.33325195 {
		t.Error("infinity, NaN or a third is misread")
	}
	b := make([]byte, 2)
	put(onnx.BFloat16, b, 1+0x1p-8) // a tie: down to even
	if b[0] != 0x80 || b[1] != 0x3f {
		t.Errorf("1+2^-8 as bfloat16 is % x, want 80 3f", b)
	}
}

func BenchmarkWriteInput(b *testing.B) {
	t := Tensor{Name: "x", Type: onnx.Float32, Shape: []int64{1 << 22}}
	b.SetBytes(4 << 22)
	for b.Loop() {
		if err := WriteInput(writerFunc(func(p []byte) (int, error) { return len(p), nil }), t, [32]byte{1}); err != nil {
			b.Fatal(err)
		}
	}
}
