package executortest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// grace is how long after cancellation Run may take to return.
const grace = 5 * time.Second

func testCancellation(t *testing.T, h Harness) {
	s := open(t, h)
	standing := len(h.Left(t, s.run)) // the open workspace

	hang := []Op{{Do: Ignore}, {Do: Spawn, Path: s.run}, {Do: Spawn, Text: "session", Path: s.run}, {Do: Hang}}
	for name, tc := range map[string]struct {
		step builder.Step
		ops  []Op
	}{
		"a hanging build ends, with its children, though it ignores signals":  {builder.Build, append([]Op{{Do: Spawn, Text: "stranger", Path: s.run}}, hang...)},
		"a hanging verify ends, with its children, though it ignores signals": {builder.Verify, hang},
		"a hanging fetch ends, with its children, though it ignores signals":  {builder.Fetch, hang},
		"a talkative build ends": {builder.Build, []Op{{Do: Lines, N: 10}, {Do: Hang}}},
	} {
		t.Run(name, func(t *testing.T) {
			stop := errors.New("stopped by the suite")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			out := newWatch("hang")
			cancelled := make(chan time.Time, 1)
			go func() {
				select {
				case <-out.seen:
				case <-time.After(time.Minute):
				}
				cancelled <- time.Now()
				cancel(stop)
			}()
			_, err := s.workspace.Run(ctx, s.box(tc.step, tc.ops...), out, new(bytes.Buffer))
			if took := time.Since(<-cancelled); took > grace {
				t.Errorf("Run returned %v after cancellation, want at most %v", took, grace)
			}
			if !errors.Is(err, stop) {
				t.Errorf("Run: %v, want the cause of the cancellation", err)
			}
			if left := s.left(t); len(left) != standing {
				t.Errorf("left behind: %q, want the workspace alone", left)
			}
		})
	}

	t.Run("a step that never starts says why", func(t *testing.T) {
		stop := errors.New("stopped beforehand")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		_, err := s.workspace.Run(ctx, s.box(builder.Build, Op{Do: Exit}), new(bytes.Buffer), new(bytes.Buffer))
		if !errors.Is(err, stop) {
			t.Errorf("Run: %v, want the cause of the cancellation", err)
		}
		if left := s.left(t); len(left) != standing {
			t.Errorf("left behind: %q, want the workspace alone", left)
		}
	})

	t.Run("the workspace serves on after a cancelled step", func(t *testing.T) {
		if out := s.does(t, builder.Build, Op{Do: Write, Path: "after", Text: "x"}); out != "write ok\n" {
			t.Errorf("printed %q", out)
		}
	})

	t.Run("a step ends soon after its own time is up, though its agent does not watch the clock", func(t *testing.T) {
		b := s.box(builder.Build, Op{Do: Hang})
		b.Timeout = time.Second
		start := time.Now()
		_, err := s.workspace.Run(t.Context(), b, new(bytes.Buffer), new(bytes.Buffer))
		if took := time.Since(start); took > b.Timeout+grace || fault.CodeOf(err) != fault.TimedOut {
			t.Errorf("Run: error %v after %v, want one that says that time is up after about a second", err, took)
		}
	})
}
