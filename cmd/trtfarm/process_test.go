package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/report"
)

// process is a `trtfarm run` under way, in a process group of its own as a shell
// would start it.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	events chan farm.Event // closed when standard error ends
	ended  chan struct{}   // closed when the process has ended
	out    bytes.Buffer    // standard output; read it once the process has ended
	run    string          // run ID, once an event told it

	mu   sync.Mutex
	said strings.Builder // what standard error said that is no event
}

// start runs a matrix in the background.
func (s *site) start(args ...string) *process {
	s.t.Helper()
	p := &process{t: s.t, events: make(chan farm.Event, 10000), ended: make(chan struct{})}
	p.cmd = s.command(s.t.Context(), append([]string{"run", "--json", "--progress", "json"}, args...)...)
	p.cmd.Stdout = &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	p.cmd.Stderr = w
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.started(p.cmd.Process.Pid)
	w.Close()
	go p.listen(r)
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in its state
	}()
	return p
}

// listen reads standard error: events are JSON lines among others.
func (p *process) listen(r io.ReadCloser) {
	defer close(p.events)
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e farm.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Run != "" {
			p.events <- e
			continue
		}
		p.mu.Lock()
		p.said.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

// await returns the first event from now on that is as wanted.
func (p *process) await(what string, wanted func(farm.Event) bool) farm.Event {
	p.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				p.t.Fatalf("trtfarm ended before %s:\n%s", what, p.words())
			}
			p.run = e.Run
			if wanted(e) {
				return e
			}
		case <-timeout:
			p.t.Fatalf("a minute passed without %s:\n%s", what, p.words())
		}
	}
}

// words is what the process said besides events.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// wait waits for the end and returns the exit code and the document.
func (p *process) wait() (int, report.Run) {
	p.t.Helper()
	<-p.ended
	for e := range p.events {
		p.run = e.Run
	}
	var doc report.Run
	if p.out.Len() > 0 {
		if err := json.Unmarshal(p.out.Bytes(), &doc); err != nil {
			p.t.Fatalf("%v in\n%s", err, p.out.String())
		}
	}
	return p.cmd.ProcessState.ExitCode(), doc
}

// interrupt does what Ctrl-C in a terminal does, and returns how long the process
// then took to end.
func (p *process) interrupt() time.Duration {
	p.t.Helper()
	start := time.Now()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGQUIT)
		<-p.ended
		p.t.Fatalf("30 seconds after Ctrl-C, trtfarm still ran:\n%s", p.words())
	}
	return time.Since(start)
}

// kill ends the process as the kernel does when memory is short: without a word.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
	<-p.ended
}

// processesOf lists the processes that work in a folder or were started for
// something in it, with their command lines.
func processesOf(dir string) map[int]string {
	found := map[int]string{}
	names, _ := filepath.Glob("/proc/[0-9]*") // only fails for a malformed pattern
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil || pid == os.Getpid() {
			continue
		}
		cwd, _ := os.Readlink(name + "/cwd")
		environ, _ := os.ReadFile(name + "/environ")
		argv, err := os.ReadFile(name + "/cmdline")
		if err != nil || len(argv) == 0 { // ended, or a zombie
			continue
		}
		if strings.HasPrefix(cwd, dir) || bytes.Contains(environ, []byte(dir)) {
			found[pid] = strings.ReplaceAll(strings.TrimRight(string(argv), "\x00"), "\x00", " ")
		}
	}
	return found
}
