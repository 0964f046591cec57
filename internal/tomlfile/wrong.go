package tomlfile

import (
	"strconv"
	"strings"
	"time"
)

// The types that a reader may want, as messages name them.
const (
	aTable   = "a table"
	anArray  = "an array"
	aString  = "a string"
	aBool    = "true or false"
	anInt    = "an integer"
	aNumber  = "a number"
	theFile  = "the file"
	longFix  = 60 // bytes of a value that a fix repeats
	wantsFix = "write "
)

// wrong adds the mistake that the value is not of the type that is wanted, and
// returns false.
func (v *Value) wrong(want string) bool {
	path := v.Path()
	if path == "" {
		path = theFile
	}
	m := v.Mistake("%s must be %s, found %s", path, want, v.kind())
	if fix := v.as(want); fix != "" {
		m.Fix = wantsFix + fix
	}
	return false
}

// as writes a scalar as the type that is wanted; "" when that is not surely
// what was meant.
func (v *Value) as(want string) string {
	written := v.doc.text.src[v.span.start:v.span.end]
	if v.scalar == nil || len(written) > longFix || strings.Contains(written, "\n") {
		return ""
	}
	text, isText := v.scalar.(string)
	switch {
	case want == anArray:
		return "[" + written + "]"
	case want == aString && !isText:
		return strconv.Quote(written)
	case want == aBool && (text == "true" || text == "false"):
		return text
	case (want == anInt || want == aNumber) && isText:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
	}
	return ""
}

// kind names the type that was found.
func (v *Value) kind() string {
	switch v.scalar.(type) {
	case string:
		return aString
	case int64:
		return anInt
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date"
	}
	if v.table {
		return aTable
	}
	return anArray
}
