package storetest

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

var swapTests = []test{
	{"Swap makes, replaces, and refuses an old tag", func(t *testing.T, s artifact.Store) {
		first, err := s.Swap(t.Context(), "c/p", []byte("one"), "")
		if err != nil {
			t.Fatal(err)
		}
		if info, err := s.Stat(t.Context(), "c/p"); err != nil || info.Tag != first {
			t.Errorf("Stat: %+v, %v, want tag %q", info, err, first)
		}
		second, err := s.Swap(t.Context(), "c/p", []byte("two"), first)
		if err != nil {
			t.Fatal(err)
		}
		if second == first {
			t.Errorf("both tags are %q", first)
		}
		for name, old := range map[string]string{"old tag": first, "no tag": "", "made-up tag": `"00000000000000000000000000000000"`} {
			if _, err := s.Swap(t.Context(), "c/p", []byte("three"), old); !errors.Is(err, artifact.ErrChanged) {
				t.Errorf("Swap with %s: %v, want ErrChanged", name, err)
			}
		}
		if got := content(t, s, "c/p", 0); got != "two" {
			t.Errorf("object is %q, want %q", got, "two")
		}
		if info, err := s.Stat(t.Context(), "c/p"); err != nil || info.Tag != second || len(info.Meta) != 0 {
			t.Errorf("Stat: %+v, %v, want tag %q and no metadata", info, err, second)
		}
	}},
	{"Swap of what is gone is ErrChanged", func(t *testing.T, s artifact.Store) {
		tag, err := s.Swap(t.Context(), "p", []byte("one"), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Swap(t.Context(), "p", []byte("two"), tag); !errors.Is(err, artifact.ErrChanged) {
			t.Errorf("Swap: %v, want ErrChanged", err)
		}
		absent(t, s, "p")
	}},
	{"Swap and Create see each other", func(t *testing.T, s artifact.Store) {
		create(t, s, "k", "one")
		if _, err := s.Swap(t.Context(), "k", []byte("two"), ""); !errors.Is(err, artifact.ErrChanged) {
			t.Errorf("Swap over an object: %v, want ErrChanged", err)
		}
		info, err := s.Stat(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Swap(t.Context(), "k", []byte("two"), info.Tag); err != nil {
			t.Errorf("Swap with the tag of Stat: %v", err)
		}
		if err := s.Create(t.Context(), "k", strings.NewReader("three"), artifact.Object{}); !errors.Is(err, artifact.ErrExist) {
			t.Errorf("Create over a swapped object: %v, want ErrExist", err)
		}
	}},
	{"no increment of a shared counter is lost", func(t *testing.T, s artifact.Store) {
		if _, err := s.Swap(t.Context(), "n", []byte("0"), ""); err != nil {
			t.Fatal(err)
		}
		const writers, times = 8, 5
		for i, err := range race(writers, func(int) error {
			for done := 0; done < times; {
				switch err := increment(t.Context(), s, "n"); {
				case err == nil:
					done++
				case !errors.Is(err, artifact.ErrChanged):
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		}
		if got := content(t, s, "n", 0); got != strconv.Itoa(writers*times) {
			t.Errorf("counter is %s, want %d", got, writers*times)
		}
	}},
	{"of 16 racing makers one wins", func(t *testing.T, s artifact.Store) {
		won := 0
		for i, err := range race(16, func(i int) error {
			_, err := s.Swap(t.Context(), "p", []byte{byte('a' + i)}, "")
			return err
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, artifact.ErrChanged):
				t.Errorf("maker %d: %v", i, err)
			}
		}
		if won != 1 {
			t.Errorf("%d makers won", won)
		}
	}},
}

func increment(ctx context.Context, s artifact.Store, key string) error {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return err
	}
	r, err := s.Open(ctx, key, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	_, err = s.Swap(ctx, key, []byte(strconv.Itoa(n+1)), info.Tag)
	return err
}
