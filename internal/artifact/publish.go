package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// checksAtOnce bounds how many blobs of a manifest are proven at a time.
const checksAtOnce = 8

// PutBlob publishes the file at path, whose digest is d, by content. The file is
// hashed again on its way: one that is no longer d is refused with ErrMismatch.
// A blob that is there already is proven to be d instead, so that publishing
// twice is as good as once. meta is completed with the digests.
func PutBlob(ctx context.Context, s Store, path string, d Digest, contentType string, meta map[string]string) (Blob, error) {
	f, err := openRegular(path)
	if err != nil {
		return Blob{}, err
	}
	defer f.Close()
	b, err := PutFrom(ctx, s, f, d, contentType, meta)
	if err != nil {
		return Blob{}, fmt.Errorf("publish %s: %w", path, err)
	}
	return b, nil
}

// PutBytes publishes data by content, as PutBlob does a file.
func PutBytes(ctx context.Context, s Store, data []byte, contentType string) (Blob, error) {
	d, err := Sum(bytes.NewReader(data))
	if err != nil {
		return Blob{}, err
	}
	return PutFrom(ctx, s, bytes.NewReader(data), d, contentType, nil)
}

// PutFrom publishes body, whose digest is d, by content, as PutBlob does a file:
// for callers that hold the file open already.
func PutFrom(ctx context.Context, s Store, body io.Reader, d Digest, contentType string, meta map[string]string) (Blob, error) {
	if !isDigest(d.SHA256, 32) || !isDigest(d.MD5, 16) {
		return Blob{}, fmt.Errorf("the digest is not known (SHA-256 %q, MD5 %q)", d.SHA256, d.MD5)
	}
	full := map[string]string{"md5": d.MD5, "sha256": d.SHA256}
	for name, value := range meta {
		full[name] = plain(value)
	}
	key := BlobKey(d.SHA256)
	err := s.Create(ctx, key, body, Object{Digest: d, ContentType: contentType, Meta: full})
	if errors.Is(err, ErrExist) {
		err = s.Check(ctx, key, d)
	}
	if err != nil {
		return Blob{}, err
	}
	return Blob{Path: key, Size: d.Size, MD5: d.MD5, SHA256: d.SHA256, CRC64NVME: d.CRC64NVME}, nil
}

// Commit makes the record m exist. It first proves every blob that m names at
// the store, then creates the manifest. When another record of the same key came
// first, that one stays: won is false and existing is it. A manifest equal to m
// down to the byte counts as won, since then an earlier try of ours got through.
func Commit(ctx context.Context, s Store, m *Manifest) (won bool, existing *Manifest, err error) {
	data, err := m.Encode()
	if err != nil {
		return false, nil, err
	}
	key := RecordKey(m.Model, m.Key)
	if err := checkBlobs(ctx, s, m); err != nil {
		return false, nil, fmt.Errorf("prove the blobs of %s: %w", m.Cell, err)
	}
	d, err := Sum(bytes.NewReader(data))
	if err != nil {
		return false, nil, err
	}
	err = s.Create(ctx, key, bytes.NewReader(data), Object{Digest: d, ContentType: "application/json", Meta: m.meta(d)})
	switch {
	case err == nil:
		return true, nil, nil
	case !errors.Is(err, ErrExist):
		return false, nil, err
	}
	existing, err = ReadManifest(ctx, s, key)
	if err != nil {
		return false, nil, err
	}
	if theirs, err := existing.Encode(); err == nil && bytes.Equal(theirs, data) {
		return true, nil, nil
	}
	return false, existing, nil
}

func checkBlobs(ctx context.Context, s Store, m *Manifest) error {
	unique := map[string]Digest{m.Engine.Path: m.Engine.Digest()}
	for _, b := range m.Blobs {
		unique[b.Path] = b.Digest()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checksAtOnce)
	for path, d := range unique {
		g.Go(func() error { return s.Check(ctx, path, d) })
	}
	return g.Wait()
}

// meta is the metadata of the manifest's object, for people who look at a bucket.
func (m *Manifest) meta(d Digest) map[string]string {
	meta := map[string]string{"md5": d.MD5, "sha256": d.SHA256, "built-at": m.BuiltAt.UTC().Format(time.RFC3339)}
	for name, value := range map[string]string{"gpu": m.GPU.Target, "sm": m.GPU.SM, "tensorrt": m.TensorRT.Engine} {
		if value = plain(value); value != "" && len(value) < 200 {
			meta[name] = value
		}
	}
	if m.Simulated {
		meta["simulated"] = "true"
	}
	return meta
}

// ReadBack reads the object under key whole and compares it with d. It is how a
// store that keeps no checksum of its own implements Check.
func ReadBack(ctx context.Context, s Store, key string, d Digest) error {
	if d.SHA256 == "" && d.MD5 == "" && d.CRC64NVME == "" {
		return fmt.Errorf("check %s: no checksum to compare with", key)
	}
	r, err := s.Open(ctx, key, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	found, err := Sum(reader{ctx, r})
	if err != nil {
		return fmt.Errorf("read back %s: %w", key, err)
	}
	if err := d.Expect(found); err != nil {
		return fmt.Errorf("%s: %w: %w", key, ErrCorrupt, err)
	}
	return nil
}

// reader ends a long read soon after ctx is done.
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
