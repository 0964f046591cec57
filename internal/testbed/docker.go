package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Docker returns the address of a docker engine for tests, from
// TRTFARM_TEST_DOCKER.
func Docker(t testing.TB) string {
	t.Helper()
	return part(t, "TRTFARM_TEST_DOCKER", "the unix:// address of a docker engine")
}

// hook is the name of the program that dockerd looks for on its PATH at start; the
// engine takes requests for NVIDIA GPUs only when it is there.
const hook = "nvidia-container-runtime-hook"

// StartDockerd starts a docker engine that keeps everything below dir, has no
// bridge and touches no firewall, and takes GPU requests: a stand-in for NVIDIA's
// hook grants them all. It needs root. The engine is ready when StartDockerd
// returns; stop ends it and unmounts what it left. dir must not be long, since a
// socket's path holds 107 characters at most.
func StartDockerd(ctx context.Context, dir string) (addr string, stop func(), err error) {
	return startDockerd(ctx, dir, true)
}

// StartDockerdWithoutGPUs starts an engine as StartDockerd does, on a host where
// the NVIDIA container toolkit is missing.
func StartDockerdWithoutGPUs(ctx context.Context, dir string) (addr string, stop func(), err error) {
	return startDockerd(ctx, dir, false)
}

func startDockerd(ctx context.Context, dir string, gpus bool) (string, func(), error) {
	dockerd, err := exec.LookPath("dockerd")
	if err != nil {
		return "", nil, err
	}
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", nil, err
	}
	search := os.Getenv("PATH")
	if gpus {
		// Called with "prestart" and the container's state on its standard input.
		if err := os.WriteFile(filepath.Join(bin, hook), []byte("#!/bin/sh\ncat >/dev/null\n"), 0o755); err != nil {
			return "", nil, err
		}
		search = bin + ":" + search
	}
	socket := filepath.Join(dir, "docker.sock")
	log, err := os.Create(filepath.Join(dir, "dockerd.log"))
	if err != nil {
		return "", nil, err
	}
	defer log.Close()
	cmd := exec.Command(dockerd, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "-H", "unix://"+socket, "--bridge=none", "--iptables=false", "--ip6tables=false")
	cmd.Env = append(os.Environ(), "PATH="+search)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is not for it
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its log
	}()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		unmountBelow(dir)
	}
	if err := awaitEngine(ctx, socket, ended); err != nil {
		stop()
		said, _ := os.ReadFile(log.Name())
		return "", nil, fmt.Errorf("dockerd: %w\n%s", err, lastLines(string(said), 5))
	}
	return "unix://" + socket, stop, nil
}

// awaitEngine waits until an engine answers at socket.
func awaitEngine(ctx context.Context, socket string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("did not answer: %w", context.Cause(ctx))
		case <-ended:
			return errors.New("ended before it answered")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// unmountBelow unmounts what an engine that was killed left mounted below dir, the
// innermost first.
func unmountBelow(dir string) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	var below []string
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			below = append(below, f[1])
		}
	}
	slices.Reverse(below)
	for _, m := range below {
		_ = syscall.Unmount(m, syscall.MNT_DETACH)
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
