// Package artifact knows what is published: blobs by content, the manifest that
// makes a record exist, and the rules by which both reach a store unharmed. It
// declares Store; the stores themselves live below it.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Errors that every Store returns, wrapped, for its callers to test with errors.Is.
var (
	ErrExist    = errors.New("object exists already")
	ErrNotExist = errors.New("object does not exist")
	ErrChanged  = errors.New("object was changed by somebody else")
	ErrCorrupt  = errors.New("object differs from what was written")
	// ErrMismatch marks a body that is not what its creator said it would be:
	// the file changed, or was read badly, on its way to the store.
	ErrMismatch = errors.New("body differs from its digest")
	// ErrRefused marks a store that answers and says no: credentials, rights,
	// a full disk, a missing bucket. Trying again does not help.
	ErrRefused = errors.New("store refused")
)

// A Store keeps objects under slash-separated keys. All methods may be called
// concurrently, return soon after ctx is done, and leave nothing half-written
// that a reader could see. A key is never also the prefix of another key
// followed by "/", and every method refuses a key that CheckKey refuses.
type Store interface {
	// Create writes a new object. Exactly one of any number of concurrent
	// creators of one key succeeds; the others get ErrExist and change nothing.
	// When body fails, or does not have o.Digest's size and SHA-256 (where
	// given; ErrMismatch), nothing becomes visible. A body is read from where it
	// stands; one that is an io.ReaderAt and an io.Seeker may be read more than
	// once. A body that blocks must end by itself when ctx is done.
	Create(ctx context.Context, key string, body io.Reader, o Object) error

	// Swap replaces the object under key if its tag still is old, else returns
	// ErrChanged; old "" means that the object must not exist yet. It returns
	// the new tag. For small, mutable pointers.
	Swap(ctx context.Context, key string, body []byte, old string) (tag string, err error)

	// Open reads an object from offset on, or returns ErrNotExist. The caller
	// closes it. A negative offset is an error; one past the end reads nothing.
	Open(ctx context.Context, key string, offset int64) (io.ReadCloser, error)

	// Stat describes an object without reading it, or returns ErrNotExist.
	Stat(ctx context.Context, key string) (Info, error)

	// Check proves that the stored bytes are d: by a checksum that the store
	// itself keeps over the whole object, or else by reading them back. It
	// returns ErrCorrupt when they are not, ErrNotExist when there are none.
	Check(ctx context.Context, key string, d Digest) error

	// List yields every object whose key begins with prefix, ordered by key.
	// After an error it stops.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes an object; deleting what does not exist is no error.
	Delete(ctx context.Context, key string) error

	// Location names the store for people, without credentials.
	Location() string
}

// Object is what a creator knows about an object beforehand.
type Object struct {
	Digest      Digest            // of the body; Size and SHA256 are compared when not zero
	ContentType string            // "" means application/octet-stream
	Meta        map[string]string // user metadata; lower case ASCII names, without the x-amz-meta- prefix
}

// Info is what a store tells about an object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
	Tag      string            // opaque version for Swap; not a checksum
	Meta     map[string]string // only from Stat
}

// Digest identifies bytes by content.
type Digest struct {
	Size      int64  `json:"size"`
	MD5       string `json:"md5"`                 // lower case hex
	SHA256    string `json:"sha256"`              // lower case hex
	CRC64NVME string `json:"crc64nvme,omitempty"` // base64, as S3 writes it; "" when not computed
}

// Expect compares the bytes that were found with what d says about them, as far
// as both know it, and says how they differ; nil when they do not.
func (d Digest) Expect(found Digest) error {
	differ := func(what string, got, want any) error {
		return fmt.Errorf("%s is %v, should be %v", what, got, want)
	}
	switch {
	case d.Size != 0 && d.Size != found.Size:
		return differ("size", found.Size, d.Size)
	case d.SHA256 != "" && found.SHA256 != "" && d.SHA256 != found.SHA256:
		return differ("SHA-256", found.SHA256, d.SHA256)
	case d.MD5 != "" && found.MD5 != "" && d.MD5 != found.MD5:
		return differ("MD5", found.MD5, d.MD5)
	case d.CRC64NVME != "" && found.CRC64NVME != "" && d.CRC64NVME != found.CRC64NVME:
		return differ("CRC64NVME", found.CRC64NVME, d.CRC64NVME)
	}
	return nil
}
