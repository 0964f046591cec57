package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/farm"

	"github.com/trtfarm/trtfarm/internal/testbed"
)

const (
	largeEngine = 5 << 30
	// largeMemory is what any process of ours may have in memory at its peak.
	largeMemory = 200 << 20
	// largeRoom is what the disk must have: the engine once in the workspace, where
	// its padding is a hole, and twice in a store that puts its parts together.
	largeRoom = 3 * largeEngine
)

// TestALargeEngineStaysOutOfMemory builds, verifies and publishes an engine of
// 5 GiB, reads it back, and looks at the memory of every trtfarm meanwhile.
func TestALargeEngineStaysOutOfMemory(t *testing.T) {
	if os.Getenv("TRTFARM_TEST_LARGE") == "" {
		testbed.Missing(t, "TRTFARM_TEST_LARGE is not set: it takes two minutes, and 15 GiB of disk for a while")
	}
	for name, site := range map[string]func(*testing.T) (*site, string){"docker to S3": dockerSite, "local to a folder": localSite} {
		t.Run(name, func(t *testing.T) {
			room(t)
			s, url := site(t)
			s.env = append(s.env, fmt.Sprintf("TRTSIM_ENGINE_SIZE=%d", largeEngine))
			peaks := watchMemory(t)
			start := time.Now()
			doc := s.mustRun(0, s.demo(), "--only", "id=mnist/24.08-py3/t4/fp16")
			took := time.Since(start)
			used := peaks()
			store, err := openStore(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			c := doc.Cells[0]
			if c.Status != farm.Published || c.Engine == nil {
				t.Fatalf("%s is %s: %v", c.ID, c.Status, c.Error)
			}
			t.Cleanup(func() { // the bucket stays for as long as its server
				if err := store.Delete(context.Background(), c.Engine.Path); err != nil {
					t.Error(err)
				}
			})
			if c.Engine.Size < largeEngine-1<<20 {
				t.Errorf("the engine has %d bytes, want about %d", c.Engine.Size, int64(largeEngine))
			}
			checkRecord(t, store, c)
			t.Logf("made in %s, with the check in %s", took.Round(time.Second), time.Since(start).Round(time.Second))
			judgeMemory(t, used)
		})
	}
}

// room skips a test when the disk has not enough of it.
func room(t *testing.T) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(t.TempDir(), &st); err != nil {
		t.Fatal(err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < largeRoom {
		testbed.Missing(t, fmt.Sprintf("%d GiB are free below %s, want %d", free>>30, os.TempDir(), int64(largeRoom)>>30))
	}
}

// peak is the most that one process has had in memory.
type peak struct {
	argv  string
	bytes int64
}

// watchMemory looks at the processes of this machine, those in containers too,
// until the function that it returns is called.
func watchMemory(t *testing.T) (stop func() map[string]peak) {
	end, done := make(chan struct{}), make(chan struct{})
	peaks := map[string]peak{} // by process and program, since exec keeps the number
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
				lookAtMemory(peaks)
			}
		}
	}()
	stop = sync.OnceValue(func() map[string]peak {
		close(end)
		<-done
		return peaks
	})
	t.Cleanup(func() { stop() })
	return stop
}

// programs are those whose memory is of interest.
var programs = regexp.MustCompile(`^(trtfarm|trtsim|trtexec|ortrun)$`)

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

func lookAtMemory(peaks map[string]peak) {
	names, _ := filepath.Glob("/proc/[0-9]*") // only fails for a malformed pattern
	for _, name := range names {
		program, err := os.Readlink(name + "/exe")
		program = filepath.Base(program)
		if err != nil || !programs.MatchString(program) {
			continue
		}
		status, _ := os.ReadFile(name + "/status")
		argv, _ := os.ReadFile(name + "/cmdline")
		found := highWater.FindSubmatch(status)
		if found == nil || len(argv) == 0 { // it is just ending
			continue
		}
		kib, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			continue
		}
		key := name + " " + program
		if old := peaks[key]; kib<<10 >= old.bytes {
			peaks[key] = peak{string(bytes.ReplaceAll(argv, []byte{0}, []byte{' '})), kib << 10}
		}
	}
}

// judgeMemory tells what every program had at most, and fails for ours.
func judgeMemory(t *testing.T, peaks map[string]peak) {
	t.Helper()
	most, count := map[string]peak{}, map[string]int{}
	for key, p := range peaks {
		_, program, _ := strings.Cut(key, " ")
		if program == "trtfarm" {
			if _, verb, _ := strings.Cut(p.argv, " "); strings.HasPrefix(verb, "agent") {
				program += " agent"
			}
			if p.bytes > largeMemory {
				t.Errorf("%d MiB were in memory of %s, want %d at most", p.bytes>>20, p.argv, largeMemory>>20)
			}
		}
		count[program]++
		if p.bytes > most[program].bytes {
			most[program] = p
		}
	}
	for program, p := range most {
		t.Logf("%d processes of %s, at most %d MiB: %.120s", count[program], program, p.bytes>>20, p.argv)
	}
	// Those that verify and publish read the engine whole, which takes a while; an
	// agent that does not may come and go unseen.
	if count["trtfarm"] == 0 || count["trtfarm agent"] < 2 {
		t.Errorf("seen: %v; want a trtfarm and two of its agents at least", count)
	}
}
