package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// archiveHead is the longest head of a "ptrt" archive.
const archiveHead = 24

// variant is one layout of the head of a "ptrt" archive. Places are offsets from
// its magic; 0 where there is none.
type variant struct {
	head     int64 // bytes before the payload
	payload  int   // the 8-byte size of the payload
	crc      int   // the CRC-32 of the payload
	optional bool  // a checksum of 0 is none
	number   int   // the serialization number
	second   int   // another number beside it
}

// The variants, as read from engines of TensorRT 6 to 10.15. No plan of variant
// C or D had anything but 0 at the place of a checksum.
var (
	variantA = variant{head: 24, payload: 12, crc: 20, number: 4, second: 8}      // 6.0, 7.0, 7.1
	variantB = variant{head: 24, payload: 16, crc: 12, number: 4, second: 8}      // 8.0
	variantC = variant{head: 24, payload: 16, crc: 12, optional: true, number: 8} // 8.2 to 10.3
	variantD = variant{head: 20, payload: 8, crc: 16, optional: true, number: 4}  // from 10.6
)

// size is the length of the archive with this head.
func (v variant) size(head []byte) uint64 {
	return binary.LittleEndian.Uint64(head[v.payload:]) + uint64(v.head)
}

// sane reports whether the head gives a size that an engine may have.
func (v variant) sane(head []byte) bool {
	const most = 1 << 40
	size := v.size(head)
	return size > uint64(v.head) && size < most
}

// variantOf tells which variant the archive is, from its head and the first word
// behind the longest head. Length is that of the file or section around it;
// exact, that the archive's own size is the same. Release numbers play no part:
// only one place gives the right size, and the version, with which every payload
// starts, shows where the head ends.
func variantOf(head []byte, length int64) (v variant, exact, ok bool) {
	later := variantC
	if binary.LittleEndian.Uint32(head[4:]) != 0 {
		later = variantB
	}
	all := []variant{later, variantA, variantD}
	exactly := func(v variant) bool { return v.size(head) == uint64(length) }
	versioned := func(v variant) bool { return startsValue(head[v.head:], typeByte) }
	for _, v := range all {
		if exactly(v) && versioned(v) {
			return v, true, true
		}
	}
	// Cut short, or followed by something. A size read at the wrong place takes in
	// the checksum, and is huge.
	switch {
	case versioned(variantD):
		return variantD, false, true
	case versioned(variantA) && variantA.sane(head) && !later.sane(head):
		return variantA, false, true
	case versioned(later):
		return later, false, true
	}
	i := slices.IndexFunc(all, exactly)
	if i < 0 {
		return variant{}, false, false
	}
	return all[i], true, true
}

// archive inspects the "ptrt" archive at base inside length bytes. A bare one
// fills its file; else it fills a section.
func (x *inspection) archive(base, length int64, bare bool) {
	if length < archiveHead+4 && !bare {
		x.damage("a section of %d bytes is too short for an engine", length)
		return
	}
	head := x.bytes(base, int(min(archiveHead+payloadBytes, length)))
	if len(head) < archiveHead+4 {
		x.cut("the file ends inside the header of the engine")
		return
	}
	v, exact, ok := variantOf(head, length)
	if !ok {
		if bare {
			x.f.Kind = Unknown
		}
		x.note("the header of the engine is of a layout that is not known: % x", head[:archiveHead+4])
		return
	}
	size := v.size(head)
	switch {
	case exact:
		x.checksum(v, head, base, length)
	case size < uint64(v.head) || size > math.MaxInt64:
		x.damage("the header of the engine gives a size that makes no sense")
		size = uint64(length)
	case !bare:
		x.damage("the engine says %d bytes, its section has %d", size, length)
	case size > uint64(length):
		x.missing(int64(size), length)
	default:
		x.follows(base+int64(size), length-int64(size))
		x.checksum(v, head, base, int64(size))
	}
	number := binary.LittleEndian.Uint32(head[v.number:])
	serialization := int64(number)
	x.f.Serialization = &serialization
	if v.second > 0 {
		x.aside("the second serialization number is %d", binary.LittleEndian.Uint32(head[v.second:]))
	}
	x.payload(head[v.head:])
	if bare && x.f.Kind == Plan && !x.f.Truncated {
		if trailer, ok := x.whole(base+int64(size)-markSize, markSize); ok {
			if offset, marked := MarkOffset(trailer); marked && offset < size-markSize {
				x.simulated()
			}
		}
	}
	x.numbers(v, head)
}

// checksum compares the CRC-32 of the payload, where the archive has one.
func (x *inspection) checksum(v variant, head []byte, base, size int64) {
	want := binary.LittleEndian.Uint32(head[v.crc:])
	if v.optional && want == 0 || base+size > x.size {
		return
	}
	if x.skim {
		x.aside("the checksum was not tried: it takes reading the whole file")
		return
	}
	if got := x.crc(base+v.head, size-v.head); got != want {
		x.damage("the checksum of the engine is %08x, its header says %08x", got, want)
	}
}

// payloadBytes is how much of the payload is looked at: the version and the
// device block take less than 300 bytes.
const payloadBytes = 1000

// payload reads the version and the device from the start of an archive.
func (x *inspection) payload(p []byte) {
	s := stream(p)
	version, ok := s.version()
	if !ok {
		switch {
		case x.f.Truncated:
		case versionLike(p):
			x.damage("the version with which the engine starts is damaged")
		case x.f.Container == archiveMagic:
			// TensorRT reads timing caches with the same reader, by the same magic
			// (NVIDIA/TensorRT issue 3566).
			x.f.Kind = Unknown
			x.note("an archive of TensorRT that does not start with a version, as engines do: it may be a timing cache")
		default:
			x.note("the engine does not start with a version, as those that are known do")
		}
		return
	}
	text := fmt.Sprintf("%d.%d.%d.%d", version[0], version[1], version[2], version[3])
	if x.f.TensorRT != "" && x.f.TensorRT != text {
		x.damage("the plan says TensorRT %s, the engine in it %s", x.f.TensorRT, text)
	} else {
		x.f.TensorRT = text
	}
	x.device(s, version)
}
