package matrix

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// FuzzParse checks that Parse is a function of its text alone, that every
// mistake lies in the text and quotes its line, and that the cells of a good
// text are whole and have IDs of their own.
func FuzzParse(f *testing.F) {
	for _, src := range examples(f) {
		f.Add(src)
	}
	mistakes, err := os.ReadFile("testdata/mistakes.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(mistakes)
	f.Add([]byte(file(axesText + "exclude = [{gpu = \"T4\"}]\ninclude = [{precision = \"int8\", variant = \"v\", build = {retries = 1}}]\n")))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := Parse("m.toml", src)
		again, errAgain := Parse("m.toml", src)
		if !reflect.DeepEqual(m, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("two readings differ: %v, %v", err, errAgain)
		}
		if err != nil {
			checkMistakes(t, string(src), err)
			return
		}
		ids := map[string]bool{}
		for _, c := range m.Cells {
			if ids[c.ID] {
				t.Errorf("two cells are called %s", c.ID)
			}
			ids[c.ID] = true
			if c.Model == nil || c.Image == "" || c.GPU == "" || c.Precision == "" || c.Pos.Line == 0 || c.Build.Timeout <= 0 {
				t.Errorf("cell %s is not whole: %+v", c.ID, c)
			}
			for part := range strings.SplitSeq(c.ID, "/") {
				if part == "" || part[0] == '.' || strings.Trim(part, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != "" {
					t.Errorf("ID %s cannot be a path", c.ID)
				}
			}
		}
		if len(m.Cells) == 0 || len(m.Cells) > MaxCells {
			t.Errorf("%d cells", len(m.Cells))
		}
	})
}

func checkMistakes(t *testing.T, src string, err error) {
	found := diag.All(err)
	if len(found) == 0 {
		t.Fatalf("%v is not a list of mistakes", err)
	}
	lines := strings.Split(strings.TrimPrefix(src, "\uFEFF"), "\n")
	for _, d := range found {
		if d.Pos.Line < 1 || d.Pos.Line > len(lines) {
			t.Fatalf("%v lies outside of the text", d)
		}
		line := strings.TrimSuffix(lines[d.Pos.Line-1], "\r")
		if n := utf8.RuneCountInString(line); d.Pos.Col < 1 || d.Pos.Col > n+1 || d.Pos.Col-1+d.Pos.Len > max(n, d.Pos.Col) {
			t.Fatalf("%v, %d long, lies outside of %q", d, d.Pos.Len, line)
		}
		if d.Text != line && !strings.Contains(d.Text, "*") { // a covered password differs
			t.Fatalf("%v quotes %q, which is not its line", d, d.Text)
		}
	}
}
