package dir_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/artifact/storetest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// racer makes the test binary take part in a race of processes; see
// TestOneProcessWins.
const racer = "TRTFARM_TEST_DIR_RACER"

func TestMain(m *testing.M) {
	if path := os.Getenv(racer); path != "" {
		os.Exit(takePart(path))
	}
	os.Exit(m.Run())
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) artifact.Store { return open(t, t.TempDir()) })
}

func open(t *testing.T, path string) *dir.Store {
	t.Helper()
	s, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func create(s *dir.Store, key, text string) error {
	return s.Create(context.Background(), key, strings.NewReader(text), artifact.Object{})
}

func TestOpenMakesTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, path)
	if err := create(s, "k/l", "x"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(path, "k", "l")); err != nil || string(b) != "x" {
		t.Errorf("the file is %q, %v", b, err)
	}
	if got, want := s.Location(), "file:"+path; got != want {
		t.Errorf("Location: %q, want %q", got, want)
	}
	if _, err := dir.Open(filepath.Join(path, "k", "l")); err == nil {
		t.Error("a file was opened as a store")
	}
}

func TestCheckFindsAFlippedBit(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	d, err := artifact.Sum(strings.NewReader("an engine"))
	if err != nil {
		t.Fatal(err)
	}
	if err := create(s, "k", "an engine"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), "k", d); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "k"), []byte("an enfine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), "k", d); !errors.Is(err, artifact.ErrCorrupt) {
		t.Errorf("Check: %v, want ErrCorrupt", err)
	}
}

func TestLeftoversOfACrashAreRemovedAndThoseOfTheLivingKept(t *testing.T) {
	path := t.TempDir()
	if err := create(open(t, path), "first", "x"); err != nil {
		t.Fatal(err)
	}
	tmp := func(name string, age time.Duration) string {
		p := filepath.Join(path, ".tmp", name)
		then := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(p, []byte("half"), 0o644), os.Chtimes(p, then, then)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	dead, fresh, living := tmp("dead", time.Hour), tmp("fresh", 0), tmp("living", time.Hour)
	f, err := os.Open(living)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := create(s, "second", "x"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{dead: false, fresh: true, living: true} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s: there is %v, want %v", filepath.Base(name), err == nil, want)
		}
	}
	for info, err := range s.List(t.Context(), "") {
		if err != nil || strings.HasPrefix(info.Key, ".") {
			t.Errorf("List: %v, %v", info, err)
		}
	}
}

func TestAnObjectIsNeverSeenWithoutItsMetadata(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 200 {
		key := fmt.Sprintf("k/%d", i)
		done := make(chan error, 1)
		go func() {
			done <- s.Create(t.Context(), key, strings.NewReader("x"), artifact.Object{Meta: map[string]string{"a": "b"}})
		}()
		for seen := false; !seen; {
			info, err := s.Stat(t.Context(), key)
			if seen = err == nil; seen && info.Meta["a"] != "b" {
				t.Errorf("%s was seen with metadata %v", key, info.Meta)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

func TestMetadataThatACrashLeftBelongsToNoObject(t *testing.T) {
	for name, meta := range map[string]map[string]string{"none": nil, "its own": {"a": "new"}} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			s := open(t, path)
			left := filepath.Join(path, ".meta", "k")
			if err := errors.Join(os.Mkdir(filepath.Dir(left), 0o755), os.WriteFile(left, []byte(`{"a":"of the dead"}`), 0o644)); err != nil {
				t.Fatal(err)
			}
			if err := s.Create(t.Context(), "k", strings.NewReader("x"), artifact.Object{Meta: meta}); err != nil {
				t.Fatal(err)
			}
			if info, err := s.Stat(t.Context(), "k"); err != nil || !maps.Equal(info.Meta, meta) {
				t.Errorf("Stat: %v, %v; want metadata %v", info.Meta, err, meta)
			}
		})
	}
}

func TestNothingIsLeftOfWhatFailed(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	for range 3 {
		_ = create(s, "k", "x")
		_ = s.Create(t.Context(), "l", strings.NewReader("x"), artifact.Object{Digest: artifact.Digest{Size: 2}, Meta: map[string]string{"a": "b"}})
		_, _ = s.Swap(t.Context(), "k", []byte("y"), "none")
	}
	if left, err := os.ReadDir(filepath.Join(path, ".tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Tags hold the time of a file, and file systems use inodes again: a tag can come
// twice only if a time does.
func TestEverySwapIsLaterThanTheLast(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	tag, err := s.Swap(t.Context(), "p", []byte("0"), "")
	if err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(path, "p"), future, future); err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(t.Context(), "p")
	if err != nil || info.Tag == tag {
		t.Fatalf("Stat: %+v, %v", info, err)
	}
	for range 5 {
		last := info
		if _, err := s.Swap(t.Context(), "p", []byte("1"), last.Tag); err != nil {
			t.Fatal(err)
		}
		if info, err = s.Stat(t.Context(), "p"); err != nil || !info.Modified.After(last.Modified) {
			t.Errorf("after %v comes %v, %v", last.Modified, info.Modified, err)
		}
	}
}

func TestALinkOutOfTheStoreLeadsNowhere(t *testing.T) {
	outside, path := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	for name, target := range map[string]string{"folder": outside, "file": filepath.Join(outside, "secret")} {
		if err := os.Symlink(target, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"folder/secret", "file"} {
		if r, err := s.Open(t.Context(), key, 0); err == nil {
			r.Close()
			t.Errorf("Open(%s) succeeded", key)
		}
		if err := create(s, key, "y"); err == nil || errors.Is(err, artifact.ErrExist) {
			t.Errorf("Create(%s): %v, want an error that it is no object", key, err)
		}
		_ = s.Delete(t.Context(), key)
	}
	if err := create(s, "folder/new", "y"); err == nil {
		t.Error("Create through a link succeeded")
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("List shows %s", info.Key)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside there is %v, %v", left, err)
	}
}

// mount puts a small file system of its own under the test.
func mount(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		testbed.Missing(t, "no right to mount a file system: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestAStoreThatCannotBeWrittenSaysSo(t *testing.T) {
	refused := func(t *testing.T, what string, err error, why string) {
		t.Helper()
		if !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want ErrRefused with %q", what, err, why)
		}
	}
	t.Run("full disk", func(t *testing.T) {
		path := mount(t)
		s, err := dir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := create(s, "small", "x"); err != nil {
			t.Fatal(err)
		}
		refused(t, "Create", create(s, "big", strings.Repeat("x", 2<<20)), "the disk is full")
		if _, err := s.Stat(t.Context(), "big"); !errors.Is(err, artifact.ErrNotExist) {
			t.Errorf("Stat: %v, want ErrNotExist", err)
		}
		if err := create(s, "small2", "x"); err != nil {
			t.Errorf("after the failure there is no room again: %v", err)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		path := mount(t)
		if s, err := dir.Open(path); err != nil {
			t.Fatal(err)
		} else if err := errors.Join(create(s, "k", "x"), s.Close()); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			testbed.Missing(t, "no right to remount: "+err.Error())
		}
		s, err := dir.Open(path)
		if err != nil {
			t.Fatalf("a store that can only be read does not open: %v", err)
		}
		defer s.Close()
		if info, err := s.Stat(t.Context(), "k"); err != nil || info.Size != 1 {
			t.Errorf("Stat: %+v, %v", info, err)
		}
		refused(t, "Create", create(s, "l", "x"), "read-only")
		refused(t, "Delete", s.Delete(t.Context(), "k"), "read-only")
		_, err = s.Swap(t.Context(), "l", nil, "")
		refused(t, "Swap", err, "read-only")
		_, err = dir.Open(filepath.Join(path, "new"))
		refused(t, "Open", err, "read-only")
	})
	t.Run("folder gone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		s := open(t, path)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		refused(t, "Create", create(s, "k", "x"), "gone")
	})
}

// Four processes create the same 200 objects at once; each object has one winner.
func TestOneProcessWins(t *testing.T) {
	path := t.TempDir()
	var wg sync.WaitGroup
	outs := make([]string, 4)
	for i := range outs {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), racer+"="+path, fmt.Sprintf("%s_NAME=process %d", racer, i))
		wg.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
			}
			outs[i] = string(out)
		})
	}
	wg.Wait()
	s := open(t, path)
	for n := range 200 {
		key := fmt.Sprintf("race/%d", n)
		b, err := os.ReadFile(filepath.Join(path, key))
		if err != nil {
			t.Fatal(err)
		}
		for i, out := range outs {
			won := strings.Contains(out, "won "+key+"\n")
			if is := string(b) == fmt.Sprintf("process %d", i); won != is {
				t.Errorf("process %d says it won %s: %v; the object is its own: %v", i, key, won, is)
			}
		}
	}
	r, err := s.Open(t.Context(), "counter", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var total int
	if _, err := fmt.Fscan(r, &total); err != nil || total != 4*20 {
		t.Errorf("the counter is %d, %v, want %d", total, err, 4*20)
	}
}

// takePart is what one process of the race does.
func takePart(path string) int {
	s, err := dir.Open(path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for n := range 200 {
		key := fmt.Sprintf("race/%d", n)
		switch err := create(s, key, os.Getenv(racer+"_NAME")); {
		case err == nil:
			fmt.Println("won", key)
		case !errors.Is(err, artifact.ErrExist):
			fmt.Println(err)
			return 1
		}
	}
	for done := 0; done < 20; {
		switch err := increment(s); {
		case err == nil:
			done++
		case !errors.Is(err, artifact.ErrChanged):
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

func increment(s *dir.Store) error {
	ctx := context.Background()
	n, tag := 0, ""
	switch info, err := s.Stat(ctx, "counter"); {
	case errors.Is(err, artifact.ErrNotExist):
	case err != nil:
		return err
	default:
		tag = info.Tag
		r, err := s.Open(ctx, "counter", 0)
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := fmt.Fscan(r, &n); err != nil {
			return err
		}
	}
	_, err := s.Swap(ctx, "counter", fmt.Append(nil, n+1), tag)
	return err
}
