package diagnose

import (
	"regexp"
	"strings"
	"sync"
)

// A signature ties a phrase that programs print to a cause.
type signature struct {
	label  string
	rank   int
	phrase string // lower case; parts separated by " … " stand in this order and close together
	why    string // told instead of the label's, with $1, $2 for what facts captured
	facts  *regexp.Regexp
	line   *regexp.Regexp // must match the line as well, where a phrase alone is too common
	with   string         // counts only when a signature of this label matched, too
	// custom marks phrases about an operator that was sought among the plugins.
	// Where the operator is ONNX's own, the cause is not a plugin but the parser.
	custom bool
}

// Ranks say how much a phrase is the cause itself, rather than what follows from
// one. The highest rank in a log wins; among equals, the first.
const (
	alarm    = 0 // something went wrong; nothing is proven
	trailer  = 2 // follows from nearly every failure of its kind
	symptom  = 4 // a likely cause, when nothing better is said
	usual    = 6 // most often the cause
	strong   = 8 // the cause, except for the rare phrase that explains it in turn
	explicit = 9 // names the cause itself
)

// Labels that are no cause.
const (
	other    = "other"
	none     = "none"
	harmless = "harmless" // an error that does no harm
	passed   = "passed"   // the tool's own word that all went well
	running  = "running"  // the tool begins anew
	despite  = "despite"  // proves failure even when the tool says that it passed
	operator = "operator" // tells which operator the parser is at
)

// knowledge is the compiled table.
type knowledge struct {
	rows    []signature
	matcher *matcher
}

// known compiles the table once: it never changes.
var known = sync.OnceValue(func() knowledge {
	var k knowledge
	for _, table := range [][]signature{marks, loading, building, machine} {
		k.rows = append(k.rows, table...)
	}
	phrases := make([][]string, len(k.rows))
	for i, s := range k.rows {
		phrases[i] = strings.Split(s.phrase, " … ")
	}
	k.matcher = newMatcher(phrases)
	return k
})
