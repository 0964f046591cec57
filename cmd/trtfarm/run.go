package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/report"
)

// runOptions are the flags of run.
type runOptions struct {
	question
	failFast bool
	force    bool
	asJSON   bool
	metadata string
	progress string
}

func newRun(s streams) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run MATRIX",
		Short: "build, verify and publish what is missing",
		Long: `run is the main job: every cell of the matrix that is not published yet is
built in its image on a matching GPU, loaded again in a fresh container, compared
with the model's own outputs, and published.`,
		Example: "  trtfarm run matrices/demo.toml --only gpu=T4",
		Args:    args(1, 1, "one matrix file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			o.file = files[0]
			return runRun(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	o.question.flags(f)
	f.BoolVar(&o.failFast, "fail-fast", false, "stop at the first failure")
	f.BoolVar(&o.force, "force", false, "build and verify again what is published; the published record stays")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.StringVar(&o.metadata, "metadata-file", "", "write the JSON document to this file too")
	f.StringVar(&o.progress, "progress", "auto", "auto, tty, plain, json or none")
	return cmd
}

func runRun(ctx context.Context, s streams, o runOptions) error {
	show, err := progress(s, o.progress)
	if err != nil {
		return err
	}
	started := time.Now()
	a, err := answer(ctx, s, o.question, true)
	if err != nil {
		return err
	}
	run := newRunID(started)
	journal, path, err := openJournal(run)
	if err != nil {
		return err
	}
	outcomes := make([]farm.Outcome, len(a.cells))
	shown := show(a.cells, started)
	logs := report.NewLogs(strings.TrimSuffix(path, ".jsonl"))
	defer logs.Close()
	watch := func(e farm.Event) {
		journal.Event(e)
		logs.Event(e)
		shown(e)
	}
	if a.house.simulated {
		fmt.Fprintf(s.err, "trtfarm: simulated: %s, so trtsim stands in for trtexec\n", a.house.lacks())
	}
	todo := a.settle(ctx, run, outcomes, o.force, watch)
	if failed := slices.IndexFunc(outcomes, func(out farm.Outcome) bool { return out.Fault != nil }); failed >= 0 && o.failFast {
		err = fmt.Errorf("%w: %s", farm.ErrFailFast, outcomes[failed].ID)
	} else if len(todo) > 0 {
		err = a.build(ctx, run, todo, outcomes, o, watch)
	}
	if err != nil {
		a.abandon(ctx, run, todo, outcomes, err, watch)
	}
	for i, out := range outcomes {
		outcomes[i].Log = logs.Of(out.ID)
	}
	code := report.Code(outcomes)
	watch(farm.Event{Time: time.Now().UTC(), Run: run, Note: fmt.Sprintf("run %s ended with exit code %d", run, code), Seconds: time.Since(started).Seconds()})
	keep(ctx, s, a.store, journal, run, path, len(todo) > 0)
	if err := a.say(s, o, report.NewRun(run, a.store.Location(), started, time.Now(), a.simulated(), outcomes), outcomes); err != nil {
		return err
	}
	if code != fault.OK {
		return exitCode(code)
	}
	return nil
}

// settle gives every cell that needs no work its outcome and returns the indexes
// of the others.
func (a *session) settle(ctx context.Context, run string, outcomes []farm.Outcome, force bool, watch func(farm.Event)) (todo []int) {
	defer a.readCached(ctx, outcomes)
	for i, c := range a.cells {
		out := &outcomes[i]
		*out = farm.Outcome{ID: c.ID, Key: c.Key}
		switch {
		case c.Status == plan.Refused:
			out.State, out.Fault = farm.Refused, c.Fault()
		case c.Status == plan.Cached && !force:
			out.State = farm.Cached
		case c.Key == "":
			out.State, out.Fault = farm.Failed, a.unresolved(c)
		default:
			todo = append(todo, i)
			continue
		}
		watch(farm.Event{Time: time.Now().UTC(), Run: run, Cell: c.ID, State: out.State, Fault: out.Fault})
	}
	return todo
}

// readCached reads the records of cached cells, many at a time.
func (a *session) readCached(ctx context.Context, outcomes []farm.Outcome) {
	var g errgroup.Group
	g.SetLimit(32)
	for i, c := range a.cells {
		out := &outcomes[i]
		if out.State != farm.Cached {
			continue
		}
		g.Go(func() error {
			record, err := artifact.ReadManifest(ctx, a.store, artifact.RecordKey(c.Model.Name, c.Key))
			if err != nil {
				*out = unmade(ctx, c, fault.New(fault.Storage, "storage", "move it out of records/ of the store if it is damaged; the next run makes it again", "read its record: %w", err))
			}
			out.Record = record
			return nil
		})
	}
	_ = g.Wait() // what went wrong is in the outcomes
}

// unresolved says why a cell has no key.
func (a *session) unresolved(c plan.Cell) *fault.Fault {
	for _, ref := range []string{c.Image, c.VerifyImage} {
		err := a.facts.Images[ref].Err
		if err == nil {
			continue
		}
		f := fault.In(err)
		if f == nil {
			f = fault.New(fault.Storage, "image", "see whether the registry can be reached from here", "%w", err)
		}
		f.Message = c.ID + ": " + f.Message
		return f
	}
	return fault.New(fault.Storage, "image", "lock the images: trtfarm lock "+a.question.file, "%s: what its image means is unknown", c.ID)
}

// say prints the result for people or machines.
func (a *session) say(s streams, o runOptions, doc report.Run, outcomes []farm.Outcome) error {
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if o.metadata != "" {
		if err := writeWhole(o.metadata, append(data, '\n')); err != nil {
			return fault.New(fault.Usage, "usage", "", "write metadata file: %w", err)
		}
	}
	if o.asJSON {
		_, err := fmt.Fprintf(s.out, "%s\n", data)
		return err
	}
	return report.Summary(s.out, doc.Run, doc.Store, outcomes)
}

// newRunID names a run: readable, sortable by time, unique.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// openJournal makes the journal of a run on this machine; it goes to the store
// when the run is over, and stays here if that never comes.
func openJournal(run string) (*report.Journal, string, error) {
	folder := filepath.Join(cacheFolder(), "runs")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, "", fault.New(fault.Environment, "journal", "set TRTFARM_CACHE_DIR to a folder that can be written", "make journal: %w", err)
	}
	path := filepath.Join(folder, run+".jsonl")
	j, err := report.OpenJournal(path)
	if err != nil {
		return nil, "", fault.New(fault.Environment, "journal", "set TRTFARM_CACHE_DIR to a folder that can be written", "%w", err)
	}
	return j, path, nil
}

// keep closes the journal and, when the run did anything, publishes it.
func keep(ctx context.Context, s streams, store artifact.Store, j *report.Journal, run, path string, worked bool) {
	err := j.Close()
	if !worked {
		_ = os.Remove(path)
		return
	}
	if err == nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err = artifact.PutJournal(clean, store, run, path); err == nil {
			_ = os.Remove(path)
			return
		}
	}
	fmt.Fprintf(s.err, "trtfarm: the journal stays at %s: %v\n", path, err)
}

// simulated reports whether a runner of the plan is a stand-in.
func (a *session) simulated() bool {
	return slices.ContainsFunc(a.cells, func(c plan.Cell) bool { return c.Simulated })
}

// progress returns a maker of event sinks for the cells of a run.
func progress(s streams, mode string) (func(cells []plan.Cell, start time.Time) func(farm.Event), error) {
	switch mode {
	case "auto", "tty", "plain":
		return func(cells []plan.Cell, start time.Time) func(farm.Event) {
			p := &report.Plain{W: s.err, Start: start, Total: len(cells)}
			for _, c := range cells {
				p.Width = max(p.Width, len(c.ID))
			}
			return p.Event
		}, nil
	case "json":
		return func([]plan.Cell, time.Time) func(farm.Event) { return report.NewEvents(s.err).Event }, nil
	case "none":
		return func([]plan.Cell, time.Time) func(farm.Event) { return func(farm.Event) {} }, nil
	}
	return nil, fault.New(fault.Usage, "usage", "use auto, tty, plain, json or none", "--progress %q is not known", mode)
}
