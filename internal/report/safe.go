package report

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Safe returns a writer for terminals and logs: names, messages and paths come
// from outside, and a control character in one could move the cursor, recolour
// what follows or hide what was said before. Such characters are written as
// \u001b, which JSON and TOML read back as what they were; line ends and tabs
// stay. What is not UTF-8 becomes U+FFFD.
func Safe(w io.Writer) io.Writer { return &safe{w: w} }

type safe struct {
	w    io.Writer
	rest []byte // the beginning of a character whose end is yet to come
}

func (s *safe) Write(p []byte) (int, error) {
	text := append(s.rest, p...)
	s.rest = nil
	clean := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			s.rest = append(s.rest, text...)
			break
		}
		r, n := utf8.DecodeRune(text)
		if harmful(r) {
			clean = fmt.Appendf(clean, `\u%04x`, r)
		} else {
			clean = utf8.AppendRune(clean, r)
		}
		text = text[n:]
	}
	if _, err := s.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// harmful reports whether a terminal may do something other than show r: controls,
// and the marks that reorder or break the text around them.
func harmful(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
		return true
	}
	return unicode.IsControl(r)
}
