package artifact

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/minio/crc64nvme"
)

const (
	// hashBlock is what one read asks for: big enough that handing it to the
	// hashes costs nothing beside hashing it.
	hashBlock = 1 << 20
	// hashAhead is how many blocks the slowest hash may lag behind the reader.
	hashAhead = 4
)

// Hasher computes a Digest of everything written to it. It never fails. For
// bytes that go somewhere else at the same time; Sum is faster for big inputs.
type Hasher struct {
	size   int64
	hashes [3]hash.Hash // MD5, SHA-256, CRC64NVME
}

// NewHasher returns a Hasher that has seen nothing.
func NewHasher() *Hasher {
	return &Hasher{hashes: [3]hash.Hash{md5.New(), sha256.New(), crc64nvme.New()}}
}

// Write adds p.
func (h *Hasher) Write(p []byte) (int, error) {
	for _, one := range h.hashes {
		one.Write(p)
	}
	h.size += int64(len(p))
	return len(p), nil
}

// Digest returns the digest of what was written so far.
func (h *Hasher) Digest() Digest {
	return Digest{
		Size:      h.size,
		MD5:       hex.EncodeToString(h.hashes[0].Sum(nil)),
		SHA256:    hex.EncodeToString(h.hashes[1].Sum(nil)),
		CRC64NVME: base64.StdEncoding.EncodeToString(h.hashes[2].Sum(nil)),
	}
}

// Sum digests r to its end in one pass. Beyond the first block each hash has a
// goroutine of its own, so that a big input takes as long as the slowest of
// them, MD5; memory stays within a few blocks whatever the size.
func Sum(r io.Reader) (Digest, error) {
	h := NewHasher()
	first := make([]byte, hashBlock)
	n, err := io.ReadFull(r, first)
	h.Write(first[:n])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return h.Digest(), nil
	case err != nil:
		return Digest{}, err
	}
	if err := h.fan(r, first); err != nil {
		return Digest{}, err
	}
	return h.Digest(), nil
}

// block is a piece of input on its way through all hashes.
type block struct {
	data []byte
	left atomic.Int32 // hashes that have not seen it yet
}

// fan feeds r to every hash at once. The hash that is last to finish a block
// puts it back among the free ones. It ends with all its goroutines gone.
func (h *Hasher) fan(r io.Reader, spare []byte) error {
	free := make(chan *block, hashAhead)
	free <- &block{data: spare}
	for range hashAhead - 1 {
		free <- &block{data: make([]byte, hashBlock)}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var queues [len(h.hashes)]chan *block
	for i, one := range h.hashes {
		queue := make(chan *block, hashAhead)
		defer close(queue)
		queues[i] = queue
		wg.Go(func() {
			for b := range queue {
				one.Write(b.data)
				if b.left.Add(-1) == 0 {
					free <- b
				}
			}
		})
	}
	for {
		b := <-free
		n, err := io.ReadFull(r, b.data[:hashBlock])
		b.data = b.data[:n]
		b.left.Store(int32(len(queues)))
		h.size += int64(n)
		for _, queue := range queues {
			queue <- b
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// SumFile digests the regular file at path.
func SumFile(path string) (Digest, error) {
	f, err := openRegular(path)
	if err != nil {
		return Digest{}, err
	}
	defer f.Close()
	d, err := Sum(f)
	if err != nil {
		return Digest{}, fmt.Errorf("hash %s: %w", path, err)
	}
	return d, nil
}

// SHA256File returns the size of the regular file at path and its SHA-256, lower
// case hex, for those who need no other digest: it takes a third of the time.
func SHA256File(path string) (size int64, sum string, err error) {
	f, err := openRegular(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, hashBlock)); err != nil {
		return 0, "", fmt.Errorf("hash %s: %w", path, err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}

// openRegular opens path, which must be a regular file: a pipe or a device
// could keep its reader waiting for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}
