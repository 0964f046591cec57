package diag

import (
	"fmt"
	"strings"
	"unicode"
)

const (
	tabStop     = 4   // columns between tab stops in a quoted line
	quotedWidth = 120 // columns of a source line that are shown
	leadWidth   = 40  // columns shown before the mark when a line must be cut
	listWidth   = 100 // columns at which the list of allowed values is broken
	listLines   = 4   // lines that it may take
)

// Render renders the long form: the short form, the source line with the place
// marked, what is allowed, and the fix. A line too long for a screen is cut
// around the mark, and what a terminal would act on is replaced.
func (d *Diagnostic) Render() string {
	var b strings.Builder
	b.WriteString(d.Error())
	if d.Pos.Line > 0 {
		number := fmt.Sprintf("%5d", d.Pos.Line)
		text, indent, marked := quote(d.Text, d.Pos)
		fmt.Fprintf(&b, "\n%s | %s", number, text)
		fmt.Fprintf(&b, "\n%s   %s%s", strings.Repeat(" ", len(number)),
			strings.Repeat(" ", indent), strings.Repeat("^", marked))
	}
	if len(d.Allowed) > 0 {
		fmt.Fprintf(&b, "\n  allowed: %s", wrap(d.Allowed, len("  allowed: ")))
	}
	if d.Fix != "" {
		fmt.Fprintf(&b, "\n  fix: %s", d.Fix)
	}
	return b.String()
}

// glyph is one character as it is shown.
type glyph struct {
	text  string
	width int // columns it takes
}

// quote makes the shown form of a source line, and says how many columns lie
// before the marked place and how many the place itself takes. Of a line too
// long to show, it looks at little more than what it shows.
func quote(line string, p Pos) (text string, indent, marked int) {
	mark := max(p.Col-1, 0)
	from := max(mark-2*leadWidth, 0)
	var glyphs []glyph
	column, at := 0, 0
	for _, r := range line {
		if at >= from && at <= mark+2*quotedWidth {
			g := show(r, column)
			glyphs = append(glyphs, g)
			column += g.width
		}
		at++
	}
	width := func(from, to int) (n int) {
		for _, g := range glyphs[from:to] {
			n += g.width
		}
		return n
	}
	start := min(mark-from, len(glyphs))
	end := min(start+max(p.Len, 1), len(glyphs))
	first, last := 0, len(glyphs)
	if at > len(glyphs) || column > quotedWidth {
		if from > 0 || width(0, start) > leadWidth {
			for first = start; first > 0 && width(first-1, start) <= leadWidth; first-- {
			}
		}
		used := 0
		for last = first; last < len(glyphs) && used+glyphs[last].width <= quotedWidth; last++ {
			used += glyphs[last].width
		}
		end = min(end, last)
	}
	var b strings.Builder
	if from+first > 0 {
		b.WriteString("…")
		indent = 1
	}
	for _, g := range glyphs[first:last] {
		b.WriteString(g.text)
	}
	if from+last < at {
		b.WriteString("…")
	}
	return b.String(), indent + width(first, start), max(width(start, end), 1)
}

// show says how a character that stands in the given column is shown.
func show(r rune, column int) glyph {
	switch {
	case r == '\t':
		n := tabStop - column%tabStop
		return glyph{strings.Repeat(" ", n), n}
	case unicode.In(r, unicode.Mn, unicode.Me):
		return glyph{string(r), 0}
	case !unicode.IsPrint(r):
		return glyph{"\uFFFD", 1}
	case unicode.Is(wide, r):
		return glyph{string(r), 2}
	}
	return glyph{string(r), 1}
}

// wide holds the characters that terminals show two columns wide: the blocks
// whose East Asian Width is W or F (Unicode Standard Annex 11), taken whole.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115F, Stride: 1}, // Hangul Jamo
		{Lo: 0x231A, Hi: 0x231B, Stride: 1}, // watch, hourglass
		{Lo: 0x23E9, Hi: 0x23EC, Stride: 1},
		{Lo: 0x26A1, Hi: 0x26A1, Stride: 1},
		{Lo: 0x2705, Hi: 0x2705, Stride: 1},
		{Lo: 0x2728, Hi: 0x2728, Stride: 1},
		{Lo: 0x274C, Hi: 0x274C, Stride: 1},
		{Lo: 0x2E80, Hi: 0x303E, Stride: 1}, // CJK radicals and punctuation
		{Lo: 0x3041, Hi: 0x33FF, Stride: 1}, // kana to CJK compatibility
		{Lo: 0x3400, Hi: 0x4DBF, Stride: 1},
		{Lo: 0x4E00, Hi: 0x9FFF, Stride: 1},
		{Lo: 0xA000, Hi: 0xA4CF, Stride: 1}, // Yi
		{Lo: 0xA960, Hi: 0xA97F, Stride: 1},
		{Lo: 0xAC00, Hi: 0xD7A3, Stride: 1}, // Hangul syllables
		{Lo: 0xF900, Hi: 0xFAFF, Stride: 1},
		{Lo: 0xFE30, Hi: 0xFE6F, Stride: 1},
		{Lo: 0xFF00, Hi: 0xFF60, Stride: 1}, // full-width forms
		{Lo: 0xFFE0, Hi: 0xFFE6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x17000, Hi: 0x18CFF, Stride: 1}, // Tangut
		{Lo: 0x1B000, Hi: 0x1B2FF, Stride: 1}, // kana supplements
		{Lo: 0x1F300, Hi: 0x1F64F, Stride: 1}, // pictographs, emoticons
		{Lo: 0x1F680, Hi: 0x1F6FF, Stride: 1},
		{Lo: 0x1F900, Hi: 0x1F9FF, Stride: 1},
		{Lo: 0x1FA70, Hi: 0x1FAFF, Stride: 1},
		{Lo: 0x20000, Hi: 0x3FFFD, Stride: 1}, // CJK extensions
	},
}

// wrap joins words with commas, breaking lines before they grow past listWidth;
// further lines are indented as far as the first. What would need more than
// listLines is counted instead.
func wrap(words []string, indent int) string {
	var b strings.Builder
	column, lines := indent, 1
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		switch {
		case i == 0:
		case column+1+len(w) > listWidth && lines == listLines:
			fmt.Fprintf(&b, " and %d more", len(words)-i)
			return b.String()
		case column+1+len(w) > listWidth:
			lines++
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len(w)
	}
	return b.String()
}
