package builder

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// folder is the workspace as the agent reaches into it. Foreign programs write
// there, so no path and no symbolic link leads out of it, and what is read is a
// regular file: a pipe in its place could keep the agent waiting, and a link to
// /proc would publish the credentials of the step.
type folder struct {
	root *os.Root
}

// openFolder opens the workspace at dir; the caller closes its root.
func openFolder(dir string) (folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return folder{}, failure(inWorkspace, "%w", err)
	}
	return folder{root}, nil
}

// open opens a regular file for reading. Its absence is os.ErrNotExist.
func (f folder) open(p string) (*os.File, error) {
	// Without O_NONBLOCK, opening a pipe waits for its writer.
	file, err := f.root.OpenFile(filepath.FromSlash(p), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, failure(inWorkspace, "%w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", p)
	}
	if err != nil {
		file.Close()
		return nil, failure(inWorkspace, "%w", err)
	}
	return file, nil
}

// create makes a new file, in place of whatever had its name, and the folders
// above it. It can be read back through the same handle.
func (f folder) create(p string) (*os.File, error) {
	if err := f.mkdir(path.Dir(p)); err != nil {
		return nil, err
	}
	name := filepath.FromSlash(p)
	if err := f.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, failure(inWorkspace, "%w", err)
	}
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, failure(inWorkspace, "%w", err)
	}
	return file, nil
}

// mkdir makes a folder and those above it.
func (f folder) mkdir(p string) error {
	if err := f.root.MkdirAll(filepath.FromSlash(p), 0o755); err != nil {
		return failure(inWorkspace, "%w", err)
	}
	return nil
}

// leastRoom is the room below which a disk counts as full: a program that failed
// for want of it may have given back the file that did not fit.
const leastRoom = 1 << 20

// full returns an error when the workspace's disk is full, which programs that
// fail for it rarely say themselves.
func (f folder) full() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return failure(inWorkspace, "%w", err)
	}
	defer dir.Close()
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(dir.Fd()), &st); err != nil || st.Blocks == 0 {
		return nil // a file system that does not tell
	}
	if room := int64(st.Bavail) * st.Bsize; room < leastRoom {
		return failure(inDisk, "the workspace has %d KiB of disk left: %w", room>>10, syscall.ENOSPC)
	}
	return nil
}

// maxNames bounds how many names are read from a folder: more than any model has
// tensors.
const maxNames = 1 << 16

// list returns the names in a folder; none when it cannot be read.
func (f folder) list(p string) []string {
	dir, err := f.root.OpenFile(filepath.FromSlash(p), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxNames) // what was read before an error is what there is
	return names
}
