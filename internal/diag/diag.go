// Package diag describes a mistake in a user's file so that the user can mend
// it without reading anything else: where it is, what was found, what would
// have been accepted, and the fix when exactly one is sure.
package diag

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Pos is a place in a text file. Line and Col start at 1 and Col counts
// characters, not bytes; Len is the number of characters meant. The zero Pos
// means that the place is not known.
type Pos struct {
	Line, Col, Len int
}

// Diagnostic is one mistake in a user's file.
type Diagnostic struct {
	File    string
	Pos     Pos
	Text    string   // the whole source line, without its line ending
	Msg     string   // what was found
	Allowed []string // what would be accepted, in the order to show it
	Fix     string   // one imperative sentence; empty if none is sure
}

// Error renders the short form, one line.
func (d *Diagnostic) Error() string {
	if d.Pos.Line == 0 {
		return fmt.Sprintf("%s: %s", d.File, d.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Pos.Line, d.Pos.Col, d.Msg)
}

// Render renders the long form: the short form, the source line with the place
// marked, what is allowed, and the fix.
func (d *Diagnostic) Render() string {
	var b strings.Builder
	b.WriteString(d.Error())
	if d.Pos.Line > 0 {
		number := fmt.Sprintf("%5d", d.Pos.Line)
		fmt.Fprintf(&b, "\n%s | %s", number, strings.ReplaceAll(d.Text, "\t", " "))
		fmt.Fprintf(&b, "\n%s   %s%s", strings.Repeat(" ", len(number)),
			strings.Repeat(" ", max(d.Pos.Col-1, 0)), strings.Repeat("^", max(d.Pos.Len, 1)))
	}
	if len(d.Allowed) > 0 {
		fmt.Fprintf(&b, "\n  allowed: %s", strings.Join(d.Allowed, ", "))
	}
	if d.Fix != "" {
		fmt.Fprintf(&b, "\n  fix: %s", d.Fix)
	}
	return b.String()
}

// List collects the mistakes of one or more files.
type List struct {
	found []*Diagnostic
}

// Add appends a mistake.
func (l *List) Add(d *Diagnostic) { l.found = append(l.found, d) }

// Len returns how many mistakes were added.
func (l *List) Len() int { return len(l.found) }

// Err returns nil when the list is empty, otherwise one error that holds every
// mistake, ordered by file, then by position. errors.As finds a *Diagnostic in it.
func (l *List) Err() error {
	sort.SliceStable(l.found, func(i, j int) bool {
		a, b := l.found[i], l.found[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line < b.Pos.Line
		}
		return a.Pos.Col < b.Pos.Col
	})
	all := &multierror.Error{ErrorFormat: format}
	for _, d := range l.found {
		all.Errors = append(all.Errors, d)
	}
	return all.ErrorOrNil()
}

func format(errs []error) string {
	lines := make([]string, len(errs))
	for i, err := range errs {
		lines[i] = err.Error()
		if d, ok := err.(*Diagnostic); ok {
			lines[i] = d.Render()
		}
	}
	return strings.Join(lines, "\n")
}

// Nearest returns the one of names that is most likely meant by got, or "" when
// none is near: at most a third of its characters may differ.
func Nearest(got string, names []string) string {
	best, bestDistance := "", len([]rune(got))/3+1
	for _, n := range names {
		if strings.EqualFold(n, got) {
			return n
		}
		if d := distance(strings.ToLower(got), strings.ToLower(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each cost one.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
