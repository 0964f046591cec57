package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// view reads a file in small pieces and never beyond its end. The first failure
// of reading stays in err; from then on the file looks empty.
type view struct {
	r    io.ReaderAt
	size int64
	err  error
}

// bytes returns up to n bytes at offset: fewer where the file ends.
func (v *view) bytes(offset int64, n int) []byte {
	if v.err != nil || offset < 0 || offset >= v.size {
		return nil
	}
	p := make([]byte, min(int64(n), v.size-offset))
	if k, err := v.r.ReadAt(p, offset); k < len(p) {
		v.err = fmt.Errorf("read %d bytes at %d: %w", len(p), offset, shorter(err))
		return nil
	}
	return p
}

// shorter names the error of a file that ends before the size that was given.
func shorter(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// whole returns n bytes at offset, or false when the file does not have them.
func (v *view) whole(offset int64, n int) ([]byte, bool) {
	p := v.bytes(offset, n)
	return p, len(p) == n
}

func (v *view) u16(offset int64) (uint16, bool) {
	p, ok := v.whole(offset, 2)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint16(p), true
}

func (v *view) u32(offset int64) (uint32, bool) {
	p, ok := v.whole(offset, 4)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint32(p), true
}

// crc computes the CRC-32 (IEEE) of n bytes at offset.
func (v *view) crc(offset, n int64) uint32 {
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, io.NewSectionReader(v.r, offset, n)); err != nil && v.err == nil {
		v.err = fmt.Errorf("read %d bytes at %d: %w", n, offset, err)
	}
	return h.Sum32()
}
