package engine

import "encoding/binary"

// A payload is a stream of values, each behind a head of two numbers: its type
// and 1. Since 8.2 types have the high bit set.
const (
	typeByte = 0x02
	typeInt  = 0x07
	typeLong = 0x08
	typeSize = 0x09 // 8 bytes as well
	typeBool = 0x0a
)

type stream []byte

// value is one value of a stream. A structure has no value of its own.
type value struct {
	typ uint16
	n   int64
}

func (v value) structure() bool { return valueSize(v.typ) == 0 }

func valueSize(typ uint16) int {
	switch typ {
	case typeByte, typeBool:
		return 1
	case typeInt:
		return 4
	case typeLong, typeSize:
		return 8
	}
	return 0
}

// startsValue reports whether a value of the type starts at the front of p.
func startsValue(p []byte, typ uint16) bool {
	return len(p) >= 4 && binary.LittleEndian.Uint16(p)&0x7fff == typ && binary.LittleEndian.Uint16(p[2:]) == 1
}

// next takes one value off the stream. It fails at the end, and at marks that
// are no values, such as those that close a structure.
func (s *stream) next() (value, bool) {
	p := *s
	if len(p) < 4 || binary.LittleEndian.Uint16(p[2:]) != 1 {
		return value{}, false
	}
	v := value{typ: binary.LittleEndian.Uint16(p) & 0x7fff}
	size := valueSize(v.typ)
	if len(p) < 4+size {
		return value{}, false
	}
	switch size {
	case 1:
		v.n = int64(p[4])
	case 4:
		v.n = int64(int32(binary.LittleEndian.Uint32(p[4:])))
	case 8:
		v.n = int64(binary.LittleEndian.Uint64(p[4:]))
	}
	*s = p[4+size:]
	return v, true
}

// versionLike reports whether what does not start with a version did so once:
// half of its numbers are still where they should be.
func versionLike(p []byte) bool {
	const each, least = 5, 2
	good := 0
	for i := range 4 {
		if at := each * i; len(p) > at && startsValue(p[at:], typeByte) {
			good++
		}
	}
	return good >= least
}

// version takes the four numbers of the TensorRT version off the stream.
func (s *stream) version() (version [4]int64, ok bool) {
	for i := range version {
		v, ok := s.next()
		if !ok || v.typ != typeByte {
			return version, false
		}
		version[i] = v.n
	}
	return version, true
}
