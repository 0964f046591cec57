package engine

import (
	"encoding/binary"
	"fmt"
)

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
func (v value) long() bool      { return v.typ == typeLong || v.typ == typeSize }

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

// layout says where in a device block each field lies; -1 where it is not.
type layout struct {
	major, minor, core, memory, bus, l2, sms int
	block                                    int // shared memory per block: 49152 on every GPU
	threads                                  int // 1024 on every GPU
	total                                    int // memory size; in the old orders the first long value from here
}

// The orders of the device block, as read from plans.
var (
	order6  = layout{major: 0, minor: 1, core: 2, memory: 3, bus: 4, l2: 5, block: 6, sms: 9, threads: 11, total: 15}  // 6.0 to 8.2
	order85 = layout{major: 0, minor: 1, core: 2, memory: 3, bus: 4, l2: 5, block: 7, sms: 10, threads: 12, total: 16} // 8.5 to 10.6
	order10 = layout{total: 0, l2: 1, core: 3, memory: 4, bus: 5, block: 6, sms: 8, threads: 10, major: 12, minor: 13} // 10.15
)

// structures that directly hold a device block.
var deviceStructures = map[uint16]bool{0x21: true, 0xa5: true, 0x10: true}

// device reads the device block that follows the version. It gives nil when the
// numbers are not where they are known to be.
func (s *stream) device(version [4]int64) (sm string, d *Device) {
	const maxLead, maxBlock = 16, 20
	var block []value
	for range maxLead {
		v, ok := s.next()
		if !ok {
			return "", nil
		}
		if deviceStructures[v.typ] {
			break
		}
	}
	for len(block) < maxBlock {
		v, ok := s.next()
		if !ok || v.structure() {
			break
		}
		block = append(block, v)
	}
	for _, l := range []layout{order10, order85, order6} {
		if l.fits(block, version) {
			return l.read(block, version)
		}
	}
	return "", nil
}

func (l layout) fits(block []value, version [4]int64) bool {
	at := func(i int) value {
		if i >= len(block) {
			return value{n: -1}
		}
		return block[i]
	}
	newest := l.total == 0
	if newest != (at(0).typ == typeSize) {
		return false
	}
	// 6.0 has no limit of threads at this place.
	threads := at(l.threads).n == 1024 || version[0] == 6
	major, minor := at(l.major), at(l.minor)
	return at(l.block).n == 49152 && threads &&
		major.typ == typeInt && major.n >= 3 && major.n <= 12 &&
		minor.typ == typeInt && minor.n >= 0 && minor.n <= 9 &&
		at(l.sms).typ == typeInt && at(l.sms).n > 0 && at(l.sms).n < 4096
}

func (l layout) read(block []value, version [4]int64) (string, *Device) {
	d := &Device{
		SMs: int(block[l.sms].n), CoreKHz: int(block[l.core].n), MemoryKHz: int(block[l.memory].n),
		MemoryBusBits: int(block[l.bus].n), L2Bytes: block[l.l2].n,
	}
	// 6.0 and 7.0 do not store the memory size.
	stored := version[0] > 7 || version[0] == 7 && version[1] > 0
	for i := l.total; stored && i < len(block) && i <= l.total+1; i++ {
		if block[i].long() && block[i].n > 0 {
			d.MemoryBytes = block[i].n
			break
		}
	}
	return fmt.Sprintf("%d.%d", block[l.major].n, block[l.minor].n), d
}
