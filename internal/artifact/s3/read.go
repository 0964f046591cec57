package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// maxResumes is how often a broken download goes on from where it broke without
// having got any further.
const maxResumes = 3

// Open reads the object under key. A connection that breaks on the way is made
// anew from where it broke, for the very same object.
func (s *Store) Open(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("read %s: negative offset %d", key, offset)
	}
	d := &download{s: s, ctx: ctx, key: key, at: offset}
	if err := d.connect(); err != nil {
		return nil, err
	}
	return d, nil
}

// download is an open object. It keeps the context of Open, since reads of it
// must end when that does.
type download struct {
	s     *Store
	ctx   context.Context
	key   string
	at    int64
	tag   *string // of the object, once known
	body  io.ReadCloser
	stuck int // resumes since the last byte
}

func (d *download) connect() error {
	in := &s3.GetObjectInput{Bucket: &d.s.bucket, Key: d.s.name(d.key), IfMatch: d.tag}
	if d.at > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", d.at))
	}
	out, err := d.s.client.GetObject(d.ctx, in)
	if code, status := codeOf(err); code == "InvalidRange" || status == 416 {
		d.body = io.NopCloser(strings.NewReader("")) // the offset is past the end
		return nil
	}
	if is(err, artifact.ErrExist) { // the tag is another's
		return fmt.Errorf("read %s/%s: %w while it was read", d.s.Location(), d.key, artifact.ErrChanged)
	}
	if err != nil {
		return d.s.fail(d.ctx, "read", d.key, err)
	}
	if d.at > 0 && !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", d.at)) {
		out.Body.Close()
		return fmt.Errorf("read %s/%s: %w: the store ignores ranges", d.s.Location(), d.key, artifact.ErrRefused)
	}
	d.s.bucketSeen.Store(true)
	d.tag, d.body = out.ETag, out.Body
	return nil
}

// Read reads on.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.at += int64(n)
	if n > 0 {
		d.stuck = 0
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if d.ctx.Err() != nil {
		return n, context.Cause(d.ctx)
	}
	if d.stuck++; d.stuck > maxResumes {
		return n, d.s.fail(d.ctx, "read", d.key, err)
	}
	d.body.Close()
	if err := d.connect(); err != nil {
		d.body = io.NopCloser(strings.NewReader(""))
		return n, err
	}
	return n, nil
}

// Close ends the download.
func (d *download) Close() error { return d.body.Close() }

// Stat describes the object under key.
func (s *Store) Stat(ctx context.Context, key string) (artifact.Info, error) {
	out, err := s.head(ctx, key)
	if err != nil {
		return artifact.Info{}, err
	}
	meta := maps.Clone(out.Metadata)
	delete(meta, uploadMeta)
	if len(meta) == 0 {
		meta = nil
	}
	return artifact.Info{
		Key:      key,
		Size:     aws.ToInt64(out.ContentLength),
		Modified: aws.ToTime(out.LastModified),
		Tag:      aws.ToString(out.ETag),
		Meta:     meta,
	}, nil
}

// head asks for an object's description with its checksums.
func (s *Store) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.bucket, Key: s.name(key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err == nil {
		s.bucketSeen.Store(true)
		return out, nil
	}
	if !is(err, artifact.ErrNotExist) || !s.bucketSeen.Load() {
		if why := s.refusal(ctx); why != nil {
			err = why
		}
	}
	return nil, s.fail(ctx, "look at", key, err)
}

// refusal returns why the server refuses the store as a whole; nil when it does
// not. The answer to HEAD has no body and cannot tell a missing bucket from a
// missing object, nor wrong credentials from either.
func (s *Store) refusal(ctx context.Context) error {
	_, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.name(probeFolder), MaxKeys: aws.Int32(1)})
	if err == nil {
		s.bucketSeen.Store(true)
	}
	// The right to list is another than the right to read.
	if code, _ := codeOf(err); code != "AccessDenied" && is(err, artifact.ErrRefused) {
		return err
	}
	return nil
}

// Check compares d with the size and the whole-object checksum that the store
// keeps; without a common one it reads the object back.
func (s *Store) Check(ctx context.Context, key string, d artifact.Digest) error {
	out, err := s.head(ctx, key)
	if err != nil {
		return err
	}
	kept := artifact.Digest{Size: aws.ToInt64(out.ContentLength)}
	if out.ChecksumType != types.ChecksumTypeComposite {
		kept.CRC64NVME = aws.ToString(out.ChecksumCRC64NVME)
		if sum, err := base64.StdEncoding.DecodeString(aws.ToString(out.ChecksumSHA256)); err == nil && len(sum) == 32 {
			kept.SHA256 = hex.EncodeToString(sum)
		}
	}
	if err := d.Expect(kept); err != nil {
		return fmt.Errorf("%s/%s: %w: %w", s.Location(), key, artifact.ErrCorrupt, err)
	}
	if kept.SHA256 != "" && d.SHA256 != "" || kept.CRC64NVME != "" && d.CRC64NVME != "" {
		return nil
	}
	return artifact.ReadBack(ctx, s, key, d)
}

// List yields what lies below prefix, in the order of keys, which S3 promises.
// Objects whose keys no store can hold, such as the folders that consoles make,
// are passed over.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[artifact.Info, error] {
	return func(yield func(artifact.Info, error) bool) {
		if err := artifact.CheckPrefix(prefix); err != nil {
			yield(artifact.Info{}, err)
			return
		}
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.name(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(artifact.Info{}, s.fail(ctx, "list", prefix, err))
				return
			}
			s.bucketSeen.Store(true)
			for _, o := range page.Contents {
				key, ok := strings.CutPrefix(aws.ToString(o.Key), s.prefix)
				if !ok || artifact.CheckKey(key) != nil {
					continue
				}
				info := artifact.Info{
					Key: key, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified), Tag: aws.ToString(o.ETag),
				}
				if !yield(info, nil) {
					return
				}
			}
		}
	}
}

// Delete removes the object under key.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: s.name(key)})
	if err != nil && !is(err, artifact.ErrNotExist) {
		return s.fail(ctx, "delete", key, err)
	}
	return nil
}

func check(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return artifact.CheckKey(key)
}
