package testbed

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestStartDockerd(t *testing.T) {
	if _, err := exec.LookPath("dockerd"); err != nil || os.Getuid() != 0 {
		t.Skip("starting a docker engine needs dockerd and root")
	}
	dir, err := os.MkdirTemp("", "dk") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	addr, stop, err := StartDockerd(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimPrefix(addr, "unix://")); err != nil {
		t.Errorf("the engine's socket: %v", err)
	}
	stop()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("still mounted below %s after stop, %v:\n%s", dir, err, mounts)
	}
	stop() // again, as a deferred call after an early one would

	if err := os.MkdirAll(dir+"/again", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/again/data", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = StartDockerd(t.Context(), dir+"/again")
	if err == nil || !strings.Contains(err.Error(), "ended before it answered") {
		t.Errorf("an engine that cannot start: %v, want that it ended", err)
	}
}
