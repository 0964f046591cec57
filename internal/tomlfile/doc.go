// Package tomlfile knows where every key and value of a TOML text is. The
// TOML library decides what is valid and what a value is; our own index beside
// it says where each stands, in lines and characters, also inside arrays and
// inline tables. Readers built on it refuse unknown keys and wrong types, and
// collect every mistake of a file instead of the first.
package tomlfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/trtfarm/trtfarm/internal/diag"
)

const (
	// MaxSize is the greatest size in bytes of a file that Parse reads.
	MaxSize = 1 << 20
	// maxDepth bounds the nesting of tables and arrays, and maxKey the bytes of a
	// key: for every value the TOML library builds the whole path to it.
	maxDepth = 16
	maxKey   = 512
	// maxMistakes bounds what is reported of one file: nobody reads more, and
	// memory must not grow with a hostile file.
	maxMistakes = 100
)

// Doc is a TOML text that is valid as such, and the mistakes found in it so far.
type Doc struct {
	Root *Value // the table of top-level keys
	text *text
	hide []span             // values that no message may repeat
	list []*diag.Diagnostic // at most maxMistakes and one that says so
}

// Parse reads a TOML text. file is how messages call it. An error is a list of
// mistakes in the text, as diag.All gives them; a text that is not valid TOML
// yields no Doc.
func Parse(file string, src []byte) (*Doc, error) {
	if len(src) > MaxSize {
		return nil, &diag.Diagnostic{File: file,
			Msg: fmt.Sprintf("is %d bytes long; a file of this kind may have %d", len(src), MaxSize)}
	}
	d := &Doc{text: newText(file, string(src))}
	if root, ok := d.parse(); ok {
		d.Root = root
		return d, nil
	}
	return nil, d.Err()
}

// Err returns every mistake found so far as one error, or nil.
func (d *Doc) Err() error {
	var l diag.List
	for _, m := range d.list {
		m.Text = d.shown(m.Pos.Line)
		l.Add(m)
	}
	return l.Err()
}

// Mistake adds a mistake and returns it, so that the caller can say what is
// allowed and how to mend it.
func (d *Doc) Mistake(p diag.Pos, format string, args ...any) *diag.Diagnostic {
	m := &diag.Diagnostic{File: d.text.file, Pos: p, Msg: fmt.Sprintf(format, args...)}
	switch {
	case len(d.list) < maxMistakes:
		d.list = append(d.list, m)
	case len(d.list) == maxMistakes:
		d.list = append(d.list, &diag.Diagnostic{File: m.File, Pos: p,
			Msg: fmt.Sprintf("there are more mistakes than the %d that are shown", maxMistakes)})
	}
	return m
}

// Mistakes returns how many mistakes were found so far.
func (d *Doc) Mistakes() int { return len(d.list) }

func (d *Doc) parse() (*Value, bool) {
	if at, msg, fix := d.text.unreadable(); msg != "" {
		d.Mistake(d.text.pos(at), "%s", msg).Fix = fix
		return nil, false
	}
	s := &scanner{src: d.text.src, root: &node{kind: tableNode}}
	if f := s.scan(); f != nil {
		m := d.Mistake(d.text.pos(f.at), "%s", f.msg)
		m.Fix = f.fix
		return nil, false
	}
	values, err := decode(d.text.src)
	if err != nil {
		d.explain(s, err)
		return nil, false
	}
	root, odd := d.join(nil, s.root, values)
	if odd != nil {
		d.Mistake(d.text.pos(odd.at()), "this cannot be read safely; write it as a plain [table] with plain keys")
		return nil, false
	}
	return root, true
}

// decode asks the TOML library for the values of a text. A panic in it becomes
// an error: a file from outside must not end the program.
func decode(src string) (values map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the TOML library gave up: %v", r)
		}
	}()
	_, err = toml.Decode(src, &values)
	return values, err
}

// explain reports why the TOML library refused a text that scanned well: keys
// given twice and words that are no values are looked up in the index, so that
// each is named at its own place; for anything else the library's word is taken.
func (d *Doc) explain(s *scanner, err error) {
	parse, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		d.Mistake(diag.Pos{}, "%v", err)
		return
	}
	for _, at := range s.scalars {
		if d.Mistakes() > maxMistakes {
			return
		}
		if word := d.text.src[at.start:at.end]; !isWord(word) {
			d.Mistake(d.text.pos(at), "%s is not a TOML value", shorten(word)).Fix =
				"if it is meant as text, write " + Quote(word)
		}
	}
	if strings.Contains(parse.Message, "already") {
		for _, c := range s.conflicts {
			d.Mistake(d.text.pos(c.at), "%s is already defined in line %d", pathText(c.key), d.text.pos(c.first).Line)
		}
	}
	if d.Mistakes() == 0 {
		at := min(max(parse.Position.Start, 0), len(d.text.src))
		d.Mistake(d.text.pos(span{at, at + max(parse.Position.Len, 1)}), "%s", parse.Message)
	}
}

// isWord reports whether the TOML library takes a bare word as a value.
func isWord(word string) bool {
	if len(word) < 18 && strings.Trim(word, "123456789") == "" {
		return true // the common case, without a parser of its own
	}
	_, err := decode("x = " + word)
	return err == nil
}
