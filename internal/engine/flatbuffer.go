package engine

import (
	"encoding/binary"
	"fmt"
)

// flatbuffer inspects a plan of TensorRT 5: its size in eight bytes, then a
// FlatBuffer whose root holds a table of version numbers and a table that
// describes the GPU. The layout was read from one file, of 5.0.6.3.
func (x *inspection) flatbuffer(head []byte) bool {
	if len(head) < 16 || binary.LittleEndian.Uint64(head) != uint64(x.size) {
		return false
	}
	root, ok := x.follow(8)
	if !ok {
		return false
	}
	version, okVersion := x.table(root, 1)
	device, okDevice := x.table(root, 2)
	if !okVersion || !okDevice {
		return false
	}
	// The numbers are small: their lowest byte is all of them, whatever their width.
	var n [4]byte
	for i := range n {
		n[i] = x.lowByte(version, i)
	}
	if n[0] != 5 {
		return false
	}
	x.f.Kind, x.f.Container = Plan, "flatbuffer"
	x.f.TensorRT = fmt.Sprintf("%d.%d.%d.%d", n[0], n[1], n[2], n[3])
	x.note("a plan of TensorRT 5 or older, of a layout that is known from one file: take version and GPU as a hint")
	if major, minor := x.lowByte(device, 1), x.lowByte(device, 2); major >= 3 && major <= 12 && minor <= 9 {
		x.f.SM = fmt.Sprintf("%d.%d", major, minor)
	}
	if at, ok := x.table(device, 0); ok {
		if length, ok := x.u32(at); ok && length > 0 && length < 128 {
			if name, ok := x.whole(at+4, int(length)); ok {
				x.note("built on %q", name)
			}
		}
	}
	return true
}

// follow returns where the offset stored at at points to.
func (x *inspection) follow(at int64) (int64, bool) {
	offset, ok := x.u32(at)
	return at + int64(offset), ok && offset > 0 && at+int64(offset) < x.size
}

// field returns where field i of the table at at lies. It fails for fields that
// are not stored, which have their default value.
func (x *inspection) field(at int64, i int) (int64, bool) {
	back, ok := x.u32(at)
	if !ok {
		return 0, false
	}
	vtable := at - int64(int32(back))
	length, ok := x.u16(vtable)
	if !ok || 4+2*i+2 > int(length) {
		return 0, false
	}
	offset, ok := x.u16(vtable + 4 + 2*int64(i))
	return at + int64(offset), ok && offset > 0
}

// table returns where the table or string in field i of the table at at lies.
func (x *inspection) table(at int64, i int) (int64, bool) {
	place, ok := x.field(at, i)
	if !ok {
		return 0, false
	}
	return x.follow(place)
}

func (x *inspection) lowByte(table int64, i int) byte {
	place, ok := x.field(table, i)
	if !ok {
		return 0
	}
	p, ok := x.whole(place, 1)
	if !ok {
		return 0
	}
	return p[0]
}
