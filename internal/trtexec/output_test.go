package trtexec

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// exported collects what ReadExportedOutput hands over, as text.
func exported(r io.Reader) (string, error) {
	var b strings.Builder
	err := ReadExportedOutput(r,
		func(name string, dims []int64) error { _, err := fmt.Fprintf(&b, "|%s %v", name, dims); return err },
		func(v float64) error { _, err := fmt.Fprintf(&b, " %v", v); return err })
	return b.String(), err
}

func TestReadExportedOutput(t *testing.T) {
	one := func(name, dims, values string) string {
		return "[\n  { \"name\" : \"" + name + "\"\n  , \"dimensions\" : \"" + dims + "\"\n  , \"values\" : [ " + values + " ]\n  }\n]\n"
	}
	for name, tc := range map[string]struct{ text, want, err string }{
		"one tensor":                   {one("out", "1x3", "0.5, -1e-05, 7"), "|out [1 3] 0.5 -1e-05 7", ""},
		"bare nan and inf":             {one("out", "5", "nan, -nan, inf, -inf, -nan(ind)"), "|out [5] NaN NaN +Inf -Inf NaN", ""},
		"beyond a float is infinite":   {one("out", "1", "1e999"), "|out [1] +Inf", ""},
		"a scalar":                     {one("out", "", "3"), "|out [] 3", ""},
		"an empty tensor":              {one("out", "0x4", ""), "|out [0 4]", ""},
		"dimensions in another form":   {one("out", "(1, 2)", "1, 2"), "|out [1 2] 1 2", ""},
		"a name with a quote in it":    {one(`a"b\`, "1", "1"), `|a"b\ [1] 1`, ""},
		"a name like the next key":     {one(`a", "dim`, "1", "1"), `|a", "dim [1] 1`, ""},
		"two tensors":                  {"[ {\"name\":\"a\",\"dimensions\":\"1\",\"values\":[1]}, {\"name\":\"b\",\"dimensions\":\"1\",\"values\":[2]} ]", "|a [1] 1|b [1] 2", ""},
		"none":                         {"[\n]\n", "", ""},
		"cut short in the values":      {"[ { \"name\" : \"a\"\n , \"dimensions\" : \"3\"\n , \"values\" : [ 1, 2", "|a [3] 1 2", "ends too early"},
		"cut short in a name":          {"[ { \"name\" : \"a", "", "does not end"},
		"too few values":               {one("a", "3", "1, 2"), "|a [3] 1 2", "2 values, want 3"},
		"too many values":              {one("a", "1", "1, 2"), "|a [1] 1", "more than 1"},
		"a word for a number":          {one("a", "1", "true"), "|a [1]", "not a number"},
		"a string for a number":        {one("a", "1", `"1"`), "|a [1]", "unexpected"},
		"dimensions that are none":     {one("a", "1xN", "1"), "", "make no sense"},
		"a dimension below 0":          {one("a", "-1", "1"), "", "make no sense"},
		"more elements than there are": {one("a", "9223372036854775807x3", "1"), "", "make no sense"},
		"other keys":                   {"[ { \"Name\" : \"a\" } ]", "", `key "Name"`},
		"another document":             {"{}", "", "unexpected"},
		"an array of something else":   {"[ 1 ]", "", "unexpected"},
		"more after the end":           {"[]\n[]", "", "more follows"},
		"nothing":                      {"", "", "ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := exported(iotest.OneByteReader(strings.NewReader(tc.text)))
			if got != tc.want || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("ReadExportedOutput\n got %q, %v\nwant %q, %q", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestReadExportedOutputStopsWhenToldTo(t *testing.T) {
	stop := errors.New("enough")
	const text = `[ { "name" : "a" , "dimensions" : "2" , "values" : [ 1, 2 ] } ]`
	n := 0
	err := ReadExportedOutput(strings.NewReader(text), func(string, []int64) error { return nil }, func(float64) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d values: %v, want %v after 1", n, err, stop)
	}
	if err := ReadExportedOutput(strings.NewReader(text), func(string, []int64) error { return stop }, nil); !errors.Is(err, stop) {
		t.Errorf("begin's error: %v, want %v", err, stop)
	}
}

func TestTokensAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	s := newScanner(strings.NewReader(`"` + long + `" ` + long))
	for _, kind := range []byte{'"', 'a'} {
		if tok, err := s.next(); err != nil || tok.kind != kind || len(tok.text) != longestText {
			t.Errorf("token %q of %d bytes, %v, want %q of %d", tok.kind, len(tok.text), err, kind, longestText)
		}
	}
	_, err := exported(strings.NewReader(`[ { "name" : "` + long + `" , "dimensions" : "" , "values" : [ 1 ] } ]`))
	if err == nil || !strings.Contains(err.Error(), "a name of more than 4096 bytes") {
		t.Errorf("a name of 1 MiB: %v", err)
	}
}

func TestEndlessDocumentsAreReadInConstantMemory(t *testing.T) {
	const head = `[ { "name" : "a" , "dimensions" : "2000000000" , "values" : [ `
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := exported(io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, 8<<20))); err == nil {
			t.Error("an endless number passed")
		}
	})
	if allocated > 500 {
		t.Errorf("%v allocations", allocated)
	}
}

func FuzzReadExportedOutput(f *testing.F) {
	f.Add([]byte("[\n  { \"name\" : \"out\"\n  , \"dimensions\" : \"1x3\"\n  , \"values\" : [ 0.5, nan, -inf ]\n  }\n]\n"))
	f.Add([]byte("[\n  { \"name\" : \"a\"b\\\"\n  , \"dimensions\" : \"\"\n  , \"values\" : [ 1 ]\n  }\n]\n"))
	f.Add([]byte("[ { \"name\" : \"a\", \"dimensions\" : \"(1, 2)\", \"values\" : [1e999,2] } ]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		want, got := int64(0), int64(0)
		err := ReadExportedOutput(strings.NewReader(string(text)),
			func(_ string, dims []int64) error {
				if got != want {
					t.Errorf("%d values before the next tensor, want %d", got, want)
				}
				got, want = 0, 1
				for _, d := range dims {
					if d < 0 || d > 0 && want > math.MaxInt64/d {
						t.Errorf("dimensions %v", dims)
					}
					want *= d
				}
				return nil
			},
			func(float64) error { got++; return nil })
		if got > want || err == nil && got != want {
			t.Errorf("%d values, want %d, error %v", got, want, err)
		}
	})
}

func TestReadLayerInfo(t *testing.T) {
	layer := func(kind, in, out, more string) string {
		return `{"Name": "n", "LayerType": "` + kind + `", "Inputs": [{"Name": "i", "Dimensions": [1,3], "Format/Datatype": "` + in +
			`"}], "Outputs": [{"Name": "o", "Location": "Device", "Format/Datatype": "` + out + `"}], "Kernel": [1,1]` + more + `}`
	}
	doc := func(layers ...string) string {
		return `{"Layers": [` + strings.Join(layers, ",") + `], "Bindings": ["x", "y"]}`
	}
	for name, tc := range map[string]struct {
		text string
		want string // of the map, printed; "nil"
		err  string
	}{
		"float":                            {doc(layer("CaskConvolution", "Float", "Float", "")), "map[fp32:1]", ""},
		"half in words":                    {doc(layer("Conv", "Row major linear FP16 format", "Channel major FP16 format where channel % 4 == 0", "")), "map[fp16:1]", ""},
		"int8 in many words":               {doc(layer("CaskConvolution", "Thirty-two wide channel vectorized row major Int8 format.", "Half", "")), "map[int8:1]", ""},
		"quantized weights make it int8":   {doc(layer("gemm", "Half", "Half", `, "Weights": {"Type": "Int8", "Count": 4}`)), "map[int8:1]", ""},
		"bfloat16 is not float":            {doc(layer("gemm", "BFloat16", "BFloat16", "")), "map[bf16:1]", ""},
		"fp8":                              {doc(layer("gemm", "FP8 E4M3", "Float", "")), "map[fp8:1]", ""},
		"an index does not count beside":   {doc(layer("Gather", "Int32", "Half", "")), "map[fp16:1]", ""},
		"an index alone does":              {doc(layer("kgen", "Int64", "Int64", "")), "map[int64:1]", ""},
		"uint8 is not int8":                {doc(layer("kgen", "UInt8", "UInt8", "")), "map[uint8:1]", ""},
		"a copy computes nothing":          {doc(layer("Reformat", "Float", "Int8", ""), layer("Conv", "Float", "Float", "")), "map[fp32:1]", ""},
		"a type that nobody knows":         {doc(layer("kgen", "Posit", "Posit", "")), "map[unknown:1]", ""},
		"other profiles repeat the layers": {doc(layer("kgen", "Half", "Half", ""), strings.Replace(layer("kgen", "Half", "Half", ""), `"n"`, `"n [profile 1]"`, 1)), "map[fp16:1]", ""},
		"the first profile by its name":    {doc(strings.Replace(layer("kgen", "Half", "Half", ""), `"n"`, `"n [profile 0]"`, 1)), "map[fp16:1]", ""},
		"names alone":                      {`{"Layers": ["a + b", "c"], "Bindings": ["x"]}`, "nil", ""},
		"nothing in it":                    {`{"Layers": []}`, "nil", ""},
		"copies alone":                     {doc(layer("NoOp", "Half", "Half", "")), "map[]", ""},
		"escaped quotes and other values":  {`{"Layers": [{"Name": "a\"}]", "Deep": [[{"x": [null, true, 1.5e3]}]], "LayerType": "kgen", "Outputs": [{"Format/Datatype": "Half"}]}]}`, "map[fp16:1]", ""},
		"tensors in other forms":           {`{"Layers": [{"Inputs": ["x", 1], "Outputs": "none", "Weights": 3}]}`, "map[unknown:1]", ""},
		"cut short":                        {`{"Layers": [{"Name": "a"`, "nil", "ends too early"},
		"cut short in a string":            {`{"Layers": ["a`, "nil", "does not end"},
		"brackets that do not match":       {`{"Layers": [}`, "nil", "unexpected"},
		"no JSON":                          {"Layers:\nName: x", "nil", "unexpected"},
		"nothing":                          {"", "nil", "ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			counts, err := ReadLayerInfo(strings.NewReader(tc.text))
			got := "nil"
			if counts != nil {
				got = fmt.Sprint(counts)
			}
			if tc.err == "" && got != tc.want || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("ReadLayerInfo(%s) = %s, %v, want %s, %q", tc.text, got, err, tc.want, tc.err)
			}
		})
	}
}

func FuzzReadLayerInfo(f *testing.F) {
	f.Add([]byte(`{"Layers": [{"Name": "a", "LayerType": "gemm", "Inputs": [{"Format/Datatype": "Half"}], "Outputs": [], "Weights": {"Type": "Int8"}}], "Bindings": ["x"]}`))
	f.Add([]byte(`{"Layers": ["a", "b"], "Bindings": []}`))
	f.Add([]byte(strings.Repeat(`{"Layers":[`, 40)))
	known := []string{"unknown"}
	for _, n := range narrowness {
		known = append(known, n.name)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		counts, err := ReadLayerInfo(strings.NewReader(string(text)))
		total := int64(0)
		for k, n := range counts {
			if !slices.Contains(known, k) || n < 1 {
				t.Errorf("%d layers in %q", n, k)
			}
			total += n
		}
		if total > int64(len(text)) || err != nil && counts != nil {
			t.Errorf("%d layers from %d bytes, error %v", total, len(text), err)
		}
	})
}
