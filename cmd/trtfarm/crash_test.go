package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
)

// TestCrashesLeaveNothingHalfDone kills trtfarm without a word, a hundred times at
// random moments. After every kill what is in the store is whole; the run after
// the kills publishes what is missing and leaves nothing behind. A quarter of the
// kills hit the docker executor with S3, the others local processes with a folder.
//
// TRTFARM_TEST_KILLS is the number of kills, TRTFARM_TEST_SEED repeats a series.
func TestCrashesLeaveNothingHalfDone(t *testing.T) {
	kills, seed := number(t, "TRTFARM_TEST_KILLS", 100), number(t, "TRTFARM_TEST_SEED", time.Now().UnixNano())
	t.Logf("to repeat: TRTFARM_TEST_KILLS=%d TRTFARM_TEST_SEED=%d", kills, seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	const perSeries = 13
	for series, left := 0, kills; left > 0; series++ {
		n := min(perSeries, left)
		left -= n
		t.Run(fmt.Sprint(series), func(t *testing.T) {
			if series%4 == 0 {
				s, url := dockerSite(t)
				crash(t, s, url, random, int(n), "model=mnist,gpu=T4", "model=mnist,gpu=A10")
				return
			}
			s, url := localSite(t)
			crash(t, s, url, random, int(n), "model=mnist", "id=bert-toy/24.08-py3/t4/fp32")
		})
	}
}

func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// localSite is a site without a runner, which simulates one, and a folder for a
// store.
func localSite(t *testing.T) (s *site, storeURL string) {
	t.Helper()
	storeURL = "file:" + t.TempDir()
	return newSite(t, "version = 1\n\n[store]\nurl = \""+storeURL+"\"\n"), storeURL
}

// crash kills runs until kills of them are dead: at a random event of what they
// still have to do, and a little later. Whenever everything is published all the
// same, and at the end, it looks at what is there and at what is left, and begins
// anew with an empty store.
func crash(t *testing.T, s *site, url string, random *rand.Rand, kills int, only ...string) {
	args := []string{s.demo()}
	for _, selector := range only {
		args = append(args, "--only", selector)
	}
	farmFile := s.read("trtfarm.toml")
	var store artifact.Store
	stores := 0
	begin := func() {
		stores++
		location := fmt.Sprintf("%s/%d", url, stores)
		s.write("trtfarm.toml", strings.Replace(farmFile, url, location, 1))
		var err error
		if store, err = openStore(t.Context(), location); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	start, first := time.Now(), s.start(args...)
	events := 0
	for range first.events {
		events++
	}
	beat := time.Since(start) / time.Duration(events) // from one event to the next
	cells := checkWhole(t, s, store, first)
	begin()
	left, after := cells, map[string]int{}
	for done := 0; done < kills; {
		moment, later := random.IntN(events*left/cells), time.Duration(random.Float64()*2*float64(beat))
		p := s.start(args...)
		last := "before all cells"
		for seen := 0; seen < moment; {
			e, ok := <-p.events
			if !ok {
				break
			}
			if e.State != "" {
				last = string(e.State)
			}
			if e.State != farm.Cached { // those are not among the events that are still to come
				seen++
			}
		}
		select {
		case <-p.ended:
		case <-time.After(later):
			p.kill()
			done++
			after[last]++
		}
		left = cells - len(checkStore(t, store))
		if t.Failed() {
			t.Fatalf("at kill %d, %s after event %d of store %d", done, later, moment, stores)
		}
		if left == 0 {
			checkWhole(t, s, store, s.start(args...))
			begin()
			left = cells
		}
	}
	checkWhole(t, s, store, s.start(args...))
	t.Logf("%d kills in %s, %d stores; the last event before them: %v", kills, time.Since(start).Round(time.Second), stores, after)
}

// checkWhole waits for a run that nobody kills, looks at everything in the store
// and at what is left, and returns the number of cells.
func checkWhole(t *testing.T, s *site, store artifact.Store, p *process) int {
	t.Helper()
	code, doc := p.wait()
	if code != 0 {
		t.Fatalf("exit %d, want 0: %+v\n%s", code, doc, p.words())
	}
	for _, c := range doc.Cells {
		if c.Status != farm.Published && c.Status != farm.Cached {
			t.Errorf("%s is %s: %v", c.ID, c.Status, c.Error)
			continue
		}
		checkRecord(t, store, c)
	}
	if found := checkStore(t, store); len(found) != len(doc.Cells) {
		t.Errorf("the store has %d records, want %d", len(found), len(doc.Cells))
	}
	s.noLeftovers()
	return len(doc.Cells)
}

// A GPU must not stay with a program that nobody waits for: on a machine of its
// own, no engine takes it back.
func TestAKilledRunTakesTrtexecWithIt(t *testing.T) {
	s, _ := localSite(t)
	s.env = append(s.env, "TRTSIM_FAULT=hang")
	p := s.start(s.demo(), "--only", "id=mnist/24.08-py3/t4/fp32")
	s.awaitTool(p, "build")
	p.kill()
	var left map[int]string
	for deadline := time.Now().Add(quitTime); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left = processesOf(s.dir); len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		t.Errorf("%s after trtfarm was killed, there still are %v", quitTime, left)
	}
	s.env = append(s.env, "TRTSIM_FAULT=")
	s.mustRun(0, s.demo(), "--only", "id=mnist/24.08-py3/t4/fp32")
}

// checkStore holds everything in a store against what may never break: a record
// exists whole or not at all, blobs are what their names say, and nothing lies
// where nothing belongs. It returns the records by key.
func checkStore(t *testing.T, store artifact.Store) map[string]*artifact.Manifest {
	t.Helper()
	records := map[string]*artifact.Manifest{}
	blobs := map[string]artifact.Digest{}
	for info, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		folder, _, _ := strings.Cut(info.Key, "/")
		switch folder {
		case "blobs":
			d := digestOf(t, store, info.Key)
			blobs[info.Key] = d
			if info.Key != artifact.BlobKey(d.SHA256) {
				t.Errorf("%s holds bytes of sha256 %s", info.Key, d.SHA256)
			}
		case "records":
			m, err := artifact.ReadManifest(t.Context(), store, info.Key)
			if err != nil {
				t.Error(err)
				continue
			}
			if info.Key != artifact.RecordKey(m.Model, m.Key) {
				t.Errorf("%s holds the record of %s with key %s", info.Key, m.Cell, m.Key)
			}
			if records[m.Key] != nil {
				t.Errorf("key %s has two records", m.Key)
			}
			records[m.Key] = m
		case "references", "runs":
		default:
			t.Errorf("%s belongs to no part of the store", info.Key)
		}
	}
	for _, m := range records {
		for _, b := range append(m.Blobs, m.Engine) {
			if d := blobs[b.Path]; d.Size != b.Size || d.MD5 != b.MD5 || d.SHA256 != b.SHA256 {
				t.Errorf("%s: %q at %s has %d bytes, md5 %s, sha256 %s; the manifest says %d, %s, %s",
					m.Cell, b.Role, b.Path, d.Size, d.MD5, d.SHA256, b.Size, b.MD5, b.SHA256)
			}
		}
		for _, x := range m.Materials {
			if blobs[x.Blob].SHA256 != x.SHA256 {
				t.Errorf("%s: %s is not at %s", m.Cell, x.Path, x.Blob)
			}
		}
		if m.Engine.SHA256 == "" || len(m.Verified) == 0 {
			t.Errorf("%s: the record has no engine, or nobody verified it", m.Cell)
		}
		for _, v := range m.Verified {
			if !v.Loaded || !v.Passed {
				t.Errorf("%s: case %s did not pass", m.Cell, v.Case)
			}
		}
	}
	return records
}

// TestTwoRunsAtOnceAgree starts two runs of one matrix on one store. Both succeed
// and tell of the same engines: the first record of a key is the only one.
func TestTwoRunsAtOnceAgree(t *testing.T) {
	for name, site := range map[string]func(*testing.T) (*site, string){"docker": dockerSite, "local": localSite} {
		t.Run(name, func(t *testing.T) {
			s, url := site(t)
			args := []string{s.demo(), "--only", "model=mnist"}
			env := s.env
			s.env = append(slices.Clone(env), "TRTSIM_ENGINE_SIZE=1MiB")
			first := s.start(args...)
			s.env = append(slices.Clone(env), "TRTSIM_ENGINE_SIZE=2MiB") // no two builds are equal
			second := s.start(args...)
			code, one := first.wait()
			code2, two := second.wait()
			if code != 0 || code2 != 0 {
				t.Fatalf("exit %d and %d, want 0 twice:\n%s\n%s", code, code2, first.words(), second.words())
			}
			store, err := openStore(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			found := checkStore(t, store)
			if len(found) != len(one.Cells) || len(one.Cells) != len(two.Cells) {
				t.Errorf("the store has %d records, the runs tell of %d and %d", len(found), len(one.Cells), len(two.Cells))
			}
			for i, c := range one.Cells {
				o := two.Cells[i]
				if c.Engine == nil || o.Engine == nil || c.Key != o.Key || c.Engine.SHA256 != o.Engine.SHA256 {
					t.Errorf("%s: the runs tell of %+v and %+v", c.ID, c.Engine, o.Engine)
					continue
				}
				if found[c.Key] == nil || found[c.Key].Engine.SHA256 != c.Engine.SHA256 {
					t.Errorf("%s: the store has another engine than the runs tell of", c.ID)
				}
				checkRecord(t, store, c)
			}
		})
	}
}
