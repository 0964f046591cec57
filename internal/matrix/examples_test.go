package matrix

import (
	"os"
	"path/filepath"
	"testing"
)

// examples reads the matrices that users start from.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../../matrices/*.toml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no example matrices (%v)", err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = src
	}
	return out
}

func TestExamplesAreClean(t *testing.T) {
	cells := map[string]int{"demo.toml": 18, "resnet50-fleet.toml": 18, "bert-release.toml": 17}
	for name, src := range examples(t) {
		m, err := Parse(name, src)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, c := range m.Cells {
			t.Log(c.ID, c.Build.Timeout, c.Verify)
		}
		if len(m.Cells) != cells[name] {
			t.Errorf("%s has %d cells, want %d", name, len(m.Cells), cells[name])
		}
	}
}
