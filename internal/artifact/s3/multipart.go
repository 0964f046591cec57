package s3

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

const (
	// filePart is the size of a part that is sent from where it lies.
	filePart = 64 << 20
	// streamPart is the size of a part that is held in memory. All uploads of a
	// store together hold partsAtOnce of them.
	streamPart  = 8 << 20
	partsAtOnce = 4
	maxParts    = 10000 // S3's limit
	// abortTimeout bounds the removal of an upload that failed, which must happen
	// although whoever asked for it may be gone.
	abortTimeout = 30 * time.Second
)

// part is one piece of a body.
type part struct {
	body replayable
	done func() // releases what holds the piece
}

// pieces hands out a body piece by piece.
type pieces interface {
	next(ctx context.Context) (part, error) // io.EOF after the last
	drop()                                  // releases what was not handed out
}

// filePieces are sections of a body that can be read again.
type filePieces struct {
	body   replayable
	offset int64
}

func (f *filePieces) next(context.Context) (part, error) {
	if f.offset == f.body.size {
		return part{}, io.EOF
	}
	size := int64(filePart)
	for f.body.size > size*maxParts {
		size *= 2
	}
	n := min(size, f.body.size-f.offset)
	p := part{replayable{f.body.r, f.body.base + f.offset, n}, func() {}}
	f.offset += n
	return p, nil
}

func (f *filePieces) drop() {}

// streamPieces are buffers filled from a body that can be read once.
type streamPieces struct {
	s     *Store
	body  io.Reader
	first []byte // a full buffer that was read already
	end   bool
}

func (p *streamPieces) next(ctx context.Context) (part, error) {
	buf, n := p.first, len(p.first)
	p.first = nil
	if p.end {
		return part{}, io.EOF
	}
	if buf == nil {
		var err error
		if buf, err = p.s.buffer(ctx); err != nil {
			return part{}, err
		}
		n, err = io.ReadFull(reader{ctx, p.body}, buf)
		switch {
		case errors.Is(err, io.EOF):
			p.s.release(buf)
			return part{}, io.EOF
		case errors.Is(err, io.ErrUnexpectedEOF):
			p.end = true
		case err != nil:
			p.s.release(buf)
			return part{}, &bodyError{err}
		}
	}
	return part{replayable{bytes.NewReader(buf[:n]), 0, int64(n)}, func() { p.s.release(buf) }}, nil
}

func (p *streamPieces) drop() {
	if p.first != nil {
		p.s.release(p.first)
	}
}

// buffer waits for one of the store's buffers.
func (s *Store) buffer(ctx context.Context) ([]byte, error) {
	select {
	case b := <-s.buffers:
		if b == nil {
			b = make([]byte, streamPart)
		}
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *Store) release(b []byte) { s.buffers <- b }

// parts sends a body in several requests and makes it visible with the last one,
// which is conditional. Whatever goes wrong, nothing stays.
func (u *upload) parts(ctx context.Context, from pieces) (err error) {
	defer from.drop()
	able, err := u.s.probed.multipart(ctx, u.s)
	if err != nil {
		return err
	}
	// Gigabytes are not sent in vain where the object exists; the last request
	// decides all the same.
	switch _, err := u.s.head(ctx, u.key); {
	case err == nil:
		return fmt.Errorf("create %s/%s: %w", u.s.Location(), u.key, artifact.ErrExist)
	case !errors.Is(err, artifact.ErrNotExist):
		return err
	}
	in := &s3.CreateMultipartUploadInput{
		Bucket: &u.s.bucket, Key: u.s.name(u.key), ContentType: u.contentType(), Metadata: u.meta(),
	}
	if able.checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	m, err := u.s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		_, e := u.s.client.AbortMultipartUpload(clean, &s3.AbortMultipartUploadInput{
			Bucket: &u.s.bucket, Key: u.s.name(u.key), UploadId: m.UploadId,
		})
		if code, _ := codeOf(e); e != nil && code != "NoSuchUpload" {
			err = fmt.Errorf("%w (its parts stay at the store until a lifecycle rule removes them: upload %s)", err, *m.UploadId)
		}
	}()
	sent, whole, err := u.send(ctx, m.UploadId, from, able)
	if err != nil {
		return err
	}
	if err := u.expect(whole); err != nil {
		return err
	}
	return u.complete(ctx, m.UploadId, sent, whole, able)
}

// send uploads all parts, a few at a time; hashing them in order runs ahead. It
// returns once none is on its way any more.
func (u *upload) send(ctx context.Context, id *string, from pieces, able abilities) ([]types.CompletedPart, artifact.Digest, error) {
	h := newHasher(needs{
		// Only a plain connection signs what it carries; TLS protects it already.
		sha256: u.s.plainHTTP,
		md5:    !able.checksums,
		crc:    able.checksums,
	})
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce)
	var mu sync.Mutex
	var sent []types.CompletedPart
	read := func() error {
		for number := int32(1); ; number++ {
			p, err := from.next(gctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if number > maxParts {
				p.done()
				return fmt.Errorf("create %s/%s: %w: the body is larger than %d parts; publish it from a file",
					u.s.Location(), u.key, artifact.ErrRefused, maxParts)
			}
			sum, err := h.part(gctx, p.body.section(0, p.body.size), p.body.size)
			if err != nil {
				p.done()
				return err
			}
			g.Go(func() error {
				defer p.done()
				one, err := u.sendPart(gctx, id, number, p.body, sum, able)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				sent = append(sent, one)
				return nil
			})
		}
	}
	readErr := read()
	sendErr := g.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, artifact.Digest{}, context.Cause(ctx)
	case sendErr != nil: // then reading stopped only because of it
		return nil, artifact.Digest{}, sendErr
	case readErr != nil:
		return nil, artifact.Digest{}, readErr
	}
	slices.SortFunc(sent, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	return sent, h.digest(), nil
}

func (u *upload) sendPart(ctx context.Context, id *string, number int32, b replayable, sum sums, able abilities) (types.CompletedPart, error) {
	in := &s3.UploadPartInput{
		Bucket: &u.s.bucket, Key: u.s.name(u.key), UploadId: id, PartNumber: &number,
		Body: b.section(0, b.size), ContentLength: &b.size,
	}
	done := types.CompletedPart{PartNumber: &number}
	if able.checksums {
		in.ChecksumCRC64NVME = encode(sum.crc)
		done.ChecksumCRC64NVME = in.ChecksumCRC64NVME
	} else {
		in.ContentMD5 = encode(sum.md5)
	}
	payload := "UNSIGNED-PAYLOAD"
	if u.s.plainHTTP {
		payload = hex.EncodeToString(sum.sha256)
	}
	out, err := u.s.client.UploadPart(ctx, in, signed(payload))
	if err != nil {
		return done, err
	}
	done.ETag = out.ETag
	return done, nil
}

// complete makes the object visible, unless another one is.
func (u *upload) complete(ctx context.Context, id *string, sent []types.CompletedPart, whole artifact.Digest, able abilities) error {
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.s.bucket, Key: u.s.name(u.key), UploadId: id, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: sent},
	}
	if able.checksums {
		in.ChecksumType = types.ChecksumTypeFullObject
		in.ChecksumCRC64NVME = &whole.CRC64NVME
	}
	for try := 1; ; try++ {
		_, err := u.s.client.CompleteMultipartUpload(ctx, in)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// The answer to an earlier try may have been lost: then the upload is gone,
		// or the object in the way is our own.
		code, _ := codeOf(err)
		if is(err, artifact.ErrExist) || code == "NoSuchUpload" {
			if _, ours := u.s.wrote(ctx, u.key, u.nonce); ours {
				return nil
			}
		}
		if !isConflict(err) || try == maxConflicts {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}
