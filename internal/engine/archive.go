package engine

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxChecksum is the largest archive whose checksum is computed.
const maxChecksum = 64 << 20

// variant is one layout of the head of a "ptrt" archive.
type variant struct {
	head    int64 // bytes before the payload
	payload int   // where the 8-byte size of the payload lies
	crc     int   // where its CRC-32 lies, or 0
	number  int   // where the serialization number lies, or 0
}

// The variants, as read from engines of TensorRT 6 to 10.15.
var (
	variantA = variant{head: 24, payload: 12, crc: 20}   // 6.0, 7.0, 7.1
	variantB = variant{head: 24, payload: 16, crc: 12}   // 8.0
	variantC = variant{head: 24, payload: 16, number: 8} // 8.2 to 10.3
	variantD = variant{head: 20, payload: 8, number: 4}  // from 10.6
	variants = [...]variant{variantA, variantB, variantC, variantD}
)

// size is the length of the archive with this head.
func (v variant) size(head []byte) uint64 {
	return binary.LittleEndian.Uint64(head[v.payload:]) + uint64(v.head)
}

// variantOf tells which variant the archive is; length is that of the file or
// section around it.
func variantOf(head []byte, length int64) (variant, bool) {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(head[at:]) }
	old := word(4) != 0
	fits := map[variant]bool{
		variantA: old, variantB: old,
		variantC: word(4) == 0 && word(12) == 0,
		variantD: word(16) == 0,
	}
	for _, v := range variants {
		if fits[v] && v.size(head) == uint64(length) {
			return v, true
		}
	}
	// Cut short, or followed by something: the version, with which every payload
	// starts, shows where the head ends.
	switch {
	case fits[variantD] && startsValue(head[20:], typeByte):
		return variantD, true
	case !startsValue(head[24:], typeByte):
		return variant{}, false
	case fits[variantC]:
		return variantC, true
	case head[28] >= 8:
		return variantB, true
	}
	return variantA, true
}

// archive inspects the "ptrt" archive at base inside length bytes. A bare one
// fills its file; else it fills a section.
func (x *inspection) archive(base, length int64, bare bool) {
	const most = 32 // the longest head, and the first value behind it
	head := x.bytes(base, most)
	if len(head) < most {
		x.f.Truncated = true
		x.note("the file ends inside the header of the engine")
		return
	}
	v, ok := variantOf(head, length)
	if !ok {
		x.note("the header of the engine is of a layout that is not known")
		return
	}
	if v.number > 0 {
		n := int64(binary.LittleEndian.Uint32(head[v.number:]))
		x.f.Serialization = &n
	} else {
		x.note("serialization numbers %d and %d", binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:]))
	}
	size := v.size(head)
	switch {
	case size < uint64(v.head) || size > math.MaxInt64:
		x.damage("the header of the engine gives a size that makes no sense")
	case size == uint64(length):
		x.checksum(v, head, base, length)
	case !bare:
		x.damage("the engine says %d bytes, its section has %d", size, length)
	case size > uint64(length):
		x.f.Truncated = true
		x.note("the header says %d bytes, the file has %d: %d are missing", size, length, size-uint64(length))
	default:
		x.note("%d bytes follow the end of the plan", uint64(length)-size)
		x.checksum(v, head, base, int64(size))
	}
	x.payload(base + v.head)
}

// checksum compares the CRC-32 of the payload, where the archive has one.
func (x *inspection) checksum(v variant, head []byte, base, size int64) {
	if v.crc == 0 || base+size > x.size {
		return
	}
	if size > maxChecksum {
		x.note("the checksum was not tried: the engine is larger than %d MiB", maxChecksum>>20)
		return
	}
	want := binary.LittleEndian.Uint32(head[v.crc:])
	if got := x.crc(base+v.head, size-v.head); got != want && x.err == nil {
		x.damage("the checksum of the engine is %08x, its header says %08x", got, want)
	}
}

// payloadBytes is how much of the payload is looked at: the version and the
// device block take less than 300 bytes.
const payloadBytes = 1024

// payload reads the version and the device from the start of an archive.
func (x *inspection) payload(offset int64) {
	s := stream(x.bytes(offset, payloadBytes))
	version, ok := s.version()
	if !ok {
		x.note("the engine does not start with a version")
		return
	}
	text := fmt.Sprintf("%d.%d.%d.%d", version[0], version[1], version[2], version[3])
	if x.f.TensorRT != "" && x.f.TensorRT != text {
		x.damage("the plan says TensorRT %s, the engine in it %s", x.f.TensorRT, text)
	} else {
		x.f.TensorRT = text
	}
	sm, device := s.device(version)
	if device == nil {
		x.note("the GPU is described in a way that is not known")
		return
	}
	x.f.SM, x.f.Device = sm, device
	device.Likely = likely(sm, device)
}
