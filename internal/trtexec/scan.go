package trtexec

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// scanner takes JSON apart token by token, in constant memory. It is made for
// what trtexec writes by hand: names are not escaped properly there, and numbers
// may be nan or inf. So it does not judge literals, and a string is all up to
// the next bare quote.
type scanner struct {
	in   *bufio.Reader
	read int64 // bytes so far
}

func newScanner(r io.Reader) *scanner { return &scanner{in: bufio.NewReader(r)} }

// token is one of { } [ ] : , or '"' for a string, 'a' for any other atom, 0 at
// the end. Text is that of strings and atoms, its first 4 KiB.
type token struct {
	kind byte
	text string
}

func (s *scanner) byte() (byte, error) {
	c, err := s.in.ReadByte()
	if err == nil {
		s.read++
	}
	return c, err
}

func (s *scanner) next() (token, error) {
	for {
		c, err := s.byte()
		switch {
		case err == io.EOF:
			return token{}, nil
		case err != nil:
			return token{}, err
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case strings.IndexByte("{}[]:,", c) >= 0:
			return token{kind: c}, nil
		case c == '"':
			return s.quoted()
		default:
			return s.atom(c)
		}
	}
}

func (s *scanner) quoted() (token, error) {
	var text []byte
	for escaped := false; ; {
		c, err := s.byte()
		switch {
		case err == io.EOF:
			return token{}, fmt.Errorf("byte %d: a string does not end", s.read)
		case err != nil:
			return token{}, err
		case !escaped && c == '"':
			return token{'"', printable(text)}, nil
		case !escaped && c == '\\':
			escaped = true
			continue
		}
		escaped = false
		if len(text) < longestText {
			text = append(text, c)
		}
	}
}

func (s *scanner) atom(first byte) (token, error) {
	text := []byte{first}
	for {
		c, err := s.byte()
		if err == io.EOF {
			return token{'a', printable(text)}, nil
		}
		if err != nil {
			return token{}, err
		}
		if strings.IndexByte(" \t\n\r{}[]:,\"", c) >= 0 {
			s.in.UnreadByte() // just read, so it cannot fail
			s.read--
			return token{'a', printable(text)}, nil
		}
		if len(text) < longestText {
			text = append(text, c)
		}
	}
}

func printable(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// expect takes one token of a kind.
func (s *scanner) expect(kind byte) (token, error) {
	t, err := s.next()
	if err == nil && t.kind != kind {
		err = s.unexpected(t)
	}
	return t, err
}

func (s *scanner) unexpected(t token) error {
	if t.kind == 0 {
		return fmt.Errorf("byte %d: the document ends too early", s.read)
	}
	return fmt.Errorf("byte %d: unexpected %q", s.read, string(t.kind)+t.text)
}

// skip passes over the value that begins with t.
func (s *scanner) skip(t token) error {
	for depth := 0; ; {
		switch t.kind {
		case 0:
			return s.unexpected(t)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth < 0 {
			return s.unexpected(t)
		}
		if depth == 0 {
			return nil
		}
		var err error
		if t, err = s.next(); err != nil {
			return err
		}
	}
}

// members calls each with every key of the object whose brace was just taken,
// and the first token of its value. Each takes the rest of the value.
func (s *scanner) members(each func(key string, value token) error) error {
	t, err := s.next()
	for ; err == nil && t.kind == '"'; t, err = s.next() {
		if _, err = s.expect(':'); err != nil {
			return err
		}
		value, err := s.next()
		if err != nil {
			return err
		}
		if err := each(t.text, value); err != nil {
			return err
		}
		end, err := s.next()
		if err != nil {
			return err
		}
		if end.kind == '}' {
			return nil
		}
		if end.kind != ',' {
			return s.unexpected(end)
		}
	}
	if err == nil && t.kind != '}' {
		err = s.unexpected(t)
	}
	return err
}

// elements calls each with the first token of every element of the array whose
// bracket was just taken. Each takes the rest of the element.
func (s *scanner) elements(each func(value token) error) error {
	t, err := s.next()
	for ; err == nil && t.kind != ']'; t, err = s.next() {
		if err := each(t); err != nil {
			return err
		}
		end, err := s.next()
		if err != nil {
			return err
		}
		if end.kind == ']' {
			return nil
		}
		if end.kind != ',' {
			return s.unexpected(end)
		}
	}
	return err
}
