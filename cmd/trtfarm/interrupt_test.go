package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// quitTime is how long after Ctrl-C anything of a run may still be there.
const quitTime = 5 * time.Second

// moment is when somebody presses Ctrl-C: once a request is held at a gate, once a
// program of the simulator hangs, or as soon as a cell is in a state.
type moment struct {
	name     string
	store    func(*http.Request) bool // requests to the store that get no answer
	registry func(*http.Request) bool // and those to the registry
	since    farm.State               // the store's gate shuts when the first cell is there; "" for at once
	state    farm.State               // as soon as a cell is there
	hang     string                   // step in which trtexec hangs
	ortrun   bool                     // ortrun hangs
	engine   func(*http.Request) bool // requests to the docker engine that get no answer
	docker   bool                     // only with a docker engine
	early    bool                     // before there is a run, hence no journal
}

func to(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, part) }
}

func from(agent string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasPrefix(r.UserAgent(), agent) }
}

func listing(r *http.Request) bool { return r.URL.Query().Has("list-type") }

// moments are one in every part of a run.
var moments = []moment{
	{name: "while it asks the registry", registry: from("trtfarm"), docker: true, early: true},
	{name: "while it lists the store", store: listing, early: true},
	{name: "while it brings the model to the store", store: to(http.MethodPut, "/blobs/")},
	{name: "while it makes a reference", ortrun: true},
	{name: "while it puts down references", store: to(http.MethodPut, "/references/")},
	{name: "while it pulls an image", registry: from("docker/"), docker: true},
	{name: "when a fetch begins", state: farm.Fetching},
	{name: "while it makes a volume", engine: to(http.MethodPost, "/volumes/create"), docker: true},
	{name: "while it makes a container", engine: to(http.MethodPost, "/containers/create"), docker: true},
	{name: "while it starts a container", engine: to(http.MethodPost, "/start"), docker: true},
	{name: "while it fetches", store: to(http.MethodGet, "/blobs/")},
	{name: "when a build begins", state: farm.Building},
	{name: "while it builds", hang: "build"},
	{name: "when a verification begins", state: farm.Verifying},
	{name: "while it verifies", hang: "load"},
	{name: "when a publication begins", state: farm.Publish},
	{name: "while it publishes", store: to(http.MethodPut, "/blobs/"), since: farm.Verifying},
	{name: "while it writes the manifest", store: to(http.MethodPut, "/records/")},
}

func TestInterruptOnDockerLosesNothing(t *testing.T) {
	for _, m := range moments {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			s, url := dockerSite(t)
			interrupt(t, s, url, m)
		})
	}
}

func TestInterruptOfLocalProcessesLosesNothing(t *testing.T) {
	for _, m := range moments {
		if m.docker {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			url := testbed.Bucket(t)
			interrupt(t, newSite(t, "version = 1\n\n[store]\nurl = \""+url+"\"\n"), url, m)
		})
	}
}

// interrupt runs two cells, ends the run at the moment, and lets the next run do
// what was not done.
func interrupt(t *testing.T, s *site, url string, m moment) {
	gates := s.gates(m)
	if m.ortrun {
		s.hangingOrtrun()
	}
	if m.hang != "" {
		s.env = append(s.env, "TRTSIM_FAULT=hang@"+m.hang)
	}
	args := []string{s.demo(), "--only", "model=mnist,gpu=T4,precision=fp32"}
	p := s.start(args...)
	switch {
	case m.hang != "":
		s.awaitTool(p, m.hang)
	case m.ortrun:
		s.awaitProcess("sleep 600")
	case m.state != "":
		p.await(string(m.state), func(e farm.Event) bool { return e.State == m.state })
	default:
		if m.since != "" {
			p.await(string(m.since), func(e farm.Event) bool { return e.State == m.since })
			gates[0].shut(m.store)
		}
		gates[0].await(t)
	}
	took := p.interrupt()
	t.Logf("ended %s after Ctrl-C", took.Round(time.Millisecond))
	if took > quitTime {
		t.Errorf("the run ended %s after Ctrl-C, want %s at most", took, quitTime)
	}
	s.noLeftovers()
	code, doc := p.wait()
	if code != int(fault.Interrupted) {
		t.Errorf("exit %d, want %d:\n%s", code, fault.Interrupted, p.words())
	}
	store, err := openStore(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if m.early {
		if !strings.Contains(p.words(), "interrupted by signal") {
			t.Errorf("trtfarm said\n%s", p.words())
		}
	} else {
		if len(doc.Cells) != 2 {
			t.Errorf("the document has %d cells, want 2", len(doc.Cells))
		}
		for _, c := range doc.Cells {
			if c.Status != farm.Cancelled || c.Error == nil || c.Error.Code != fault.Interrupted {
				t.Errorf("%s is %s: %+v; want it cancelled with code %d", c.ID, c.Status, c.Error, fault.Interrupted)
			}
		}
		checkJournal(t, s, store, p.run)
	}
	for record, err := range store.List(t.Context(), "records/") {
		t.Errorf("there is record %s, %v of a cell that was not finished", record.Key, err)
	}

	for _, g := range gates {
		g.shut(nil)
	}
	s.bin = testbed.Bin(t)
	s.env = append(s.env, "TRTSIM_FAULT=")
	for _, c := range s.mustRun(0, args...).Cells {
		if c.Status != farm.Published {
			t.Errorf("in the next run, %s is %s: %v", c.ID, c.Status, c.Error)
			continue
		}
		checkRecord(t, store, c)
	}
}

// gates puts gates between a site and its store, and its registry or its engine
// where the moment wants one. The first is the one that the moment is about.
func (s *site) gates(m moment) []*gate {
	shut := m.store
	if m.since != "" {
		shut = nil
	}
	gates := []*gate{newGate(s.t, os.Getenv("AWS_ENDPOINT_URL_S3"), shut)}
	s.env = append(s.env, "AWS_ENDPOINT_URL_S3="+gates[0].url)
	before := func(address string, g *gate, scheme string) {
		s.write("trtfarm.toml", strings.Replace(s.read("trtfarm.toml"), address, scheme+strings.TrimPrefix(g.url, "http://"), 1))
		gates = append([]*gate{g}, gates...)
	}
	if m.registry != nil {
		address := testbed.Registry(s.t)
		before(address, newGate(s.t, "http://"+address, m.registry), "")
	}
	if m.engine != nil {
		before(s.docker, newGate(s.t, s.docker, m.engine), "tcp://")
	}
	return gates
}

// hangingOrtrun gives the site programs of its own, among them an ortrun that
// never ends.
func (s *site) hangingOrtrun() {
	s.t.Helper()
	bin := filepath.Join(s.dir, "bin")
	for _, name := range []string{"trtfarm", "trtsim", "libonnxruntime.so.1"} {
		data, err := os.ReadFile(filepath.Join(s.bin, name))
		if err != nil {
			s.t.Fatal(err)
		}
		s.write("bin/"+name, string(data))
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.write("bin/ortrun", "#!/bin/sh\nexec sleep 600\n")
	if err := os.Chmod(filepath.Join(bin, "ortrun"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.bin = bin
}

// awaitTool waits until trtexec works in a step.
func (s *site) awaitTool(p *process, step string) {
	s.t.Helper()
	flag := map[string]string{"build": "--onnx=", "load": "--loadEngine="}[step]
	state := map[string]farm.State{"build": farm.Building, "load": farm.Verifying}[step]
	p.await(string(state), func(e farm.Event) bool { return e.State == state })
	s.awaitProcess(flag, "org.trtfarm.run="+p.run, "org.trtfarm.step="+string(state))
}

// awaitProcess waits until a process runs whose command line holds part: one of
// the site's own, or one in a container with these labels.
func (s *site) awaitProcess(part string, labels ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var lines []string
		for _, argv := range processesOf(s.dir) {
			lines = append(lines, argv)
		}
		if s.docker != "" && len(labels) > 0 {
			ps := []string{"ps", "--quiet"}
			for _, l := range labels {
				ps = append(ps, "--filter", "label="+l)
			}
			for _, id := range s.dockerLines(ps...) {
				lines = append(lines, s.dockerLines("top", id)...)
			}
		}
		for _, line := range lines {
			if strings.Contains(line, part) && !strings.Contains(line, "confine") {
				return
			}
		}
	}
	s.t.Fatalf("a minute passed and no process with %s in its command line ran", part)
}

// checkJournal reads the journal of a run that was interrupted from the store.
func checkJournal(t *testing.T, s *site, store artifact.Store, run string) {
	t.Helper()
	body, err := store.Open(t.Context(), artifact.RunKey(run), 0)
	if err != nil {
		t.Errorf("the journal of run %s: %v", run, err)
		return
	}
	defer body.Close()
	cancelled, last := map[string]bool{}, farm.Event{}
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		last = farm.Event{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Errorf("the journal has the line %q: %v", lines.Text(), err)
		}
		if last.State == farm.Cancelled && last.Fault != nil && last.Fault.Code == fault.Interrupted {
			cancelled[last.Cell] = true
		}
	}
	if len(cancelled) != 2 || !strings.HasSuffix(last.Note, "ended with exit code 130") {
		t.Errorf("the journal tells of %d cancelled cells, want 2, and ends with %q", len(cancelled), last.Note)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, ".cache", "runs", "*.jsonl")); err != nil || len(left) > 0 {
		t.Errorf("beside the journal in the store, there is %v, %v on this machine", left, err)
	}
}
