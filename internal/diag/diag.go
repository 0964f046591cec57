// Package diag describes a mistake in a user's file so that the user can mend
// it without reading anything else: where it is, what was found, what would
// have been accepted, and the fix when exactly one is sure.
package diag

import "fmt"

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
