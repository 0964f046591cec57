package tomlfile

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// FuzzParse holds the index against the TOML library: both accept the same
// texts, every key and value that the library sees is indexed, and what stands
// at the reported place is that key, or decodes to that value.
func FuzzParse(f *testing.F) {
	for _, src := range seeds(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Parse("f", []byte(src))
		values, libraryErr := decode(src)
		if err != nil {
			checkPlaces(t, src, err)
			if libraryErr == nil && !refusedByChoice(err) {
				t.Fatalf("Parse refuses what the TOML library takes: %v", err)
			}
			return
		}
		if libraryErr != nil {
			t.Fatalf("Parse takes what the TOML library refuses: %v", libraryErr)
		}
		if got := plain(d.Root); !equal(got, values) {
			t.Fatalf("Parse read %v, the TOML library %v", got, values)
		}
		walk(t, d.Root)
	})
}

func seeds(f *testing.F) []string {
	out := []string{
		"a = 1\n[b.c]\nd = \"e\"\n[[f]]\ng = [1, 2.5, {h = true}]\n[[f]]\n",
		"\uFEFF\"k\\u00e9y\" . 'x' = '''\r\nmulti\r\nline'''\r\n",
		"x = \"\"\"a\\\n   b\\\"\"\"\"\"\n日本 = 2\n",
		"t = [1979-05-27 07:32:00, 07:32, 1979-05-27T00:00:00.5-07:00, # c\n]\n",
		"i = {a.b = 1, a.c = [ [], {} ],\n}\n[i2]\ni.j = 0xff\n",
		"gpus = [T4, A10]\nx = +inf\ny = 'a", "a.b = 1\n[a]\nb = 2\n", "a = {}\n[a.b]\nc = 1\n", "a = [{b = 1}]\n[[a]]\n",
		"a=1\n[a.b]", "[a.b]\n[a]\n[a]\n", "x=\"\\e\\x41\\U0001F600\"",
	}
	files, err := filepath.Glob("../../matrices/*.toml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no matrices to start from (%v)", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, string(src))
	}
	return out
}

// refusedByChoice reports whether Parse refused a text for limits of its own.
func refusedByChoice(err error) bool {
	for _, word := range []string{"nested more than", "longer than", "a file of this kind", "UTF-16"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}

// checkPlaces checks that every mistake lies in the text and quotes its line.
func checkPlaces(t *testing.T, src string, err error) {
	found := diag.All(err)
	if len(found) == 0 {
		t.Fatalf("%v is not a list of mistakes", err)
	}
	lines := strings.Split(strings.TrimPrefix(src, "\uFEFF"), "\n")
	for _, m := range found {
		if m.Pos == (diag.Pos{}) && len(src) > MaxSize {
			continue
		}
		if m.Pos.Line < 1 || m.Pos.Line > len(lines) || !shows(m.Text, strings.TrimSuffix(lines[m.Pos.Line-1], "\r")) {
			t.Fatalf("%v quotes %q, which is not that line", m, m.Text)
		}
		if n := utf8.RuneCountInString(m.Text); m.Pos.Col < 1 || m.Pos.Col > n+1 || m.Pos.Len < 1 || m.Pos.Len > max(1, n-m.Pos.Col+1) {
			t.Fatalf("%v, %d long, is outside of %q", m, m.Pos.Len, m.Text)
		}
	}
}

// shows reports whether text is a line, some characters of it covered.
func shows(text, line string) bool {
	a, b := []rune(text), []rune(line)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && a[i] != '*' {
			return false
		}
	}
	return true
}

// walk checks the place of every key and value below v.
func walk(t *testing.T, v *Value) {
	src := v.doc.text.src
	check := func(s span, p diag.Pos) string {
		before := src[:s.start]
		line := strings.Count(before, "\n") + 1
		col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
		first, _, _ := strings.Cut(src[s.start:s.end], "\n")
		if p.Line != line || p.Col != col || p.Len != max(1, utf8.RuneCountInString(strings.TrimSuffix(first, "\r"))) {
			t.Fatalf("%s is said to be at %v, but is at %d:%d", v.Path(), p, line, col)
		}
		return src[s.start:s.end]
	}
	if v.parent != nil && !v.parent.array {
		text := check(v.keySpan, v.KeyPos)
		if got, err := decode(text + " = 1"); err != nil || len(got) != 1 || got[v.Name] != int64(1) {
			t.Fatalf("the key %q is said to be at %q", v.Name, text)
		}
	}
	if text := check(v.span, v.Pos); v.scalar != nil {
		if got, err := decode("x = " + text); err != nil || !equal(got["x"], v.scalar) {
			t.Fatalf("the value %v is said to be at %q (%v)", v.scalar, text, err)
		}
	}
	for _, k := range v.kids {
		walk(t, k)
	}
}

// plain turns a value back into what the TOML library gives.
func plain(v *Value) any {
	switch {
	case v.table:
		m := map[string]any{}
		for _, k := range v.kids {
			m[k.Name] = plain(k)
		}
		return m
	case v.array:
		a := make([]any, len(v.kids))
		for i, k := range v.kids {
			a[i] = plain(k)
		}
		return a
	}
	return v.scalar
}

// equal compares two values; an array of tables is an array, and NaN equals NaN.
func equal(a, b any) bool {
	if tables, ok := b.([]map[string]any); ok {
		elements := make([]any, len(tables))
		for i := range tables {
			elements[i] = tables[i]
		}
		b = elements
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if _, ok := y[k]; !ok || !equal(x[k], y[k]) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case float64:
		y, ok := b.(float64)
		return ok && (x == y || math.IsNaN(x) && math.IsNaN(y))
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}
