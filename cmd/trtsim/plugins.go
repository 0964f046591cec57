package main

import (
	"errors"
	"fmt"
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
			s.plugins++
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

// providesPlugins reports whether a plugin library was loaded.
func (s *sim) providesPlugins() bool { return s.plugins > 0 }

// embedsPlugins reports whether a build puts its plugin libraries into the plan,
// which only version-compatible plans have room for.
func (s *sim) embedsPlugins() bool {
	return s.options.VersionCompatible && len(s.options.SerializedPlugins) > 0
}
