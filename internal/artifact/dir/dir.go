// Package dir keeps objects as files of a directory, which processes and hosts
// may share as far as its file system supports hard links and flock.
//
// An object's key is its path. Three names that no key can have, since keys do
// not begin with a dot, belong to the store itself: .tmp holds files on their way
// in, .lock orders those who give, replace or remove names, and .meta mirrors the
// tree with one JSON file of user metadata for each object that has any. Metadata
// lies beside the data and not in extended attributes because not every file
// system has those; it is there right before its object appears, so that metadata
// of no object is all that a crash in between leaves.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/trtfarm/trtfarm/internal/artifact"
)

const (
	tmpFolder  = ".tmp"
	metaFolder = ".meta"
	lockFile   = ".lock"
)

// Store is a directory store. It implements artifact.Store.
type Store struct {
	path  string
	root  *os.Root // confines every path to the store, symbolic links included
	clean sync.Once
}

var _ artifact.Store = (*Store)(nil)

// Open opens the directory at path as a store and makes it when it is missing.
// A directory that can only be read makes a store that can only be read.
func Open(path string) (*Store, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(full, 0o755); err != nil {
		return nil, unopened(full, err)
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return nil, unopened(full, err)
	}
	return &Store{path: full, root: root}, nil
}

// unopened says why a folder cannot be a store. That a folder above it is missing
// is no missing object.
func unopened(path string, err error) error {
	if refused := translate(err); errors.Is(refused, artifact.ErrRefused) {
		return fmt.Errorf("open store %s: %w", path, refused)
	}
	return fmt.Errorf("open store %s: %w", path, err)
}

// Close frees the store's own file descriptor.
func (s *Store) Close() error { return s.root.Close() }

// Location names the directory.
func (s *Store) Location() string { return "file:" + s.path }

// Open reads the object under key.
func (s *Store) Open(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("read %s: negative offset %d", key, offset)
	}
	f, err := s.root.Open(key)
	if err != nil {
		return nil, s.fail("read", key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, s.fail("read", key, err)
	}
	return f, nil
}

// Stat describes the object under key.
func (s *Store) Stat(ctx context.Context, key string) (artifact.Info, error) {
	if err := check(ctx, key); err != nil {
		return artifact.Info{}, err
	}
	info, err := s.root.Lstat(key)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return artifact.Info{}, s.fail("look at", key, err)
	}
	i := describe(key, info)
	if i.Meta, err = s.readMeta(key); err != nil {
		return artifact.Info{}, s.fail("read the metadata of", key, err)
	}
	return i, nil
}

// Check reads the object under key back.
func (s *Store) Check(ctx context.Context, key string, d artifact.Digest) error {
	return artifact.ReadBack(ctx, s, key, d)
}

// Delete removes the object under key. Its folder stays, since somebody may just
// be about to put another object there.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if info, err := s.root.Lstat(key); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		return nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return s.fail("delete", key, err)
	}
	defer unlock()
	for _, name := range []string{path.Join(metaFolder, key), key} {
		if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s.fail("delete", key, err)
		}
	}
	return s.sync(path.Dir(key))
}

func describe(key string, info fs.FileInfo) artifact.Info {
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	return artifact.Info{
		Key:      key,
		Size:     info.Size(),
		Modified: info.ModTime(),
		Tag:      fmt.Sprintf("%x-%x-%x", inode, info.Size(), info.ModTime().UnixNano()),
	}
}

func check(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return artifact.CheckKey(key)
}

// fail says what could not be done to what, in the store's terms.
func (s *Store) fail(verb, key string, err error) error {
	err = translate(err)
	if errors.Is(err, artifact.ErrRefused) {
		return fmt.Errorf("%s %s in %s: %w", verb, key, s.path, err)
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}

// translate wraps what the file system says into the errors of a store. Paths in
// it are the store's own and would only repeat the key.
func translate(err error) error {
	cause := err
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		cause = pe.Err
	case errors.As(err, &le):
		cause = le.Err
	}
	if errors.Is(cause, fs.ErrNotExist) || errors.Is(cause, syscall.ENOTDIR) {
		return artifact.ErrNotExist
	}
	for _, no := range []struct {
		errno syscall.Errno
		why   string
	}{
		{syscall.EACCES, "no right to do that"},
		{syscall.EPERM, "no right to do that"},
		{syscall.EROFS, "the file system is read-only"},
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EDQUOT, "the disk quota is used up"},
		{syscall.EFBIG, "the file is larger than the file system or this process may write"},
		{syscall.EMLINK, "the file system allows no more links"},
		{syscall.EOPNOTSUPP, "the file system has no hard links"},
	} {
		if errors.Is(cause, no.errno) {
			return fmt.Errorf("%w: %s: %w", artifact.ErrRefused, no.why, cause)
		}
	}
	return err
}

// sync makes the entries of a folder outlive a power cut.
func (s *Store) sync(folder string) error {
	d, err := s.root.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // file systems without it say EINVAL
		return err
	}
	return nil
}

// makeFolder makes folder and what is missing above it, each on disk before the
// next one is put into it.
func (s *Store) makeFolder(folder string) error {
	if folder == "." {
		return nil
	}
	err := s.root.Mkdir(folder, 0o755)
	switch {
	case err == nil:
		return s.sync(path.Dir(folder))
	case errors.Is(err, fs.ErrExist):
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.makeFolder(path.Dir(folder)); err != nil {
		return err
	}
	if err := s.root.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.sync(path.Dir(folder))
}
