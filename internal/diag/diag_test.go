package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func TestRender(t *testing.T) {
	long := strings.Repeat("a", 200) + "X" + strings.Repeat("b", 200)
	for name, tc := range map[string]struct {
		d    Diagnostic
		want []string
	}{
		"the place, the allowed values and the fix are shown": {
			Diagnostic{File: "m.toml", Pos: Pos{3, 22, 7}, Text: `precision = ["fp16", "INT-8"]`,
				Msg: `precision "INT-8" is not known`, Allowed: []string{"fp32", "fp16"}, Fix: `write "int8"`},
			[]string{
				`m.toml:3:22: precision "INT-8" is not known`,
				`    3 | precision = ["fp16", "INT-8"]`,
				`                             ^^^^^^^`,
				`  allowed: fp32, fp16`,
				`  fix: write "int8"`,
			}},
		"without a position there is no quoted line": {
			Diagnostic{File: "m.toml", Msg: "is empty"},
			[]string{"m.toml: is empty"}},
		"a wide character before the place shifts the mark by two": {
			Diagnostic{File: "m", Pos: Pos{1, 4, 2}, Text: "日本 xy", Msg: "m"},
			[]string{"m:1:4: m", "    1 | 日本 xy", "             ^^"}},
		"a wide character in the place is marked twice": {
			Diagnostic{File: "m", Pos: Pos{1, 2, 1}, Text: "a語b", Msg: "m"},
			[]string{"m:1:2: m", "    1 | a語b", "         ^^"}},
		"a combining mark takes no column": {
			Diagnostic{File: "m", Pos: Pos{1, 3, 1}, Text: "e\u0301x", Msg: "m"},
			[]string{"m:1:3: m", "    1 | e\u0301x", "         ^"}},
		"a tab is shown as spaces up to the next stop": {
			Diagnostic{File: "m", Pos: Pos{1, 4, 1}, Text: "\ta\tx", Msg: "m"},
			[]string{"m:1:4: m", "    1 |     a   x", "                ^"}},
		"what a terminal would obey is replaced": {
			Diagnostic{File: "m", Pos: Pos{1, 6, 1}, Text: "a\x1b[2J\u202ex", Msg: "m"},
			[]string{"m:1:6: m", "    1 | a\uFFFD[2J\uFFFDx", "             ^"}},
		"a place past the end of the line is marked after it": {
			Diagnostic{File: "m", Pos: Pos{1, 9, 9}, Text: "ab", Msg: "m"},
			[]string{"m:1:9: m", "    1 | ab", "          ^"}},
		"a long line is cut around the place": {
			Diagnostic{File: "m", Pos: Pos{1, 201, 1}, Text: long, Msg: "m"},
			[]string{"m:1:201: m",
				"    1 | …" + strings.Repeat("a", 40) + "X" + strings.Repeat("b", 79) + "…",
				"        " + strings.Repeat(" ", 41) + "^"}},
		"many allowed values go over several lines": {
			Diagnostic{File: "m", Msg: "m", Allowed: strings.Fields(strings.Repeat("Jetson-Orin ", 9))},
			[]string{"m: m",
				"  allowed: " + strings.Repeat("Jetson-Orin, ", 5) + "Jetson-Orin,",
				"           Jetson-Orin, Jetson-Orin, Jetson-Orin"}},
		"very many allowed values are counted": {
			Diagnostic{File: "m", Msg: "m", Allowed: strings.Fields(strings.Repeat("Jetson-Orin ", 40))},
			[]string{"m: m",
				"  allowed: " + strings.Repeat("Jetson-Orin, ", 5) + "Jetson-Orin,",
				"           " + strings.Repeat("Jetson-Orin, ", 5) + "Jetson-Orin,",
				"           " + strings.Repeat("Jetson-Orin, ", 5) + "Jetson-Orin,",
				"           " + strings.Repeat("Jetson-Orin, ", 5) + "Jetson-Orin, and 16 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := tc.d.Render(), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("Render()\n got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	precisions := []string{"fp32", "tf32", "fp16", "bf16", "int8", "fp8", "int4", "best"}
	for name, tc := range map[string]struct{ got, want string }{
		"another case is the same name":        {"INT8", "int8"},
		"one character too many":               {"INT-8", "int8"},
		"neighbours swapped":                   {"fp61", "fp16"},
		"nothing is near":                      {"double", ""},
		"two are equally near, so none is":     {"fp1", ""},
		"a single character is never a guess":  {"x", ""},
		"a very long name is not compared":     {strings.Repeat("int8", 1000), ""},
		"exact case wins over an earlier near": {"bf16", "bf16"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Nearest(tc.got, precisions); got != tc.want {
				t.Errorf("Nearest(%.20q) = %q, want %q", tc.got, got, tc.want)
			}
		})
	}
}

func TestListErr(t *testing.T) {
	var l List
	if err := l.Err(); err != nil {
		t.Fatalf("an empty list gives %v, want nil", err)
	}
	for _, d := range []*Diagnostic{
		{File: "b", Pos: Pos{1, 1, 1}, Msg: "four"},
		{File: "a", Pos: Pos{2, 1, 1}, Msg: "three"},
		{File: "a", Pos: Pos{1, 5, 1}, Msg: "two"},
		{File: "a", Pos: Pos{1, 2, 1}, Msg: "one"},
	} {
		l.Add(d)
	}
	err := l.Err()
	if d, ok := errors.AsType[*Diagnostic](err); !ok || d.Msg != "one" {
		t.Errorf("the first mistake of %v is %v, want one", err, d)
	}
	var got []string
	for _, d := range All(fmt.Errorf("read matrix: %w", err)) {
		got = append(got, d.Msg)
	}
	if want := "one two three four"; strings.Join(got, " ") != want {
		t.Errorf("All() = %v, want %s", got, want)
	}
	for i, line := range strings.Split(l.Err().Error(), "\n") {
		if i == 0 && line != "a:1:2: one" {
			t.Errorf("the text begins with %q", line)
		}
	}
	if All(errors.New("x")) != nil {
		t.Error("All finds mistakes in a foreign error")
	}
}

func FuzzRender(f *testing.F) {
	f.Add("precision = [\"fp16\"]", 14, 6)
	f.Add("\t日本\x1b[31m", 3, 100)
	f.Add(strings.Repeat("e\u0301", 300), 580, 3)
	f.Fuzz(func(t *testing.T, text string, col, length int) {
		if strings.ContainsAny(text, "\r\n") {
			t.Skip("not a line")
		}
		d := Diagnostic{File: "m", Pos: Pos{1, col, length}, Text: text, Msg: "m"}
		lines := strings.Split(d.Render(), "\n")
		if len(lines) != 3 {
			t.Fatalf("Render() has %d lines, want 3: %q", len(lines), lines)
		}
		if strings.ContainsFunc(lines[1], unicode.IsControl) {
			t.Errorf("Render() lets a control character through: %q", lines[1])
		}
		if n := len(strings.TrimLeft(lines[2], " ")); n < 1 || n > quotedWidth || strings.Trim(lines[2], " ^") != "" {
			t.Errorf("the mark is %q", lines[2])
		}
	})
}
