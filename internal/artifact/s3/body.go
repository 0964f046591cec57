package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/minio/crc64nvme"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// hashBlock is the buffer through which a part is hashed before it is sent.
const hashBlock = 256 << 10

// replayable is a body that can be read again, at any place.
type replayable struct {
	r    io.ReaderAt
	base int64 // where the body begins in r
	size int64
}

// replay returns body as a replayable, from where it stands to its end, or false
// for one that can be read only once.
func replay(body io.Reader) (replayable, bool) {
	r, ok := body.(io.ReaderAt)
	seeker, seeks := body.(io.Seeker)
	if !ok || !seeks {
		return replayable{}, false
	}
	if f, ok := body.(*os.File); ok { // pipes and devices can seek only in name
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return replayable{}, false
		}
	}
	base, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return replayable{}, false
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return replayable{}, false
	}
	if _, err := seeker.Seek(base, io.SeekStart); err != nil {
		return replayable{}, false
	}
	return replayable{r, base, max(0, end-base)}, true
}

func (b replayable) section(offset, size int64) *io.SectionReader {
	return io.NewSectionReader(b.r, b.base+offset, size)
}

// sums are the checksums of one request's body.
type sums struct {
	sha256, md5, crc []byte
}

func encode(sum []byte) *string {
	s := base64.StdEncoding.EncodeToString(sum)
	return &s
}

// hasher reads a body part by part and hashes both each part and the whole.
type hasher struct {
	whole    hash.Hash // SHA-256
	wholeCRC hash.Hash
	size     int64
	buf      []byte
	need     needs
}

// needs says which checksums of each part a request will carry.
type needs struct{ sha256, md5, crc bool }

func newHasher(n needs) *hasher {
	return &hasher{whole: sha256.New(), wholeCRC: crc64nvme.New(), buf: make([]byte, hashBlock), need: n}
}

// part hashes the next size bytes, which are all of r.
func (h *hasher) part(ctx context.Context, r io.Reader, size int64) (sums, error) {
	sha, md, crc := sha256.New(), md5.New(), crc64nvme.New()
	var n int64
	for {
		if ctx.Err() != nil {
			return sums{}, context.Cause(ctx)
		}
		k, err := r.Read(h.buf)
		p := h.buf[:k]
		n += int64(k)
		h.whole.Write(p)
		if h.need.crc {
			h.wholeCRC.Write(p)
			crc.Write(p)
		}
		if h.need.sha256 {
			sha.Write(p)
		}
		if h.need.md5 {
			md.Write(p)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sums{}, &bodyError{err}
		}
	}
	if n != size {
		return sums{}, &bodyError{fmt.Errorf("%w: it became shorter while it was read", artifact.ErrMismatch)}
	}
	h.size += n
	return sums{sha.Sum(nil), md.Sum(nil), crc.Sum(nil)}, nil
}

// digest is of all parts together.
func (h *hasher) digest() artifact.Digest {
	d := artifact.Digest{Size: h.size, SHA256: hex.EncodeToString(h.whole.Sum(nil))}
	if h.need.crc {
		d.CRC64NVME = *encode(h.wholeCRC.Sum(nil))
	}
	return d
}

// bodyError is what reading a body came to, so that it is not taken for an
// answer of the store.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }
