package tomlfile

import (
	"fmt"
	"strconv"
	"strings"
)

// longest is how many characters of a user's text a message repeats.
const longest = 80

// Quote repeats a user's text in a message: quoted, and cut when it is long.
func Quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	n := 0
	for i := range s {
		if n == longest {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// Path names a value as messages do: "matrix.images[2]"; "" for the root.
func (v *Value) Path() string {
	if v.parent == nil {
		return ""
	}
	before := v.parent.Path()
	if v.parent.array {
		return fmt.Sprintf("%s[%d]", before, v.index)
	}
	if before != "" {
		before += "."
	}
	return before + keyText(v.Name)
}

// within says in which table something is; nothing for the root.
func (v *Value) within() string {
	if p := v.Path(); p != "" {
		return " in " + p
	}
	return ""
}

// keyText writes one part of a key as TOML wants it.
func keyText(name string) string {
	for i := 0; i < len(name); i++ {
		if !bare(name[i]) {
			return Quote(name)
		}
	}
	if name == "" {
		return Quote(name)
	}
	return shorten(name)
}

func pathText(key []keyPart) string {
	parts := make([]string, len(key))
	for i, p := range key {
		parts[i] = keyText(p.name)
	}
	return strings.Join(parts, ".")
}
