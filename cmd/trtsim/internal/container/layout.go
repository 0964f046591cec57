package container

import (
	"encoding/binary"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Magic numbers of the layouts, as little-endian integers.
const (
	planMagic    = 0x74727466 // "ftrt", a container of sections
	archiveMagic = 0x74727470 // "ptrt", an archive, bare or in its section
	trailer      = ^uint32(planMagic)

	tagEngine  = 0x454e474e // spelled "ENGN"; the bytes read "NGNE"
	tagWeights = 0x57474854 // "WGHT"
	tagMark    = 0x53494d55 // "SIMU", engine.SimulatedTag

	headerSize = 32
	entrySize  = 24
)

// Platform is the word at offset 28 for desktop and server GPUs from 10.0.
const Platform = 0x74727472 // "rtrt"

// release is one row of what is known of a release's layout.
type release struct {
	major, minor  int
	serialization uint32
	bare          bool // the archive is the whole file
	short         bool // the archive header has 20 bytes
	newBlock      bool // the device block starts with the memory size
	platform      uint32
}

// releases were read from plan files where a comment says so; the others take
// what the nearest older one has. Newest first.
var releases = []release{
	{10, 15, 240, false, true, true, Platform},  // read from 10.15.1.29
	{10, 11, 240, false, true, false, Platform}, // a runtime 10.11.0.33 reports 240
	{10, 6, 239, false, true, false, Platform},  // read from 10.6.0.26
	{10, 3, 239, false, false, false, Platform}, // read from 10.3.0.26
	{10, 0, 237, false, false, false, Platform}, // read from 10.0.1.6
	{8, 6, 236, false, false, false, 0},         // read from 8.6.1.6
	{8, 5, 232, true, false, false, 0},          // read from 8.5.1.7
	{8, 4, 213, true, false, false, 0},          // 8.4.3.1 reports 213; its device block is that of 8.5
}

func layoutOf(v catalog.Version) release {
	for _, r := range releases {
		if v.AtLeast(r.major, r.minor) {
			return r
		}
	}
	return releases[len(releases)-1]
}

// Serialization is the number by which a release recognises its own plans.
func Serialization(v catalog.Version) int64 { return int64(layoutOf(v).serialization) }

// Bare reports whether the plans of a release are bare archives, without the
// container that came with 8.6.
func Bare(v catalog.Version) bool { return layoutOf(v).bare }

// Types of the archive's tagged values.
const (
	typeByte   = 0x8002
	typeInt    = 0x8007
	typeLong   = 0x8008
	typeSize   = 0x8009
	typeBool   = 0x800a
	tagClose   = 0x7fed7fef
	tagDevice  = 0x8010
	tagOuter   = 0x8012
	tagPlan    = 0x80d2
	tagPlan8   = 0x80e5
	unlimited  = 2147483647
	gridLimit  = 65535
	blockLimit = 1024
)

// stream builds the archive's payload.
type stream []byte

func (s *stream) tag(t uint16) {
	*s = binary.LittleEndian.AppendUint16(*s, t)
	*s = binary.LittleEndian.AppendUint16(*s, 1)
}

func (s *stream) byte(t uint16, v byte) { s.tag(t); *s = append(*s, v) }

func (s *stream) ints(values ...int) {
	for _, v := range values {
		s.tag(typeInt)
		*s = binary.LittleEndian.AppendUint32(*s, uint32(int32(v)))
	}
}

func (s *stream) long(t uint16, v int64) {
	s.tag(t)
	*s = binary.LittleEndian.AppendUint64(*s, uint64(v))
}

// Values of every device block that the table of devices does not carry.
const (
	sharedPerBlock = 49152
	textureAlign   = 512
)

// payload is the start of an archive's content: version and device block, and
// nothing that TensorRT could run.
func payload(v catalog.Version, d device.Device) []byte {
	l := layoutOf(v)
	var s stream
	for _, n := range []int{v.Major, v.Minor, v.Patch, v.Build} {
		s.byte(typeByte, byte(max(n, 0)))
	}
	if !l.bare {
		plan := uint16(tagPlan)
		if v.Major < 10 {
			plan = tagPlan8
		}
		s.tag(plan)
		s.ints(0)
	}
	s.tag(tagOuter)
	s.tag(tagDevice)
	major, minor := d.Capability()
	if l.newBlock {
		s.long(typeSize, d.Bytes())
		s.long(typeLong, d.L2Bytes)
		s.long(typeLong, d.PersistL2)
		s.ints(d.CoreKHz, d.MemoryKHz, d.BusBits, sharedPerBlock, d.SharedKiB<<10, d.SMs, 0, blockLimit, blockLimit, major, minor, textureAlign)
	} else {
		s.ints(major, minor, d.CoreKHz, d.MemoryKHz, d.BusBits)
		s.long(typeLong, d.L2Bytes)
		s.long(typeLong, d.PersistL2)
		s.ints(sharedPerBlock, d.SharedKiB<<10, textureAlign, d.SMs)
		s.byte(typeBool, 0)
		s.ints(blockLimit, unlimited, gridLimit, gridLimit)
		if v.Major >= 10 {
			s.ints(0)
		}
		s.long(typeSize, d.Bytes())
		if !l.bare && v.Major < 10 {
			s.ints(256 << 20) // seen in the one plan of 8.6 that was read; its meaning is unknown
		}
	}
	return binary.LittleEndian.AppendUint32(s, tagClose)
}

// head is the header of an archive whose payload has size bytes.
func head(v catalog.Version, size int64) []byte {
	l, le := layoutOf(v), binary.LittleEndian
	out := le.AppendUint32(nil, archiveMagic)
	if l.short {
		out = le.AppendUint32(out, l.serialization)
		out = le.AppendUint64(out, uint64(size))
		return le.AppendUint32(out, 0)
	}
	out = le.AppendUint32(out, 0)
	out = le.AppendUint32(out, l.serialization)
	out = le.AppendUint32(out, 0)
	return le.AppendUint64(out, uint64(size))
}

// archive is an archive that holds nothing but its start.
func archive(v catalog.Version, d device.Device) []byte {
	p := payload(v, d)
	return append(head(v, int64(len(p))), p...)
}
