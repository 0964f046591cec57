package testbed

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestContents(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Contents{
		Files: map[string]string{"/usr/local/bin/a": file, "/lib/b": file, "/opt/c": file},
		Links: map[string]string{"/usr/local/bin/z": "a", "/etc/l": "/opt/c"},
		Env:   []string{"A=1"},
	}

	t.Run("equal contents make equal digests, whatever the files' times", func(t *testing.T) {
		first, err := c.Image()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		second, err := c.Image()
		if err != nil {
			t.Fatal(err)
		}
		a, err := first.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := second.Digest(); err != nil || a != b {
			t.Errorf("digests %s and %s, %v", a, b, err)
		}
	})

	t.Run("a folder comes before what is in it", func(t *testing.T) {
		var layer bytes.Buffer
		if err := c.write(&layer); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{".": true}
		for r := tar.NewReader(&layer); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(h.Name, "/")
			if !seen[path.Dir(name)] {
				t.Errorf("%s comes before its folder", name)
			}
			seen[name] = true
		}
		for _, want := range []string{"usr/local/bin/a", "usr/local/bin/z", "lib/b", "opt/c", "etc/l", "tmp"} {
			if !seen[want] {
				t.Errorf("%s is missing", want)
			}
		}
	})
}

func TestLibraries(t *testing.T) {
	found, err := Libraries("/bin/ls")
	if err != nil {
		t.Fatal(err)
	}
	var libc, loader bool
	for at, file := range found {
		if at != file {
			t.Errorf("%s comes from %s, want the same path", at, file)
		}
		libc = libc || path.Base(at) == "libc.so.6"
		loader = loader || strings.HasPrefix(path.Base(at), "ld-linux")
	}
	if !libc || !loader {
		t.Errorf("Libraries(/bin/ls) = %v, want the C library and the loader among them", found)
	}
	if _, err := Libraries("/etc/passwd"); err == nil {
		t.Error("Libraries of a text file: no error")
	}
}
