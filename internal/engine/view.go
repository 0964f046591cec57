package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	headBytes   = 4096 // how much of the front of a file tells what it is
	windowBytes = 1024 // the least that is read anywhere else
	// mostBytes bounds what is kept. No layout needs as much; bytes that point
	// here and there, as those of no layout may, are not followed further.
	mostBytes = 15 << 10
)

// view reads a file in a few pieces and never beyond its end. It keeps what it
// read, since every piece of a remote file is a request. The first failure of
// reading stays in err; from then on the file looks empty.
type view struct {
	r       io.ReaderAt
	size    int64
	err     error
	windows []window
	kept    int
}

type window struct {
	offset int64
	bytes  []byte
}

// bytes returns up to n bytes at offset: fewer where the file ends. They must
// not be changed.
func (v *view) bytes(offset int64, n int) []byte {
	if v.err != nil || offset < 0 || offset >= v.size || n <= 0 {
		return nil
	}
	n = int(min(int64(n), v.size-offset))
	for _, w := range v.windows {
		if at := offset - w.offset; at >= 0 && at+int64(n) <= int64(len(w.bytes)) {
			return w.bytes[at : at+int64(n)]
		}
	}
	p := make([]byte, min(int64(max(n, windowBytes)), v.size-offset))
	if v.kept += len(p); v.kept > mostBytes {
		return nil
	}
	if k, err := v.r.ReadAt(p, offset); k < len(p) {
		v.fail(offset, int64(len(p)), err)
		return nil
	}
	v.windows = append(v.windows, window{offset, p})
	return p[:n]
}

// fail keeps the error of a read that gave too little. A file that ends before
// the size that was given has changed meanwhile.
func (v *view) fail(offset, n int64, err error) {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	v.err = fmt.Errorf("read %d bytes at %d: %w", n, offset, err)
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

// crc computes the CRC-32 (IEEE) of n bytes at offset, in pieces.
func (v *view) crc(offset, n int64) uint32 {
	sum, p := uint32(0), make([]byte, min(n, 256<<10))
	for end := offset + n; offset < end && v.err == nil; offset += int64(len(p)) {
		p = p[:min(int64(len(p)), end-offset)]
		if k, err := v.r.ReadAt(p, offset); k < len(p) {
			v.fail(offset, int64(len(p)), err)
		}
		sum = crc32.Update(sum, crc32.IEEETable, p)
	}
	return sum
}
