package engine

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Layout of the "ftrt" container, read from plans of TensorRT 8.6 to 10.15 that
// others published: magic, 0, section count (8 bytes), total size (8 bytes),
// four version bytes, four bytes of platform, the section table; at the very end
// the complement of the magic.
const (
	containerHead = 32
	sectionEntry  = 24
	maxSections   = 64 // one and two were seen
	endMark       = "\x99\x8b\x8d\x8b"
	engineTag     = "ENGN"
)

// container inspects the "ftrt" container at base.
func (x *inspection) container(base int64) {
	x.f.Kind, x.f.Container = Plan, planMagic
	have := x.size - base
	head, ok := x.whole(base, containerHead)
	if !ok {
		x.f.Truncated = true
		x.note("the file ends inside the header of the plan")
		return
	}
	x.f.TensorRT = fmt.Sprintf("%d.%d.%d.%d", head[24], head[25], head[26], head[27])
	count := binary.LittleEndian.Uint64(head[8:])
	total := binary.LittleEndian.Uint64(head[16:])
	switch {
	case total > math.MaxInt64 || total < containerHead:
		x.damage("the header gives a total size of %d bytes", total)
		total = uint64(have)
	case int64(total) > have:
		x.f.Truncated = true
		x.note("the header says %d bytes, the file has %d: %d are missing", total, have, int64(total)-have)
	case int64(total) < have:
		x.note("%d bytes follow the end of the plan", have-int64(total))
	}
	if count == 0 || count > maxSections {
		x.damage("the header counts %d sections; plans have one or two", count)
		return
	}
	x.sections(base, int(count), int64(total))
	if end, ok := x.whole(base+int64(total)-4, 4); !x.f.Truncated && ok && string(end) != endMark {
		x.damage("the end mark of the plan is missing")
	}
}

// damage notes that something in the file does not hold.
func (x *inspection) damage(format string, args ...any) {
	x.f.Damaged = true
	x.note(format, args...)
}

// sections reads the section table and the archive in the engine section.
func (x *inspection) sections(base int64, count int, total int64) {
	table, ok := x.whole(base+containerHead, count*sectionEntry)
	if !ok {
		x.f.Truncated = true
		x.note("the file ends inside the section table")
		return
	}
	end := int64(containerHead + count*sectionEntry)
	engine := -1
	for i := range count {
		entry := table[i*sectionEntry:]
		offset, size := binary.LittleEndian.Uint64(entry[8:]), binary.LittleEndian.Uint64(entry[16:])
		tag := spelled(entry)
		if offset < uint64(end) || offset > uint64(total) || size > uint64(total)-offset {
			x.damage("section %s of %d bytes at %d overlaps another or does not fit into the plan", tag, size, offset)
			return
		}
		x.f.Sections = append(x.f.Sections, Section{tag, int64(offset), int64(size)})
		end = int64(offset + size)
		switch {
		case tag == SimulatedTag:
			x.f.Simulated = true
			x.note("written by trtsim, which stands in for TensorRT on machines without a GPU: TensorRT cannot load it")
		case tag == engineTag && engine < 0:
			engine = i
		}
	}
	if want := (end+7)/8*8 + 4; want != total {
		x.damage("the sections end at %d, which makes a plan of %d bytes, not %d", end, want, total)
	}
	if engine < 0 {
		x.damage("the plan has no %s section", engineTag)
		return
	}
	s := x.f.Sections[engine]
	if magic, ok := x.whole(base+s.Offset, 4); ok && string(magic) == archiveMagic {
		x.archive(base+s.Offset, s.Size, false)
	} else if ok {
		x.damage("the %s section does not start as an engine does", engineTag)
	}
}

// spelled turns the four bytes of a tag into the text of its number.
func spelled(tag []byte) string {
	text := string([]byte{tag[3], tag[2], tag[1], tag[0]})
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("0x%08x", binary.LittleEndian.Uint32(tag))
		}
	}
	return text
}
