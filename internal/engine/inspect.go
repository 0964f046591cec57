package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	planMagic    = "ftrt" // a container of sections, TensorRT 8.6 and later
	archiveMagic = "ptrt" // a bare archive before, and the engine section inside since
)

// inspection is a File in the making.
type inspection struct {
	view
	f File
}

func (x *inspection) note(format string, args ...any) {
	x.f.Notes = append(x.f.Notes, fmt.Sprintf(format, args...))
}

func (x *inspection) inspect() {
	if x.size <= 0 {
		x.f.Kind = Empty
		x.note("the file is empty: whatever wrote it failed, as trtexec from 10.13 does after a failed build")
		return
	}
	head := x.bytes(0, headBytes)
	switch {
	case x.planAt(0, head):
	case x.wrapped(head):
	case x.flatbuffer(head):
	default:
		x.other(head)
	}
}

// planAt inspects the plan that starts at base with the bytes of head, if one does.
func (x *inspection) planAt(base int64, head []byte) bool {
	switch {
	case bytes.HasPrefix(head, []byte(planMagic)):
		x.container(base)
	case bytes.HasPrefix(head, []byte(archiveMagic)):
		x.f.Kind, x.f.Container = Plan, archiveMagic
		x.archive(base, x.size-base, true)
	default:
		return false
	}
	return true
}

// maxWrapper bounds the JSON that exporters derived from Ultralytics put before
// a plan: class names and a few settings.
const maxWrapper = 16 << 20

// wrapped inspects a plan behind a JSON header: a length in four bytes, then as
// many bytes of JSON, then the plan.
func (x *inspection) wrapped(head []byte) bool {
	if len(head) < 5 || head[4] != '{' {
		return false
	}
	n := int64(int32(binary.LittleEndian.Uint32(head)))
	if n < 2 || n > maxWrapper || !x.planAt(4+n, x.bytes(4+n, 4)) {
		return false
	}
	x.note("a JSON header of %d bytes, as Ultralytics exports have it, lies before the plan: TensorRT and Triton load the file only without its first %d bytes", n, 4+n)
	return true
}
