// Package storetest holds the behaviour that every artifact.Store shares.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// Run checks a store; open returns a new, empty one for each subtest.
func Run(t *testing.T, open func(t *testing.T) artifact.Store) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"create", createTests},
		{"read", readTests},
		{"list", listTests},
		{"swap", swapTests},
		{"large", largeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, one := range group.tests {
				t.Run(one.name, func(t *testing.T) { one.run(t, open(t)) })
			}
		})
	}
}

// test is one sentence about stores.
type test struct {
	name string
	run  func(t *testing.T, s artifact.Store)
}

// once hides everything of a body but Read, as a pipe or a response would.
type once struct{ io.Reader }

// create makes an object of text and fails the test when it cannot.
func create(t *testing.T, s artifact.Store, key, text string) {
	t.Helper()
	if err := s.Create(t.Context(), key, strings.NewReader(text), artifact.Object{}); err != nil {
		t.Fatalf("Create(%q): %v", key, err)
	}
}

// content returns an object's bytes from offset on.
func content(t *testing.T, s artifact.Store, key string, offset int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset)
	if err != nil {
		t.Fatalf("Open(%q, %d): %v", key, offset, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %q from %d: %v", key, offset, err)
	}
	return string(b)
}

// absent fails the test when a reader of any kind sees something under key.
func absent(t *testing.T, s artifact.Store, key string) {
	t.Helper()
	if r, err := s.Open(t.Context(), key, 0); !errors.Is(err, artifact.ErrNotExist) {
		t.Errorf("Open(%q): %v, want ErrNotExist", key, err)
		if err == nil {
			r.Close()
		}
	}
	if info, err := s.Stat(t.Context(), key); !errors.Is(err, artifact.ErrNotExist) {
		t.Errorf("Stat(%q): %+v, %v, want ErrNotExist", key, info, err)
	}
	if err := s.Check(t.Context(), key, digest(t, "x")); !errors.Is(err, artifact.ErrNotExist) {
		t.Errorf("Check(%q): %v, want ErrNotExist", key, err)
	}
	if got := keys(t, s, ""); len(got) > 0 {
		for _, k := range got {
			if k == key {
				t.Errorf("List shows %q", key)
			}
		}
	}
}

func keys(t *testing.T, s artifact.Store, prefix string) []string {
	t.Helper()
	var all []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		all = append(all, info.Key)
	}
	return all
}

func digest(t *testing.T, text string) artifact.Digest {
	t.Helper()
	d, err := artifact.Sum(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cancelling is a body without end that cancels its own creation once n bytes
// are read.
type cancelling struct {
	n      int
	cancel context.CancelCauseFunc
	cause  error
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.n -= len(p); c.n <= 0 {
		c.cancel(c.cause)
	}
	return len(p), nil
}

// failing gives n bytes and then err.
func failing(n int, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(make([]byte, n)), errorReader{err})
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }
