package main

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
)

// query is the times of one simulated query, in milliseconds.
type query struct{ h2d, compute, d2h, enqueue float64 }

func (q query) latency() float64 { return q.h2d + q.compute + q.d2h }

// maxQueries bounds the queries that a report lists, however long the run would
// have taken.
const maxQueries = 1000

// queries derives a distribution from the one run that was measured: as many
// queries as iterations and duration ask for, each a few percent off, in a
// fixed pattern.
func (s *sim) queries(took time.Duration) []query {
	o := s.options
	base := max(float64(took.Microseconds())/1000, 0.001)
	n := max(o.Iterations, int(min(max(o.Duration, 0)*1000/base, maxQueries)), 1)
	return s.times(min(n, maxQueries), base)
}

// times makes n queries of about base milliseconds.
func (s *sim) times(n int, base float64) []query {
	out := make([]query, n)
	for i := range out {
		wobble := 1 + 0.02*math.Sin(float64(i)*2.399963) // the golden angle never repeats
		q := query{compute: base * wobble, enqueue: base * 0.05 * wobble}
		if s.options.Transfers {
			q.h2d, q.d2h = base*0.04*wobble, base*0.02*wobble
		}
		out[i] = q
	}
	return out
}

// profilesTheRun reports whether a profiler watches the very run that is measured.
func (s *sim) profilesTheRun() bool {
	o := s.options
	return (o.DumpProfile || o.ExportProfile != "") && !o.SeparateProfile
}

// report prints the performance summary, and writes the times.
func (s *sim) report(took time.Duration) {
	o, l := s.options, s.log
	if s.profilesTheRun() {
		l.info("The e2e network timing is not reported since it is inaccurate due to the extra synchronizations when the profiler is enabled.")
		l.info("To show e2e network timing report, add --separateProfileRun to profile layer timing in a separate run or remove --dumpProfile to disable the profiler.")
		return
	}
	qs := s.queries(took)
	compute := pick(qs, func(q query) float64 { return q.compute })
	latency := pick(qs, query.latency)
	enqueue := pick(qs, func(q query) float64 { return q.enqueue })
	total := sum(latency)
	warmUp := int(o.WarmUp/latency[0]) + 1
	l.info("Warmup completed %d queries over %s ms", warmUp, number(o.WarmUp))
	l.info("Timing trace has %d queries over %s s", len(qs), number(total/1000))
	l.info("")
	l.info("=== Trace details ===")
	runs := max(o.AvgRuns, 1)
	l.info("Trace averages of %d runs:", runs)
	for i := 0; i+runs <= len(qs); i += runs {
		l.info("Average on %d runs - GPU latency: %s ms - Host latency: %s ms (enqueue %s ms)", runs, number(mean(compute[i:i+runs])), number(mean(latency[i:i+runs])), number(mean(enqueue[i:i+runs])))
	}
	l.info("")
	l.info("=== Performance summary ===")
	l.info("Throughput: %s qps", number(float64(len(qs))/(total/1000)))
	s.summary("Latency", latency)
	s.summary("Enqueue Time", enqueue)
	s.summary("H2D Latency", pick(qs, func(q query) float64 { return q.h2d }))
	s.summary("GPU Compute Time", compute)
	s.summary("D2H Latency", pick(qs, func(q query) float64 { return q.d2h }))
	l.info("Total Host Walltime: %s s", number(total/1000))
	l.info("Total GPU Compute Time: %s s", number(sum(compute)/1000))
	l.info("Explanations of the performance metrics are printed in the verbose logs.")
	l.info("")
	if !s.version.AtLeast(8, 5) { // the file holds the warm-up, too
		qs = slices.Concat(s.times(min(warmUp, maxQueries), qs[0].compute), qs)
	}
	s.exportTimes(qs)
}

// summary prints one line of the performance summary.
func (s *sim) summary(name string, values []float64) {
	sorted := slices.Sorted(slices.Values(values))
	var b strings.Builder
	for _, p := range s.options.Percentile {
		b.WriteString(", percentile(" + number(p) + "%) = " + number(percentile(sorted, p)) + " ms")
	}
	s.log.info("%s: min = %s ms, max = %s ms, mean = %s ms, median = %s ms%s", name, number(sorted[0]), number(sorted[len(sorted)-1]), number(mean(values)), number(percentile(sorted, 50)), b.String())
}

func percentile(sorted []float64, p float64) float64 {
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[max(0, min(i, len(sorted)-1))]
}

func pick(qs []query, f func(query) float64) []float64 {
	out := make([]float64, len(qs))
	for i, q := range qs {
		out[i] = f(q)
	}
	return out
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

func mean(values []float64) float64 { return sum(values) / float64(len(values)) }

// reportProfile prints and writes the time of every layer: an equal share of the
// whole, as trtsim does not time layers.
func (s *sim) reportProfile(m container.Meta, took time.Duration) {
	o := s.options
	if !o.DumpProfile && o.ExportProfile == "" {
		return
	}
	qs := s.queries(took)
	rows := []map[string]any{{"count": len(qs)}}
	share := mean(pick(qs, func(q query) float64 { return q.compute })) / float64(max(len(m.Layers), 1))
	if o.DumpProfile {
		s.log.info("")
		s.log.info("=== Profile (%d iterations ) ===", len(qs))
		s.log.info("Layer   Time (ms)   Avg. Time (ms)   Median Time (ms)   Time %%")
		for _, l := range m.Layers {
			s.log.info("%s   %.2f   %.4f   %.4f   %.1f", l.Name, share*float64(len(qs)), share, share, 100/float64(len(m.Layers)))
		}
		s.log.info("")
	}
	if o.ExportProfile == "" {
		return
	}
	for _, l := range m.Layers {
		rows = append(rows, map[string]any{"name": l.Name, "timeMs": share * float64(len(qs)), "averageMs": share, "medianMs": share, "percentage": 100 / float64(len(m.Layers))})
	}
	if data, err := json.MarshalIndent(rows, "", " "); err == nil {
		_ = os.WriteFile(o.ExportProfile, data, 0o666)
	}
}

// exportTimes writes the times of every query. Like trtexec it does not look
// whether that worked.
func (s *sim) exportTimes(qs []query) {
	if s.options.ExportTimes == "" {
		return
	}
	rows := make([]map[string]float64, len(qs))
	at := 0.0
	for i, q := range qs {
		h, c, d := at+q.h2d, at+q.h2d+q.compute, at+q.latency()
		rows[i] = map[string]float64{
			"startEnqMs": at, "endEnqMs": at + q.enqueue, "startH2dMs": at, "endH2dMs": h,
			"startComputeMs": h, "endComputeMs": c, "startD2hMs": c, "endD2hMs": d,
			"h2dMs": q.h2d, "computeMs": q.compute, "d2hMs": q.d2h, "latencyMs": q.latency(),
		}
		at = d
	}
	if data, err := json.MarshalIndent(rows, "", " "); err == nil {
		_ = os.WriteFile(s.options.ExportTimes, data, 0o666)
	}
}
