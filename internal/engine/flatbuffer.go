package engine

import (
	"encoding/binary"
	"fmt"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// flatbuffer inspects a plan of TensorRT 5: its size in eight bytes, then a
// FlatBuffer whose root holds a table of version numbers and a table that
// describes the GPU. The layout was read from one file, of 5.0.6.3. Fields that
// are not stored have their default, 0.
func (x *inspection) flatbuffer(head []byte) bool {
	const start, most = 8, 1 << 40
	if len(head) < 16 {
		return false
	}
	size := binary.LittleEndian.Uint64(head)
	root := start + int64(binary.LittleEndian.Uint32(head[start:]))
	if size < 32 || size > most || root < 16 || uint64(root) >= size || root >= x.size {
		return false
	}
	at, ok := x.tableAt(root)
	if !ok {
		return false
	}
	version, okVersion := x.child(at, 1)
	gpu, okGPU := x.child(at, 2)
	cut := size > uint64(x.size) && at.place(1) >= 0 && at.place(2) >= 0
	switch {
	case (!okVersion || !okGPU) && !cut:
		return false
	case !okVersion:
		x.cut("the file starts as a plan of TensorRT 5 of %d bytes does, and has %d", size, x.size)
		return true
	}
	var n [4]int64
	for i := range n {
		n[i] = version.number(i)
	}
	if n[0] < 1 || n[0] > 5 || n[1] < 0 || n[1] > 99 || n[2] < 0 || n[2] > 99 || n[3] < 0 || n[3] > 255 {
		return false
	}
	x.f.Kind, x.f.Container = Plan, "flatbuffer"
	x.f.TensorRT = fmt.Sprintf("%d.%d.%d.%d", n[0], n[1], n[2], n[3])
	switch {
	case size > uint64(x.size):
		x.missing(int64(size), x.size)
	case size < uint64(x.size):
		x.follows(int64(size), x.size-int64(size))
	}
	x.aside("a plan of TensorRT 5 or older, of a layout that is known from one file: take version and GPU as a hint")
	if okGPU {
		x.flatDevice(gpu)
	}
	return true
}

// flatDevice reads the table that describes the GPU.
func (x *inspection) flatDevice(t table) {
	name := ""
	if at, ok := x.follow(t.place(0)); ok {
		if length, ok := x.u32(at); ok && length > 0 && length < 128 {
			if text, ok := x.whole(at+4, int(length)); ok {
				name = string(text)
				x.aside("built on %q", name)
			}
		}
	}
	major, minor, sms := t.number(1), t.number(2), t.number(8)
	if !plausible(major, minor) || sms < 0 || sms > 4096 {
		x.note("the GPU is described in a way that is not known: %d %d %d %d %d %d %d %d", major, minor, t.number(3), t.number(4), t.number(5), t.number(6), t.number(7), sms)
		return
	}
	x.f.SM = fmt.Sprintf("%d.%d", major, minor)
	x.f.Device = x.measured([fields]int64{smCount: sms, coreKHz: t.number(3), memoryKHz: t.number(4), busBits: t.number(5), totalMemory: t.number(6), l2Bytes: t.number(7)})
	// Only this layout names the GPU.
	if g, ok := catalog.FindGPU(name); ok && g.SM == x.f.SM && g.Members == nil {
		x.f.Device.Likely = []string{g.Name}
		return
	}
	x.f.Device.Likely = likely(x.f.SM, x.f.Device)
}

// table is one table of a FlatBuffer: the offsets of its fields, 0 for those
// that are not stored, and where it ends.
type table struct {
	at      int64
	offsets []uint16
	end     uint16
	bytes   []byte // as far as they were read
}

// The widest tables that are looked at.
const (
	maxFields = 64
	maxTable  = 512
)

// tableAt reads the table at an offset, which points back to the offsets of its
// fields.
func (x *inspection) tableAt(at int64) (table, bool) {
	// The offsets mostly lie right before the table: one piece has both.
	x.bytes(max(at-256, 0), windowBytes)
	back, ok := x.u32(at)
	if !ok {
		return table{}, false
	}
	vtable := at - int64(int32(back))
	length, ok := x.u16(vtable)
	end, ok2 := x.u16(vtable + 2)
	if !ok || !ok2 || length < 4 || length%2 != 0 || end < 4 {
		return table{}, false
	}
	t := table{at: at, end: end, bytes: x.bytes(at, min(int(end), maxTable))}
	if len(t.bytes) < min(int(end), maxTable) {
		return table{}, false
	}
	stored, ok := x.whole(vtable+4, min(int(length)-4, 2*maxFields))
	if !ok && length > 4 {
		return table{}, false
	}
	for ; len(stored) >= 2; stored = stored[2:] {
		offset := binary.LittleEndian.Uint16(stored)
		if offset >= end {
			return table{}, false
		}
		t.offsets = append(t.offsets, offset)
	}
	return t, true
}

// place is where field i lies, or -1.
func (t table) place(i int) int64 {
	if i >= len(t.offsets) || t.offsets[i] == 0 {
		return -1
	}
	return t.at + int64(t.offsets[i])
}

// number is the integer in field i. Its width is not known: it reaches to the
// next field, and what may lie between is zero.
func (t table) number(i int) int64 {
	if t.place(i) < 0 {
		return 0
	}
	from, to := t.offsets[i], min(t.offsets[i]+8, t.end)
	for _, o := range t.offsets {
		if o > from {
			to = min(to, o)
		}
	}
	if int(to) > len(t.bytes) {
		return 0
	}
	var p [8]byte
	copy(p[:], t.bytes[from:to])
	return int64(binary.LittleEndian.Uint64(p[:]))
}

// follow returns where the offset stored at at points to.
func (x *inspection) follow(at int64) (int64, bool) {
	offset, ok := x.u32(at)
	return at + int64(offset), ok && offset > 0 && at+int64(offset) < x.size
}

// child reads the table in field i of another.
func (x *inspection) child(t table, i int) (table, bool) {
	at, ok := x.follow(t.place(i))
	if !ok {
		return table{}, false
	}
	return x.tableAt(at)
}
