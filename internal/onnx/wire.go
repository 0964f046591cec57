package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// window is how much of the file a scanner holds while it reads on.
	window = 16 << 10

	// glance is how much it reads behind a jump: the head of a tensor fits, and
	// what follows it is mostly data to jump over again.
	glance = 512

	// near is a jump that is no more than reading on.
	near = 4 << 10
)

// maxText is the longest name that is read. Exporters write module paths of a
// few hundred bytes.
const maxText = 64 << 10

// Error says where and why a file is not a readable model.
type Error struct {
	Path   string // "" when the model came from a reader
	Offset int64  // where reading stopped, from the start of the file; -1 when no place is to blame
	Reason string
	Fix    string // what to do about it; "" when the file does not tell
}

func (e *Error) Error() string {
	text := e.Where()
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// Where is the error without its remedy.
func (e *Error) Where() string {
	text := e.Reason
	if e.Offset >= 0 {
		text = fmt.Sprintf("byte %d: %s", e.Offset, text)
	}
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

func faultAt(offset int64, format string, args ...any) error {
	return &Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// field is one protobuf field: its number, and where its value lies.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	start int64  // of the tag
	body  int64  // of the value, behind the length where there is one
	end   int64  // behind the value
	bits  uint64 // the value of a varint, fixed32 or fixed64 field
}

func (f field) size() int64 { return f.end - f.body }

// scanner walks the fields of a protobuf file through one small window. Values
// that nobody asks for are stepped over with a seek.
type scanner struct {
	src   io.ReaderAt
	size  int64
	buf   []byte
	off   int64 // of buf[0] in the file
	pos   int   // of the next byte in buf
	ahead int64 // how much to read next
}

func newScanner(src io.ReadSeeker, size int64) *scanner {
	at, ok := src.(io.ReaderAt)
	if !ok {
		at = seeker{src}
	}
	return &scanner{src: at, size: size, buf: make([]byte, 0, window), ahead: window}
}

// seeker reads at a place by going there, for sources that cannot do both at once.
type seeker struct{ io.ReadSeeker }

func (s seeker) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := s.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s, p)
}

func (s *scanner) at() int64 { return s.off + int64(s.pos) }

// jump makes offset the place of the next byte.
func (s *scanner) jump(offset int64) {
	if d := offset - s.off; d >= 0 && d <= int64(len(s.buf)) {
		s.pos = int(d)
		return
	}
	if gap := offset - s.off - int64(len(s.buf)); gap < 0 || gap > near {
		s.ahead = glance
	}
	s.off, s.pos, s.buf = offset, 0, s.buf[:0]
}

// fill loads the window at the current place, more of it each time that reading
// goes on where it stopped. There is at least one more byte before s.size when
// it is called.
func (s *scanner) fill() error {
	at := s.at()
	want := min(s.ahead, s.size-at)
	s.off, s.pos, s.ahead = at, 0, min(4*s.ahead, window)
	n, err := s.src.ReadAt(s.buf[:want], at)
	s.buf = s.buf[:max(n, 0)]
	switch {
	case int64(n) == want:
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return faultAt(at+int64(n), "the file became shorter while it was read")
	}
	return fmt.Errorf("read at byte %d: %w", at, err)
}

// byte returns the next byte, which must lie before end.
func (s *scanner) byte(end int64) (byte, error) {
	if s.at() >= end {
		return 0, faultAt(s.at(), "the model ends inside a field: the file is cut short or damaged")
	}
	if s.pos == len(s.buf) {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	b := s.buf[s.pos]
	s.pos++
	return b, nil
}

func (s *scanner) varint(end int64) (uint64, error) {
	start := s.at()
	if s.pos < len(s.buf) && start < end && s.buf[s.pos] < 0x80 { // nearly every tag and length
		s.pos++
		return uint64(s.buf[s.pos-1]), nil
	}
	var v uint64
	for shift := 0; ; shift += 7 {
		b, err := s.byte(end)
		if err != nil {
			return 0, err
		}
		if shift == 63 && b > 1 {
			return 0, faultAt(start, "a number is longer than 64 bits: this is not an ONNX model, or it is damaged")
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
}

// read fills p from the current place; the caller has checked that it is there.
func (s *scanner) read(p []byte) error {
	for len(p) > 0 {
		if s.pos == len(s.buf) {
			if err := s.fill(); err != nil {
				return err
			}
		}
		n := copy(p, s.buf[s.pos:])
		s.pos += n
		p = p[n:]
	}
	return nil
}

// next reads the tag and extent of the field at the current place, inside a
// message called what that ends at end.
func (s *scanner) next(end int64, what string) (field, error) {
	f := field{start: s.at()}
	tag, err := s.varint(end)
	if err != nil {
		return f, err
	}
	f.num, f.typ = protowire.Number(tag>>3), protowire.Type(tag&7)
	if tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return f, faultAt(f.start, "%s has a field with number %d, which protobuf does not allow: this is not an ONNX model, or it is damaged", what, tag>>3)
	}
	length := uint64(0)
	switch f.typ {
	case protowire.VarintType:
		f.body = s.at()
		if f.bits, err = s.varint(end); err != nil {
			return f, err
		}
		f.end = s.at()
		return f, nil
	case protowire.Fixed32Type:
		length = 4
	case protowire.Fixed64Type:
		length = 8
	case protowire.BytesType:
		if length, err = s.varint(end); err != nil {
			return f, err
		}
	default:
		return f, faultAt(f.start, "%s has a field of wire type %d, which ONNX never uses: this is not an ONNX model, or it is damaged", what, f.typ)
	}
	f.body = s.at()
	if length > uint64(end-f.body) {
		return f, faultAt(f.start, "field %d of %s claims %d bytes where %d are left: the file is cut short or damaged", f.num, what, length, end-f.body)
	}
	f.end = f.body + int64(length)
	if f.typ != protowire.BytesType {
		var fixed [8]byte
		if err := s.read(fixed[:length]); err != nil {
			return f, err
		}
		f.bits = binary.LittleEndian.Uint64(fixed[:])
	}
	return f, nil
}

// each calls visit for every field of the message called what that lies
// between start and end. Visit need not read the value.
func (s *scanner) each(start, end int64, what string, visit func(field) error) error {
	s.jump(start)
	for s.at() < end {
		f, err := s.next(end, what)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		s.jump(f.end)
	}
	return nil
}

// message walks a field that holds a message.
func (s *scanner) message(f field, what string, visit func(field) error) error {
	if f.typ != protowire.BytesType {
		return wrongType(f, what)
	}
	return s.each(f.body, f.end, what, visit)
}

// text reads a field that holds a name.
func (s *scanner) text(f field, what string) (string, error) {
	if f.typ != protowire.BytesType {
		return "", wrongType(f, what)
	}
	if f.size() > maxText {
		return "", faultAt(f.start, "%s is %d bytes long; at most %d are read", what, f.size(), maxText)
	}
	p := make([]byte, f.size())
	s.jump(f.body)
	if err := s.read(p); err != nil {
		return "", err
	}
	return string(p), nil
}

func number(f field, what string) (int64, error) {
	if f.typ != protowire.VarintType {
		return 0, wrongType(f, what)
	}
	return int64(f.bits), nil
}

// numbers passes the elements of a repeated integer field to add, be they
// packed or one a field.
func (s *scanner) numbers(f field, what string, add func(int64) error) error {
	if f.typ == protowire.VarintType {
		return add(int64(f.bits))
	}
	if f.typ != protowire.BytesType {
		return wrongType(f, what)
	}
	s.jump(f.body)
	for s.at() < f.end {
		v, err := s.varint(f.end)
		if err != nil {
			return err
		}
		if err := add(int64(v)); err != nil {
			return err
		}
	}
	return nil
}

func wrongType(f field, what string) error {
	return faultAt(f.start, "%s has wire type %d, which ONNX does not use there: this is not an ONNX model, or it is damaged", what, f.typ)
}
