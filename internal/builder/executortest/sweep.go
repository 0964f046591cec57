package executortest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// runVariable names the run for an orchestrator that the suite starts.
const runVariable = "EXECUTORTEST_RUN"

// Orchestrate is what Harness.Orchestrator's command does: it opens a workspace,
// starts a build that never ends, says so, and stays until it is killed.
func Orchestrate(ex builder.Executor, image builder.Image) error {
	ctx := context.Background()
	run := os.Getenv(runVariable)
	if err := ex.Prepare(ctx, image, func(string) {}); err != nil {
		return err
	}
	w, err := ex.Open(ctx, builder.WorkspaceOptions{Run: run, Cell: "cell/orphan"})
	if err != nil {
		return err
	}
	task, err := json.Marshal(Script{Ops: []Op{
		{Do: Ignore}, {Do: Spawn, Path: run}, {Do: Spawn, Text: "session", Path: run}, {Do: Hang},
	}})
	if err != nil {
		return err
	}
	_, err = w.Run(ctx, builder.Sandbox{Step: builder.Build, Image: image, Task: task, Timeout: time.Hour}, os.Stdout, os.Stderr)
	return fmt.Errorf("the hanging step ended: %w", err)
}

func testSweep(t *testing.T, h Harness) {
	s := open(t, h)
	living := h.Left(t, s.run)

	run := s.run + "-orphan"
	var errs bytes.Buffer
	cmd := h.Orchestrator(t)
	cmd.Env = append(cmd.Environ(), runVariable+"="+run)
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	defer kill()
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "hang" {
	}
	if lines.Text() != "hang" {
		kill()
		t.Fatalf("the orchestrator did not start its step: %s", errs.String())
	}

	left := func() []string { return append(h.Left(t, run), processes(run)...) }
	before := left()
	if len(before) == 0 {
		t.Fatal("the orchestrator's step runs, but nothing of it is to be seen")
	}
	if removed, err := s.executor.Sweep(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("Sweep = %q, %v while every owner lives; want nothing removed", removed, err)
	}
	if now := left(); len(now) != len(before) {
		t.Errorf("a living orchestrator's things: %q, before the sweep: %q", now, before)
	}

	kill()
	removed, err := s.executor.Sweep(t.Context())
	if err != nil || len(removed) == 0 {
		t.Errorf("Sweep = %q, %v after the owner died; want what was removed", removed, err)
	}
	if now := left(); len(now) > 0 {
		t.Errorf("left after the sweep: %q", now)
	}
	if now := h.Left(t, s.run); !slices.Equal(now, living) {
		t.Errorf("the sweeper's own things: %q, before: %q", now, living)
	}
	if out := s.does(t, builder.Build, Op{Do: Write, Path: "x", Text: "x"}); !strings.Contains(out, "write ok") {
		t.Errorf("after the sweep, a step prints %q", out)
	}
	if removed, err := s.executor.Sweep(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("second Sweep = %q, %v; want nothing left to remove", removed, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.executor.Sweep(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep with a done context: %v, want its error", err)
	}
}
