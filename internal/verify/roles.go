package verify

import (
	"slices"
	"strings"
	"unicode"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// pattern is how the values of an input follow one another.
type pattern int

const (
	uniform  pattern = iota // each element drawn from [lo, hi)
	positive                // each element drawn from (lo, hi]: never the bound that a logarithm or a division cannot take
	constant                // every element is lo
	ramp                    // 0, 1, 2, … along each row
	mask                    // lo, and hi for one element in eight; the first of each row is lo
)

// role is how inputs of one kind get values that a model can work with. An
// integer input is often an index, a mask or a length, where a random number is
// out of range: the reference would fail, or worse, read what is not there.
type role struct {
	words   []string // the name holds one of these words; none: any name
	types   []onnx.DataType
	pattern pattern
	lo, hi  float64
}

var (
	anyFloat = []onnx.DataType{onnx.Float32, onnx.Float16, onnx.Float64, onnx.BFloat16}
	anyIndex = []onnx.DataType{onnx.Uint16, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Uint32, onnx.Uint64}
	anyType  = []onnx.DataType{onnx.Float32, onnx.Uint8, onnx.Int8, onnx.Uint16, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Bool, onnx.Float16, onnx.Float64, onnx.Uint32, onnx.Uint64, onnx.BFloat16}
)

// roles is read from the top; the first row that fits an input decides. A row is
// the innermost dimension. Words are compared with the words of the name: those
// that punctuation, digits and capitals set apart, in lower case.
var roles = []role{
	// A padding mask says what to ignore: mostly nothing, and never a whole row,
	// which softmax would turn into NaN.
	{[]string{"padding"}, []onnx.DataType{onnx.Bool}, mask, 0, 1},
	// Attention masks say what to use: most of it, and something in every row.
	{[]string{"mask", "masks", "attnmask", "inputmask"}, anyType, mask, 1, 0},
	// Sentence A or B: the segment vocabulary of BERT has two entries.
	{[]string{"type", "types", "segment", "segments"}, anyIndex, uniform, 0, 2},
	// Speech models branch on the rate and accept few; 16 kHz is the common one.
	{[]string{"sr", "rate", "samplerate"}, anyIndex, constant, 16000, 16000},
	// A row's length is at least one and at most what the data input has.
	{[]string{"length", "lengths", "len", "lens", "seqlen", "seqlens"}, anyIndex, constant, 1, 1},
	// Positions index a table at least as long as the sequence.
	{[]string{"position", "positions", "pos"}, anyIndex, ramp, 0, 0},
	// Token ids and other indices: few vocabularies and tables are smaller than 10.
	{nil, anyIndex, uniform, 0, 10},
	// Bytes are pixels or quantized data, which no operator takes as an index.
	{nil, []onnx.DataType{onnx.Uint8}, uniform, 0, 256},
	{nil, []onnx.DataType{onnx.Int8}, uniform, 0, 128},
	{nil, []onnx.DataType{onnx.Bool}, uniform, 0, 2},
	// What a model divides by or takes the logarithm of.
	{[]string{"sigma", "std", "var", "variance", "scale", "scales", "temperature", "timestep", "timesteps",
		"threshold", "prob", "probs", "length", "lengths", "rate", "speed"}, anyFloat, positive, 0, 1},
	// Everything else: around zero as normalized data is, so that both sides of
	// every activation are reached and sums stay small enough for float16.
	{nil, anyFloat, uniform, -1, 1},
}

// roleOf returns the role of an input. The type must be one of elements.
func roleOf(name string, t onnx.DataType) role {
	words := nameWords(name)
	for _, r := range roles {
		if slices.Contains(r.types, t) && (r.words == nil || slices.ContainsFunc(words, func(w string) bool {
			return slices.Contains(r.words, w)
		})) {
			return r
		}
	}
	panic("verify: no role for a known element type")
}

// nameWords splits "tokenTypeIds", "token_type_ids" and "onnx::token/type.ids3"
// alike into token, type, ids.
func nameWords(name string) []string {
	var b strings.Builder
	lower := false
	for _, c := range name {
		if !unicode.IsLetter(c) || unicode.IsUpper(c) && lower {
			b.WriteByte(' ')
		}
		if unicode.IsLetter(c) {
			b.WriteRune(unicode.ToLower(c))
		}
		lower = unicode.IsLower(c)
	}
	return strings.Fields(b.String())
}
