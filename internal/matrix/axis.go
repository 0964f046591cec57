package matrix

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

const (
	maxAxis    = 1000 // values that a list of [matrix] may hold
	maxPattern = 256  // bytes of a pattern in exclude or include
)

// axis is one dimension of the matrix: the values that the file lists, then
// those that only an include entry names.
type axis struct {
	what   string     // "gpu"
	list   string     // the key of [matrix] that lists its values; "" for models
	values []string   // canonical
	labels []string   // what cell IDs call each value
	pos    []diag.Pos // of each value
	listed int        // how many values the file lists
	broken bool       // a listed value is wrong, so what is missing here may be meant
	index  map[string]int

	// canon checks a literal and brings it into its canonical form.
	canon func(*tomlfile.Value) (string, bool)
	// label says what cell IDs call a value.
	label func(value string) string
	// fold brings a pattern or a value into the form in which they are compared.
	fold func(string) string
}

const axes = 4 // of a matrix

// coord is a cell without a variant: an index into each axis.
type coord [axes]int

// axes returns the dimensions of the matrix, the slowest first.
func (p *parser) axes() [axes]*axis {
	return [axes]*axis{&p.models, &p.images, &p.gpus, &p.precs}
}

func (p *parser) newAxes() {
	same := func(s string) string { return s }
	newAxis := func(what, list string, label, fold func(string) string) axis {
		return axis{what: what, list: list, index: map[string]int{}, label: label, fold: fold}
	}
	p.models = newAxis("model", "", same, same)
	p.images = newAxis("image", "images", tagLabel, same)
	p.gpus = newAxis("gpu", "gpus", slug, strings.ToLower)
	p.precs = newAxis("precision", "precisions", same, same)
	p.models.canon = func(v *tomlfile.Value) (string, bool) {
		s, ok := v.Text()
		if _, known := p.models.index[s]; ok && !known {
			unknown(v, "model", s, p.models.values)
			return "", false
		}
		return s, ok
	}
	p.images.canon = image
	p.gpus.canon = gpu
	p.precs.canon = func(v *tomlfile.Value) (string, bool) {
		pr, ok := precision(v)
		return string(pr), ok
	}
}

// gpu reads the name of a GPU and returns what the catalogue calls it.
func gpu(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	g, ok := catalog.FindGPU(s)
	if !ok {
		unknown(v, "gpu", s, catalog.GPUNames())
		return "", false
	}
	return g.Name, true
}

// read reads the list of an axis.
func (a *axis) read(v *tomlfile.Value) {
	elements, ok := v.Elements()
	a.broken = !ok || len(elements) > maxAxis
	if ok && a.broken {
		v.Mistake("%s lists %d values; at most %d can be listed", v.Path(), len(elements), maxAxis)
		return
	}
	for _, e := range elements {
		value, ok := a.canon(e)
		if !ok {
			a.broken = true
			continue
		}
		if i, twice := a.index[value]; twice {
			e.Mistake("%s %s is listed twice, first in line %d", a.what, tomlfile.Quote(value), a.pos[i].Line).Fix = "remove it here"
			continue
		}
		a.add(value, e.Pos)
	}
	a.listed = len(a.values)
}

func (a *axis) add(value string, pos diag.Pos) int {
	i := len(a.values)
	a.values = append(a.values, value)
	a.labels = append(a.labels, a.label(value))
	a.pos = append(a.pos, pos)
	a.index[value] = i
	return i
}

// all returns the indices of the values that the file lists.
func (a *axis) all() []int {
	out := make([]int, a.listed)
	for i := range out {
		out[i] = i
	}
	return out
}

// choose returns the indices of the values that a key of an exclude or include
// entry means: a name, a pattern, or an array of them. A name that is not
// listed joins the axis when extend is set.
func (a *axis) choose(v *tomlfile.Value, extend bool) ([]int, bool) {
	words := []*tomlfile.Value{v}
	if v.IsArray() {
		words, _ = v.Elements()
		if len(words) == 0 {
			v.Mistake("%s is empty, so the entry means nothing", v.Path()).Fix = "remove the key to mean every " + a.what
			return nil, false
		}
	}
	var out []int
	good := true
	for _, w := range words {
		found, ok := a.chooseOne(w, extend)
		out = append(out, found...)
		good = good && ok
	}
	slices.Sort(out)
	return slices.Compact(out), good
}

func (a *axis) chooseOne(v *tomlfile.Value, extend bool) ([]int, bool) {
	s, ok := v.Text()
	if !ok {
		return nil, false
	}
	if len(s) > maxPattern {
		v.Mistake("this pattern is longer than %d bytes", maxPattern)
		return nil, false
	}
	pattern := a.fold(s)
	var out []int
	for i, value := range a.values[:a.listed] {
		if glob(pattern, a.fold(value)) || glob(pattern, a.labels[i]) {
			out = append(out, i)
		}
	}
	if len(out) > 0 {
		return out, true
	}
	if !strings.ContainsAny(s, "*?") {
		value, ok := a.canon(v)
		if !ok {
			return nil, false
		}
		if i, known := a.index[value]; known && (extend || i < a.listed) {
			return []int{i}, true
		}
		if extend {
			return []int{a.add(value, v.Pos)}, true
		}
	}
	if a.broken {
		return nil, false // the wrong value is the mistake, and is reported
	}
	m := v.Mistake("no %s of the matrix matches %s", a.what, tomlfile.Quote(s))
	m.Allowed = a.values[:a.listed]
	fixNearest(m, s, m.Allowed)
	return nil, false
}

// glob matches a whole text against a pattern in which * stands for any
// characters and ? for one.
func glob(pattern, text string) bool {
	p, t := 0, 0
	star, resume := -1, 0 // the last *, and where what follows it was tried
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
