package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// Object is one object of a bucket, of which parts are read. It need not be part
// of a store of ours, so its key may be any that S3 takes.
type Object struct {
	Size int64
	Meta map[string]string // user metadata; names in lower case, without x-amz-meta-
	Head []byte            // the first bytes, as many as OpenObject was asked for or there are

	s   *Store
	key string
	tag *string
}

// OpenObject reads the first n bytes of the object at address, s3://BUCKET/KEY,
// with one request that also tells the rest. Credentials and endpoint are those of
// Open, and errors mean the same.
func OpenObject(ctx context.Context, address string, n int64) (*Object, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	s, err := Open(ctx, "s3://"+bucket)
	if err != nil {
		return nil, err
	}
	if key == "" || strings.HasSuffix(key, "/") {
		return nil, fmt.Errorf("s3://%s/%s names no object; write s3://BUCKET/KEY", bucket, key)
	}
	o := &Object{s: s, key: key}
	out, err := o.get(ctx, 0, n)
	if code, status := codeOf(err); code == "InvalidRange" || status == 416 {
		return o, nil // it is there and empty: no range of it exists
	}
	if err != nil {
		return nil, s.fail(ctx, "read", key, err)
	}
	defer out.Body.Close()
	if o.Size, err = whole(out); err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", s.Location(), key, err)
	}
	o.Meta, o.tag = out.Metadata, out.ETag
	if o.Head, err = o.take(ctx, out, min(n, o.Size)); err != nil {
		return nil, err
	}
	return o, nil
}

// ReadRange reads n bytes at offset, all of which must be in the object. When it
// is not the object anymore that was opened, the error is artifact.ErrChanged.
func (o *Object) ReadRange(ctx context.Context, offset, n int64) ([]byte, error) {
	out, err := o.get(ctx, offset, n)
	if code, _ := codeOf(err); is(err, artifact.ErrExist) || code == "InvalidRange" {
		return nil, fmt.Errorf("read %s/%s: %w while it was read", o.s.Location(), o.key, artifact.ErrChanged)
	}
	if err != nil {
		return nil, o.s.fail(ctx, "read", o.key, err)
	}
	defer out.Body.Close()
	if !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", offset)) {
		return nil, fmt.Errorf("read %s/%s: %w: the store ignores ranges", o.s.Location(), o.key, artifact.ErrRefused)
	}
	return o.take(ctx, out, n)
}

func (o *Object) get(ctx context.Context, offset, n int64) (*s3.GetObjectOutput, error) {
	return o.s.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &o.s.bucket, Key: &o.key, IfMatch: o.tag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+n-1)),
	})
}

// take reads n bytes of an answer and no more.
func (o *Object) take(ctx context.Context, out *s3.GetObjectOutput, n int64) ([]byte, error) {
	data := make([]byte, n)
	if _, err := io.ReadFull(out.Body, data); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, o.s.fail(ctx, "read", o.key, err)
	}
	return data, nil
}

// whole is the size of the object that an answer holds a part of, or all of.
func whole(out *s3.GetObjectOutput) (int64, error) {
	if out.ContentRange == nil && out.ContentLength != nil {
		return *out.ContentLength, nil
	}
	var first, last, size int64
	text := aws.ToString(out.ContentRange)
	if n, err := fmt.Sscanf(text, "bytes %d-%d/%d", &first, &last, &size); n != 3 || err != nil || first != 0 || size < 1 {
		return 0, fmt.Errorf("%w: the store does not say which part it sends (Content-Range: %.60q)", artifact.ErrRefused, text)
	}
	return size, nil
}
