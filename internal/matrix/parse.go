package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// Parse reads the text of a matrix file. file is how messages call it. The
// error lists every mistake of the text, as diag.All gives them; a text with
// mistakes yields no Matrix.
func Parse(file string, src []byte) (*Matrix, error) {
	doc, err := tomlfile.Parse(file, src)
	if err != nil {
		return nil, err
	}
	p := &parser{doc: doc, m: &Matrix{File: file}}
	p.read()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return p.m, nil
}

// parser holds what is known while a file is read.
type parser struct {
	doc      *tomlfile.Doc
	m        *Matrix
	models   axis
	images   axis
	gpus     axis
	precs    axis
	matrix   *tomlfile.Value // the [matrix] table; nil when absent
	excludes []*selector
	includes []*selector
	settings []setting   // what [build] and [verify] say
	gates    []speedGate // whose GPUs are looked up when all are known
}

func (p *parser) read() {
	root := p.doc.Root
	p.newAxes()
	root.Fields(
		tomlfile.Field{Name: "version", Read: version},
		tomlfile.Field{Name: "model", Read: p.readModels},
		tomlfile.Field{Name: "matrix", Read: p.readMatrix},
		tomlfile.Field{Name: "build", Read: func(v *tomlfile.Value) { p.settings = append(p.settings, buildSettings(v)...) }},
		tomlfile.Field{Name: "verify", Read: func(v *tomlfile.Value) { p.settings = append(p.settings, p.verifySettings(v)...) }},
	)
	if root.Get("version") == nil {
		root.Missing("version", "write version = 1 at the top of the file")
	}
	if root.Get("model") == nil {
		root.Missing("[model.NAME]", "add a table such as [model.resnet50] with onnx = \"models/resnet50.onnx\"")
	}
	if p.matrix == nil {
		if root.Get("matrix") == nil {
			root.Missing("[matrix]", "add a table [matrix] with images, gpus and precisions")
		}
		return
	}
	p.expand()
}

// readMatrix reads the [matrix] table: axes first, since exclude and include
// speak of what the axes hold.
func (p *parser) readMatrix(v *tomlfile.Value) {
	if _, ok := v.Entries(); !ok {
		return
	}
	p.matrix = v
	v.Fields(
		tomlfile.Field{Name: "images", Read: p.images.read},
		tomlfile.Field{Name: "gpus", Read: p.gpus.read},
		tomlfile.Field{Name: "precisions", Read: p.precs.read},
		tomlfile.Field{Name: "exclude", Read: func(v *tomlfile.Value) { p.excludes = p.selectors(v, false) }},
		tomlfile.Field{Name: "include", Read: func(v *tomlfile.Value) { p.includes = p.selectors(v, true) }},
	)
}

func version(v *tomlfile.Value) {
	if n, ok := v.Int(); ok && n != 1 {
		m := v.Mistake("version %d is not known to this trtfarm", n)
		m.Allowed = []string{"1"}
	}
}

// unknown adds the mistake that a word is none of those that are known.
func unknown(v *tomlfile.Value, what, word string, known []string) {
	m := v.Mistake("%s %s is not known", what, tomlfile.Quote(word))
	m.Allowed = known
	fixNearest(m, word, known)
}

func fixNearest(m *diag.Diagnostic, word string, known []string) {
	if n := diag.Nearest(word, known); n != "" {
		m.Fix = fmt.Sprintf("write %q", n)
	}
}

// precision reads the name of a precision.
func precision(v *tomlfile.Value) (Precision, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	if p := Precision(s); slices.Contains(Precisions, p) {
		return p, true
	}
	unknown(v, "precision", s, precisionNames())
	return "", false
}

func precisionNames() []string {
	names := make([]string, len(Precisions))
	for i, p := range Precisions {
		names[i] = string(p)
	}
	return names
}

// isSafeName reports whether a name can stand in cell IDs and store paths.
func isSafeName(s string) bool {
	if s == "" || len(s) > 63 || strings.ContainsRune("._-", rune(s[0])) {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// safeNameRule says what isSafeName wants.
var safeNameRule = []string{"1 to 63 letters, digits, \".\", \"_\" or \"-\", beginning with a letter or a digit"}
