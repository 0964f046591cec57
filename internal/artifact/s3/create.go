package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

const (
	// maxSingle is the largest body sent in one request.
	maxSingle = 64 << 20
	// maxConflicts bounds the tries that end in a conflict with another writer.
	maxConflicts = 10
	// uploadMeta names the metadata in which a writer knows its own upload again,
	// when the answer to it was lost and the next try says that the object exists.
	uploadMeta = "trtfarm-upload"
)

// Create writes a new object with a conditional write, which the server decides.
// A body that can be read again is hashed first, so that the request carries its
// checksum, and sent from where it lies; one that cannot goes through buffers of
// 8 MiB, of which the store has four.
func (s *Store) Create(ctx context.Context, key string, body io.Reader, o artifact.Object) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := artifact.CheckMeta(o.Meta); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	err := s.create(ctx, key, body, o)
	broken, isBody := errors.AsType[*bodyError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
	case isBody:
		return fmt.Errorf("create %s/%s: %w", s.Location(), key, broken)
	case isOurs(err):
		return err
	}
	return s.fail(ctx, "create", key, err)
}

// isOurs says whether err is in the store's terms already.
func isOurs(err error) bool {
	for _, sentinel := range []error{
		artifact.ErrExist, artifact.ErrNotExist, artifact.ErrChanged, artifact.ErrCorrupt, artifact.ErrRefused, artifact.ErrMismatch,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

func (s *Store) create(ctx context.Context, key string, body io.Reader, o artifact.Object) error {
	able, err := s.probed.create(ctx, s)
	if err != nil {
		return err
	}
	u := upload{s: s, key: key, object: o, nonce: rand.Text(), checksums: able.checksums}
	if b, ok := replay(body); ok {
		if b.size <= maxSingle {
			return u.single(ctx, b)
		}
		return u.parts(ctx, &filePieces{body: b})
	}
	first, err := s.buffer(ctx)
	if err != nil {
		return err
	}
	n, err := io.ReadFull(reader{ctx, body}, first)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		defer s.release(first)
		return u.single(ctx, replayable{bytes.NewReader(first[:n]), 0, int64(n)})
	case err != nil:
		s.release(first)
		return &bodyError{err}
	}
	return u.parts(ctx, &streamPieces{s: s, body: body, first: first})
}

// upload is one Create on its way.
type upload struct {
	s         *Store
	key       string
	object    artifact.Object
	nonce     string
	checksums bool // the server takes x-amz-checksum headers
}

func (u *upload) meta() map[string]string {
	meta := map[string]string{uploadMeta: u.nonce}
	maps.Copy(meta, u.object.Meta)
	return meta
}

func (u *upload) contentType() *string {
	if u.object.ContentType == "" {
		return aws.String("application/octet-stream")
	}
	return &u.object.ContentType
}

// expect compares the bytes that were sent, or are about to be, with what the
// creator said about them.
func (u *upload) expect(found artifact.Digest) error {
	if err := u.object.Digest.Expect(found); err != nil {
		return fmt.Errorf("create %s/%s: %w: %w", u.s.Location(), u.key, artifact.ErrMismatch, err)
	}
	return nil
}

// single sends the whole body in one request.
func (u *upload) single(ctx context.Context, b replayable) error {
	h := newHasher(needs{sha256: true, md5: !u.checksums})
	sum, err := h.part(ctx, b.section(0, b.size), b.size)
	if err != nil {
		return err
	}
	if err := u.expect(h.digest()); err != nil {
		return err
	}
	_, err = u.s.putUntilSettled(ctx, u.key, u.nonce, func() (*s3.PutObjectOutput, error) {
		in := &s3.PutObjectInput{
			Bucket: &u.s.bucket, Key: u.s.name(u.key), IfNoneMatch: aws.String("*"),
			Body: b.section(0, b.size), ContentLength: &b.size, ContentType: u.contentType(), Metadata: u.meta(),
		}
		if u.checksums {
			in.ChecksumSHA256 = encode(sum.sha256)
		} else {
			in.ContentMD5 = encode(sum.md5)
		}
		return u.s.client.PutObject(ctx, in, signed(hex.EncodeToString(sum.sha256)))
	})
	if unanswered(err) && ctx.Err() == nil {
		// A server that refuses a write early may close the connection while the
		// body is still on its way: then its answer is lost, and what it would have
		// said is seen by looking.
		if _, there := u.s.head(ctx, u.key); there == nil {
			return fmt.Errorf("create %s/%s: %w", u.s.Location(), u.key, artifact.ErrExist)
		}
	}
	return err
}

// putUntilSettled repeats a conditional write while it meets others, and knows
// its own object by the nonce when an earlier try was carried out unanswered. It
// returns the new tag. An object of somebody else is ErrExist.
func (s *Store) putUntilSettled(ctx context.Context, key, nonce string, put func() (*s3.PutObjectOutput, error)) (string, error) {
	for try := 1; ; try++ {
		out, err := put()
		switch {
		case err == nil:
			s.bucketSeen.Store(true)
			return aws.ToString(out.ETag), nil
		case is(err, artifact.ErrExist):
			if tag, ours := s.wrote(ctx, key, nonce); ours {
				return tag, nil
			}
			return "", err
		case unanswered(err) && ctx.Err() == nil:
			if tag, ours := s.wrote(ctx, key, nonce); ours {
				return tag, nil
			}
			return "", err
		case !isConflict(err) || try == maxConflicts:
			return "", err
		}
		if err := pause(ctx, try); err != nil {
			return "", err
		}
	}
}

// unanswered says whether err is of the connection, so that nobody knows what the
// server made of the request.
func unanswered(err error) bool {
	if err == nil {
		return false
	}
	_, status := codeOf(err)
	_, network := errors.AsType[*net.OpError](err)
	return status == 0 && (network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

// wrote says whether the object under key is the one written with nonce.
func (s *Store) wrote(ctx context.Context, key, nonce string) (tag string, ours bool) {
	out, err := s.head(ctx, key)
	if err != nil || out.Metadata[uploadMeta] != nonce {
		return "", false
	}
	return aws.ToString(out.ETag), true
}

// pause waits a little before another try after a conflict.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Duration(try) * 20 * time.Millisecond):
		return nil
	}
}

// Swap replaces a small object by a conditional write.
func (s *Store) Swap(ctx context.Context, key string, body []byte, old string) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	tag, err := s.swap(ctx, key, body, old)
	switch {
	case err == nil:
		return tag, nil
	case ctx.Err() == nil && isOurs(err):
		return "", err
	case is(err, artifact.ErrExist), old != "" && is(err, artifact.ErrNotExist):
		return "", fmt.Errorf("replace %s/%s: %w", s.Location(), key, artifact.ErrChanged)
	}
	return "", s.fail(ctx, "replace", key, err)
}

func (s *Store) swap(ctx context.Context, key string, body []byte, old string) (string, error) {
	able, err := s.probed.swap(ctx, s)
	if err != nil {
		return "", err
	}
	h := newHasher(needs{sha256: true, md5: !able.checksums})
	sum, err := h.part(ctx, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return "", err
	}
	nonce := rand.Text()
	return s.putUntilSettled(ctx, key, nonce, func() (*s3.PutObjectOutput, error) {
		in := &s3.PutObjectInput{
			Bucket: &s.bucket, Key: s.name(key), Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
			Metadata: map[string]string{uploadMeta: nonce},
		}
		if old == "" {
			in.IfNoneMatch = aws.String("*")
		} else {
			in.IfMatch = &old
		}
		if able.checksums {
			in.ChecksumSHA256 = encode(sum.sha256)
		} else {
			in.ContentMD5 = encode(sum.md5)
		}
		return s.client.PutObject(ctx, in, signed(hex.EncodeToString(sum.sha256)))
	})
}

// signed gives a request the SHA-256 of its body, so that the SDK does not read
// the body once more to sign it.
func signed(payload string) func(*s3.Options) {
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("trtfarmPayloadHash",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					return next.HandleInitialize(v4.SetPayloadHash(ctx, payload), in)
				}), middleware.Before)
		})
	}
}

// reader ends a body soon after ctx is done.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
