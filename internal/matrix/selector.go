package matrix

import (
	"strings"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// maxEntries bounds the entries of exclude and of include.
const maxEntries = 1000

// selector is one entry of exclude or include: the cells that it means, as
// indices into the axes, and for include what it says of them.
type selector struct {
	pos      diag.Pos
	chosen   [axes][]int // nil means every listed value
	variant  string
	settings []setting
}

// named returns the axes that the entry speaks of, as bits.
func (s *selector) named() int {
	bits := 0
	for i, c := range s.chosen {
		if c != nil {
			bits |= 1 << i
		}
	}
	return bits
}

// selectors reads exclude or include.
func (p *parser) selectors(v *tomlfile.Value, include bool) []*selector {
	entries, ok := v.Elements()
	if ok && len(entries) > maxEntries {
		v.Mistake("%s has %d entries; at most %d are read", v.Path(), len(entries), maxEntries)
		return nil
	}
	var out []*selector
	for _, e := range entries {
		if s, ok := p.selector(e, include); ok {
			out = append(out, s)
		}
	}
	return out
}

func (p *parser) selector(v *tomlfile.Value, include bool) (*selector, bool) {
	keys, ok := v.Entries()
	if !ok {
		return nil, false
	}
	s := &selector{pos: v.Pos}
	before := v.Mistakes()
	var fields []tomlfile.Field
	for i, a := range p.axes() {
		choose := func(v *tomlfile.Value) ([]int, bool) { return a.choose(v, include) }
		fields = append(fields, tomlfile.Field{Name: a.what, Read: tomlfile.Into(&s.chosen[i], choose)})
	}
	if include {
		fields = append(fields,
			tomlfile.Field{Name: "variant", Read: tomlfile.Into(&s.variant, variant)},
			tomlfile.Field{Name: "build", Read: func(v *tomlfile.Value) { s.settings = append(s.settings, buildSettings(v)...) }},
			tomlfile.Field{Name: "verify", Read: func(v *tomlfile.Value) { s.settings = append(s.settings, p.verifySettings(v)...) }},
		)
	}
	v.Fields(fields...)
	if len(keys) == 0 && !include {
		v.Mistake("an empty entry would exclude every cell").Fix = "name a model, image, gpu or precision, or remove the entry"
	}
	if len(keys) == 0 && include {
		v.Mistake("an empty entry says nothing").Fix = "remove it"
	}
	return s, v.Mistakes() == before
}

// variant reads the name of a variant, which ends a cell's ID.
func variant(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if ok && (!isSafeName(s) || s != strings.ToLower(s)) {
		m := v.Mistake("variant name %s cannot stand in a cell's ID", tomlfile.Quote(s))
		m.Allowed = []string{"1 to 63 small letters, digits, \".\", \"_\" or \"-\", beginning with a letter or a digit"}
		if l := strings.ToLower(s); isSafeName(l) {
			m.Fix = "write \"" + l + "\""
		}
		return "", false
	}
	return s, ok
}
