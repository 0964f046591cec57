package matrix

import (
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

const (
	// MaxCells is the greatest number of cells that a matrix may have.
	MaxCells = 100_000
	// maxTouches bounds how often include entries may name cells, and exclude
	// entries too.
	maxTouches = 10 * MaxCells
)

// expansion is the growing list of cells.
type expansion struct {
	*parser
	excluded exclusions
	byID     map[string]*Cell
	touches  int
}

// expand makes the cells: the product of the axes in the order of the file,
// without what is excluded, then what is included.
func (p *parser) expand() {
	p.checkLabels()
	p.checkGates()
	whole := &selector{}
	if p.count(whole) > MaxCells {
		p.matrix.MistakeAtKey("the matrix has more than %d cells before exclude", MaxCells)
	}
	if p.matrix.Mistakes() > 0 {
		return // cells of a faulty file would only lead to mistakes that are none
	}
	x := &expansion{parser: p, excluded: exclusions{}, byID: map[string]*Cell{}}
	if !x.exclude() {
		return
	}
	p.each(whole, func(at coord) bool {
		if !x.excluded.hold(at, 0) {
			c := p.cell(at, "")
			c.Pos = p.gpus.pos[at[2]]
			x.add(c)
		}
		return true
	})
	for _, s := range p.includes {
		if !x.include(s) {
			return
		}
	}
	if len(p.m.Cells) == 0 {
		p.empty()
	}
	p.m.Images, p.m.GPUs = p.images.values, p.gpus.values
}

// empty adds the mistake that there is nothing to make, and says why.
func (p *parser) empty() {
	for _, a := range []*axis{&p.images, &p.gpus, &p.precs} {
		if a.listed == 0 {
			p.matrix.MistakeAtKey("the matrix has no cells: %s is empty", a.list).Fix = "list at least one " + a.what
			return
		}
	}
	p.matrix.MistakeAtKey("the matrix has no cells: exclude leaves none")
}

// values returns the indices that a selector means on one axis.
func (p *parser) values(s *selector, axis int) []int {
	if s.chosen[axis] == nil {
		return p.axes()[axis].all()
	}
	return s.chosen[axis]
}

// count returns how many cells a selector means, or a little more than
// MaxCells when there are more.
func (p *parser) count(s *selector) int {
	n := 1
	for axis := range axes {
		n = min(n*len(p.values(s, axis)), MaxCells+1)
	}
	return n
}

// each calls do for every cell that a selector means, in the order of the
// axes, until do returns false.
func (p *parser) each(s *selector, do func(coord) bool) bool {
	models, images, gpus, precs := p.values(s, 0), p.values(s, 1), p.values(s, 2), p.values(s, 3)
	for _, m := range models {
		for _, i := range images {
			for _, g := range gpus {
				for _, r := range precs {
					if !do(coord{m, i, g, r}) {
						return false
					}
				}
			}
		}
	}
	return true
}

// cell makes one cell with everything that [build] and [verify] say of it.
func (p *parser) cell(at coord, variant string) *Cell {
	c := &Cell{
		ID:        p.id(at, variant),
		Model:     p.m.Models[at[0]],
		Image:     p.images.values[at[1]],
		GPU:       p.gpus.values[at[2]],
		Precision: Precision(p.precs.values[at[3]]),
		Variant:   variant,
		Build:     defaultBuild,
		Verify:    Verify{Corners: true},
	}
	c.Verify.Tolerance = defaultTolerance[c.Precision]
	for _, s := range p.settings {
		s(c)
	}
	return c
}

func (p *parser) id(at coord, variant string) string {
	id := p.models.labels[at[0]] + "/" + p.images.labels[at[1]] + "/" + p.gpus.labels[at[2]] + "/" + p.precs.labels[at[3]]
	if variant != "" {
		id += "/" + variant
	}
	return id
}

func (x *expansion) add(c *Cell) {
	x.byID[c.ID] = c
	x.m.Cells = append(x.m.Cells, c)
}

// include applies one entry: to the cells that are there, else it adds them.
func (x *expansion) include(s *selector) bool {
	if x.touches += x.count(s); x.touches > maxTouches {
		x.doc.Mistake(s.pos, "include names cells more than %d times", maxTouches)
		return false
	}
	applied, before := 0, len(x.m.Cells)
	ok := x.each(s, func(at coord) bool {
		c := x.byID[x.id(at, s.variant)]
		switch {
		case c == nil && x.excluded.hold(at, s.named()):
			return true
		case c == nil && len(x.m.Cells) == MaxCells:
			return false
		case c == nil:
			c = x.cell(at, s.variant)
			c.Pos = s.pos
			x.add(c)
		}
		applied++
		for _, set := range s.settings {
			set(c)
		}
		return true
	})
	switch {
	case !ok:
		x.doc.Mistake(s.pos, "the matrix has more than %d cells", MaxCells)
		return false
	case x.count(s) == 0:
		x.doc.Mistake(s.pos, "this entry means no cell: a list of [matrix] is empty").Fix = "name a model, image, gpu and precision in the entry"
	case applied == 0:
		x.doc.Mistake(s.pos, "this entry changes nothing: exclude takes every cell that it means").Fix =
			"name in it every key that the exclude entry names, to win over exclude; or remove it"
	case len(s.settings) == 0 && len(x.m.Cells) == before:
		x.doc.Mistake(s.pos, "this entry changes nothing: its cells are in the matrix already").Fix = "remove it, or give it a build or verify table"
	}
	return true
}

// checkLabels refuses images and GPUs that cell IDs could not tell apart.
func (p *parser) checkLabels() {
	for _, a := range p.axes() {
		seen := map[string]int{}
		for i, value := range a.values {
			label := a.labels[i]
			if first, twice := seen[label]; twice {
				p.doc.Mistake(a.pos[i], "%s %s is called %q in cell IDs, as is %s", a.what,
					tomlfile.Quote(value), label, tomlfile.Quote(a.values[first]))
				continue
			}
			seen[label] = i
		}
	}
}

// checkGates refuses speed limits for GPUs that no cell has: such a limit
// would seem to hold and never would.
func (p *parser) checkGates() {
	if p.gpus.broken {
		return
	}
	for _, g := range p.gates {
		if _, known := p.gpus.index[g.gpu]; !known {
			g.value.MistakeAtKey("gpu %s is not in the matrix, so its limit would never be checked", tomlfile.Quote(g.gpu)).Allowed = p.gpus.values
		}
	}
}
