package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
)

func open(t *testing.T) *dir.Store {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func hex64(n int) string { return fmt.Sprintf("%064x", n) }

// record is a publishable manifest whose blobs are in s.
func record(t *testing.T, s artifact.Store, model, gpu string, n int) *artifact.Manifest {
	t.Helper()
	engine, err := artifact.PutBytes(t.Context(), s, fmt.Appendf(nil, "engine %d of %s", n, model), "")
	if err != nil {
		t.Fatal(err)
	}
	log, err := artifact.PutBytes(t.Context(), s, []byte("log"), "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	log.Role = "build.log"
	return &artifact.Manifest{
		Version: 1, Cell: model + "/23.09-py3/" + gpu + "/fp16", Key: hex64(n), Model: model, Engine: engine, Blobs: []artifact.Blob{log},
		BuiltAt: time.Unix(int64(1000+n), 0), GPU: artifact.GPU{Target: gpu}, Run: fmt.Sprint("run ", n),
	}
}

// commit publishes a record that must win.
func commit(t *testing.T, s artifact.Store, m *artifact.Manifest) {
	t.Helper()
	if won, _, err := artifact.Commit(t.Context(), s, m); err != nil || !won {
		t.Fatalf("Commit(%s %s): %v, %v", m.Cell, m.Key, won, err)
	}
}

func TestPutBlob(t *testing.T) {
	s := open(t)
	path := filepath.Join(t.TempDir(), "engine.plan")
	if err := os.WriteFile(path, []byte("an engine"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := artifact.SumFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // publishing twice is as good as once
		b, err := artifact.PutBlob(t.Context(), s, path, d, "", map[string]string{"gpu": "größer"})
		if err != nil || b.Digest() != d || b.Path != artifact.BlobKey(d.SHA256) {
			t.Fatalf("PutBlob: %+v, %v", b, err)
		}
	}
	info, err := s.Stat(t.Context(), artifact.BlobKey(d.SHA256))
	want := map[string]string{"gpu": "gr??er", "md5": d.MD5, "sha256": d.SHA256}
	if err != nil || !maps.Equal(info.Meta, want) {
		t.Errorf("Stat: %v, %v, want %v", info.Meta, err, want)
	}

	t.Run("a file that changed since it was hashed is refused", func(t *testing.T) {
		s := open(t)
		if err := os.WriteFile(path, []byte("AN engine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.PutBlob(t.Context(), s, path, d, "", nil); !errors.Is(err, artifact.ErrMismatch) {
			t.Errorf("PutBlob: %v, want ErrMismatch", err)
		}
		for info, err := range s.List(t.Context(), "") {
			t.Errorf("the store holds %v, %v", info, err)
		}
	})
	t.Run("a damaged blob in the way is found", func(t *testing.T) {
		s := open(t)
		if err := s.Create(t.Context(), artifact.BlobKey(d.SHA256), strings.NewReader("AN engine"), artifact.Object{}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("an engine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.PutBlob(t.Context(), s, path, d, "", nil); !errors.Is(err, artifact.ErrCorrupt) {
			t.Errorf("PutBlob: %v, want ErrCorrupt", err)
		}
	})
	t.Run("a digest that nobody computed is refused", func(t *testing.T) {
		if _, err := artifact.PutBlob(t.Context(), open(t), path, artifact.Digest{Size: 9}, "", nil); err == nil {
			t.Error("PutBlob succeeded")
		}
	})
}

func TestCommit(t *testing.T) {
	t.Run("of 16 committers one wins and all others learn of it", func(t *testing.T) {
		s := open(t)
		won := make([]bool, 16)
		theirs := make([]*artifact.Manifest, 16)
		var wg sync.WaitGroup
		for i := range won {
			m := record(t, s, "resnet50", "t4", 1)
			m.Runner = fmt.Sprint("runner ", i)
			wg.Go(func() {
				var err error
				if won[i], theirs[i], err = artifact.Commit(t.Context(), s, m); err != nil {
					t.Errorf("Commit %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		winner := slices.Index(won, true)
		for i := range won {
			if i == winner && theirs[i] != nil || i != winner && (won[i] || theirs[i] == nil || theirs[i].Runner != fmt.Sprint("runner ", winner)) {
				t.Errorf("Commit %d: %v, %+v; the winner is %d", i, won[i], theirs[i], winner)
			}
		}
	})
	t.Run("the same manifest again has won", func(t *testing.T) {
		s := open(t)
		commit(t, s, record(t, s, "resnet50", "t4", 1))
		commit(t, s, record(t, s, "resnet50", "t4", 1))
	})
	t.Run("no manifest without its blobs", func(t *testing.T) {
		for name, spoil := range map[string]func(s *dir.Store, m *artifact.Manifest) error{
			"engine missing": func(s *dir.Store, m *artifact.Manifest) error { return s.Delete(t.Context(), m.Engine.Path) },
			"log missing":    func(s *dir.Store, m *artifact.Manifest) error { return s.Delete(t.Context(), m.Blobs[0].Path) },
			"other engine": func(s *dir.Store, m *artifact.Manifest) error {
				return errors.Join(s.Delete(t.Context(), m.Engine.Path),
					s.Create(t.Context(), m.Engine.Path, strings.NewReader("engine 2 of resnet50"), artifact.Object{}))
			},
			"no cell": func(s *dir.Store, m *artifact.Manifest) error { m.Cell = ""; return nil },
		} {
			s := open(t)
			m := record(t, s, "resnet50", "t4", 1)
			if err := spoil(s, m); err != nil {
				t.Fatal(err)
			}
			if won, _, err := artifact.Commit(t.Context(), s, m); err == nil || won {
				t.Errorf("%s: %v, %v", name, won, err)
			}
			if keys, err := artifact.Keys(t.Context(), s, []string{"resnet50"}); err != nil || len(keys) > 0 {
				t.Errorf("%s: records %v, %v", name, keys, err)
			}
		}
	})
	t.Run("the manifest's object says what it is", func(t *testing.T) {
		s := open(t)
		m := record(t, s, "resnet50", "T4", 1)
		m.Simulated, m.TensorRT.Engine = true, "8.6.1.6"
		commit(t, s, m)
		info, err := s.Stat(t.Context(), artifact.RecordKey("resnet50", m.Key))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"gpu": "T4", "tensorrt": "8.6.1.6", "simulated": "true", "built-at": "1970-01-01T00:16:41Z"} {
			if info.Meta[name] != want {
				t.Errorf("metadata %s is %q, want %q", name, info.Meta[name], want)
			}
		}
	})
}

func TestKeysListsAndReadsNothing(t *testing.T) {
	s := open(t)
	for i, model := range []string{"a", "a", "b", "ab", "team/x"} {
		commit(t, s, record(t, s, model, "t4", i+1))
	}
	for _, stray := range []string{"records/a/notes.txt", "records/a/" + hex64(9) + ".json.bak", "records/a/short.json"} {
		if err := s.Create(t.Context(), stray, strings.NewReader("x"), artifact.Object{}); err != nil {
			t.Fatal(err)
		}
	}
	counted := &counting{Store: s}
	got, err := artifact.Keys(t.Context(), counted, []string{"a", "b", "none", "team/x"})
	want := map[string]bool{hex64(1): true, hex64(2): true, hex64(3): true, hex64(5): true}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Keys: %v, %v, want %v", got, err, want)
	}
	if n := counted.opened.Load(); n > 0 {
		t.Errorf("%d objects were read", n)
	}
}

func TestNewest(t *testing.T) {
	s := open(t)
	for n := 1; n <= 100; n++ {
		commit(t, s, record(t, s, "resnet50", []string{"t4", "a10"}[n%2], n))
	}
	commit(t, s, record(t, s, "resnet50", "old", 0))
	age(t, s, artifact.RecordKey("resnet50", hex64(0)), time.Hour)
	if err := s.Create(t.Context(), artifact.RecordKey("resnet50", hex64(1000)), strings.NewReader("{torn"), artifact.Object{}); err != nil {
		t.Fatal(err)
	}
	cell := func(gpu string) string { return "resnet50/23.09-py3/" + gpu + "/fp16" }

	counted := &counting{Store: s}
	got, err := artifact.Newest(t.Context(), counted, "resnet50", map[string]bool{cell("t4"): true, cell("a10"): true})
	if err != nil || len(got) != 2 || got[cell("t4")].Key != hex64(100) || got[cell("a10")].Key != hex64(99) {
		t.Errorf("Newest: %v, %v", got, err)
	}
	if n := counted.opened.Load(); n > 20 {
		t.Errorf("%d manifests were read for the two newest", n)
	}
	got, err = artifact.Newest(t.Context(), s, "resnet50", map[string]bool{cell("old"): true, cell("none"): true})
	if err != nil || len(got) != 1 || got[cell("old")] == nil {
		t.Errorf("Newest of an old cell and of none: %v, %v", got, err)
	}
	if got, err := artifact.Newest(t.Context(), s, "other", map[string]bool{"x": true}); err != nil || len(got) != 0 {
		t.Errorf("Newest of no model: %v, %v", got, err)
	}
}

func TestFind(t *testing.T) {
	s := open(t)
	one, two, three := record(t, s, "a", "t4", 1), record(t, s, "a", "t4", 2), record(t, s, "b", "t4", 3)
	one.Key, two.Key, three.Key = strings.Repeat("ab", 32), strings.Repeat("ab", 31)+"cd", strings.Repeat("ef", 32)
	for _, m := range []*artifact.Manifest{one, two, three} {
		commit(t, s, m)
	}
	age(t, s, artifact.RecordKey("a", one.Key), time.Hour)
	for query, want := range map[string][]string{
		"a/23.09-py3/t4/fp16":          {two.Key},
		"abababab":                     {two.Key, one.Key},
		"ABABABAB":                     {two.Key, one.Key},
		one.Key:                        {one.Key},
		"efefefefef":                   {three.Key},
		"00000000":                     nil,
		"a/23.09-py3/t4/int8":          nil,
		"../records/x":                 nil,
		strings.Repeat("ab", 31):       {two.Key, one.Key},
		strings.Repeat("ab", 31) + "c": {two.Key},
	} {
		found, err := artifact.Find(t.Context(), s, query)
		var got []string
		for _, m := range found {
			got = append(got, m.Key)
		}
		if !slices.Equal(got, want) || (want == nil) != errors.Is(err, artifact.ErrNotExist) {
			t.Errorf("Find(%q): %v, %v, want %v", query, got, err, want)
		}
	}
	for _, query := range []string{"", "ababab", "resnet50", "xyxyxyxyxy", strings.Repeat("ab", 33)} {
		if found, err := artifact.Find(t.Context(), s, query); err == nil || errors.Is(err, artifact.ErrNotExist) {
			t.Errorf("Find(%q): %v, %v, want an error about the query", query, found, err)
		}
	}
}

func TestRecords(t *testing.T) {
	s := open(t)
	var want []string
	for n := range 150 {
		model := []string{"b", "a"}[n%2]
		commit(t, s, record(t, s, model, "t4", n))
		want = append(want, model+hex64(n))
	}
	slices.Sort(want)
	torn := artifact.RecordKey("a", hex64(500))
	if err := s.Create(t.Context(), torn, strings.NewReader("{torn"), artifact.Object{}); err != nil {
		t.Fatal(err)
	}
	moved := artifact.RecordKey("b", hex64(501))
	if err := s.Create(t.Context(), moved, bytes.NewReader(read(t, s, artifact.RecordKey("a", hex64(1)))), artifact.Object{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	var bad []error
	for m, err := range artifact.Records(t.Context(), s, "") {
		if err != nil {
			bad = append(bad, err)
			continue
		}
		got = append(got, m.Model+m.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Records: %d in some order, want %d in the order of keys", len(got), len(want))
	}
	if len(bad) != 2 || !errors.Is(bad[0], artifact.ErrCorrupt) || !strings.Contains(bad[0].Error(), torn) || !strings.Contains(bad[1].Error(), "belongs at") {
		t.Errorf("problems: %v, want the torn and the moved manifest", bad)
	}
	n := 0
	for range artifact.Records(t.Context(), s, "b") {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for m, err := range artifact.Records(ctx, s, "b") {
		if err == nil {
			t.Errorf("a done context yields %v", m)
		}
	}
}

func TestPutJournal(t *testing.T) {
	s := open(t)
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte("{}\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := artifact.PutJournal(t.Context(), s, "r1", path); err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, s, "runs/r1.jsonl")); got != "{}\n{}\n" {
		t.Errorf("journal is %q", got)
	}
	if err := artifact.PutJournal(t.Context(), s, "r1", path); !errors.Is(err, artifact.ErrExist) {
		t.Errorf("a second journal: %v, want ErrExist", err)
	}
}

func read(t *testing.T, s artifact.Store, key string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// age makes an object in a directory store older.
func age(t *testing.T, s *dir.Store, key string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(filepath.Join(strings.TrimPrefix(s.Location(), "file:"), key), then, then); err != nil {
		t.Fatal(err)
	}
}

// counting counts what is read.
type counting struct {
	artifact.Store
	opened atomic.Int64
}

func (c *counting) Open(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	c.opened.Add(1)
	return c.Store.Open(ctx, key, offset)
}
