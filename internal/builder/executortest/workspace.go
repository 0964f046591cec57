package executortest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/trtfarm/trtfarm/internal/builder"
)

func testWorkspace(t *testing.T, h Harness) {
	s := open(t, h)

	t.Run("it is empty at first and every step's working directory", func(t *testing.T) {
		other := s.openWorkspace(t, "cell/empty")
		if out := s.runs(t, other, s.box(builder.Build, Op{Do: List, Path: "."})); strings.TrimSuffix(out, " tmp\n") != "list" && out != "list \n" {
			t.Errorf("printed %q, want nothing but a folder tmp", out)
		}
	})

	t.Run("its steps share it, in whatever order they come", func(t *testing.T) {
		steps := []builder.Step{builder.Build, builder.Fetch, builder.Verify, builder.Publish}
		for i, step := range steps {
			name := "from-" + string(step)
			ops := []Op{{Do: Write, Path: name, Text: name}}
			want := "write ok\n"
			for _, before := range steps[:i] {
				ops = append(ops, Op{Do: Read, Path: "from-" + string(before)})
				want += "read from-" + string(before) + "\n"
			}
			if out := s.does(t, step, ops...); out != want {
				t.Errorf("%s printed %q, want %q", step, out, want)
			}
		}
	})

	t.Run("another workspace does not see it", func(t *testing.T) {
		s.does(t, builder.Fetch, Op{Do: Write, Path: "mine", Text: "x"})
		other := s.openWorkspace(t, "cell/b")
		for _, step := range []builder.Step{builder.Fetch, builder.Build} {
			if out := s.runs(t, other, s.box(step, Op{Do: Read, Path: "mine"})); !strings.HasPrefix(out, "read error") {
				t.Errorf("%s printed %q, want that there is no such file", step, out)
			}
		}
	})

	t.Run("two of them work at once", func(t *testing.T) {
		other := s.openWorkspace(t, "cell/c")
		first, second := newWatch("hang"), newWatch("hang")
		ctx, cancel := context.WithCancel(t.Context())
		var steps sync.WaitGroup
		for w, out := range map[builder.Workspace]*watch{s.workspace: first, other: second} {
			box := s.box(builder.Build, Op{Do: Hang})
			steps.Go(func() {
				if _, err := w.Run(ctx, box, out, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
					t.Errorf("Run: %v, want that it runs until it is cancelled", err)
				}
			})
		}
		first.wait(t) // neither ends, so both run
		second.wait(t)
		cancel()
		steps.Wait()
	})

	t.Run("a mounted folder is there for reading, and for writing when asked", func(t *testing.T) {
		dir := t.TempDir()
		for d := dir; d != os.TempDir(); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "blob"), []byte("stored"), 0o644); err != nil {
			t.Fatal(err)
		}
		b := s.box(builder.Fetch, Op{Do: Read, Path: filepath.Join(dir, "blob")}, Op{Do: Write, Path: "fetched", Text: "x"})
		b.Mounts = []builder.Mount{{Path: dir, ReadOnly: true}}
		if out := s.runs(t, s.workspace, b); out != "read stored\nwrite ok\n" {
			t.Errorf("fetch printed %q", out)
		}
		b = s.box(builder.Publish, Op{Do: Write, Path: filepath.Join(dir, "new"), Text: "published"}, Op{Do: Read, Path: "fetched"}, Op{Do: Write, Path: "fetched", Text: "y"})
		b.Mounts = []builder.Mount{{Path: dir}}
		if out := s.runs(t, s.workspace, b); out != "write ok\nread x\nwrite ok\n" {
			t.Errorf("publish printed %q", out)
		}
		got, err := os.ReadFile(filepath.Join(dir, "new"))
		if err != nil || string(got) != "published" {
			t.Errorf("the host's folder holds %q, %v", got, err)
		}
	})

	t.Run("Close removes it, twice as well as once", func(t *testing.T) {
		w, err := s.executor.Open(t.Context(), builder.WorkspaceOptions{Run: s.run + "-closed", Cell: "cell/d"})
		if err != nil {
			t.Fatal(err)
		}
		s.runs(t, w, s.box(builder.Fetch, Op{Do: Write, Path: "big", Text: strings.Repeat("x", 1<<20)}))
		for range 2 {
			if err := w.Close(t.Context()); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if left := h.Left(t, s.run+"-closed"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})

	t.Run("a closed workspace runs nothing", func(t *testing.T) {
		w := s.openWorkspace(t, "cell/e")
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := w.Run(t.Context(), s.box(builder.Build, Op{Do: Exit}), new(bytes.Buffer), new(bytes.Buffer))
		if !errors.Is(err, builder.ErrRunner) {
			t.Errorf("Run: %v, want ErrRunner", err)
		}
	})
}
