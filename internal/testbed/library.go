package testbed

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// hostArch is this host's architecture as images name it.
const hostArch = runtime.GOARCH

// libraryFolders are where Debian, Fedora and their kin keep shared libraries.
var libraryFolders = []string{
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
	"/lib64", "/usr/lib64", "/lib", "/usr/lib",
}

// Libraries finds the shared libraries that a program or library needs, with
// those that they need in turn, and the program loader: path -> file of this host.
// Libraries beside the program itself are left out.
func Libraries(program string) (map[string]string, error) {
	found := map[string]string{}
	beside := filepath.Dir(program)
	for todo := []string{program}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		needed, loader, err := needs(at)
		if err != nil {
			return nil, err
		}
		if loader != "" && found[loader] == "" {
			found[loader] = loader
		}
		for _, lib := range needed {
			if _, err := os.Stat(filepath.Join(beside, lib)); err == nil {
				continue
			}
			file, err := findLibrary(lib)
			if err != nil {
				return nil, fmt.Errorf("%s needs %s: %w", at, lib, err)
			}
			if found[file] == "" {
				found[file] = file
				todo = append(todo, file)
			}
		}
	}
	return found, nil
}

// needs reads the names of a file's libraries, and the loader it asks for.
func needs(file string) (libraries []string, loader string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	libraries, err = f.ImportedLibraries()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return nil, "", fmt.Errorf("%s: %w", file, err)
		}
		for len(b) > 0 && b[len(b)-1] == 0 {
			b = b[:len(b)-1]
		}
		loader = string(b)
	}
	return libraries, loader, nil
}

func findLibrary(name string) (string, error) {
	for _, dir := range libraryFolders {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("not in %v: %w", libraryFolders, fs.ErrNotExist)
}
