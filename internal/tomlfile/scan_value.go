package tomlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// value reads one value; depth is how deep it is nested.
func (s *scanner) value(depth int) (*node, *syntaxError) {
	start := s.at
	if depth > maxDepth {
		return nil, tooDeep(span{start, start + 1})
	}
	n := &node{kind: scalarNode}
	var err *syntaxError
	switch rest := s.src[s.at:]; {
	case strings.HasPrefix(rest, "["):
		n.kind = arrayNode
		err = s.array(n, depth)
	case strings.HasPrefix(rest, "{"):
		n.kind = tableNode
		n.header = true // nothing may be added to it later
		err = s.inlineTable(n, depth)
	case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
		err = s.longString()
	case strings.HasPrefix(rest, `"`), strings.HasPrefix(rest, `'`):
		err = s.shortString()
	default:
		err = s.word()
	}
	n.val = span{start, s.at}
	return n, err
}

func (s *scanner) array(n *node, depth int) *syntaxError {
	open := span{s.at, s.at + 1}
	s.at++
	for {
		s.space(true)
		if s.at == len(s.src) {
			return &syntaxError{open, `this array has no end`, `write "]" after its last value`}
		}
		if s.src[s.at] == ']' {
			s.at++
			return nil
		}
		kid, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		s.space(true)
		switch {
		case s.at == len(s.src):
			return &syntaxError{open, `this array has no end`, `write "]" after its last value`}
		case s.src[s.at] == ',':
			s.at++
		case s.src[s.at] != ']':
			return s.fault("expected \",\" or \"]\" after a value of the array, found %s", s.found())
		}
	}
}

func (s *scanner) inlineTable(n *node, depth int) *syntaxError {
	open := span{s.at, s.at + 1}
	s.at++
	for {
		s.space(true)
		if s.at == len(s.src) {
			return &syntaxError{open, `this table has no end`, `write "}" after its last value`}
		}
		if s.src[s.at] == '}' {
			s.at++
			return nil
		}
		if err := s.pair(n, depth); err != nil {
			return err
		}
		s.space(true)
		switch {
		case s.at == len(s.src):
			return &syntaxError{open, `this table has no end`, `write "}" after its last value`}
		case s.src[s.at] == ',':
			s.at++
		case s.src[s.at] != '}':
			return s.fault("expected \",\" or \"}\" after a value of the table, found %s", s.found())
		}
	}
}

// shortString reads a string of one line.
func (s *scanner) shortString() *syntaxError {
	start, quote := s.at, s.src[s.at]
	s.at++
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == quote:
			s.at++
			return nil
		case c == '\n' || c == '\r':
			return &syntaxError{span{start, s.at}, "this string does not end in its line",
				fmt.Sprintf("write %c at its end, or use %s for a text of several lines", quote, strings.Repeat(string(quote), 3))}
		case c == '\\' && quote == '"':
			if err := s.escape(); err != nil {
				return err
			}
		default:
			s.at++
		}
	}
	return &syntaxError{span{start, s.at}, "this string has no end", fmt.Sprintf("write %c at its end", quote)}
}

// longString reads a string in triple quotes, which may end in up to two more.
func (s *scanner) longString() *syntaxError {
	start, quote, triple := s.at, s.src[s.at], s.src[s.at:s.at+3]
	s.at += 3
	for s.at < len(s.src) {
		switch {
		case strings.HasPrefix(s.src[s.at:], triple):
			s.at += 3
			for more := 0; more < 2 && s.at < len(s.src) && s.src[s.at] == quote; more++ {
				s.at++
			}
			return nil
		case s.src[s.at] == '\\' && quote == '"':
			if rest := strings.TrimLeft(s.src[s.at+1:], " \t"); strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n") {
				s.at = len(s.src) - len(rest)
			} else if err := s.escape(); err != nil {
				return err
			}
		default:
			s.at++
		}
	}
	return &syntaxError{span{start, start + 3}, "this string has no end", "write " + triple + " at its end"}
}

// hexDigits says how many digits follow an escape that names a character.
var hexDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// escape reads a backslash and what belongs to it.
func (s *scanner) escape() *syntaxError {
	rest := s.src[s.at+1:]
	if rest == "" {
		return s.fault("expected an escape, found the end of the file")
	}
	if strings.IndexByte(`btnfre"\`, rest[0]) >= 0 {
		s.at += 2
		return nil
	}
	if n := hexDigits[rest[0]]; n > 0 && len(rest) > n {
		var r rune
		if _, err := fmt.Sscanf(rest[1:1+n], "%x", &r); err == nil && isHex(rest[1:1+n]) && utf8.ValidRune(r) {
			s.at += 2 + n
			return nil
		}
		return &syntaxError{span{s.at, s.at + 2}, "this escape does not name a character", ""}
	}
	_, n := utf8.DecodeRuneInString(rest)
	return &syntaxError{span{s.at, s.at + 1 + n}, fmt.Sprintf("%s is not an escape that TOML knows", s.src[s.at:s.at+1+n]),
		`write two backslashes for one, or put the text in '…' where a backslash is plain`}
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// word reads a number, a date, a boolean, or what stands in the place of one.
func (s *scanner) word() *syntaxError {
	start := s.at
	for s.at < len(s.src) {
		rest := s.src[s.at:]
		if date := s.src[start:s.at]; rest[0] == ' ' && len(rest) > 1 && len(date) == len("2006-01-02") && isDate(date) && '0' <= rest[1] && rest[1] <= '9' {
			s.at++ // a blank may stand between a date and a time
			continue
		}
		if strings.IndexByte(" \t\r\n,]}#=\"'[{", rest[0]) >= 0 {
			break
		}
		_, n := utf8.DecodeRuneInString(rest)
		s.at += n
	}
	if s.at == start {
		return s.fault("expected a value, found %s", s.found())
	}
	s.scalars = append(s.scalars, span{start, s.at})
	return nil
}

// isDate tells 2006-01-02 by its form.
func isDate(s string) bool {
	for i, c := range []byte(s) {
		if dash := i == 4 || i == 7; dash != (c == '-') || !dash && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
