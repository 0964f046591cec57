package tomlfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A scanner walks over a TOML text and notes where keys and values stand. It
// knows the grammar of keys, strings, arrays and tables; whether a bare word is
// a number, a date or nonsense is left to the TOML library, as is the question
// which tables may be reopened.
type scanner struct {
	src       string
	at        int // next byte to look at
	root      *node
	table     *node      // where key = value lines go
	depth     int        // of table
	scalars   []span     // bare words, in the order of the text
	conflicts []conflict // keys that seem to be given twice
}

// syntaxError is why a text cannot be scanned further.
type syntaxError struct {
	at       span
	msg, fix string
}

// conflict is a key that was given before.
type conflict struct {
	at, first span
	key       []keyPart
}

// keyPart is one part of a dotted key: where it is written and what it means.
type keyPart struct {
	span
	name string
}

// scan walks over the whole text.
func (s *scanner) scan() *syntaxError {
	s.table = s.root
	for {
		s.space(true)
		if s.at == len(s.src) {
			return nil
		}
		var err *syntaxError
		if s.src[s.at] == '[' {
			err = s.header()
		} else {
			err = s.pair(s.table, s.depth)
		}
		if err != nil {
			return err
		}
		s.space(false)
		if s.at < len(s.src) && s.src[s.at] != '\n' && s.src[s.at] != '\r' {
			return s.fault("expected the end of the line, found %s", s.found())
		}
	}
}

// space skips blanks and a comment; with lines, also line ends and further comments.
func (s *scanner) space(lines bool) {
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == ' ' || c == '\t' || lines && (c == '\n' || c == '\r'):
			s.at++
		case c == '#':
			if n := strings.IndexByte(s.src[s.at:], '\n'); n >= 0 {
				s.at += n
				if n > 0 && s.src[s.at-1] == '\r' {
					s.at--
				}
			} else {
				s.at = len(s.src)
			}
			if !lines {
				return
			}
		default:
			return
		}
	}
}

// header reads [a.b] or [[a.b]].
func (s *scanner) header() *syntaxError {
	list := strings.HasPrefix(s.src[s.at:], "[[")
	end := "]"
	if list {
		end = "]]"
	}
	s.at += len(end)
	key, err := s.key()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(s.src[s.at:], end) {
		return s.fault("expected %q after the table's name, found %s", end, s.found())
	}
	s.at += len(end)
	if len(key) > maxDepth {
		return tooDeep(key[maxDepth].span)
	}
	s.depth = len(key)
	parent := s.descend(s.root, key[:len(key)-1], key)
	last := key[len(key)-1]
	old := parent.byName[last.name]
	switch {
	case list && old != nil && old.kind == arrayNode && old.tables:
		s.table = &node{kind: tableNode, key: last.span, header: true}
		old.kids = append(old.kids, s.table)
	case list && old == nil:
		s.table = &node{kind: tableNode, key: last.span, header: true}
		parent.add(last.name, &node{kind: arrayNode, tables: true, key: last.span, kids: []*node{s.table}})
	case !list && old != nil && old.kind == tableNode && !old.header:
		old.key, old.header = last.span, true
		s.table = old
	case !list && old == nil:
		s.table = &node{kind: tableNode, key: last.span, header: true}
		parent.add(last.name, s.table)
	default:
		s.conflict(last.span, old, key)
		s.table = &node{kind: tableNode, key: last.span}
	}
	return nil
}

// pair reads key = value into a table that is nested depth deep.
func (s *scanner) pair(table *node, depth int) *syntaxError {
	key, err := s.key()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(s.src[s.at:], "=") {
		return s.fault("expected \"=\" after the key, found %s", s.found())
	}
	s.at++
	s.space0()
	if depth += len(key); depth > maxDepth {
		return tooDeep(key[len(key)-1].span)
	}
	last := key[len(key)-1]
	value, err := s.value(depth)
	if err != nil {
		return err
	}
	value.key = last.span
	parent := s.descend(table, key[:len(key)-1], key)
	if old := parent.byName[last.name]; old != nil {
		s.conflict(last.span, old, key)
		return nil
	}
	parent.add(last.name, value)
	return nil
}

// descend goes from a table down along the parts of a key, making tables that
// are not there yet.
func (s *scanner) descend(table *node, parts, whole []keyPart) *node {
	for _, p := range parts {
		next := table.byName[p.name]
		if next != nil && next.kind == arrayNode && next.tables {
			next = next.kids[len(next.kids)-1]
		}
		switch {
		case next == nil:
			next = &node{kind: tableNode, key: p.span}
			table.add(p.name, next)
		case next.kind != tableNode:
			s.conflict(p.span, next, whole)
			next = &node{kind: tableNode, key: p.span}
		}
		table = next
	}
	return table
}

func (s *scanner) conflict(at span, old *node, key []keyPart) {
	s.conflicts = append(s.conflicts, conflict{at, old.key, key})
}

// key reads a dotted key and the blanks after it.
func (s *scanner) key() ([]keyPart, *syntaxError) {
	var parts []keyPart
	for {
		s.space0()
		p, err := s.keyPart()
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		if at := (span{parts[0].start, p.end}); at.end-at.start > maxKey {
			return nil, &syntaxError{at, fmt.Sprintf("this key is longer than %d bytes", maxKey), ""}
		}
		s.space0()
		if s.at == len(s.src) || s.src[s.at] != '.' {
			return parts, nil
		}
		if len(parts) > maxDepth {
			return nil, tooDeep(p.span)
		}
		s.at++
	}
}

func (s *scanner) keyPart() (keyPart, *syntaxError) {
	start := s.at
	if start < len(s.src) && (s.src[start] == '"' || s.src[start] == '\'') {
		err := s.shortString()
		if err != nil {
			return keyPart{}, err
		}
		at := span{start, s.at}
		if s.src[start] == '\'' || !strings.Contains(s.src[start:s.at], `\`) {
			return keyPart{at, s.src[start+1 : s.at-1]}, nil
		}
		v, decodeErr := decode("x = " + s.src[start:s.at])
		if name, ok := v["x"].(string); ok && decodeErr == nil {
			return keyPart{at, name}, nil
		}
		return keyPart{}, &syntaxError{at, "this key is not a TOML string", ""}
	}
	for s.at < len(s.src) && bare(s.src[s.at]) {
		s.at++
	}
	if s.at == start {
		return keyPart{}, s.fault("expected a key, found %s", s.found())
	}
	return keyPart{span{start, s.at}, s.src[start:s.at]}, nil
}

// space0 skips blanks alone.
func (s *scanner) space0() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t') {
		s.at++
	}
}

func bare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// fault is a mistake at the character that comes next.
func (s *scanner) fault(format string, args ...any) *syntaxError {
	_, n := utf8.DecodeRuneInString(s.src[s.at:])
	return &syntaxError{at: span{s.at, s.at + n}, msg: fmt.Sprintf(format, args...)}
}

// found names the character that comes next.
func (s *scanner) found() string {
	rest := s.src[s.at:]
	switch r, _ := utf8.DecodeRuneInString(rest); {
	case rest == "":
		return "the end of the file"
	case r == '\n' || r == '\r':
		return "the end of the line"
	default:
		return fmt.Sprintf("%q", string(r))
	}
}

func tooDeep(at span) *syntaxError {
	return &syntaxError{at, fmt.Sprintf("tables and arrays are nested more than %d deep", maxDepth), ""}
}
