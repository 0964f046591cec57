package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	planMagic    = "ftrt" // a container of sections, TensorRT 8.6 and later
	archiveMagic = "ptrt" // a bare archive before, and the engine section inside since
)

// inspection is a File in the making.
type inspection struct {
	view
	f    File
	skim bool
	// asides are notes that say nothing is wrong; they follow the others.
	asides []string
}

// look is Inspect and Skim.
func look(r io.ReaderAt, size int64, skim bool) (File, error) {
	x := &inspection{view: view{r: r, size: size}, f: File{Kind: Unknown, Size: size, Notes: []string{}}, skim: skim}
	x.inspect()
	x.f.Notes = append(x.f.Notes, x.asides...)
	return x.f, x.err
}

// note says what is wrong. Once reading has failed nothing is: bytes that could
// not be read prove nothing.
func (x *inspection) note(format string, args ...any) {
	if x.err == nil {
		x.f.Notes = append(x.f.Notes, fmt.Sprintf(format, args...))
	}
}

func (x *inspection) aside(format string, args ...any) {
	if x.err == nil {
		x.asides = append(x.asides, fmt.Sprintf(format, args...))
	}
}

// damage notes that something in the file does not hold.
func (x *inspection) damage(format string, args ...any) {
	x.f.Damaged = x.f.Damaged || x.err == nil
	x.note(format, args...)
}

// cut notes that bytes are missing at the end.
func (x *inspection) cut(format string, args ...any) {
	x.f.Truncated = x.f.Truncated || x.err == nil
	x.note(format, args...)
}

func (x *inspection) inspect() {
	if x.size <= 0 {
		x.f.Kind = Empty
		x.note("the file is empty: whatever wrote it failed, as trtexec from 10.13 does after a failed build")
		return
	}
	head := x.bytes(0, headBytes)
	switch {
	case len(head) < 4 && startsPlan(head):
		x.cut("the file ends inside its first word")
	case x.planAt(0, head):
	case x.wrapped(head):
	case x.flatbuffer(head):
	case x.marred(head):
	case x.signed(head):
	case x.protobuf(head):
	case x.preceded(head):
	case x.texts(head):
	default:
		x.unknown(head)
	}
}

// planAt inspects the plan that starts at base with the bytes of head, if one does.
func (x *inspection) planAt(base int64, head []byte) bool {
	container := bytes.HasPrefix(head, []byte(planMagic))
	switch {
	case !container && !bytes.HasPrefix(head, []byte(archiveMagic)):
		return false
	case x.mangled(head):
	case !container:
		x.bare(base)
	case foreign(head, x.size-base):
		return false
	default:
		x.container(base)
	}
	return true
}

// mangled inspects a plan that a program took for text and wrote anew: no number
// in it means anything.
func (x *inspection) mangled(head []byte) bool {
	const chance = 1 // such bytes may stand in any file
	feeds := bytes.Count(head, []byte("\n"))
	switch {
	case bytes.Count(head, []byte("\xef\xbf\xbd")) > chance:
		x.damage("a plan in which the bytes ef bf bd come again and again: a program took it for text, which cannot be undone; copy it again")
	case wideRunes(head) > chance:
		x.damage("a plan whose bytes were written as characters of UTF-8: a program took it for text; copy it again")
	case feeds > chance && bytes.Count(head, []byte("\r\n")) == feeds:
		x.damage("a plan in which a carriage return stands before every line feed: a program took it for text, as git does with core.autocrlf; copy it again")
	default:
		return false
	}
	x.f.Kind = Plan
	return true
}

// wideRunes counts the characters of several bytes in UTF-8, which may be cut at
// its end; there are none in anything else.
func wideRunes(p []byte) int {
	for range utf8.UTFMax - 1 {
		if len(p) > 0 && !utf8.Valid(p) {
			p = p[:len(p)-1]
		}
	}
	if !utf8.Valid(p) {
		return 0
	}
	n := 0
	for _, r := range string(p) {
		if r >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// foreign reports whether nothing behind the magic of a container is as it is
// in one: it is other data that happens to start so.
func foreign(head []byte, length int64) bool {
	if len(head) < containerHead+sectionEntry {
		return false
	}
	count, total := binary.LittleEndian.Uint64(head[8:]), binary.LittleEndian.Uint64(head[16:])
	return (count == 0 || count > maxSections) && total != uint64(length) &&
		binary.LittleEndian.Uint64(head[containerHead+8:]) != containerHead+sectionEntry*count
}

// bare inspects the archive that fills the file from base on.
func (x *inspection) bare(base int64) {
	x.f.Kind, x.f.Container = Plan, archiveMagic
	x.archive(base, x.size-base, true)
}

// maxWrapper bounds the JSON that exporters derived from Ultralytics put before
// a plan: class names and a few settings.
const maxWrapper = 16 << 20

// wrapped inspects a plan behind a JSON header: a length in four bytes, then as
// many bytes of JSON, then the plan.
func (x *inspection) wrapped(head []byte) bool {
	if len(head) < 6 || head[4] != '{' {
		return false
	}
	n := int64(int32(binary.LittleEndian.Uint32(head)))
	if n < 2 || n > maxWrapper {
		return false
	}
	plan := x.bytes(4+n, 2*windowBytes)
	switch {
	case x.planAt(4+n, plan):
		x.f.Leading = 4 + n
		x.note("a JSON header of %d bytes, as Ultralytics exports have it, lies before the plan: TensorRT and Triton load the file only without its first %d bytes", n, 4+n)
	case x.size < 8+n && (startsPlan(plan) || len(plan) == 0):
		x.cut("the file ends inside or right behind a JSON header of %d bytes, as Ultralytics exports have it before the plan", n)
	default:
		return false
	}
	return true
}

// startsPlan reports whether p, of fewer than four bytes, may be the start of a plan.
func startsPlan(p []byte) bool {
	return len(p) > 0 && (bytes.HasPrefix([]byte(planMagic), p) || bytes.HasPrefix([]byte(archiveMagic), p))
}

// marred inspects a plan whose first word is wrong and whose other numbers hold.
func (x *inspection) marred(head []byte) bool {
	switch {
	case tabled(head) && binary.LittleEndian.Uint64(head[16:]) == uint64(x.size):
		x.damage("the first word is % x: everything else is a plan's, which starts with %q", head[:4], planMagic)
		x.container(0)
	case archived(head, x.size):
		x.damage("the first word is % x: everything else is an engine's, which starts with %q", head[:4], archiveMagic)
		x.bare(0)
	default:
		return false
	}
	return true
}

// tabled reports whether the head of a container, but for its magic, makes sense.
func tabled(head []byte) bool {
	if len(head) < containerHead+sectionEntry {
		return false
	}
	count := binary.LittleEndian.Uint64(head[8:])
	return count >= 1 && count <= maxSections && binary.LittleEndian.Uint64(head[16:]) > containerHead &&
		binary.LittleEndian.Uint64(head[containerHead+8:]) == containerHead+sectionEntry*count
}

// archived reports whether the head of an archive, but for its magic, makes
// sense; length is that of the archive.
func archived(head []byte, length int64) bool {
	if len(head) < archiveHead+4 {
		return false
	}
	v, exact, ok := variantOf(head, length)
	if !ok || !exact {
		return false
	}
	s := stream(head[v.head:])
	_, ok = s.version()
	return ok
}

// preceded looks for a plan that starts a little later than the file: behind
// the header of a download, or a mark that an editor put there.
func (x *inspection) preceded(head []byte) bool {
	const tries = 8
	at := 0
	for range tries {
		next := bytes.Index(head[at:], []byte("trt"))
		if next < 0 {
			return false
		}
		at += next + 3
		if base := at - 4; base > 0 && x.startsAt(int64(base)) {
			x.note("%d bytes that do not belong to the plan precede it: TensorRT loads the file only without them", base)
			x.f.Leading = int64(base)
			return x.planAt(int64(base), x.bytes(int64(base), containerHead+sectionEntry))
		}
	}
	return false
}

// startsAt reports whether a plan starts at base: the magic and the numbers
// behind it.
func (x *inspection) startsAt(base int64) bool {
	switch p := x.bytes(base, containerHead+sectionEntry); {
	case bytes.HasPrefix(p, []byte(planMagic)):
		return tabled(p) && binary.LittleEndian.Uint64(p[16:]) <= uint64(x.size-base)
	case bytes.HasPrefix(p, []byte(archiveMagic)) && len(p) >= archiveHead+4:
		v, _, ok := variantOf(p, x.size-base)
		if !ok || v.size(p) > uint64(x.size-base) {
			return false
		}
		s := stream(p[v.head:])
		_, ok = s.version()
		return ok
	}
	return false
}
