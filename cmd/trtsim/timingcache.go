package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// timingCache is the file of --timingCacheFile during a build. The lock file
// beside it is held and never deleted.
type timingCache struct {
	s    *sim
	path string
	lock *os.File
	data []byte
}

// maxCache bounds what is read of a cache file.
const maxCache = 16 << 20

// openTimingCache reads the cache file, or starts a fresh one. It returns nil
// when the build uses no file.
func (s *sim) openTimingCache() *timingCache {
	o, l := s.options, s.log
	if o.NoBuilderCache {
		return nil
	}
	if o.TimingCache == "" {
		l.libInfo("Local timing cache in use. Profiling results in this builder pass will not be stored.")
		return nil
	}
	c := &timingCache{s: s, path: o.TimingCache}
	lock, err := os.OpenFile(o.TimingCache+".lock", os.O_CREATE|os.O_RDWR, 0o666)
	if err == nil {
		l.detail("Trying to set exclusive file lock %s.lock", o.TimingCache)
		_ = unix.FcntlFlock(lock.Fd(), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK})
		c.lock = lock
	}
	f, err := os.Open(o.TimingCache)
	if err != nil {
		l.warn("Could not read timing cache from: %s. A new timing cache will be generated and written.", o.TimingCache)
		return c
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCache))
	if err != nil {
		return c
	}
	switch {
	case s.version.AtLeast(10, 13):
		l.libInfo("Loaded %d bytes of cache from file: %s", len(data), o.TimingCache)
	case s.version.AtLeast(9, 0):
		l.libInfo("Loaded %d bytes of timing cache from %s", len(data), o.TimingCache)
	default:
		l.info("Loaded %d bytes of timing cache from %s", len(data), o.TimingCache)
	}
	switch {
	case !bytes.HasPrefix(data, []byte(cacheHead(s.version.String(), ""))):
		l.libWarn("The timing cache will not be used! It was written by another version of TensorRT.")
	case !bytes.HasPrefix(data, []byte(cacheHead(s.version.String(), s.gpu.Product))) && !s.version.AtLeast(10, 1):
		l.libWarn("The timing cache will not be used! It was generated on a device of another model.")
	default:
		c.data = data
	}
	return c
}

// cacheHead is the start of a cache: exact version first, then the device.
func cacheHead(version, product string) string {
	head := "trtsim timing cache\nsimulated: true\ntensorrt: " + version + "\ndevice: "
	if product != "" {
		head += product + "\n"
	}
	return head
}

// save adds this build to the cache and writes it.
func (c *timingCache) save() {
	if c == nil {
		return
	}
	s := c.s
	if c.data == nil {
		c.data = []byte(cacheHead(s.version.String(), s.gpu.Product))
	}
	entry := fmt.Sprintf("%s %s\n", s.options.Model, s.precisions())
	if !bytes.Contains(c.data, []byte("\n"+entry)) {
		c.data = append(c.data, entry...)
	}
	if err := os.WriteFile(c.path, c.data, 0o666); err != nil {
		s.log.warn("Could not write timing cache to: %s", c.path)
		return
	}
	if s.version.AtLeast(9, 0) {
		s.log.libInfo("Saved %d bytes of timing cache to %s", len(c.data), c.path)
		return
	}
	s.log.info("Saved %d bytes of timing cache to %s", len(c.data), c.path)
}

// close lets the lock go.
func (c *timingCache) close() {
	if c != nil && c.lock != nil {
		c.lock.Close()
	}
}
