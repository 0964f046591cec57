package trtexec

import (
	"slices"
	"strings"
	"testing"
)

func TestRawOutputName(t *testing.T) {
	for want, tc := range map[string]struct {
		tensor string
		dims   []int64
		typ    string
	}{
		"out.output.1.1000.fp32.raw":       {"out", []int64{1, 1000}, "fp32"},
		"scalar.output..int64.raw":         {"scalar", nil, "int64"},
		"_a_b_0.output.2.fp16.raw":         {"/a/b:0", []int64{2}, "fp16"},
		"a.b-c_d,e.output.1.bool.raw":      {"a.b-c_d,e", []int64{1}, "bool"},
		"__.output.1.fp32.raw":             {"é", []int64{1}, "fp32"},
		".._.._etc_passwd.output.1.x_.raw": {"../../etc/passwd", []int64{1}, "x\x00"},
	} {
		if got := RawOutputName(tc.tensor, tc.dims, tc.typ); got != want {
			t.Errorf("RawOutputName(%q, %v, %q) = %q, want %q", tc.tensor, tc.dims, tc.typ, got, want)
		}
	}
}

func TestParseRawName(t *testing.T) {
	for name, tc := range map[string]struct {
		file   string
		tensor string // "" is refused
		output bool
		dims   []int64
		typ    string
	}{
		"an output":                         {"out.output.1.1000.fp32.raw", "out", true, []int64{1, 1000}, "fp32"},
		"an input":                          {"x.input.1.fp16.raw", "x", false, []int64{1}, "fp16"},
		"a scalar":                          {"s.output..int64.raw", "s", true, nil, "int64"},
		"a name with dots and numbers":      {"a.1.2.output.3.fp32.raw", "a.1.2", true, []int64{3}, "fp32"},
		"a name with a kind in it":          {"a.output.1.input.3.fp32.raw", "a.output.1", false, []int64{3}, "fp32"},
		"without type or dimensions":        {RawOutputName("out", nil, ""), "out", true, nil, ""},
		"no dimensions, not even of scalar": {"out.output.fp32.raw", "", false, nil, ""},
		"no kind":                           {"a.b.1.fp32.raw", "", false, nil, ""},
		"no name":                           {"output.1.fp32.raw", "", false, nil, ""},
		"a dimension that is a word":        {"a.output.1.b.fp32.raw", "", false, nil, ""},
		"a dimension with a sign":           {"a.output.+1.fp32.raw", "", false, nil, ""},
		"a dimension with zeros":            {"a.output.01.fp32.raw", "", false, nil, ""},
		"another file":                      {"outputs.json", "", false, nil, ""},
		"nothing":                           {"", "", false, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tensor, output, dims, typ, ok := ParseRawName(tc.file)
			if tensor != tc.tensor || output != tc.output || !slices.Equal(dims, tc.dims) || typ != tc.typ || ok != (tc.tensor != "") {
				t.Errorf("ParseRawName(%q) = %q, %v, %v, %q, %v", tc.file, tensor, output, dims, typ, ok)
			}
		})
	}
}

// shortened is what releases that shorten long names make of one.
func shortened(file string) string {
	if len(file) <= 150 {
		return file
	}
	return file[:73] + "..." + file[len(file)-73:]
}

func TestSameRawName(t *testing.T) {
	long := "/model/" + strings.Repeat("block/", 30) + "Add_output_0"
	for name, tc := range map[string]struct {
		tensor, file string
		want         bool
	}{
		"as it is":                   {"a/b", RawOutputName("a/b", []int64{1}, "fp32"), true},
		"another":                    {"a/c", RawOutputName("a/b", []int64{1}, "fp32"), false},
		"the start of another":       {"a", RawOutputName("a_b", []int64{1}, "fp32"), false},
		"long, not shortened":        {long, RawOutputName(long, []int64{1, 3}, "fp32"), true},
		"long, shortened":            {long, shortened(RawOutputName(long, []int64{1, 3}, "fp32")), true},
		"shortened, another end":     {long + "1", shortened(RawOutputName(long, []int64{1, 3}, "fp32")), false},
		"shortened, another start":   {"x" + long, shortened(RawOutputName(long, []int64{1, 3}, "fp32")), false},
		"dots where nothing was cut": {strings.Repeat("a", 73) + "b", strings.Repeat("a", 73) + "...b.output.1.fp32.raw", false},
		"dots that are its own":      {strings.Repeat("a", 73) + "...b", RawOutputName(strings.Repeat("a", 73)+"...b", nil, "fp32"), true},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, _, _, _, ok := ParseRawName(tc.file)
			if got := SameRawName(parsed, tc.tensor); !ok || got != tc.want {
				t.Errorf("SameRawName(%q, %q) = %v (parsed: %v), want %v", parsed, tc.tensor, got, ok, tc.want)
			}
		})
	}
}

func FuzzRawName(f *testing.F) {
	f.Add("out", int64(1), int64(1000), uint8(2), "fp32")
	f.Add("a.output.1", int64(0), int64(-1), uint8(1), "int64")
	f.Add("/model/"+strings.Repeat("block/", 30), int64(3), int64(4), uint8(0), "bool")
	f.Fuzz(func(t *testing.T, tensor string, d0, d1 int64, rank uint8, typ string) {
		dims := []int64{d0, d1}[:rank%3]
		file := RawOutputName(tensor, dims, typ)
		if strings.ContainsAny(file, "/\\\x00") {
			t.Fatalf("RawOutputName(%q) = %q leaves its folder", tensor, file)
		}
		if strings.Contains(typ, ".") || tensor == "" {
			return
		}
		// trtexec never shortens so far that dimensions or type are lost.
		for _, f := range []string{file, shortened(file)} {
			name, output, got, gotType, ok := ParseRawName(f)
			if len(f) != len(file) && len(typ) > 20 {
				continue
			}
			if !ok || !output || !slices.Equal(got, dims) || gotType != safe(typ) || !SameRawName(name, tensor) {
				t.Errorf("%q of %q: %q, %v, %v, %q, %v", f, tensor, name, output, got, gotType, ok)
			}
		}
	})
}
