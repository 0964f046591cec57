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
	Pad     int64 // size that a further section of zeros brings the file to; 0 for none
}

// Write writes a simulated engine to f from offset 0, with the model that
// Meta.ModelSize measures read from model. Padding stays a hole of the file.
// It returns the size of the engine.
func Write(f *os.File, e Engine, model io.Reader) (int64, error) {
	meta, err := e.Meta.encode()
	if err != nil {
		return 0, err
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
	w := io.NewOffsetWriter(f, 0)
	put := func(off int64, data []byte) {
		if err == nil {
			_, err = w.WriteAt(data, off)
		}
	}
	put(0, head)
	put(sections[0].offset, arch)
	put(sections[1].offset, meta)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.NewOffsetWriter(f, sections[1].offset+int64(len(meta))), model)
	if err != nil {
		return 0, err
	}
	if n != e.Meta.ModelSize {
		return 0, fmt.Errorf("model of %d bytes, not %d", n, e.Meta.ModelSize)
	}
	if err := f.Truncate(total); err != nil {
		return 0, err
	}
	put(total-4, le.AppendUint32(nil, trailer))
	return total, err
}

func roundUp(n int64) int64 { return (n + 7) / 8 * 8 }
