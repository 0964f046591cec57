package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

const (
	// maxMemory is what a store may take for a large object.
	maxMemory = 100 << 20
	// pageSize is the grain of the pattern in large bodies.
	pageSize = 4096
)

// largeSize is 5 GiB when TRTFARM_TEST_LARGE is 1, the size of a big engine, and
// else just enough for many parts. The odd end makes the last part a short one.
func largeSize() int64 {
	if os.Getenv("TRTFARM_TEST_LARGE") == "1" {
		return 5<<30 + 12345
	}
	return 300<<20 + 12345
}

var largeTests = []test{
	{"a large file takes constant memory", func(t *testing.T, s artifact.Store) {
		path := filepath.Join(t.TempDir(), "large")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := io.Copy(f, pattern(largeSize())); err != nil {
			t.Fatal(err)
		}
		d, err := artifact.SumFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		large(t, s, f, d)
	}},
	{"a large stream takes constant memory", func(t *testing.T, s artifact.Store) {
		d, err := artifact.Sum(pattern(largeSize()))
		if err != nil {
			t.Fatal(err)
		}
		large(t, s, once{pattern(largeSize())}, d)
	}},
	{"of racing large creators one wins whole", func(t *testing.T, s artifact.Store) {
		const size = 80 << 20
		bodies := make([][]byte, 3)
		for i := range bodies {
			bodies[i] = bytes.Repeat([]byte{byte('a' + i)}, size)
		}
		winner := -1
		for i, err := range race(len(bodies), func(i int) error {
			return s.Create(t.Context(), "k", bytes.NewReader(bodies[i]), artifact.Object{})
		}) {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("creators %d and %d both won", winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, artifact.ErrExist):
				t.Errorf("creator %d: %v, want ErrExist", i, err)
			}
		}
		if winner >= 0 && content(t, s, "k", 0) != string(bodies[winner]) {
			t.Errorf("the object is not creator %d's", winner)
		}
	}},
	{"a large body that is wrong leaves nothing", func(t *testing.T, s artifact.Store) {
		const size = 80 << 20
		broken := errors.New("the disk went away")
		if err := s.Create(t.Context(), "k", failing(size, broken), artifact.Object{}); !errors.Is(err, broken) {
			t.Errorf("failing stream: %v, want %v", err, broken)
		}
		absent(t, s, "k")
		wrong := artifact.Object{Digest: artifact.Digest{Size: size, SHA256: digest(t, "x").SHA256}}
		for name, body := range map[string]io.Reader{"file": bytes.NewReader(make([]byte, size)), "stream": once{bytes.NewReader(make([]byte, size))}} {
			if err := s.Create(t.Context(), "k", body, wrong); !errors.Is(err, artifact.ErrMismatch) {
				t.Errorf("wrong SHA-256, %s: %v, want ErrMismatch", name, err)
			}
			absent(t, s, "k")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := s.Create(ctx, "k", &cancelling{size, cancel, broken}, artifact.Object{}); !errors.Is(err, broken) {
			t.Errorf("cancelled: %v, want %v", err, broken)
		}
		absent(t, s, "k")
	}},
}

// large creates, checks and reads an object and watches the memory.
func large(t *testing.T, s artifact.Store, body io.Reader, d artifact.Digest) {
	t.Helper()
	debug.FreeOSMemory()
	before := mapped()
	if err := s.Create(t.Context(), "large/object", body, artifact.Object{Digest: d}); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), "large/object", d); err != nil {
		t.Errorf("Check: %v", err)
	}
	other := d
	other.SHA256, other.CRC64NVME = digest(t, "x").SHA256, digest(t, "x").CRC64NVME
	if err := s.Check(t.Context(), "large/object", other); !errors.Is(err, artifact.ErrCorrupt) {
		t.Errorf("Check with another digest: %v, want ErrCorrupt", err)
	}
	r, err := s.Open(t.Context(), "large/object", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := artifact.Sum(r)
	if err != nil || got != d {
		t.Errorf("read back %+v, %v, want %+v", got, err, d)
	}
	if err := s.Create(t.Context(), "large/object", once{pattern(1 << 20)}, artifact.Object{}); !errors.Is(err, artifact.ErrExist) {
		t.Errorf("second Create: %v, want ErrExist", err)
	}
	grown := mapped() - before
	t.Logf("%d MiB took %d MiB of memory", d.Size>>20, grown>>20)
	if grown > maxMemory {
		t.Errorf("memory grew by %d MiB for %d MiB, want at most %d", grown>>20, d.Size>>20, maxMemory>>20)
	}
}

// mapped is the memory that the Go runtime has ever had from the system and did
// not return before the measurement began: it grows with the peak.
func mapped() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}

// pattern is size bytes of which no two pages are equal.
func pattern(size int64) io.Reader { return io.LimitReader(&pages{}, size) }

type pages struct {
	page [pageSize]byte
	n    uint64
	left []byte
}

func (p *pages) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		p.n++
		for i := 0; i < pageSize; i += 8 {
			binary.LittleEndian.PutUint64(p.page[i:], p.n*0x9e3779b97f4a7c15+uint64(i))
		}
		p.left = p.page[:]
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}
