package onnx

import (
	"cmp"
	"slices"
	"strings"
)

// functionCost is what a function takes beside its names and operators.
const functionCost = 512

// function is a model-local function with what its body uses.
type function struct {
	ops   map[string]int
	calls int
}

// localFunction walks a FunctionProto. Overloads of one name are one function.
func (w *walk) localFunction(f field) error {
	outside := w.ops
	w.ops = make(map[string]int)
	defer func() { w.ops = outside }()
	var name, domain string
	err := w.message(f, "a function", func(f field) (err error) {
		switch f.num {
		case 1:
			name, err = w.text(f, "the name of a function")
		case 7:
			err = w.node(f, 0)
		case 10:
			domain, err = w.domain(f)
		}
		return err
	})
	if err != nil {
		return err
	}
	if name == "" || strings.Contains(name, "\x00") || strings.Contains(domain, "\x00") {
		return faultAt(f.start, "a function has no name that makes sense (%q)", name)
	}
	key := domain + "\x00" + name
	if known := w.functions[key]; known != nil {
		add(known.ops, w.ops)
		return nil
	}
	w.functions[key] = &function{ops: w.ops}
	return w.keep(f.start, len(key)+functionCost)
}

func add(to, from map[string]int) {
	for key, n := range from {
		to[key] += n
	}
}

// resolve replaces the calls of functions among the operators by what those
// functions use, and theirs in turn.
func (w *walk) resolve() {
	var todo []*function
	call := func(ops map[string]int) {
		for key, n := range ops {
			f := w.functions[key]
			if f == nil {
				continue
			}
			if f.calls == 0 {
				todo = append(todo, f)
			}
			f.calls += n
			delete(ops, key)
		}
	}
	call(w.ops)
	for len(todo) > 0 {
		f := todo[0]
		todo = todo[1:]
		call(f.ops)
		add(w.ops, f.ops)
	}
	for key, f := range w.functions {
		domain, name, _ := strings.Cut(key, "\x00")
		w.m.Functions = append(w.m.Functions, Function{domain, name, f.calls})
	}
	slices.SortFunc(w.m.Functions, func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Name, b.Name))
	})
}
