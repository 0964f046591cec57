package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// What Read finds wrong with a file, in the order in which it looks.
var (
	ErrEmpty        = errors.New("plan file is empty")
	ErrTruncated    = errors.New("plan file is truncated")
	ErrSize         = errors.New("plan file has another size than its header says")
	ErrNotSimulated = errors.New("plan file was not written by trtsim")
)

// MagicError says that a file does not start as a plan does.
type MagicError struct{ Got uint32 }

// Error names the first bytes.
func (e *MagicError) Error() string {
	return fmt.Sprintf("plan file starts with 0x%08x, not 0x%08x", e.Got, uint32(planMagic))
}

// The first words of plans: of the container, and of a bare archive.
const (
	PlanMagic    = uint32(planMagic)
	ArchiveMagic = uint32(archiveMagic)
)

// Plan is what Read understood. Version and Serialization are set as soon as
// the header was read, also when an error follows.
type Plan struct {
	Version       catalog.Version
	Serialization int64
	Bare          bool // an archive without a container, as before 8.6
	Meta          Meta
	Model         *io.SectionReader
}

// readMark reads the JSON and finds the model that follows it.
func (p *Plan) readMark(section *io.SectionReader) error {
	m, at, err := decodeMeta(section, section.Size())
	if err != nil {
		return err
	}
	p.Meta, p.Model = m, io.NewSectionReader(section, at, m.ModelSize)
	return nil
}

// Read reads an engine of size bytes. Memory does not grow with the size.
func Read(r io.ReaderAt, size int64) (Plan, error) {
	var p Plan
	if size == 0 {
		return p, ErrEmpty
	}
	head := make([]byte, min(size, headerSize))
	if err := readAt(r, head, 0); err != nil {
		return p, err
	}
	le := binary.LittleEndian
	switch {
	case len(head) >= 4 && le.Uint32(head) == archiveMagic:
		return readBare(r, size)
	case len(head) < 4 || le.Uint32(head) != planMagic:
		return p, &MagicError{Got: word(head)}
	}
	if len(head) < headerSize {
		return p, ErrTruncated
	}
	count, total := le.Uint64(head[8:]), le.Uint64(head[16:])
	p.Version = catalog.Version{Major: int(head[24]), Minor: int(head[25]), Patch: int(head[26]), Build: int(head[27])}
	p.Serialization = Serialization(p.Version)
	if uint64(size) < total {
		return p, ErrTruncated
	}
	if uint64(size) > total || count == 0 || count > 16 || int64(headerSize+entrySize*count) > size {
		return p, ErrSize
	}
	table := make([]byte, entrySize*count)
	if err := readAt(r, table, headerSize); err != nil {
		return p, err
	}
	for i := range int(count) {
		e := table[i*entrySize:]
		offset, length := le.Uint64(e[8:]), le.Uint64(e[16:])
		if offset > total || length > total-offset {
			return p, ErrSize
		}
		section := io.NewSectionReader(r, int64(offset), int64(length))
		switch le.Uint32(e) {
		case tagEngine:
			p.Serialization = serialization(section)
		case tagMark:
			if err := p.readMark(section); err != nil {
				return p, err
			}
		}
	}
	if p.Model == nil {
		return p, ErrNotSimulated
	}
	return p, nil
}

// serialization reads the number from an archive's header, whose two variants
// differ in where the payload's size is.
func serialization(s *io.SectionReader) int64 {
	var h [24]byte
	if _, err := s.ReadAt(h[:], 0); err != nil {
		return 0
	}
	le := binary.LittleEndian
	if le.Uint64(h[8:])+20 == uint64(s.Size()) {
		return int64(le.Uint32(h[4:]))
	}
	return int64(le.Uint32(h[8:]))
}

// readAt fills p or says that the file ends too early.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return ErrTruncated
	}
	return err
}

func word(b []byte) uint32 {
	var w [4]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint32(w[:])
}
