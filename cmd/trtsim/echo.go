package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/cmdline"
)

// echo prints the sections that repeat the options as they were understood.
func (s *sim) echo() {
	s.echoModel()
	s.echoBuild()
	s.echoSystem()
	s.echoInference()
	s.echoReporting()
}

func (s *sim) echoModel() {
	format := "*"
	if s.options.Model != "" {
		format = "ONNX"
	}
	s.log.info("=== Model Options ===")
	s.log.info("Format: %s", format)
	s.log.info("Model: %s", s.options.Model)
	s.log.info("Output:")
}

func enabled(b bool) string {
	if b {
		return "Enabled"
	}
	return "Disabled"
}

// precisions is the echo's name for the types in force.
func (s *sim) precisions() string {
	if s.options.Typed && s.version.AtLeast(10, 2) {
		return "Strongly Typed"
	}
	asked, out := s.types(), "FP32"
	for _, t := range []string{"fp16", "bf16", "int8", "fp8", "int4"} {
		if slices.Contains(asked, t) {
			out += "+" + strings.ToUpper(t)
		}
	}
	return out
}

func (s *sim) poolSizes() string {
	var parts []string
	for _, name := range cmdline.PoolNames(s.version) {
		size := "default"
		if n, ok := s.options.Pools[name]; ok {
			size = number(n) + " MiB"
			if name == "tacticSharedMem" {
				size = number(n*(1<<10)) + " KiB"
			}
		}
		parts = append(parts, name+": "+size)
	}
	return strings.Join(parts, ", ")
}

func (s *sim) echoBuild() {
	o, l, v := s.options, s.log, s.version
	if o.LoadEngine != "" && v.AtLeast(10, 14) { // nothing is built, and nothing said of it
		l.info("")
		return
	}
	l.info("=== Build Options ===")
	if !v.AtLeast(10, 0) {
		l.info("Max batch: explicit batch")
	}
	l.info("Memory Pools: %s", s.poolSizes())
	if !v.AtLeast(10, 0) {
		l.info("minTiming: 1")
	}
	l.info("avgTiming: 8")
	l.info("Precision: %s", s.precisions())
	calibration := o.Calib
	if calibration == "" && slices.Contains(s.types(), "int8") {
		calibration = "Dynamic"
	}
	if !v.AtLeast(11, 0) {
		l.info("Calibration: %s", calibration)
	}
	l.info("Refit: %s", enabled(o.Refit))
	switch {
	case v.AtLeast(10, 0):
		l.info("Strip weights: %s", enabled(o.Stripped))
	case v.AtLeast(9, 2):
		l.info("Weightless: %s", enabled(o.Stripped))
	}
	if v.AtLeast(8, 6) {
		l.info("Version Compatible: %s", enabled(o.VersionCompatible))
		l.info("TensorRT runtime: %s", o.Runtime)
		l.info("Lean DLL Path: %s", o.LeanLibrary)
		l.info("Exclude Lean Runtime: %s", enabled(o.ExcludeLeanRuntime))
		l.info("Skip inference: %s", enabled(o.SkipInference))
	} else {
		l.info("Build only: %s", enabled(o.SkipInference))
	}
	l.info("Save engine: %s", o.SaveEngine)
	l.info("Load engine: %s", o.LoadEngine)
	l.info("Profiling verbosity: %d", map[string]int{"layer_names_only": 0, "none": 1, "detailed": 2}[o.Verbosity])
	l.info("Tactic sources: Using default tactic sources")
	mode := "local"
	switch {
	case o.NoBuilderCache:
		mode = "disable"
	case o.TimingCache != "":
		mode = "global"
	}
	l.info("timingCacheMode: %s", mode)
	l.info("timingCacheFile: %s", o.TimingCache)
	if v.AtLeast(8, 6) {
		l.info("BuilderOptimizationLevel: %d", o.OptimizationLevel)
	}
	switch {
	case !v.AtLeast(10, 2):
	case o.Platform != "":
		l.info("Runtime Platform: Windows AMD64")
	default:
		l.info("Runtime Platform: Same As Build")
	}
	format := "fp32:CHW"
	if v.AtLeast(11, 0) {
		format = "CHW"
	}
	l.info("Input(s)s format: %s", format)
	l.info("Output(s)s format: %s", format)
	s.echoProfiles()
}

func (s *sim) echoProfiles() {
	if len(s.options.Profiles) == 0 {
		s.log.info("Input build shapes: model")
	}
	for i, p := range s.options.Profiles {
		for _, r := range p {
			head := "Input build shape"
			if s.version.AtLeast(9, 0) {
				head += fmt.Sprintf(" (profile %d)", i)
			}
			s.log.info("%s: %s=%s+%s+%s", head, r.Input, cmdline.String(r.Min), cmdline.String(r.Opt), cmdline.String(r.Max))
		}
	}
}

func (s *sim) echoSystem() {
	o, l, v := s.options, s.log, s.version
	l.info("=== System Options ===")
	l.info("Device: %d", o.Device)
	l.info("DLACore: ")
	list := func(name string, paths []string) {
		l.info("%s", strings.TrimSuffix(name+" "+strings.Join(paths, " "), " "))
	}
	if v.AtLeast(10, 16) {
		list("Loaded static plugins:", o.StaticPlugins)
	} else {
		list("Plugins:", o.StaticPlugins)
	}
	if v.AtLeast(8, 6) {
		list("setPluginsToSerialize:", o.SerializedPlugins)
		list("dynamicPlugins:", o.DynamicPlugins)
		l.info("ignoreParsedPluginLibs: 0")
		l.info("")
	}
}

func (s *sim) echoInference() {
	o, l, v := s.options, s.log, s.version
	l.info("=== Inference Options ===")
	l.info("Batch: Explicit")
	if len(o.Shapes) == 0 {
		l.info("Input inference shapes: model")
	}
	head := "Input inference shape"
	if v.AtLeast(9, 0) {
		head += " " // where other shapes name their profile
	}
	for _, sh := range o.Shapes {
		l.info("%s: %s=%s", head, sh.Input, cmdline.String(sh.Dims))
	}
	l.info("Iterations: %d", o.Iterations)
	l.info("Duration: %ss (+ %sms warm up)", number(o.Duration), number(o.WarmUp))
	l.info("Sleep time: 0ms")
	l.info("Idle time: 0ms")
	streams := "Inference Streams"
	if !v.AtLeast(8, 6) {
		streams = "Streams"
	}
	l.info("%s: %d", streams, o.Streams)
	l.info("ExposeDMA: Disabled")
	l.info("Data transfers: %s", enabled(o.Transfers))
	l.info("Spin-wait: %s", enabled(o.SpinWait))
	l.info("Multithreading: Disabled")
	l.info("CUDA Graph: %s", enabled(o.CUDAGraph))
	l.info("Separate profiling: %s", enabled(o.SeparateProfile))
	l.info("Time Deserialize: Disabled")
	l.info("Time Refit: Disabled")
	if v.AtLeast(9, 0) {
		l.info("Optimization Profile Index: %d", max(o.Profile, 0))
	}
	l.info("Inputs:")
	for _, in := range o.Inputs {
		l.info("%s<-%s", in.Input, in.File)
	}
}

func (s *sim) echoReporting() {
	o, l := s.options, s.log
	l.info("=== Reporting Options ===")
	l.info("Verbose: %s", enabled(o.Verbose))
	l.info("Averages: %d inferences", o.AvgRuns)
	if s.version.AtLeast(8, 5) {
		l.info("Percentiles: %s", joinNumbers(o.Percentile))
	} else {
		l.info("Percentile: %s", joinNumbers(o.Percentile))
	}
	l.info("Dump refittable layers:Disabled")
	l.info("Dump output: %s", enabled(o.DumpOutput))
	l.info("Profile: %s", enabled(o.DumpProfile))
	l.info("Export timing to JSON file: %s", o.ExportTimes)
	l.info("Export output to JSON file: %s", o.ExportOutput)
	l.info("Export profile to JSON file: %s", o.ExportProfile)
	l.info("")
}

func joinNumbers(list []float64) string {
	parts := make([]string, len(list))
	for i, f := range list {
		parts[i] = number(f)
	}
	return strings.Join(parts, ",")
}
