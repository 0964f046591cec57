package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// loadPlugins loads the libraries that the command line names. Any file passes
// for a library: trtsim runs no foreign code.
func (s *sim) loadPlugins() (status, bool) {
	o := s.options
	switch {
	case o.Runtime != "full" || !s.version.AtLeast(8, 6):
	case o.VersionCompatible && !s.version.AtLeast(10, 0):
		s.log.info("Not loading standard plugins since --versionCompatible is specified.")
	default:
		s.log.info("Loading standard plugins")
	}
	for _, path := range slices.Concat(o.StaticPlugins, o.DynamicPlugins) {
		s.log.info("Loading supplied plugin library: %s", path)
		switch reason := unloadable(path); {
		case reason == "":
			s.libraries = append(s.libraries, path)
		case s.version.AtLeast(8, 6):
			return s.exception("std::runtime_error", fmt.Sprintf("Unable to open library: %s due to %s: %s", path, path, reason)), false
		default: // goes on without it
			s.log.fail("Could not load plugin library: %s, due to: %s: %s", path, path, reason)
		}
	}
	return status{}, true
}

// unloadable says what the dynamic loader would say about a file, or "".
func unloadable(path string) string {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return "cannot open shared object file: Permission denied"
		}
		return "cannot open shared object file: No such file or directory"
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return "cannot read file data: Is a directory"
	}
	return ""
}

// provides reports whether a loaded library has a plugin of a name. A real library
// holds the names of its plugins as text, since it registers them under these; a
// file that is none stands in for one that has them all.
func (s *sim) provides(name string) bool {
	return slices.ContainsFunc(s.libraries, func(path string) bool {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		defer f.Close()
		in := bufio.NewReader(f)
		if magic, _ := in.Peek(len(elfMagic)); string(magic) != elfMagic {
			return true
		}
		return holds(in, name)
	})
}

// elfMagic begins every library of Linux.
const elfMagic = "\x7fELF"

// holds reports whether a text stands somewhere in a stream.
func holds(r io.Reader, text string) bool {
	const chunk = 1 << 16
	overlap := max(len(text)-1, 0)
	buffer := make([]byte, overlap+chunk)
	for kept := 0; ; {
		n, err := io.ReadFull(r, buffer[kept:])
		if bytes.Contains(buffer[:kept+n], []byte(text)) {
			return true
		}
		if err != nil {
			return false
		}
		kept = copy(buffer, buffer[kept+n-overlap:])
	}
}

// embedsPlugins reports whether a build puts its plugin libraries into the plan,
// which only version-compatible plans have room for.
func (s *sim) embedsPlugins() bool {
	return s.options.VersionCompatible && len(s.options.SerializedPlugins) > 0
}
