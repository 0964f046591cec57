package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// probeFolder holds the small objects that probes write and remove. No key of
// the store begins with a dot.
const probeFolder = ".probe/"

// Capabilities are what a server turned out to do when it was tried.
type Capabilities struct {
	Create    bool // decides If-None-Match on PUT
	Multipart bool // decides If-None-Match when a multipart upload is completed
	Swap      bool // decides If-Match on PUT
	Checksums bool // takes x-amz-checksum-sha256 on PUT
	Verifies  bool // refuses a body that is not its checksum
	Keeps     bool // tells the checksum of an object afterwards
	Whole     bool // takes a CRC64NVME over a whole multipart object
}

// Lacks names what the server does not do, in words for people; nil when it does
// everything.
func (c Capabilities) Lacks() []string {
	var lacks []string
	for _, l := range []struct {
		has  bool
		what string
	}{
		{c.Create, "it ignores or rejects If-None-Match on PUT, so that objects could be overwritten"},
		{c.Multipart, "it ignores or rejects If-None-Match on CompleteMultipartUpload, so that large objects could be overwritten"},
		{c.Swap, "it ignores or rejects If-Match on PUT, so that pointers could be lost"},
		{c.Checksums, "it rejects x-amz-checksum-sha256; Content-MD5 is sent instead"},
		{c.Verifies, "it accepts bodies that differ from their checksum"},
		{c.Keeps, "it does not tell the checksums of objects; they are read back instead"},
		{c.Whole, "it rejects CRC64NVME over whole multipart objects; they are read back instead"},
	} {
		if !l.has {
			lacks = append(lacks, l.what)
		}
	}
	return lacks
}

// Probe tries what the server does with a small object of its own, which it
// removes. It returns an error when the server cannot be tried at all, such as
// for want of rights.
func (s *Store) Probe(ctx context.Context) (Capabilities, error) {
	p := s.newProbe()
	defer p.clean(ctx)
	c, err := p.all(ctx)
	if err != nil {
		return Capabilities{}, s.fail(ctx, "probe", p.key, err)
	}
	return c, nil
}

// abilities are what writing depends on.
type abilities struct {
	conditional bool
	checksums   bool
}

// allAbilities are tried from the best to the least.
var allAbilities = []abilities{{true, true}, {true, false}, {false, true}, {false, false}}

// probes remembers what the server was found to be able to do. Each question is
// asked when the first write depends on it, and again after an error.
type probes struct {
	mu    sync.Mutex
	known map[string]abilities
}

func (p *probes) create(ctx context.Context, s *Store) (abilities, error) {
	return p.ask(ctx, s, "If-None-Match on PUT", (*probe).create)
}

func (p *probes) swap(ctx context.Context, s *Store) (abilities, error) {
	return p.ask(ctx, s, "If-Match on PUT", (*probe).swap)
}

func (p *probes) multipart(ctx context.Context, s *Store) (abilities, error) {
	return p.ask(ctx, s, "If-None-Match on CompleteMultipartUpload", (*probe).multipart)
}

func (p *probes) ask(ctx context.Context, s *Store, what string, try func(*probe, context.Context) (abilities, error)) (abilities, error) {
	p.mu.Lock() // the others wait for the answer as well
	defer p.mu.Unlock()
	a, ok := p.known[what]
	if !ok {
		trial := s.newProbe()
		defer trial.clean(ctx)
		var err error
		if a, err = try(trial, ctx); err != nil {
			return abilities{}, err
		}
		if p.known == nil {
			p.known = make(map[string]abilities)
		}
		p.known[what] = a
	}
	if !a.conditional {
		return a, fmt.Errorf("%w: the store %s ignores or rejects %s, so that nothing would keep a published object from being overwritten; use a store with conditional writes",
			artifact.ErrRefused, s.where(), what)
	}
	return a, nil
}

// probe is one trial of a server, with an object of its own.
type probe struct {
	s    *Store
	key  string
	made bool
}

func (s *Store) newProbe() *probe {
	return &probe{s: s, key: probeFolder + rand.Text()}
}

// body is what a probe writes.
func (p *probe) body() []byte { return []byte("trtfarm tries what this store can do\n") }

func (p *probe) clean(ctx context.Context) {
	if !p.made {
		return
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	// An object that stays does no harm: nobody lists it.
	_, _ = p.s.client.DeleteObject(within, &s3.DeleteObjectInput{Bucket: &p.s.bucket, Key: p.s.name(p.key)})
}

// put writes the probe's object; how changes the request.
func (p *probe) put(ctx context.Context, how func(*s3.PutObjectInput)) error {
	in := &s3.PutObjectInput{Bucket: &p.s.bucket, Key: p.s.name(p.key), Body: bytes.NewReader(p.body())}
	how(in)
	_, err := p.s.client.PutObject(ctx, in)
	if err == nil {
		p.made = true
	}
	return err
}

// create writes the object with all that a Create sends, or as much of that as
// the server takes, and once more, which must fail.
func (p *probe) create(ctx context.Context) (a abilities, err error) {
	write := func(in *s3.PutObjectInput) {
		if a.conditional {
			in.IfNoneMatch = aws.String("*")
		}
		if a.checksums {
			in.ChecksumSHA256 = encode(sum(sha256.New(), p.body()))
		}
	}
	for _, a = range allAbilities {
		if err = p.put(ctx, write); !isRejected(err) {
			break
		}
	}
	if err != nil || !a.conditional {
		return a, err
	}
	err = p.put(ctx, write)
	if a.conditional = is(err, artifact.ErrExist); a.conditional {
		err = nil
	}
	return a, err
}

func (p *probe) swap(ctx context.Context) (abilities, error) {
	a, err := p.create(ctx)
	if err != nil || !a.conditional {
		return a, err
	}
	err = p.put(ctx, func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"00000000000000000000000000000000"`) })
	a.conditional = is(err, artifact.ErrExist)
	if a.conditional || isRejected(err) {
		err = nil
	}
	return a, err
}

// multipart completes an upload over the probe's own object, which must fail,
// with as much of what a Create sends as the server takes.
func (p *probe) multipart(ctx context.Context) (a abilities, err error) {
	if err := p.put(ctx, func(*s3.PutObjectInput) {}); err != nil {
		return a, err
	}
	for _, a = range allAbilities {
		if err = p.tryMultipart(ctx, a); !isRejected(err) {
			break
		}
	}
	if a.conditional = is(err, artifact.ErrExist); a.conditional {
		err = nil
	}
	return a, err
}

func (p *probe) tryMultipart(ctx context.Context, a abilities) error {
	bucket, key := &p.s.bucket, p.s.name(p.key)
	start := &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key}
	one := &s3.UploadPartInput{Bucket: bucket, Key: key, PartNumber: aws.Int32(1), Body: bytes.NewReader(p.body())}
	end := &s3.CompleteMultipartUploadInput{Bucket: bucket, Key: key}
	done := types.CompletedPart{PartNumber: aws.Int32(1)}
	if a.conditional {
		end.IfNoneMatch = aws.String("*")
	}
	if a.checksums {
		crc := encode(sum(crc64nvme.New(), p.body()))
		start.ChecksumAlgorithm, start.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
		one.ChecksumCRC64NVME, done.ChecksumCRC64NVME = crc, crc
		end.ChecksumCRC64NVME, end.ChecksumType = crc, types.ChecksumTypeFullObject
	}
	m, err := p.s.client.CreateMultipartUpload(ctx, start)
	if err != nil {
		return err
	}
	defer func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		_, _ = p.s.client.AbortMultipartUpload(within, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: m.UploadId})
	}()
	one.UploadId, end.UploadId = m.UploadId, m.UploadId
	out, err := p.s.client.UploadPart(ctx, one)
	if err != nil {
		return err
	}
	done.ETag = out.ETag
	end.MultipartUpload = &types.CompletedMultipartUpload{Parts: []types.CompletedPart{done}}
	_, err = p.s.client.CompleteMultipartUpload(ctx, end)
	return err
}

func (p *probe) all(ctx context.Context) (Capabilities, error) {
	var c Capabilities
	single, err := p.create(ctx)
	if err != nil {
		return c, err
	}
	c.Create, c.Checksums = single.conditional, single.checksums
	if out, err := p.s.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &p.s.bucket, Key: p.s.name(p.key), ChecksumMode: types.ChecksumModeEnabled,
	}); err != nil {
		return c, err
	} else {
		c.Keeps = aws.ToString(out.ChecksumSHA256) == *encode(sum(sha256.New(), p.body()))
	}
	if c.Checksums {
		err := p.put(ctx, func(in *s3.PutObjectInput) { in.ChecksumSHA256 = encode(sum(sha256.New(), []byte("other"))) })
		c.Verifies = err != nil
	}
	if c.Create {
		swap, err := p.s.newProbe().swapped(ctx)
		if err != nil {
			return c, err
		}
		c.Swap = swap.conditional
	}
	multi, err := p.multipart(ctx)
	if err != nil {
		return c, err
	}
	c.Multipart, c.Whole = multi.conditional, multi.checksums
	return c, nil
}

// swapped tries Swap and cleans up.
func (p *probe) swapped(ctx context.Context) (abilities, error) {
	defer p.clean(ctx)
	return p.swap(ctx)
}

func sum(h hash.Hash, b []byte) []byte {
	h.Write(b)
	return h.Sum(nil)
}

// isRejected says whether the server answered that it does not know, or does not
// take, something in a request that was right.
func isRejected(err error) bool {
	if err == nil {
		return false
	}
	code, status := codeOf(err)
	return status == http.StatusBadRequest && !errors.Is(sentinels[code], artifact.ErrRefused) ||
		status == http.StatusNotImplemented || strings.HasPrefix(code, "InvalidArgument")
}
