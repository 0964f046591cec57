package engine_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

var le = binary.LittleEndian

const endMark = "\x99\x8b\x8d\x8b"

// board is a GPU as a plan describes it.
type board struct {
	major, minor, sms, bus, core, memory, shared int
	total, l2, persist                           int64
	integrated                                   bool
}

// payload writes the stream of tagged values of an archive.
type payload struct {
	bytes []byte
	high  uint16 // bit that types have since 8.2
}

func (p *payload) tag(typ uint16) {
	p.bytes = le.AppendUint16(le.AppendUint16(p.bytes, typ|p.high), 1)
}

func (p *payload) structure(tags ...uint16) {
	for _, tag := range tags {
		p.tag(tag)
	}
}

func (p *payload) ints(values ...int) {
	for _, v := range values {
		p.tag(7)
		p.bytes = le.AppendUint32(p.bytes, uint32(v))
	}
}

func (p *payload) longs(typ uint16, values ...int64) {
	for _, v := range values {
		p.tag(typ)
		p.bytes = le.AppendUint64(p.bytes, uint64(v))
	}
}

func (p *payload) boolean(v bool) {
	p.tag(10)
	p.bytes = append(p.bytes, map[bool]byte{true: 1}[v])
}

// numbers are the four numbers of a version.
func numbers(version string) []byte {
	var n [4]byte
	if _, err := fmt.Sscanf(version, "%d.%d.%d.%d", &n[0], &n[1], &n[2], &n[3]); err != nil {
		panic(err)
	}
	return n[:]
}

// release is how a TensorRT writes plans: version, variant of the archive's
// head, its two numbers, structure tags before the device block, and whether
// there is a container with how many sections.
type release struct {
	version  string
	variant  byte
	a, b     uint32
	tags     []uint16
	lead     bool // an int32 behind the first tag
	block    string
	sections int
	platform string
}

// releases are the layouts that plans were seen in.
var releases = []release{
	{"6.0.1.10", 'A', 87, 170, []uint16{0x21}, false, "wide", 0, ""},
	{"7.0.0.11", 'A', 89, 194, []uint16{0x21}, false, "wide limits", 0, ""},
	{"7.1.3.4", 'A', 97, 211, []uint16{0x21}, false, "wide limits memory", 0, ""},
	{"8.0.1.6", 'B', 43, 256, []uint16{0x48, 0xa5}, false, "wide limits memory", 0, ""},
	{"8.2.1.8", 'C', 0, 205, []uint16{0x12, 0x10}, false, "wide limits memory", 0, ""},
	{"8.5.1.7", 'C', 0, 232, []uint16{0x12, 0x10}, false, "narrow limits memory", 0, ""},
	{"8.6.1.6", 'C', 0, 236, []uint16{0xe5, 0x12, 0x10}, true, "narrow limits memory", 1, ""},
	{"10.0.1.6", 'C', 0, 237, []uint16{0xd2, 0x12, 0x10}, true, "narrow limits zero memory", 1, "rtrt"},
	{"10.3.0.26", 'C', 0, 239, []uint16{0xd2, 0x12, 0x10}, true, "narrow limits zero memory", 1, "rtrt"},
	{"10.3.0.30", 'C', 0, 239, []uint16{0xd2, 0x12, 0x10}, true, "narrow limits zero memory", 1, "utrt"},
	{"10.6.0.26", 'D', 239, 0, []uint16{0xd2, 0x12, 0x10}, true, "narrow limits zero memory", 2, "rtrt"},
	{"10.15.1.29", 'D', 240, 0, []uint16{0xd2, 0x12, 0x10}, true, "new", 2, "rtrt"},
}

func releaseOf(t testing.TB, version string) release {
	t.Helper()
	i := slices.IndexFunc(releases, func(r release) bool { return r.version == version })
	if i < 0 {
		t.Fatalf("no layout of %s", version)
	}
	return releases[i]
}

// stream is the payload of an archive: version, device block, and what follows.
func (r release) stream(b board) []byte {
	p := payload{}
	if r.variant >= 'C' {
		p.high = 0x8000
	}
	for _, n := range numbers(r.version) {
		p.tag(2)
		p.bytes = append(p.bytes, n)
	}
	for i, tag := range r.tags {
		if r.variant == 'B' {
			p.high = 0x8000 // there only structures have it
		}
		p.structure(tag)
		if r.lead && i == 0 {
			p.ints(0)
		}
	}
	if r.variant == 'B' {
		p.high = 0
	}
	for part := range strings.SplitSeq(r.block, " ") {
		switch part {
		case "wide":
			p.ints(b.major, b.minor, b.core, b.memory, b.bus)
			p.longs(8, b.l2, 49152, int64(b.shared), 512)
			p.ints(b.sms)
			p.boolean(b.integrated)
		case "narrow":
			p.ints(b.major, b.minor, b.core, b.memory, b.bus)
			p.longs(8, b.l2, b.persist)
			p.ints(49152, b.shared, 512, b.sms)
			p.boolean(b.integrated)
		case "limits":
			p.ints(1024, 2147483647, 65535, 65535)
		case "zero":
			p.ints(0)
		case "memory":
			p.longs(9, b.total)
		case "new":
			p.longs(9, b.total)
			p.longs(8, b.l2, b.persist)
			p.ints(b.core, b.memory, b.bus, 49152, b.shared, b.sms, 0, 1024, 1024, b.major, b.minor, 512)
		}
	}
	switch {
	case r.variant == 'A': // the block is not closed off: other members follow
		p.ints(1)
		p.boolean(false)
		p.boolean(true)
		p.structure(0x03)
	case r.variant == 'B':
		p.ints(1 << 27)
		p.bytes = append(p.bytes, 0x5a, 0x7f, 0xb7, 0x7f)
	default:
		p.bytes = append(p.bytes, 0xef, 0x7f, 0xed, 0x7f)
	}
	for i := range 200 { // the engine proper
		p.bytes = append(p.bytes, byte(i*i))
	}
	return p.bytes
}

// plan is a whole plan of the release, built on a board.
func (r release) plan(b board) []byte { return r.around(archive(r, r.stream(b))) }

// around puts the archive into the release's container, if it has one.
func (r release) around(engine []byte) []byte {
	switch r.sections {
	case 1:
		return container(r.version, r.platform, "ENGN", engine)
	case 2:
		return container(r.version, r.platform, "ENGN", engine, "WGHT", make([]byte, 20))
	}
	return engine
}

// archive is a "ptrt" archive with the release's head.
func archive(r release, payload []byte) []byte {
	crc, size := crc32.ChecksumIEEE(payload), uint64(len(payload))
	p := []byte("ptrt")
	switch r.variant {
	case 'A':
		p = le.AppendUint32(le.AppendUint64(le.AppendUint32(le.AppendUint32(p, r.a), r.b), size), crc)
	case 'B':
		p = le.AppendUint64(le.AppendUint32(le.AppendUint32(le.AppendUint32(p, r.a), r.b), crc), size)
	case 'C':
		p = le.AppendUint64(le.AppendUint32(le.AppendUint32(le.AppendUint32(p, 0), r.b), 0), size)
	case 'D':
		p = le.AppendUint32(le.AppendUint64(le.AppendUint32(p, r.a), size), 0)
	}
	return append(p, payload...)
}

// container is an "ftrt" container; tags are four letters as their number is spelled.
func container(version, platform string, sections ...any) []byte {
	var table, body []byte
	start := 32 + 24*len(sections)/2
	for i := 0; i < len(sections); i += 2 {
		tag, data := []byte(sections[i].(string)), sections[i+1].([]byte)
		slices.Reverse(tag)
		table = append(append(table, tag...), 0, 0, 0, 0)
		table = le.AppendUint64(le.AppendUint64(table, uint64(start+len(body))), uint64(len(data)))
		body = append(body, data...)
		for (start+len(body))%8 != 0 {
			body = append(body, 0)
		}
	}
	p := le.AppendUint64([]byte("ftrt\x00\x00\x00\x00"), uint64(len(sections)/2))
	p = le.AppendUint64(p, uint64(start+len(body)+4))
	p = append(p, numbers(version)...)
	p = append(append(p, platform...), make([]byte, 4-len(platform))...)
	return slices.Concat(p, table, body, []byte(endMark))
}

// behind puts a JSON header before a plan, as Ultralytics exports have it.
func behind(header string, plan []byte) []byte {
	return slices.Concat(le.AppendUint32(nil, uint32(len(header))), []byte(header), plan)
}

// flat is a plan of TensorRT 5: a FlatBuffer whose root holds a table with the
// version and a table with the device, where fields that are 0 are not stored.
func flat(version string, name string, b board) []byte {
	p := make([]byte, 8+4) // the size, and where the root is
	table := func(fields []int64, widths []int) (at int, places []int) {
		offsets, end := make([]int, len(fields)), 4
		for i, w := range widths {
			if fields[i] != 0 {
				end = (end + w - 1) / w * w
				offsets[i], end = end, end+w
			}
		}
		for len(p)%8 != (8-(4+2*len(fields))%8)%8 {
			p = append(p, 0)
		}
		vtable := len(p)
		p = le.AppendUint16(le.AppendUint16(p, uint16(4+2*len(fields))), uint16(end))
		for _, o := range offsets {
			p = le.AppendUint16(p, uint16(o))
		}
		at = len(p)
		body := make([]byte, end)
		le.PutUint32(body, uint32(at-vtable))
		for i, w := range widths {
			var n [8]byte
			le.PutUint64(n[:], uint64(fields[i]))
			if offsets[i] > 0 {
				copy(body[offsets[i]:], n[:w])
			}
			places = append(places, at+offsets[i])
		}
		p = append(p, body...)
		return at, places
	}
	point := func(from, to int) { le.PutUint32(p[from:], uint32(to-from)) }
	root, parts := table([]int64{0, 1, 1}, []int{4, 4, 4})
	point(8, root)
	n := numbers(version)
	at, _ := table([]int64{int64(n[0]), int64(n[1]), int64(n[2]), int64(n[3])}, []int{4, 4, 4, 4})
	point(parts[1], at)
	at, device := table([]int64{int64(len(name)), int64(b.major), int64(b.minor), int64(b.core), int64(b.memory), int64(b.bus), b.total, b.l2, int64(b.sms)},
		[]int{4, 4, 4, 4, 4, 4, 8, 8, 4})
	point(parts[2], at)
	if name != "" {
		point(device[0], len(p))
		p = append(append(le.AppendUint32(p, uint32(len(name))), name...), 0)
	}
	p = append(p, make([]byte, 300)...)
	le.PutUint64(p, uint64(len(p)))
	return p
}
