package trtexec

import (
	"math"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// fact reads one informational line, "Key: value" or a sentence with a number.
func (l *logReader) fact(text string) {
	for _, f := range logFacts {
		if value, ok := strings.CutPrefix(text, f.prefix); ok {
			f.set(&l.log, value)
			return
		}
	}
	if value, ok := strings.CutPrefix(text, "TensorRT version: "); ok {
		if v, err := catalog.ParseVersion(strings.TrimSpace(value)); err == nil {
			l.version(v)
		}
	}
}

// logFacts is what to read from which line.
// Source: NVIDIA/TensorRT, samples/common and samples/trtexec, release/8.4 to
// release/11.1, and real logs.
var logFacts = []struct {
	prefix string
	set    func(l *Log, value string)
}{
	{"Selected Device: ", func(l *Log, s string) { l.Device.Name = clean(strings.TrimSpace(s)) }},
	{"Selected Device UUID: ", func(l *Log, s string) { l.Device.UUID = clean(strings.TrimSpace(s)) }}, // 9.1 and later
	{"Compute Capability: ", func(l *Log, s string) { l.Device.SM = clean(strings.TrimSpace(s)) }},
	{"SMs: ", func(l *Log, s string) { l.Device.SMs = int(leading(s)) }},
	{"Device Global Memory: ", func(l *Log, s string) { l.Device.MemoryMiB = int64(leading(s)) }},
	{"Engine built in ", func(l *Log, s string) { l.BuildSeconds = leading(s) }},
	{"Created engine with size: ", func(l *Log, s string) { l.EngineMiB = leading(s) }}, // 9.0 and later
	{"Loaded engine with size: ", func(l *Log, s string) { l.EngineMiB = leading(s) }},  // 9.0 to 9.3
	{"Loaded engine size: ", func(l *Log, s string) {
		if l.EngineMiB == 0 { // the library's line, in whole MiB
			l.EngineMiB = leading(s)
		}
	}},
	{"Engine deserialized in ", func(l *Log, s string) { l.Deserialized, l.DeserializeSeconds = true, leading(s) }},
	{"Skipped inference phase since --", func(l *Log, _ string) { l.Skipped = true }},
	{"Throughput: ", func(l *Log, s string) { l.ThroughputQPS = leading(s) }},
	{"Latency: min = ", func(l *Log, s string) { l.Latency = summary(s) }},
	{"GPU Compute Time: min = ", func(l *Log, s string) { l.GPUCompute = summary(s) }},
}

// leading reads the number before the first space. What is no finite number that
// fits is 0, which is what an absent line leaves.
func leading(s string) float64 {
	s, _, _ = strings.Cut(s, " ")
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || math.Abs(f) > 1<<53 {
		return 0
	}
	return f
}

// summary reads "3 ms, max = 4 ms, mean = 3.1 ms, median = 3.1 ms,
// percentile(99%) = 3.4 ms". 8.4 prints one percentile.
func summary(s string) Summary {
	var sum Summary
	fields := map[string]*float64{
		"min": &sum.Min, "max": &sum.Max, "mean": &sum.Mean, "median": &sum.Median,
		"percentile(90%)": &sum.P90, "percentile(95%)": &sum.P95, "percentile(99%)": &sum.P99,
	}
	for entry := range strings.SplitSeq("min = "+s, ", ") {
		name, value, _ := strings.Cut(entry, " = ")
		if field := fields[name]; field != nil {
			*field = leading(value)
		}
	}
	return sum
}
