package container

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Engine is what Write needs.
type Engine struct {
	Version catalog.Version
	Device  device.Device
	Meta    Meta
	Pad     int64 // size that zeros bring the file to; 0 for none
}

// Write writes a simulated engine to f from offset 0, with the model that
// Meta.ModelSize measures read from model. Padding stays a hole of the file.
// It returns the size of the engine.
func Write(f *os.File, e Engine, model io.Reader) (int64, error) {
	meta, err := e.Meta.encode()
	if err != nil {
		return 0, err
	}
	if Bare(e.Version) {
		return writeBare(f, e, meta, model)
	}
	type section struct {
		tag          uint32
		offset, size int64
	}
	arch := archive(e.Version, e.Device)
	sections := []section{{tag: tagEngine, size: int64(len(arch))}, {tag: tagMark, size: int64(len(meta)) + e.Meta.ModelSize}}
	if e.Pad > 0 {
		sections = append(sections, section{tag: tagWeights})
	}
	at := int64(headerSize + entrySize*len(sections))
	for i := range sections {
		s := &sections[i]
		s.offset = roundUp(at)
		if s.tag == tagWeights {
			s.size = max(8, (e.Pad-4-s.offset)/8*8)
		}
		at = s.offset + s.size
	}
	total := roundUp(at) + 4

	le := binary.LittleEndian
	head := le.AppendUint32(nil, planMagic)
	head = le.AppendUint32(head, 0)
	head = le.AppendUint64(head, uint64(len(sections)))
	head = le.AppendUint64(head, uint64(total))
	v := e.Version
	head = append(head, byte(v.Major), byte(v.Minor), byte(max(v.Patch, 0)), byte(max(v.Build, 0)))
	head = le.AppendUint32(head, layoutOf(v).platform)
	for _, s := range sections {
		head = le.AppendUint32(head, s.tag)
		head = le.AppendUint32(head, 0)
		head = le.AppendUint64(head, uint64(s.offset))
		head = le.AppendUint64(head, uint64(s.size))
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(arch, sections[0].offset); err != nil {
		return 0, err
	}
	if err := writeMark(f, sections[1].offset, meta, model, e.Meta.ModelSize); err != nil {
		return 0, err
	}
	if err := f.Truncate(total); err != nil {
		return 0, err
	}
	_, err = f.WriteAt(le.AppendUint32(nil, trailer), total-4)
	return total, err
}

// writeMark writes the JSON that says what the engine is, and the model behind
// it.
func writeMark(f *os.File, at int64, meta []byte, model io.Reader, size int64) error {
	if _, err := f.WriteAt(meta, at); err != nil {
		return err
	}
	n, err := io.Copy(io.NewOffsetWriter(f, at+int64(len(meta))), model)
	if err == nil && n != size {
		err = fmt.Errorf("model of %d bytes, not %d", n, size)
	}
	return err
}

func roundUp(n int64) int64 { return (n + 7) / 8 * 8 }
