package engine

import (
	"bytes"
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
	x86Word       = "rtrt" // the platform of plans from x86 since 10.0; 8.6 has 0
)

// container inspects the "ftrt" container at base.
func (x *inspection) container(base int64) {
	x.f.Kind, x.f.Container = Plan, planMagic
	have := x.size - base
	head, ok := x.whole(base, containerHead)
	if !ok {
		x.cut("the file ends inside the header of the plan")
		return
	}
	x.f.TensorRT = fmt.Sprintf("%d.%d.%d.%d", head[24], head[25], head[26], head[27])
	if word := string(head[28:32]); word != "\x00\x00\x00\x00" && word != x86Word {
		x.aside("the platform word is %s; plans from x86 have %s, the one of a Jetson Orin that is known has utrt", printable(head[28:32]), x86Word)
	}
	if word := binary.LittleEndian.Uint32(head[4:]); word != 0 {
		x.note("the word behind the magic is %d, and 0 in every plan that is known", word)
	}
	count := binary.LittleEndian.Uint64(head[8:])
	total := binary.LittleEndian.Uint64(head[16:])
	switch {
	case total > math.MaxInt64 || total < containerHead+sectionEntry:
		x.damage("the header gives a total size of %d bytes", total)
		total = uint64(have)
	case int64(total) > have:
		x.missing(int64(total), have)
	case int64(total) < have:
		x.follows(base+int64(total), have-int64(total))
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

// missing notes a plan that is shorter than its header says.
func (x *inspection) missing(total, have int64) {
	x.cut("the header says %d bytes, the file has %d: %d are missing", total, have, total-have)
}

// follows notes n bytes behind the end of a plan, and what they are.
func (x *inspection) follows(end, n int64) {
	x.f.Trailing = n
	p := x.bytes(end, windowBytes)
	text := ""
	switch {
	case bytes.HasPrefix(p, []byte(planMagic)), bytes.HasPrefix(p, []byte(archiveMagic)):
		text = ": another plan starts there"
	case len(bytes.Trim(p, "\x00")) == 0 && int64(len(p)) == n:
		text = ": all are zero"
	case len(bytes.Trim(p, "\x00")) == 0:
		text = fmt.Sprintf(": the first %d are zero", len(p))
	}
	x.note("%d bytes follow the end of the plan%s", n, text)
}

// sections reads the section table and the archive in the engine section.
func (x *inspection) sections(base int64, count int, total int64) {
	table, ok := x.whole(base+containerHead, count*sectionEntry)
	if !ok {
		x.cut("the file ends inside the section table")
		return
	}
	end := int64(containerHead + count*sectionEntry)
	engine := -1
	for i := range count {
		entry := table[i*sectionEntry:]
		offset, size := binary.LittleEndian.Uint64(entry[8:]), binary.LittleEndian.Uint64(entry[16:])
		tag := spelled(entry)
		switch {
		case offset < uint64(end) || offset > uint64(total) || size > uint64(total)-offset:
			x.damage("section %s of %d bytes at %d overlaps another or does not fit into the plan", tag, size, offset)
			return
		case offset%8 != 0:
			x.damage("section %s starts at %d, and sections start at multiples of 8", tag, offset)
		}
		if word := binary.LittleEndian.Uint32(entry[4:]); word != 0 {
			x.note("the word behind the tag of section %s is %d, and 0 in every plan that is known", tag, word)
		}
		x.f.Sections = append(x.f.Sections, Section{tag, int64(offset), int64(size)})
		end = int64(offset + size)
		switch {
		case tag == SimulatedTag && !x.f.Simulated:
			x.simulated()
		case tag == engineTag && engine < 0:
			engine = i
		}
	}
	if want := (end+7)/8*8 + 4; want != total {
		x.damage("the sections end at %d, which makes a plan of %d bytes, not %d", end, want, total)
	}
	s := x.f.Sections[max(engine, 0)] // it comes first in all that are known
	magic, ok := x.whole(base+s.Offset, 4)
	started := string(magic) == archiveMagic
	switch {
	case !ok && engine >= 0: // cut off before
	case engine < 0 && !started:
		x.note("the plan has no %s section: of what it holds instead nothing is known", engineTag)
	case !started:
		x.damage("the %s section does not start as an engine does", engineTag)
	case engine < 0:
		x.damage("the section of the engine is called %s, not %s", s.Tag, engineTag)
		fallthrough
	default:
		x.archive(base+s.Offset, s.Size, false)
	}
}

// spelled turns the four bytes of a tag into the text of its number.
func spelled(tag []byte) string { return printable([]byte{tag[3], tag[2], tag[1], tag[0]}) }

// printable is four bytes as text where they are, and as a number elsewhere.
func printable(word []byte) string {
	for _, c := range word {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("0x%08x", binary.BigEndian.Uint32(word))
		}
	}
	return string(word)
}
