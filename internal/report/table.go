package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table aligns rows of cells under their headings.
type Table struct {
	Indent string
	Head   []string // nil for none
	Rows   [][]string
}

// oneLine keeps a cell on its line.
var oneLine = strings.NewReplacer("\n", `\n`, "\t", " ")

// Write writes the table with two spaces between columns and without trailing
// space.
func (t Table) Write(w io.Writer) error {
	all := t.Rows
	if t.Head != nil {
		all = append([][]string{t.Head}, t.Rows...)
	}
	var width []int
	for _, row := range all {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(oneLine.Replace(cell)))
		}
	}
	for _, row := range all {
		var line strings.Builder
		line.WriteString(t.Indent)
		for i, cell := range row {
			cell = oneLine.Replace(cell)
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// Size prints bytes in binary units.
func Size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, suffix := float64(n), ""
	for _, s := range []string{"KiB", "MiB", "GiB", "TiB"} {
		value, suffix = value/unit, s
		if value < unit-0.05 { // what rounds up to a thousand and more is one of the next
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, suffix)
}
