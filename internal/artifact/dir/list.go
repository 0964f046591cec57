package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// List walks the folders below prefix, each sorted so that keys come in order:
// a folder counts as its name with a slash.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[artifact.Info, error] {
	return func(yield func(artifact.Info, error) bool) {
		if err := artifact.CheckPrefix(prefix); err != nil {
			yield(artifact.Info{}, err)
			return
		}
		folder := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			folder = prefix[:i]
		}
		s.walk(ctx, folder, prefix, yield)
	}
}

// walk yields the objects below folder whose keys begin with prefix and says
// whether to go on.
func (s *Store) walk(ctx context.Context, folder, prefix string, yield func(artifact.Info, error) bool) bool {
	stop := func(err error) bool {
		yield(artifact.Info{}, fmt.Errorf("list %s in %s: %w", prefix, s.path, err))
		return false
	}
	if ctx.Err() != nil {
		return stop(context.Cause(ctx))
	}
	entries, err := s.readDir(folder)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return true
	}
	if err != nil {
		return stop(translate(err))
	}
	for _, e := range entries {
		key := e.Name()
		if folder != "." {
			key = folder + "/" + e.Name()
		}
		switch {
		case artifact.CheckKey(key) != nil: // the store's own, or put there by somebody else
		case e.IsDir():
			// Within the prefix, or on the way to it.
			if below := key + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if !s.walk(ctx, key, prefix, yield) {
					return false
				}
			}
		case e.Type().IsRegular() && strings.HasPrefix(key, prefix):
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return stop(translate(err))
			}
			if !yield(describe(key, info), nil) {
				return false
			}
		}
	}
	return true
}

func (s *Store) readDir(folder string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(path.Clean(folder))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	order := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(order(a), order(b)) })
	return entries, err
}
