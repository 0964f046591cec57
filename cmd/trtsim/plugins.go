package main

import (
	"errors"
	"os"
	"slices"
)

// loadPlugins loads the libraries that the command line names. Any file passes
// for a library: trtsim runs no foreign code.
func (s *sim) loadPlugins() (status, bool) {
	o := s.options
	switch {
	case o.Runtime != "full":
	case o.VersionCompatible && !s.version.AtLeast(10, 0):
		s.log.info("Not loading standard plugins since --versionCompatible is specified.")
	default:
		s.log.info("Loading standard plugins")
	}
	for _, path := range slices.Concat(o.StaticPlugins, o.DynamicPlugins) {
		s.log.info("Loading supplied plugin library: %s", path)
		if reason := unloadable(path); reason != "" {
			s.log.fail("Uncaught exception detected: Unable to open library: %s due to %s: %s", path, path, reason)
			return failed, false
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

// providesPlugins reports whether the command line brings a plugin library.
func (s *sim) providesPlugins() bool {
	return len(s.options.StaticPlugins)+len(s.options.DynamicPlugins)+len(s.options.SerializedPlugins) > 0
}
