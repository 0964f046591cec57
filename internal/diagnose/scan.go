package diagnose

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is how much of a line is kept for evidence; the rest of it is still
// searched.
const maxLine = 64 << 10

// near is how far apart, in characters, the parts of one phrase may stand:
// across a few wrapped lines, but not across a whole log.
const near = 500

// matcher finds the phrases of all signatures in one pass (Aho and Corasick:
// Efficient string matching, 1975), over text that is made uniform first: lower
// case, one blank for any blanks and line ends, without terminal colours and NUL
// bytes. Phrases are therefore found across wrapped lines, too, and in UTF-16.
type matcher struct {
	class [256]uint8 // bytes that no phrase holds share class 0; letters have that of their lower case
	width int
	next  []uint16 // state*width + class -> state, with ends set where something ends there
	found [][]part // what ends in a state
	rows  int
}

// ends marks a state in which at least one part ends.
const ends = 1 << 15

// part is one piece of a signature's phrase.
type part struct {
	row, index int
	last       bool
}

// newMatcher builds the automaton for the phrases, each a list of parts.
func newMatcher(phrases [][]string) *matcher {
	m := &matcher{width: 1, rows: len(phrases)}
	for _, parts := range phrases {
		for _, p := range parts {
			for i := range len(p) {
				if m.class[p[i]] == 0 {
					m.class[p[i]] = uint8(m.width)
					m.width++
				}
			}
		}
	}
	grow := func() int {
		m.next = append(m.next, make([]uint16, m.width)...)
		m.found = append(m.found, nil)
		return len(m.found) - 1
	}
	grow()
	for row, parts := range phrases {
		for i, p := range parts {
			state := 0
			for j := range len(p) {
				at := state*m.width + int(m.class[p[j]])
				if m.next[at] == 0 {
					m.next[at] = uint16(grow())
				}
				state = int(m.next[at])
			}
			m.found[state] = append(m.found[state], part{row, i, i == len(parts)-1})
		}
	}
	m.link()
	for c := 'A'; c <= 'Z'; c++ {
		m.class[c] = m.class[c-'A'+'a']
	}
	for i, s := range m.next {
		if len(m.found[s]) > 0 {
			m.next[i] |= ends
		}
	}
	return m
}

// link adds the transitions for mismatches, breadth first.
func (m *matcher) link() {
	fail := make([]int, len(m.found))
	var queue []int
	for c := 1; c < m.width; c++ {
		if s := int(m.next[c]); s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		m.found[s] = append(m.found[s], m.found[fail[s]]...)
		for c := range m.width {
			at := s*m.width + c
			other := m.next[fail[s]*m.width+c]
			if t := int(m.next[at]); t != 0 {
				fail[t] = int(other)
				queue = append(queue, t)
			} else {
				m.next[at] = other
			}
		}
	}
}

// A reader feeds a log to a matcher and reports which signatures matched where.
type reader struct {
	m        *matcher
	state    int
	escape   escapeState
	blank    bool // the last character was a blank
	offset   int64
	progress []int   // parts of each phrase found so far
	at       []int64 // where the last of them ended
	fired    []int   // rows that matched in the current line
}

// escapeState is where in a terminal control sequence the reader stands.
type escapeState uint8

const (
	text    escapeState = iota
	begun               // after ESC
	control             // after ESC [, up to a letter
	command             // after ESC ], up to BEL or ESC \
)

// read calls line for every line in which signatures matched, with the line's
// number, its first bytes and the rows, in the order in which they matched.
func (r *reader) read(src io.Reader, line func(number int, text []byte, rows []int)) error {
	r.progress, r.at = make([]int, r.m.rows), make([]int64, r.m.rows)
	in := bufio.NewReaderSize(src, maxLine)
	var cut []byte // beginning of a line that is longer than the buffer
	for number := 1; ; {
		piece, err := in.ReadSlice('\n')
		r.scan(piece)
		full := errors.Is(err, bufio.ErrBufferFull)
		if full {
			if cut == nil {
				cut = append([]byte{}, piece...)
			}
			continue
		}
		if len(r.fired) > 0 {
			if cut != nil {
				piece = cut
			}
			line(number, piece, r.fired)
			r.fired = r.fired[:0]
		}
		cut = nil
		number++
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *reader) scan(piece []byte) {
	for _, b := range piece {
		if b <= ' ' || r.escape != text {
			if b = r.control(b); b == 0 || b == ' ' && r.blank {
				continue
			}
		}
		r.blank = b == ' '
		r.offset++
		next := r.m.next[r.state*r.m.width+int(r.m.class[b])]
		r.state = int(next &^ ends)
		if next&ends != 0 {
			for _, p := range r.m.found[r.state] {
				r.match(p)
			}
		}
	}
}

// control handles control characters and what follows an escape; it returns the
// character to go on with, or 0.
func (r *reader) control(b byte) byte {
	switch {
	case b == '\n': // ends any sequence: a broken one must not swallow the log
		r.escape = text
		return ' '
	case r.escape == begun && b == '[':
		r.escape = control
	case r.escape == begun && b == ']':
		r.escape = command
	case r.escape == begun,
		r.escape == control && b >= '@' && b <= '~',
		r.escape == command && b == '\a':
		r.escape = text
	case b == 0x1b:
		r.escape = begun
	case r.escape == text && (b == ' ' || b == '\t' || b == '\r' || b == '\v' || b == '\f'):
		return ' '
	}
	return 0
}

// plain returns a line as a person sees it, for what is read out of it: without
// control characters and sequences.
func plain(line []byte) []byte {
	var r reader
	out := make([]byte, 0, len(line))
	for _, b := range line {
		if b < ' ' || r.escape != text {
			b = r.control(b)
		}
		if b != 0 {
			out = append(out, b)
		}
	}
	return out
}

func (r *reader) match(p part) {
	switch {
	case p.index == 0, r.progress[p.row] == p.index && r.offset-r.at[p.row] <= near:
		r.progress[p.row], r.at[p.row] = p.index+1, r.offset
	default:
		return
	}
	if p.last {
		r.progress[p.row] = 0
		for _, row := range r.fired {
			if row == p.row {
				return
			}
		}
		r.fired = append(r.fired, p.row)
	}
}
