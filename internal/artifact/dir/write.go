package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

// lockPoll is how often a held lock is tried again.
const lockPoll = 5 * time.Millisecond

// Create writes a new object: a temporary file, then a hard link, which fails
// when the name is taken. Everything is on disk when it returns.
func (s *Store) Create(ctx context.Context, key string, body io.Reader, o artifact.Object) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := artifact.CheckMeta(o.Meta); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	if _, err := s.root.Lstat(key); err == nil {
		return s.taken(key) // the link would say so too, after the whole body
	}
	err := s.create(ctx, key, body, o)
	if broken, ok := errors.AsType[*bodyError](err); ok { // not the store's doing
		return fmt.Errorf("create %s: %w", key, broken)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return s.taken(key)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create %s: %w: the folder %s is gone", key, artifact.ErrRefused, s.path)
	case err != nil:
		return s.fail("create", key, err)
	}
	return nil
}

// bodyError is what reading a body came to, so that it is not taken for an
// answer of the store.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

func (s *Store) create(ctx context.Context, key string, body io.Reader, o artifact.Object) error {
	tmp, err := s.temp()
	if err != nil {
		return err
	}
	defer tmp.drop()
	if err := tmp.fill(ctx, body, o.Digest); err != nil {
		return err
	}
	if err := s.makeFolder(path.Dir(key)); err != nil {
		return err
	}
	meta, err := s.prepareMeta(key, o.Meta)
	if err != nil {
		return err
	}
	defer meta.drop()
	if err := s.appear(ctx, tmp, meta, key); err != nil {
		return err
	}
	return s.sync(path.Dir(key))
}

// appear gives an object its name, and its metadata just before: whoever sees the
// object sees both, also after a crash in between. The lock keeps others from the
// metadata meanwhile; what a crash left of it belongs to no object.
func (s *Store) appear(ctx context.Context, object, meta *temp, key string) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.root.Lstat(key); err == nil {
		return fs.ErrExist
	}
	at := path.Join(metaFolder, key)
	if meta != nil {
		err = s.root.Rename(meta.name, at)
	} else if err = s.root.Remove(at); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		err = nil
	}
	if err != nil {
		return err
	}
	return s.root.Link(object.name, key)
}

// taken says that an object is there, unless what is there is not one.
func (s *Store) taken(key string) error {
	if info, err := s.root.Lstat(key); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("create %s: there is a %s of that name, which is no object", key, kind(info.Mode()))
	}
	return fmt.Errorf("create %s: %w", key, artifact.ErrExist)
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	}
	return "special file"
}

// Swap replaces a small object. Whoever makes, replaces or removes holds the
// store's lock, so that nobody can do so between the look at the tag and the rename.
func (s *Store) Swap(ctx context.Context, key string, body []byte, old string) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", s.fail("replace", key, err)
	}
	defer unlock()
	tag, err := s.swap(ctx, key, body, old)
	if errors.Is(err, fs.ErrExist) {
		err = artifact.ErrChanged
	}
	if err != nil {
		return "", s.fail("replace", key, err)
	}
	return tag, nil
}

func (s *Store) swap(ctx context.Context, key string, body []byte, old string) (string, error) {
	now := time.Now()
	info, err := s.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if old != "" {
			return "", artifact.ErrChanged
		}
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || describe(key, info).Tag != old:
		return "", artifact.ErrChanged
	case !now.After(info.ModTime()):
		// The time is part of the tag, and no tag may come twice, however coarse
		// the file system's clock is and wherever the host's was set to.
		now = info.ModTime().Add(1)
	}
	tmp, err := s.temp()
	if err != nil {
		return "", err
	}
	defer tmp.drop()
	if _, err := tmp.f.Write(body); err != nil {
		return "", err
	}
	if err := s.root.Chtimes(tmp.name, now, now); err != nil {
		return "", err
	}
	if err := tmp.f.Sync(); err != nil {
		return "", err
	}
	if info, err = tmp.f.Stat(); err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err := s.makeFolder(path.Dir(key)); err != nil {
		return "", err
	}
	if old == "" {
		err = s.root.Link(tmp.name, key)
	} else {
		err = s.root.Rename(tmp.name, key)
	}
	if err != nil {
		return "", err
	}
	return describe(key, info).Tag, s.sync(path.Dir(key))
}

// lock waits for the store's only lock, across goroutines, processes and hosts.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	f, err := s.root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
