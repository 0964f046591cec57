package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

var readTests = []test{
	{"what is missing is said to be missing", func(t *testing.T, s artifact.Store) {
		create(t, s, "a/b", "x")
		for _, key := range []string{"k", "a", "a/c", "b/c/d", "a/b2", "a/b/c"} {
			absent(t, s, key)
		}
	}},
	{"reading starts at the offset", func(t *testing.T, s artifact.Store) {
		create(t, s, "k", "0123456789")
		for offset, want := range map[int64]string{0: "0123456789", 1: "123456789", 9: "9", 10: "", 11: "", 1 << 40: ""} {
			if got := content(t, s, "k", offset); got != want {
				t.Errorf("from %d: %q, want %q", offset, got, want)
			}
		}
		if r, err := s.Open(t.Context(), "k", -1); err == nil {
			r.Close()
			t.Error("Open with a negative offset succeeded")
		}
		if r, err := s.Open(t.Context(), "none", 5); !errors.Is(err, artifact.ErrNotExist) {
			t.Errorf("Open of nothing at 5: %v, %v, want ErrNotExist", r, err)
		}
	}},
	{"a done context reads nothing", func(t *testing.T, s artifact.Store) {
		create(t, s, "k", "x")
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the user went home")
		cancel(gone)
		if _, err := s.Open(ctx, "k", 0); !errors.Is(err, gone) {
			t.Errorf("Open: %v", err)
		}
		if _, err := s.Stat(ctx, "k"); !errors.Is(err, gone) {
			t.Errorf("Stat: %v", err)
		}
		if err := s.Check(ctx, "k", digest(t, "x")); !errors.Is(err, gone) {
			t.Errorf("Check: %v", err)
		}
		if err := s.Delete(ctx, "k"); !errors.Is(err, gone) {
			t.Errorf("Delete: %v", err)
		}
		for _, err := range s.List(ctx, "") {
			if !errors.Is(err, gone) {
				t.Errorf("List: %v", err)
			}
		}
		if got := content(t, s, "k", 0); got != "x" {
			t.Errorf("object is %q", got)
		}
	}},
	{"Stat and List agree about an object", func(t *testing.T, s artifact.Store) {
		before := time.Now().Add(-2 * time.Second) // stores may tell whole seconds
		create(t, s, "k", "0123456789")
		got, err := s.Stat(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if got.Key != "k" || got.Size != 10 || got.Tag == "" || got.Modified.Before(before) || got.Modified.After(time.Now().Add(2*time.Second)) {
			t.Errorf("Stat: %+v", got)
		}
		for info, err := range s.List(t.Context(), "") {
			if err != nil || info.Key != got.Key || info.Size != got.Size || info.Tag != got.Tag || info.Modified.Sub(got.Modified).Abs() > time.Second {
				t.Errorf("List: %+v, %v; Stat: %+v", info, err, got)
			}
		}
	}},
	{"Check proves what was written and nothing else", func(t *testing.T, s artifact.Store) {
		good := digest(t, "0123456789")
		for _, key := range []string{"seekable", "once"} {
			var body io.Reader = strings.NewReader("0123456789")
			if key == "once" {
				body = once{body}
			}
			if err := s.Create(t.Context(), key, body, artifact.Object{Digest: good}); err != nil {
				t.Fatal(err)
			}
			for name, d := range map[string]artifact.Digest{
				"whole": good, "SHA-256 alone": {SHA256: good.SHA256}, "without CRC": {Size: 10, MD5: good.MD5, SHA256: good.SHA256},
				"CRC alone": {Size: 10, CRC64NVME: good.CRC64NVME}, "MD5 alone": {MD5: good.MD5},
			} {
				if err := s.Check(t.Context(), key, d); err != nil {
					t.Errorf("Check(%s), %s: %v", key, name, err)
				}
			}
			for name, other := range map[string]artifact.Digest{
				"other bytes": digest(t, "9876543210"), "other size": digest(t, "012345678"), "nothing": digest(t, ""),
				"SHA-256 alone": {SHA256: digest(t, "x").SHA256}, "CRC alone": {CRC64NVME: digest(t, "x").CRC64NVME}, "MD5 alone": {MD5: digest(t, "x").MD5},
				"wrong size": {Size: 11, SHA256: good.SHA256},
			} {
				if err := s.Check(t.Context(), key, other); !errors.Is(err, artifact.ErrCorrupt) {
					t.Errorf("Check(%s), %s: %v, want ErrCorrupt", key, name, err)
				}
			}
			if err := s.Check(t.Context(), key, artifact.Digest{Size: 10}); err == nil {
				t.Errorf("Check(%s) without any checksum proved something", key)
			}
		}
	}},
	{"Check sees that an object was replaced behind its back", func(t *testing.T, s artifact.Store) {
		create(t, s, "k", "0123456789")
		if err := s.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		create(t, s, "k", "0123456789"[1:]+"x")
		if err := s.Check(t.Context(), "k", digest(t, "0123456789")); !errors.Is(err, artifact.ErrCorrupt) {
			t.Errorf("Check: %v, want ErrCorrupt", err)
		}
	}},
	{"Delete removes, and again", func(t *testing.T, s artifact.Store) {
		o := artifact.Object{Meta: map[string]string{"by": "first"}}
		if err := s.Create(t.Context(), "a/k", strings.NewReader("x"), o); err != nil {
			t.Fatal(err)
		}
		create(t, s, "a/other", "y")
		for range 2 {
			if err := s.Delete(t.Context(), "a/k"); err != nil {
				t.Errorf("Delete: %v", err)
			}
			absent(t, s, "a/k")
		}
		for _, key := range []string{"none", "no/such/folder", "a/k/below"} {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Errorf("Delete(%s): %v", key, err)
			}
		}
		if got := keys(t, s, ""); !slices.Equal(got, []string{"a/other"}) {
			t.Errorf("List: %q", got)
		}
		create(t, s, "a/k", "new")
		if info, err := s.Stat(t.Context(), "a/k"); err != nil || len(info.Meta) != 0 {
			t.Errorf("Stat after Delete and Create: %+v, %v, want no metadata", info, err)
		}
	}},
	{"Location names the store", func(t *testing.T, s artifact.Store) {
		if l := s.Location(); !strings.HasPrefix(l, "s3://") && !strings.HasPrefix(l, "file:") {
			t.Errorf("Location: %q", l)
		}
	}},
}

var listTests = []test{
	{"an empty store lists nothing", func(t *testing.T, s artifact.Store) {
		for _, prefix := range []string{"", "none", "none/", "none/at/all"} {
			if got := keys(t, s, prefix); len(got) > 0 {
				t.Errorf("List(%q): %q", prefix, got)
			}
		}
	}},
	{"keys come in the order of their bytes and only below the prefix", func(t *testing.T, s artifact.Store) {
		all := []string{"a-b", "a.b", "a/b", "a/b-c", "a/b.c/x", "a/c/d/e", "a/é", "a0", "aa/1", "b", "z/é/1"}
		for _, key := range all {
			o := artifact.Object{Meta: map[string]string{"some": "metadata"}}
			if err := s.Create(t.Context(), key, strings.NewReader(key), o); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(all)
		for _, prefix := range []string{"", "a", "a/", "a/b", "a/b.", "a/b.c", "a/b.c/", "a/c/d", "b", "z/", "z/é/", "c", "a/b/"} {
			want := slices.DeleteFunc(slices.Clone(all), func(k string) bool { return !strings.HasPrefix(k, prefix) })
			if got := keys(t, s, prefix); !slices.Equal(got, want) {
				t.Errorf("List(%q)\n got %q\nwant %q", prefix, got, want)
			}
		}
	}},
	{"a list longer than a page is whole and can be left early", func(t *testing.T, s artifact.Store) {
		const n = 1100 // S3 pages have 1,000
		var want []string
		g, ctx := errgroup.WithContext(t.Context())
		g.SetLimit(32)
		for i := range n {
			key := fmt.Sprintf("many/%02d/%04d", i%7, i)
			want = append(want, key)
			g.Go(func() error {
				return s.Create(ctx, key, strings.NewReader(key), artifact.Object{})
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		if got := keys(t, s, "many/"); !slices.Equal(got, want) {
			t.Errorf("List: %d keys, want %d in order", len(got), len(want))
		}
		seen := 0
		for range s.List(t.Context(), "") {
			if seen++; seen == 3 {
				break
			}
		}
		if seen != 3 {
			t.Errorf("left after %d keys, want 3", seen)
		}
	}},
}
