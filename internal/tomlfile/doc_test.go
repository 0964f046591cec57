package tomlfile

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// mark renders what is wrong as "line:col:len message", one a line.
func mark(err error) string {
	var b strings.Builder
	for _, d := range diag.All(err) {
		fmt.Fprintf(&b, "%d:%d:%d %s", d.Pos.Line, d.Pos.Col, d.Pos.Len, d.Msg)
		if d.Fix != "" {
			fmt.Fprintf(&b, " | %s", d.Fix)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"a value without quotes, everywhere it occurs": {
			"gpus = [T4, \"A10\", A100]\nrelease = 2026.11.0\n",
			"1:9:2 T4 is not a TOML value | if it is meant as text, write \"T4\"\n" +
				"1:20:4 A100 is not a TOML value | if it is meant as text, write \"A100\"\n" +
				"2:11:9 2026.11.0 is not a TOML value | if it is meant as text, write \"2026.11.0\"\n"},
		"a key given twice, at the second place": {
			"[a]\nb = 1\nc = {b = 1}\n\"b\" = {x = 2}\n",
			"4:1:3 b is already defined in line 2\n"},
		"a table given twice": {
			"[a.b]\n[a.c]\n[a . 'b']\n",
			"3:6:3 a.b is already defined in line 1\n"},
		"a missing equals sign": {
			"日本語\n", "1:1:1 expected a key, found \"日\"\n"},
		"a key without a value": {
			"# é\nx =\n", "2:4:1 expected a value, found the end of the line\n"},
		"two values in a line": {
			"x = \"日本\" 2\n", "1:10:1 expected the end of the line, found \"2\"\n"},
		"an array that is never closed, at its bracket": {
			"x = [\n  [1, 2],\n", "1:5:1 this array has no end | write \"]\" after its last value\n"},
		"a string that is never closed": {
			"x = 'abc\ny = 1\n", "1:5:4 this string does not end in its line | write ' at its end, or use ''' for a text of several lines\n"},
		"a Windows path in double quotes": {
			"x = \"C:\\models\"\n", "1:8:2 \\m is not an escape that TOML knows | write two backslashes for one, or put the text in '…' where a backslash is plain\n"},
		"a surrogate in an escape": {
			"x = \"\\ud800\"\n", "1:6:2 this escape does not name a character\n"},
		"a byte that is not UTF-8": {
			"x = 'é\xff'\n", "1:7:1 byte 0xff is not UTF-8 | save the file as UTF-8\n"},
		"a control character, even in a comment": {
			"# \x1b[31m\n", "1:3:1 control character 0x1b is not allowed in TOML | remove it\n"},
		"a carriage return alone": {
			"x = 1\ry = 2\n", "1:6:1 a carriage return stands alone, without a line feed\n"},
		"UTF-16": {
			"\xff\xfex\x00", "1:1:1 the file is UTF-16; TOML is UTF-8 | save it as UTF-8\n"},
		"deep nesting, before the library sees it": {
			"x = " + strings.Repeat("[", 100_000), "1:21:1 tables and arrays are nested more than 16 deep\n"},
		"deep nesting of inline tables": {
			"x = " + strings.Repeat("{a=", 100_000), "1:51:1 tables and arrays are nested more than 16 deep\n"},
		"a key of very many parts": {
			strings.Repeat("a.", 100_000) + "a = 1", "1:33:1 tables and arrays are nested more than 16 deep\n"},
		"a key that is too long": {
			"x = 1\n" + strings.Repeat("a", 513) + " = 1", "2:1:513 this key is longer than 512 bytes\n"},
		"a file that is too large": {
			strings.Repeat("#", MaxSize+1), "0:0:0 is 1048577 bytes long; a file of this kind may have 1048576\n"},
		"a byte order mark does not count": {
			"\uFEFFx y\n", "1:3:1 expected \"=\" after the key, found \"y\"\n"},
		"CRLF line ends do not count": {
			"a = 1\r\nb = \r\n", "2:5:1 expected a value, found the end of the line\n"},
		"a table reopened by a dotted key": {
			"[a.b]\n[a]\nb.c = 1\n[a.b.d]\nd = x\n", "5:5:1 x is not a TOML value | if it is meant as text, write \"x\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse("f", []byte(tc.src))
			if got := mark(err); got != tc.want || d != nil {
				t.Errorf("Parse(%.60q)\n got %swant %s", tc.src, got, tc.want)
			}
		})
	}
}

// places lists every value as "path key value", with the text found at the
// reported places.
func places(v *Value) []string {
	var out []string
	if v.Path() != "" {
		out = append(out, fmt.Sprintf("%s %s %s", v.Path(), at(v.doc, v.KeyPos), at(v.doc, v.Pos)))
	}
	for _, k := range v.kids {
		out = append(out, places(k)...)
	}
	return out
}

// at cuts a place out of its line, counting characters as a user would.
func at(d *Doc, p diag.Pos) string {
	line := []rune(d.text.line(p.Line))
	return string(line[p.Col-1 : p.Col-1+p.Len])
}

func TestPositions(t *testing.T) {
	for name, tc := range map[string]struct {
		src  string
		want []string
	}{
		"keys of every kind": {
			"\ta = 1\n'b c' = 2\n\"d\\u0065\" = 3\ne . f.'g' = 4\n",
			[]string{"a a 1", `"b c" 'b c' 2`, `de "d\u0065" 3`, "e e e", "e.f f f", "e.f.g 'g' 4"}},
		"a table is placed at the last part of its own header": {
			"[a.b.c]\nx = 1\n[a . b]\ny = 2\n",
			[]string{"a a a", "a.b b b", "a.b.c c c", "a.b.c.x x 1", "a.b.y y 2"}},
		"elements and inline tables": {
			"m = ['é', [ 1,\n  2 ], {k = {q.r = 1.5}}]\n",
			[]string{"m m ['é', [ 1,", "m[0] 'é' 'é'", "m[1] [ 1, [ 1,", "m[1][0] 1 1", "m[1][1] 2 2",
				"m[2] {k = {q.r = 1.5}} {k = {q.r = 1.5}}", "m[2].k k {q.r = 1.5}", "m[2].k.q q q", "m[2].k.q.r r 1.5"}},
		"arrays of tables": {
			"[[a]]\nx = 1\n[[a]]\n# c\nx = 2\n[a.b]\ny = 3\n",
			[]string{"a a a", "a[0] a a", "a[0].x x 1", "a[1] a a", "a[1].x x 2", "a[1].b b b", "a[1].b.y y 3"}},
		"strings of several lines are placed at their beginning": {
			"a = \"\"\"\nx\\\n  y\\\"\"\"\"\"\"\nb = '''z'''''\n",
			[]string{`a a """`, "b b '''z'''''"}},
		"dates, numbers and words": {
			"a = [1979-05-27 07:32:00Z, -inf,]\nb = 1_000e-2 # c\nc=true\n",
			[]string{"a a [1979-05-27 07:32:00Z, -inf,]", "a[0] 1979-05-27 07:32:00Z 1979-05-27 07:32:00Z", "a[1] -inf -inf", "b b 1_000e-2", "c c true"}},
		"characters outside ASCII before the place": {
			"a = ['日本', \"x\"] # é\n", []string{`a a ['日本', "x"]`, "a[0] '日本' '日本'", `a[1] "x" "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse("f", []byte(tc.src))
			if err != nil {
				t.Fatal(err)
			}
			if got := places(d.Root); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("places of %q\n got %q\nwant %q", tc.src, got, tc.want)
			}
		})
	}
}

func TestATableIsPlacedAtItsOwnHeaderWhereverItComes(t *testing.T) {
	d, err := Parse("f", []byte("[a.b.c]\n\n[a.b]\n[a]\n"))
	if err != nil {
		t.Fatal(err)
	}
	a := d.Root.Get("a")
	for _, tc := range []struct {
		v    *Value
		line int
	}{{a, 4}, {a.Get("b"), 3}, {a.Get("b").Get("c"), 1}} {
		if tc.v.KeyPos.Line != tc.line || tc.v.Pos != tc.v.KeyPos {
			t.Errorf("%s is placed at %v and %v, want line %d", tc.v.Path(), tc.v.KeyPos, tc.v.Pos, tc.line)
		}
	}
}

func TestFields(t *testing.T) {
	const src = `
version = "1"
ratio   = 3
names   = "a"
flag    = "true"
size    = "x"
when    = 2026-01-01
relese  = "r"
list    = ["a", 2, ["b"]]
[box]
x = 1
[other]
`
	type box struct{ X int64 }
	var got struct {
		version     int64
		ratio       float64
		names, list []string
		flag        bool
		release     string
		when        string
		size        float64
		box         box
	}
	d, err := Parse("f", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	d.Root.Fields(
		Field{"version", Into(&got.version, (*Value).Int)},
		Field{"ratio", Into(&got.ratio, (*Value).Float)},
		Field{"names", Into(&got.names, (*Value).Texts)},
		Field{"flag", Into(&got.flag, (*Value).Bool)},
		Field{"size", Into(&got.size, (*Value).Float)},
		Field{"when", Into(&got.when, (*Value).Text)},
		Field{"release", Into(&got.release, (*Value).Text)},
		Field{"list", Into(&got.list, (*Value).Texts)},
		Field{"box", func(v *Value) {
			v.Fields(Field{"X", Into(&got.box.X, (*Value).Int)})
			v.Missing("y", "add y = 1")
		}},
	)
	want := `2:11:3 version must be an integer, found a string | write 1
4:11:3 names must be an array, found a string | write ["a"]
5:11:6 flag must be true or false, found a string | write true
6:11:3 size must be a number, found a string
7:11:10 when must be a string, found a date | write "2026-01-01"
8:1:6 key "relese" is not known | write release
9:17:1 list[1] must be a string, found an integer | write "2"
9:20:5 list[2] must be a string, found an array
10:2:3 y is missing in box | add y = 1
11:1:1 key "x" is not known in box | write X
12:2:5 key "other" is not known
`
	if g := mark(d.Err()); g != want {
		t.Errorf("mistakes\n got:\n%s\nwant:\n%s", g, want)
	}
	if got.ratio != 3 || got.list != nil || got.release != "" {
		t.Errorf("decoded %+v", got)
	}
	if a := diag.All(d.Err())[10].Allowed; len(a) != 9 || a[0] != "version" {
		t.Errorf("allowed keys are %q", a)
	}
}

func TestMistakesAreBounded(t *testing.T) {
	var src bytes.Buffer
	fmt.Fprintf(&src, "[%s]\n", strings.Repeat("k", 500))
	for i := range 50_000 {
		fmt.Fprintf(&src, "k%d=1\n", i)
	}
	d, err := Parse("f", src.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d.Root.kids {
		e.Fields(Field{"k", func(*Value) {}})
	}
	text := d.Err().Error()
	if n := len(diag.All(d.Err())); n != maxMistakes+1 || len(text) > 100_000 {
		t.Errorf("%d mistakes in %d bytes, want %d in less", n, len(text), maxMistakes+1)
	}
	if !strings.Contains(text, "there are more mistakes than the 100 that are shown") {
		t.Error("nothing says that mistakes were left out")
	}
}

func TestSecretsAreNotQuoted(t *testing.T) {
	_, err := Parse("f", []byte("é = \"s3://me:pässword@host/x\n"))
	if got, want := diag.All(err)[0].Text, "é = \"s3://***********@host/x"; got != want {
		t.Errorf("a text with a password is quoted as %q, want %q", got, want)
	}
	d, err := Parse("f", []byte("l = ['é', 'public', '''se\ncret''']\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := d.Root.Get("l")
	l.kids[1].Mistake("m")
	l.kids[0].Secret()
	l.kids[2].Secret()
	if got, want := diag.All(d.Err())[0].Text, "l = [***, 'public', *****"; got != want {
		t.Errorf("a line with secrets is quoted as %q, want %q", got, want)
	}
}
