package executortest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/builder"
)

func testOutput(t *testing.T, h Harness) {
	s := open(t, h)

	t.Run("all that the agent prints arrives, in order, each stream apart", func(t *testing.T) {
		const n = 100_000
		var want bytes.Buffer
		for i := range n {
			fmt.Fprintf(&want, "line %d\n", i)
		}
		var out, errs bytes.Buffer
		exit, err := s.workspace.Run(t.Context(), s.box(builder.Build, Op{Do: Lines, N: n, Text: "both"}), &out, &errs)
		if exit != 0 || err != nil {
			t.Fatalf("Run: exit %d, error %v", exit, err)
		}
		for name, got := range map[string]*bytes.Buffer{"standard output": &out, "standard error": &errs} {
			if !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%s: %d bytes, want the %d of %d lines in order", name, got.Len(), want.Len(), n)
			}
		}
	})

	for _, code := range []int{0, 1, 3, 137, 255} {
		t.Run(fmt.Sprintf("exit code %d arrives", code), func(t *testing.T) {
			exit, err := s.workspace.Run(t.Context(), s.box(builder.Fetch, Op{Do: Exit, N: code}), new(bytes.Buffer), new(bytes.Buffer))
			if exit != code || err != nil {
				t.Errorf("Run: exit %d, error %v, want exit %d and no error", exit, err, code)
			}
		})
	}

	t.Run("an output that fails ends the step", func(t *testing.T) {
		_, err := s.workspace.Run(t.Context(), s.box(builder.Build, Op{Do: Lines, N: 1000}, Op{Do: Hang}), brokenWriter{}, new(bytes.Buffer))
		if !errors.Is(err, errBroken) {
			t.Errorf("Run: %v, want the writer's error", err)
		}
	})

	t.Run("a child that outlives the agent holds nothing up and is ended", func(t *testing.T) {
		for _, kind := range []string{"", "session"} {
			out := s.does(t, builder.Build, Op{Do: Spawn, Text: kind, Path: s.run})
			if !strings.Contains(out, "spawn ok") {
				t.Errorf("spawn %q: printed %q", kind, out)
			}
			if p := processes(s.run); len(p) > 0 {
				t.Errorf("spawn %q: left behind: %q", kind, p)
			}
		}
	})
}

var errBroken = errors.New("the writer is broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
