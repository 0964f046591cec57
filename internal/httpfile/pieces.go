package httpfile

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// HeadBytes is how much of a file is asked for first: what tells one kind of
	// file from another lies there.
	HeadBytes = 8 << 10
	// Budget is how much of one file is read at most. With what travels around
	// it, that is less than 64 KiB.
	Budget = 56 << 10

	blockSize = 4 << 10
)

// ErrBeyond is wrapped by errors about bytes that are not read, because that would
// be more than Budget.
var ErrBeyond = errors.New("not read from afar")

// A Range reads n bytes of a file at offset, all of which are in the file.
type Range func(ctx context.Context, offset, n int64) ([]byte, error)

// Pieces is an io.ReaderAt over a file that is far away. It asks for whole blocks,
// for neighbours at once, and for each only once; more than Budget it never reads.
// It is not for concurrent use.
type Pieces struct {
	ctx     context.Context // an io.ReaderAt is given none
	size    int64
	blocks  map[int64][]byte
	fetched int64
	read    Range
}

// NewPieces returns a reader of a file of the given size. head is the start of the
// file as far as it was read already: the whole of it, or whole blocks of 4 KiB.
// Reads end when ctx does.
func NewPieces(ctx context.Context, size int64, head []byte, read Range) *Pieces {
	p := &Pieces{ctx: ctx, size: size, blocks: map[int64][]byte{}, read: read}
	p.keep(0, head[:min(int64(len(head)), size)])
	return p
}

// Size is how long the file is.
func (p *Pieces) Size() int64 { return p.size }

// Fetched is how many bytes of the file were read so far.
func (p *Pieces) Fetched() int64 { return p.fetched }

// ReadAt reads as io.ReaderAt says. What lies beyond the budget is ErrBeyond.
func (p *Pieces) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("negative offset %d", offset)
	}
	n := 0
	for n < len(b) {
		at := offset + int64(n)
		if at >= p.size {
			return n, io.EOF
		}
		block, ok := p.blocks[at/blockSize]
		if !ok {
			if err := p.fetch(at, min(offset+int64(len(b)), p.size)); err != nil {
				return n, err
			}
			continue
		}
		n += copy(b[n:], block[at%blockSize:])
	}
	return n, nil
}

// fetch reads the block that holds at, and those after it up to end that are not
// there yet.
func (p *Pieces) fetch(at, end int64) error {
	first := at / blockSize
	last := first
	for (last+1)*blockSize < end && p.blocks[last+1] == nil && (last-first)*blockSize < Budget {
		last++
	}
	offset := first * blockSize
	n := min((last+1)*blockSize, p.size) - offset
	if p.fetched+n > Budget {
		return fmt.Errorf("%w: more than %d KiB of it would be needed", ErrBeyond, Budget>>10)
	}
	data, err := p.read(p.ctx, offset, n)
	if err != nil {
		return err
	}
	if int64(len(data)) != n {
		return fmt.Errorf("%d bytes came for the %d asked for at byte %d", len(data), n, offset)
	}
	p.keep(first, data)
	return nil
}

func (p *Pieces) keep(block int64, data []byte) {
	p.fetched += int64(len(data))
	for ; len(data) > 0; block++ {
		n := min(len(data), blockSize)
		p.blocks[block] = data[:n:n]
		data = data[n:]
	}
}
