package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// diskFailures are runs on a disk of their own that is full, or that nobody may
// write to. They need the right to mount file systems.
var diskFailures = []failure{
	{
		name: "disk of the store full", before: func(t *testing.T, s *site) { fill(t, storeDisk(t, s), 20<<10) },
		code: fault.Storage, state: farm.Failed, cause: "storage", says: []string{"publish of", "the disk is full", "/store"}, fix: "store",
	}, {
		name: "store that can only be read", before: func(t *testing.T, s *site) {
			if err := syscall.Mount("", storeDisk(t, s), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		},
		code: fault.Storage, state: farm.Failed, cause: "storage", says: []string{"publish of", "the file system is read-only", "/store"}, fix: "store",
	}, {
		name: "no room for the model in the workspace", env: []string{"TMPDIR=disk"}, before: func(t *testing.T, s *site) { mount(t, s, "disk", "size=32k") },
		code: fault.Environment, state: farm.Failed, cause: "disk-full", says: []string{"fetch of", "no space left on device"}, fix: "make room",
	}, {
		name: "no room for the engine in the workspace", env: []string{"TMPDIR=disk"}, before: func(t *testing.T, s *site) { mount(t, s, "disk", "size=64k") },
		code: fault.Environment, state: farm.Failed, cause: "disk-full", says: []string{"build of", "no space left on device"}, fix: "make room",
	},
}

func TestFaultsOfTheDisk(t *testing.T) {
	runFailures(t, diskFailures)
}

// mount puts a small file system of its own into a site and returns where.
func mount(t *testing.T, s *site, name, options string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		testbed.Missing(t, "no right to mount a file system: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return path
}

// storeDisk moves a site's store to a file system of its own and returns where.
func storeDisk(t *testing.T, s *site) string {
	t.Helper()
	kept := filepath.Join(s.dir, "kept")
	if err := os.Rename(filepath.Join(s.dir, "store"), kept); err != nil {
		t.Fatal(err)
	}
	path := mount(t, s, "store", "size=1m")
	if err := os.CopyFS(path, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	return path
}

// fill takes all room of the file system at path but the given number of bytes.
func fill(t *testing.T, path string, room int64) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, ".filler"), make([]byte, int64(st.Bavail)*st.Bsize-room), 0o644); err != nil {
		t.Fatal(err)
	}
}
