package tomlfile

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/diag"
)

// span is a piece of the text, in bytes.
type span struct{ start, end int }

// text is a file's text and a map from bytes to lines and characters. A byte
// order mark is not part of it: no editor shows one.
type text struct {
	file  string
	src   string
	lines []int // byte offset of each line's first character
	runes []int // number of characters before every block of bytes
}

const block = 512 // bytes between two entries of text.runes

func newText(file, src string) *text {
	t := &text{file: file, src: strings.TrimPrefix(src, "\uFEFF"), lines: []int{0}}
	count := 0
	for i := 0; i < len(t.src); i++ {
		if i%block == 0 {
			t.runes = append(t.runes, count)
		}
		if utf8.RuneStart(t.src[i]) {
			count++
		}
		if t.src[i] == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	t.runes = append(t.runes, count)
	return t
}

// pos says where a span is. What reaches over the end of its line is cut there.
func (t *text) pos(s span) diag.Pos {
	s.start = min(s.start, len(t.src))
	line := sort.SearchInts(t.lines, s.start+1)
	end := min(s.end, t.lines[line-1]+len(t.line(line)))
	return diag.Pos{
		Line: line,
		Col:  t.runesBefore(s.start) - t.runesBefore(t.lines[line-1]) + 1,
		Len:  max(t.runesBefore(max(end, s.start))-t.runesBefore(s.start), 1),
	}
}

// runesBefore counts the characters before a byte offset.
func (t *text) runesBefore(at int) int {
	n := t.runes[at/block]
	for i := at / block * block; i < at; i++ {
		if utf8.RuneStart(t.src[i]) {
			n++
		}
	}
	return n
}

// line returns a line without its ending; "" for line 0.
func (t *text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	line := t.src[t.lines[n-1]:]
	if n < len(t.lines) {
		line = t.src[t.lines[n-1] : t.lines[n]-1]
	}
	return strings.TrimSuffix(line, "\r")
}

// unreadable finds the first thing that no TOML text may hold anywhere: bytes
// that are not UTF-8, and control characters. It returns no message when there
// is none.
func (t *text) unreadable() (at span, msg, fix string) {
	if strings.HasPrefix(t.src, "\xff\xfe") || strings.HasPrefix(t.src, "\xfe\xff") {
		return span{0, 1}, "the file is UTF-16; TOML is UTF-8", "save it as UTF-8"
	}
	for i, r := range t.src {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(t.src[i:], "\uFFFD"):
			return span{i, i + 1}, fmt.Sprintf("byte 0x%02x is not UTF-8", t.src[i]), "save the file as UTF-8"
		case r == '\r' && !strings.HasPrefix(t.src[i:], "\r\n"):
			return span{i, i + 1}, "a carriage return stands alone, without a line feed", ""
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f:
			return span{i, i + 1}, fmt.Sprintf("control character 0x%02x is not allowed in TOML", r), "remove it"
		}
	}
	return span{}, "", ""
}
