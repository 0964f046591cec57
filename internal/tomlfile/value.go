package tomlfile

import (
	"fmt"
	"slices"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// Value is one value of a file and the place where it stands. Its reading
// methods report a value of another type as a mistake and return false.
type Value struct {
	Name   string   // its key; "" for an element of an array and for the root
	KeyPos diag.Pos // of its key, or of the last part of a table's name
	Pos    diag.Pos // of the value; for a [table], of the last part of its name

	doc           *Doc
	parent        *Value
	index         int // in the parent, when that is an array
	keySpan, span span
	scalar        any
	table, array  bool
	kids          []*Value // of a table or an array, in the order of the file
}

// Field is one key that a table may have, and what to do with its value.
type Field struct {
	Name string
	Read func(*Value)
}

// Fields reads a table with fixed keys: each Field's Read gets its value if the
// key is there, in the order of fields. Other keys are mistakes.
func (v *Value) Fields(fields ...Field) {
	entries, ok := v.Entries()
	if !ok {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		if e := v.Get(f.Name); e != nil {
			f.Read(e)
		}
	}
	for _, e := range entries {
		if v.doc.Mistakes() > maxMistakes {
			return
		}
		if !slices.Contains(names, e.Name) {
			m := v.doc.Mistake(e.KeyPos, "key %s is not known%s", Quote(e.Name), v.within())
			m.Allowed = names
			if n := diag.Nearest(e.Name, names); n != "" && v.Get(n) == nil {
				m.Fix = fmt.Sprintf("write %s", n)
			}
		}
	}
}

// Into returns a reader that stores what read makes of a value, and leaves dst
// alone when the value is wrong.
func Into[T any](dst *T, read func(*Value) (T, bool)) func(*Value) {
	return func(v *Value) {
		if x, ok := read(v); ok {
			*dst = x
		}
	}
}

// Get returns the entry of a table, or nil.
func (v *Value) Get(name string) *Value {
	if v.table {
		for _, k := range v.kids {
			if k.Name == name {
				return k
			}
		}
	}
	return nil
}

// Entries reads a table: its entries in the order of the file.
func (v *Value) Entries() ([]*Value, bool) {
	if !v.table {
		return nil, v.wrong(aTable)
	}
	return v.kids, true
}

// Elements reads an array.
func (v *Value) Elements() ([]*Value, bool) {
	if !v.array {
		return nil, v.wrong(anArray)
	}
	return v.kids, true
}

// Text reads a string.
func (v *Value) Text() (string, bool) {
	s, ok := v.scalar.(string)
	return s, ok || v.wrong(aString)
}

// Bool reads a boolean.
func (v *Value) Bool() (bool, bool) {
	b, ok := v.scalar.(bool)
	return b, ok || v.wrong(aBool)
}

// Int reads an integer.
func (v *Value) Int() (int64, bool) {
	n, ok := v.scalar.(int64)
	return n, ok || v.wrong(anInt)
}

// Float reads a number, which may be an integer.
func (v *Value) Float() (float64, bool) {
	if n, ok := v.scalar.(int64); ok {
		return float64(n), true
	}
	f, ok := v.scalar.(float64)
	return f, ok || v.wrong(aNumber)
}

// IsText reports whether the value is a string, without a complaint if not.
func (v *Value) IsText() bool {
	_, ok := v.scalar.(string)
	return ok
}

// IsArray reports whether the value is an array, without a complaint if not.
func (v *Value) IsArray() bool { return v.array }

// Texts reads an array of strings. The good ones are returned even when others
// are not strings.
func (v *Value) Texts() ([]string, bool) {
	elements, ok := v.Elements()
	texts := make([]string, 0, len(elements))
	for _, e := range elements {
		s, good := e.Text()
		if good {
			texts = append(texts, s)
		}
		ok = ok && good
	}
	return texts, ok
}

// Mistake adds a mistake at the value.
func (v *Value) Mistake(format string, args ...any) *diag.Diagnostic {
	return v.doc.Mistake(v.Pos, format, args...)
}

// Missing adds the mistake that a table has no such key; fix says what to add.
func (v *Value) Missing(name, fix string) {
	v.doc.Mistake(v.KeyPos, "%s is missing%s", name, v.within()).Fix = fix
}

// MistakeAtKey adds a mistake at the value's key.
func (v *Value) MistakeAtKey(format string, args ...any) *diag.Diagnostic {
	return v.doc.Mistake(v.KeyPos, format, args...)
}

// Mistakes returns how many mistakes of the file were found so far.
func (v *Value) Mistakes() int { return v.doc.Mistakes() }

// IsTable reports whether the value is a table, without a complaint if not.
func (v *Value) IsTable() bool { return v.table }

// IsTrue reports whether the value is true, without a complaint if not.
func (v *Value) IsTrue() bool { return v.scalar == true }
