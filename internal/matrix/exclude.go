package matrix

// exclusions are the cells that exclude entries mean. The key is the set of
// axes that an entry names, as bits; its cells have 0 on every other axis.
type exclusions map[int]map[coord]bool

// exclude reads every exclude entry into the expansion.
func (x *expansion) exclude() bool {
	touches := 0
	for _, s := range x.excludes {
		named := s.named()
		only := &selector{pos: s.pos, chosen: s.chosen} // the axes that it names
		for i := range only.chosen {
			if only.chosen[i] == nil {
				only.chosen[i] = []int{0}
			}
		}
		if touches += x.count(only); touches > maxTouches {
			x.doc.Mistake(s.pos, "exclude names cells more than %d times", maxTouches)
			return false
		}
		cells := x.excluded[named]
		if cells == nil {
			cells = map[coord]bool{}
			x.excluded[named] = cells
		}
		x.each(only, func(at coord) bool {
			cells[at] = true
			return true
		})
	}
	return true
}

// hold reports whether an exclude entry keeps a cell out. An entry does not
// hold against an include entry that names every axis which it names itself:
// that one was written with the exclusion in mind.
func (e exclusions) hold(at coord, includeNames int) bool {
	for named, cells := range e {
		if named&^includeNames != 0 && cells[project(at, named)] {
			return true
		}
	}
	return false
}

// project sets the axes that are not named to 0.
func project(at coord, named int) coord {
	for i := range at {
		if named&(1<<i) == 0 {
			at[i] = 0
		}
	}
	return at
}
