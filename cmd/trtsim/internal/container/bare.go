package container

import (
	"encoding/binary"
	"io"
	"os"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
)

// A bare archive has no sections, so the mark of a simulated engine lies at the
// end of its payload, and the last bytes of the file say where:
//
//	header | device block | zeros, if padded | JSON and model | engine.MarkTrailer
const markTrailer = 16

// archiveHead is the length of the header that 8.2 to 10.5 write.
const archiveHead = 24

// writeBare writes the engine of a release before 8.6.
func writeBare(f *os.File, e Engine, meta []byte, model io.Reader) (int64, error) {
	start := payload(e.Version, e.Device)
	at := archiveHead + int64(len(start))
	behind := int64(len(meta)) + e.Meta.ModelSize + markTrailer
	at = max(at, e.Pad-behind)
	total := at + behind
	w := io.NewOffsetWriter(f, 0)
	if _, err := w.Write(append(head(e.Version, total-archiveHead), start...)); err != nil {
		return 0, err
	}
	if err := writeMark(f, at, meta, model, e.Meta.ModelSize); err != nil {
		return 0, err
	}
	end := engine.MarkTrailer(uint64(at))
	if _, err := f.WriteAt(end[:], total-markTrailer); err != nil {
		return 0, err
	}
	return total, f.Truncate(total)
}

// readBare reads a bare archive, whose magic was seen.
func readBare(r io.ReaderAt, size int64) (Plan, error) {
	p := Plan{Bare: true}
	const version = 4 * 5 // four one-byte values, each behind a head of four
	var start [archiveHead + version]byte
	if err := readAt(r, start[:], 0); err != nil {
		return p, err
	}
	le := binary.LittleEndian
	p.Serialization = int64(le.Uint32(start[8:]))
	var n [4]int
	for i := range n {
		n[i] = int(start[archiveHead+5*i+4])
	}
	p.Version = catalog.Version{Major: n[0], Minor: n[1], Patch: n[2], Build: n[3]}
	switch total := le.Uint64(start[16:]) + archiveHead; {
	case uint64(size) < total:
		return p, ErrTruncated
	case uint64(size) > total:
		return p, ErrSize
	}
	var end [markTrailer]byte
	if err := readAt(r, end[:], size-markTrailer); err != nil {
		return p, err
	}
	at, marked := engine.MarkOffset(end[:])
	if !marked || at > uint64(size-markTrailer) {
		return p, ErrNotSimulated
	}
	return p, p.readMark(io.NewSectionReader(r, int64(at), size-markTrailer-int64(at)))
}
