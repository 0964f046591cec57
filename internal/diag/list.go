package diag

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// List collects the mistakes of one or more files.
type List struct {
	found []*Diagnostic
}

// Add appends a mistake.
func (l *List) Add(d *Diagnostic) { l.found = append(l.found, d) }

// Len returns how many mistakes were added.
func (l *List) Len() int { return len(l.found) }

// Err returns nil when the list is empty, otherwise one error that holds every
// mistake, ordered by file, then by position. errors.As finds the first
// *Diagnostic in it, and All finds every one.
func (l *List) Err() error {
	slices.SortStableFunc(l.found, func(a, b *Diagnostic) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
		)
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
		if d, ok := errors.AsType[*Diagnostic](err); ok {
			lines[i] = d.Render()
		}
	}
	return strings.Join(lines, "\n")
}

// All returns the mistakes that err holds, in its order; none when err has
// nothing to do with a user's file.
func All(err error) []*Diagnostic {
	if all, ok := errors.AsType[*multierror.Error](err); ok {
		var found []*Diagnostic
		for _, e := range all.Errors {
			found = append(found, All(e)...)
		}
		return found
	}
	if d, ok := errors.AsType[*Diagnostic](err); ok {
		return []*Diagnostic{d}
	}
	return nil
}
