package dir

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

const (
	copyBlock = 1 << 20
	// staleAge is how old an unlocked temporary file must be before it is taken
	// for one whose writer died: a living writer locks its file at once.
	staleAge = time.Minute
)

// temp is a file on its way into the store. It is locked for as long as its
// writer lives, so that others can tell it from one left by a crash.
type temp struct {
	s    *Store
	f    *os.File
	name string
}

func (s *Store) temp() (*temp, error) {
	if err := s.makeFolder(tmpFolder); err != nil {
		return nil, err
	}
	s.clean.Do(s.cleanTemp)
	name := path.Join(tmpFolder, rand.Text())
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	t := &temp{s, f, name}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.drop()
		return nil, err
	}
	return t, nil
}

// fill copies body into the file, proves it to be want and puts it on disk.
func (t *temp) fill(ctx context.Context, body io.Reader, want artifact.Digest) error {
	h := sha256.New()
	found := artifact.Digest{}
	buf := make([]byte, copyBlock)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := body.Read(buf)
		h.Write(buf[:n])
		found.Size += int64(n)
		if _, err := t.f.Write(buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &bodyError{err}
		}
	}
	found.SHA256 = hex.EncodeToString(h.Sum(nil))
	if err := want.Expect(found); err != nil {
		return fmt.Errorf("%w: %w", artifact.ErrMismatch, err)
	}
	if err := t.f.Sync(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// drop removes the temporary name, if it is still there, and the lock.
func (t *temp) drop() {
	if t == nil {
		return
	}
	_ = t.s.root.Remove(t.name) // what stays is cleaned later
	t.f.Close()
}

// cleanTemp removes what writers that no longer live left behind. Whatever it
// cannot do, the next one will.
func (s *Store) cleanTemp() {
	d, err := s.root.Open(tmpFolder)
	if err != nil {
		return
	}
	defer d.Close()
	entries, _ := d.ReadDir(-1)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < staleAge {
			continue
		}
		name := path.Join(tmpFolder, e.Name())
		f, err := s.root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = s.root.Remove(name)
		}
		f.Close()
	}
}

// prepareMeta writes the metadata of an object that may soon exist, so that a
// full disk shows before the object does. It returns nil when there is none.
func (s *Store) prepareMeta(key string, meta map[string]string) (*temp, error) {
	if len(meta) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	if err := s.makeFolder(path.Dir(path.Join(metaFolder, key))); err != nil {
		return nil, err
	}
	t, err := s.temp()
	if err != nil {
		return nil, err
	}
	if _, err := t.f.Write(data); err != nil {
		t.drop()
		return nil, err
	}
	return t, nil
}

// readMeta returns the metadata of an object; nil when it has none.
func (s *Store) readMeta(key string) (map[string]string, error) {
	f, err := s.root.Open(path.Join(metaFolder, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var meta map[string]string
	if err := json.NewDecoder(io.LimitReader(f, 64<<10)).Decode(&meta); err != nil {
		return nil, nil // torn by a power cut: as good as none
	}
	return meta, nil
}
