package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

var createTests = []test{
	{"an object is what was written", func(t *testing.T, s artifact.Store) {
		out, in, err := os.Pipe() // a file that cannot seek
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if _, err := in.WriteString("some bytes"); err != nil {
			t.Fatal(err)
		}
		in.Close()
		for name, body := range map[string]io.Reader{
			"seekable": strings.NewReader("some bytes"),
			"pipe":     out,
			"once":     once{strings.NewReader("some bytes")},
			"exact":    io.LimitReader(strings.NewReader("some bytes"), 10),
		} {
			if err := s.Create(t.Context(), name, body, artifact.Object{Digest: digest(t, "some bytes")}); err != nil {
				t.Fatalf("Create(%s): %v", name, err)
			}
			if got := content(t, s, name, 0); got != "some bytes" {
				t.Errorf("%s: object is %q", name, got)
			}
		}
	}},
	{"an empty object is an object", func(t *testing.T, s artifact.Store) {
		for name, body := range map[string]io.Reader{"seekable": strings.NewReader(""), "once": once{strings.NewReader("")}} {
			if err := s.Create(t.Context(), name, body, artifact.Object{Digest: digest(t, "")}); err != nil {
				t.Fatalf("Create(%s): %v", name, err)
			}
			if got := content(t, s, name, 0); got != "" {
				t.Errorf("%s: object is %q", name, got)
			}
			if err := s.Check(t.Context(), name, digest(t, "")); err != nil {
				t.Errorf("Check(%s): %v", name, err)
			}
		}
	}},
	{"a body is read from where it stands", func(t *testing.T, s artifact.Store) {
		r := strings.NewReader("header and body")
		if _, err := r.Seek(11, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), "k", r, artifact.Object{Digest: digest(t, "body")}); err != nil {
			t.Fatal(err)
		}
		if got := content(t, s, "k", 0); got != "body" {
			t.Errorf("object is %q, want %q", got, "body")
		}
	}},
	{"a second creator loses and changes nothing", func(t *testing.T, s artifact.Store) {
		create(t, s, "k", "first")
		for name, body := range map[string]io.Reader{
			"other bytes": strings.NewReader("second"), "same bytes": strings.NewReader("first"), "once": once{strings.NewReader("third")},
		} {
			o := artifact.Object{Meta: map[string]string{"by": "second"}}
			if err := s.Create(t.Context(), "k", body, o); !errors.Is(err, artifact.ErrExist) {
				t.Errorf("second Create, %s: %v, want ErrExist", name, err)
			}
		}
		if got := content(t, s, "k", 0); got != "first" {
			t.Errorf("object is %q, want %q", got, "first")
		}
		if info, err := s.Stat(t.Context(), "k"); err != nil || len(info.Meta) != 0 {
			t.Errorf("Stat: %+v, %v, want no metadata", info, err)
		}
	}},
	{"of 16 racing creators one wins whole", func(t *testing.T, s artifact.Store) {
		for round := range 4 {
			key := fmt.Sprintf("race/%d", round)
			errs := race(16, func(i int) error {
				body := strings.Repeat(fmt.Sprintf("writer %2d\n", i), 10000)
				return s.Create(t.Context(), key, strings.NewReader(body),
					artifact.Object{Digest: digest(t, body), Meta: map[string]string{"writer": fmt.Sprint(i)}})
			})
			winner := -1
			for i, err := range errs {
				switch {
				case err == nil && winner >= 0:
					t.Errorf("round %d: writers %d and %d both won", round, winner, i)
				case err == nil:
					winner = i
				case !errors.Is(err, artifact.ErrExist):
					t.Errorf("round %d, writer %d: %v, want ErrExist", round, i, err)
				}
			}
			if want := strings.Repeat(fmt.Sprintf("writer %2d\n", winner), 10000); content(t, s, key, 0) != want {
				t.Errorf("round %d: the object is not writer %d's", round, winner)
			}
			info, err := s.Stat(t.Context(), key)
			if err != nil || info.Meta["writer"] != fmt.Sprint(winner) {
				t.Errorf("round %d: Stat: %+v, %v, want metadata of writer %d", round, info, err, winner)
			}
		}
	}},
	{"a body that fails leaves nothing", func(t *testing.T, s artifact.Store) {
		broken := errors.New("the disk went away")
		for name, body := range map[string]io.Reader{
			"at once": failing(0, broken), "later": failing(100, broken), "after megabytes": failing(3<<20, broken),
			// An error that a store knows is still the body's.
			"missing": failing(100, os.ErrNotExist), "taken": failing(100, os.ErrExist),
		} {
			err := s.Create(t.Context(), "k", body, artifact.Object{})
			if err == nil || errors.Is(err, artifact.ErrExist) || errors.Is(err, artifact.ErrNotExist) || errors.Is(err, artifact.ErrRefused) {
				t.Errorf("%s: %v, want the body's own error", name, err)
			}
			if strings.HasPrefix(name, "a") && !errors.Is(err, broken) {
				t.Errorf("%s: %v, want %v", name, err, broken)
			}
			absent(t, s, "k")
		}
		create(t, s, "k", "works now")
	}},
	{"a body that is not its digest is refused and invisible", func(t *testing.T, s artifact.Store) {
		good := digest(t, "some bytes")
		for name, d := range map[string]artifact.Digest{
			"other bytes":   digest(t, "other byte"),
			"too short":     {Size: 9},
			"too long":      {Size: 11},
			"wrong size":    {Size: 4, SHA256: good.SHA256},
			"wrong SHA-256": {Size: good.Size, SHA256: digest(t, "x").SHA256},
		} {
			for kind, body := range map[string]io.Reader{"seekable": strings.NewReader("some bytes"), "once": once{strings.NewReader("some bytes")}} {
				if err := s.Create(t.Context(), "k", body, artifact.Object{Digest: d}); !errors.Is(err, artifact.ErrMismatch) {
					t.Errorf("%s, %s: %v, want ErrMismatch", name, kind, err)
				}
				absent(t, s, "k")
			}
		}
	}},
	{"a file that shrinks on its way is refused and invisible", func(t *testing.T, s artifact.Store) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := s.Create(t.Context(), "k", &shrinking{File: f, path: path}, artifact.Object{Digest: artifact.Digest{Size: 1 << 20}}); err == nil {
			t.Error("Create of a file that shrank succeeded")
		}
		absent(t, s, "k")
	}},
	{"a done context creates nothing", func(t *testing.T, s artifact.Store) {
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the user went home")
		cancel(gone)
		if err := s.Create(ctx, "k", strings.NewReader("x"), artifact.Object{}); !errors.Is(err, gone) {
			t.Errorf("Create: %v, want %v", err, gone)
		}
		absent(t, s, "k")
	}},
	{"a context that ends in the middle of a body leaves nothing", func(t *testing.T, s artifact.Store) {
		for _, size := range []int{1 << 10, 3 << 20, 40 << 20} {
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("the user went home")
			start := time.Now()
			err := s.Create(ctx, "k", &cancelling{size, cancel, gone}, artifact.Object{})
			if !errors.Is(err, gone) {
				t.Errorf("cancelled after %d bytes: %v, want %v", size, err, gone)
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("cancelled after %d bytes: took %v", size, d)
			}
			absent(t, s, "k")
		}
	}},
	{"metadata comes back", func(t *testing.T, s artifact.Store) {
		meta := map[string]string{"sha256": "00ff", "built-at": "2026-11-23T10:00:00Z", "gpu": "NVIDIA A100-SXM4-40GB", "odd": `a "b" = c; d, e`}
		for _, key := range []string{"k", "deep/er/k"} {
			if err := s.Create(t.Context(), key, strings.NewReader("x"), artifact.Object{Meta: meta, ContentType: "text/plain"}); err != nil {
				t.Fatal(err)
			}
			if info, err := s.Stat(t.Context(), key); err != nil || !maps.Equal(info.Meta, meta) {
				t.Errorf("Stat(%s): %v, %v, want %v", key, info.Meta, err, meta)
			}
		}
	}},
	{"metadata that no header can carry is an error", func(t *testing.T, s artifact.Store) {
		for _, meta := range []map[string]string{
			{"Upper": "x"}, {"": "x"}, {"under_score": "x"}, {"a": "new\nline"}, {"a": "größe"}, {"a": " x"}, {"a": strings.Repeat("x", 3000)},
		} {
			if err := s.Create(t.Context(), "k", strings.NewReader("x"), artifact.Object{Meta: meta}); err == nil {
				t.Errorf("Create with metadata %.60q succeeded", fmt.Sprint(meta))
			}
			absent(t, s, "k")
		}
	}},
	{"odd names are kept as they are", func(t *testing.T, s artifact.Store) {
		names := []string{
			"with space", " lead", "trail ", "plus+plus", "percent%41", "per%cent%", "a%2Fb", "ünïcödé/模型", "quote\"'`", "star*?[x]", "back\\slash",
			"semi;colon&amp=1", "hash#mark", "tilde~", "a..b", "dots/.hidden", "dots/...", "angle<>", "@at", "C:", strings.Repeat("l", 255),
			strings.Repeat(strings.Repeat("s", 99)+"/", 7) + "end",
		}
		for _, name := range names {
			create(t, s, name, "object "+name)
		}
		for _, name := range names {
			if got := content(t, s, name, 0); got != "object "+name {
				t.Errorf("%.40q holds %.40q", name, got)
			}
		}
		if got := keys(t, s, ""); len(got) != len(names) {
			t.Errorf("List: %d objects, want %d: %q", len(got), len(names), got)
		}
	}},
	{"names that mean other places are refused everywhere", func(t *testing.T, s artifact.Store) {
		for _, key := range []string{
			"", "/", "/abs", "trail/", "a//b", "..", "../up", "a/../b", "a/..", ".", "a/./b", ".tmp/x", ".meta/x", ".lock", ".probe/x",
			"nul\x00", "line\nfeed", "del\x7f", "bad\xff", strings.Repeat("s", 256), strings.Repeat("s/", 500) + "s",
		} {
			if err := s.Create(t.Context(), key, strings.NewReader("x"), artifact.Object{}); err == nil || errors.Is(err, artifact.ErrExist) {
				t.Errorf("Create(%.40q): %v, want an error about the name", key, err)
			}
			if r, err := s.Open(t.Context(), key, 0); err == nil || errors.Is(err, artifact.ErrNotExist) {
				t.Errorf("Open(%.40q): %v, want an error about the name", key, err)
				if err == nil {
					r.Close()
				}
			}
			if _, err := s.Stat(t.Context(), key); err == nil || errors.Is(err, artifact.ErrNotExist) {
				t.Errorf("Stat(%.40q): %v, want an error about the name", key, err)
			}
			if _, err := s.Swap(t.Context(), key, nil, ""); err == nil || errors.Is(err, artifact.ErrChanged) {
				t.Errorf("Swap(%.40q): %v, want an error about the name", key, err)
			}
			if err := s.Delete(t.Context(), key); err == nil {
				t.Errorf("Delete(%.40q) succeeded", key)
			}
		}
		for _, prefix := range []string{"/", "../", "a//", ".tmp", "nul\x00"} {
			for _, err := range s.List(t.Context(), prefix) {
				if err == nil {
					t.Errorf("List(%q) yields objects", prefix)
				}
			}
		}
		if got := keys(t, s, ""); len(got) > 0 {
			t.Errorf("List: %q, want nothing", got)
		}
	}},
}

// shrinking loses its second half after the first read.
type shrinking struct {
	*os.File
	path string
	once sync.Once
}

func (s *shrinking) shrink() { s.once.Do(func() { _ = os.Truncate(s.path, 1<<19) }) }

func (s *shrinking) Read(p []byte) (int, error) {
	defer s.shrink()
	return s.File.Read(p[:min(len(p), 1<<10)])
}

func (s *shrinking) ReadAt(p []byte, at int64) (int, error) {
	defer s.shrink()
	return s.File.ReadAt(p[:min(len(p), 1<<10)], at)
}

// race runs n goroutines that start together and returns what each came to.
func race(n int, run func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}
