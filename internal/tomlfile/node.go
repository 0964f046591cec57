package tomlfile

import "time"

// node is what the scanner knows of one value: what kind it is, where it and
// its key are written, and what it holds. What it means is the library's word.
type node struct {
	kind   nodeKind
	key    span // where its key is written; empty for an element of an array
	val    span // where it is written; empty for a table that has no { } of its own
	tables bool // an array made by [[name]]
	header bool // a table that is written in one place, by [name] or { }
	kids   []*node
	names  []string // of kids, when a table
	byName map[string]*node
}

type nodeKind int

const (
	scalarNode nodeKind = iota
	arrayNode
	tableNode
)

func (n *node) add(name string, kid *node) {
	if n.byName == nil {
		n.byName = map[string]*node{}
	}
	n.byName[name] = kid
	n.names = append(n.names, name)
	n.kids = append(n.kids, kid)
}

// at returns where a node is best shown: its value, or the name of its table.
func (n *node) at() span {
	if n.val == (span{}) {
		return n.key
	}
	return n.val
}

// join lays the values that the TOML library read over the nodes of the index.
// It returns a node at which the two do not agree, if there is one.
func (d *Doc) join(parent *Value, n *node, value any) (*Value, *node) {
	v := &Value{doc: d, parent: parent, Pos: d.text.pos(n.at()), span: n.at(), keySpan: n.key}
	v.KeyPos = v.Pos
	if n.key != (span{}) {
		v.KeyPos = d.text.pos(n.key)
	}
	switch x := value.(type) {
	case map[string]any:
		v.table = true
		if n.kind != tableNode || len(n.kids) != len(x) {
			return nil, n
		}
		for i, kid := range n.kids {
			kidValue, ok := x[n.names[i]]
			if !ok {
				return nil, kid
			}
			k, odd := d.join(v, kid, kidValue)
			if odd != nil {
				return nil, odd
			}
			k.Name = n.names[i]
			v.kids = append(v.kids, k)
		}
		return v, nil
	case []map[string]any:
		elements := make([]any, len(x))
		for i := range x {
			elements[i] = x[i]
		}
		return d.join(parent, n, elements)
	case []any:
		v.array = true
		if n.kind != arrayNode || len(n.kids) != len(x) {
			return nil, n
		}
		for i, kid := range n.kids {
			k, odd := d.join(v, kid, x[i])
			if odd != nil {
				return nil, odd
			}
			k.index = i
			v.kids = append(v.kids, k)
		}
		return v, nil
	case string, int64, float64, bool, time.Time:
		if n.kind != scalarNode {
			return nil, n
		}
		v.scalar = x
		return v, nil
	}
	return nil, n
}
