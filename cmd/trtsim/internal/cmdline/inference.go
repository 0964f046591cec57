package cmdline

import (
	"fmt"
	"strings"
)

// inference reads the flags of a run of the engine.
func inference(a *arguments, o *Options) error {
	if s, ok := a.take("--shapes"); ok {
		sh, err := shapes(s, a.version)
		if err != nil {
			return err
		}
		o.Shapes = sh
	}
	o.ShapesSet = o.Shapes != nil || o.Profiles != nil
	if o.Profiles == nil && o.Shapes != nil && o.LoadEngine == "" {
		var p []Range
		for _, s := range o.Shapes {
			p = append(p, Range{Input: s.Input, Min: s.Dims, Opt: s.Dims, Max: s.Dims})
		}
		o.Profiles = [][]Range{p}
	}
	if s, ok := a.take("--loadInputs"); ok && s != "" {
		for _, part := range strings.Split(s, ",") {
			name, file, err := nameAndValue(part)
			if err != nil {
				return err
			}
			o.Inputs = append(o.Inputs, InputFile{name, file})
		}
	}
	chosen := -1
	if err := a.number("--useProfile", &chosen); err != nil {
		return err
	}
	o.Profile, o.ProfileSet = max(chosen, 0), chosen >= 0
	for _, n := range []struct {
		flag string
		to   *int
	}{{"--iterations", &o.Iterations}, {"--streams", &o.Streams}, {"--infStreams", &o.Streams}, {"--device", &o.Device}} {
		if err := a.number(n.flag, n.to); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		flag string
		to   *float64
	}{{"--duration", &o.Duration}, {"--warmUp", &o.WarmUp}} {
		if err := a.decimal(n.flag, n.to); err != nil {
			return err
		}
	}
	if a.given("--streams") && a.version.AtLeast(8, 6) {
		o.warn("--streams flag has been deprecated, use --infStreams flag instead.")
	}
	a.text("--refitFromOnnx", &o.RefitFrom)
	transferFlags(a, o)
	return nil
}

// transferFlags reads the three settings whose defaults turned round in 11.0.
func transferFlags(a *arguments, o *Options) {
	flag := func(name string) bool { _, ok := a.take(name); return ok }
	if a.version.AtLeast(11, 0) {
		for _, old := range []string{"--noDataTransfers", "--useSpinWait", "--useCudaGraph"} {
			if flag(old) {
				o.warn("%s is deprecated and has no effect: it is the default.", old)
			}
		}
		o.Transfers, o.SpinWait, o.CUDAGraph = flag("--includeDataTransfers"), !flag("--noSpinWait"), !flag("--noCudaGraph")
		return
	}
	o.Transfers, o.SpinWait, o.CUDAGraph = !flag("--noDataTransfers"), flag("--useSpinWait"), flag("--useCudaGraph")
}

func reporting(a *arguments, o *Options) error {
	a.on("--verbose", &o.Verbose)
	a.on("--dumpOutput", &o.DumpOutput)
	a.on("--dumpRawBindingsToFile", &o.DumpRaw)
	a.on("--dumpLayerInfo", &o.DumpLayers)
	a.on("--dumpProfile", &o.DumpProfile)
	a.on("--separateProfileRun", &o.SeparateProfile)
	if a.version.AtLeast(11, 0) {
		if o.SeparateProfile {
			o.warn("--separateProfileRun is deprecated and has no effect: it is the default.")
		}
		o.SeparateProfile = true
	}
	a.on("--dumpOptimizationProfile", &o.DumpProfiles)
	a.text("--exportOutput", &o.ExportOutput)
	a.text("--exportTimes", &o.ExportTimes)
	a.text("--exportLayerInfo", &o.ExportLayers)
	a.text("--exportProfile", &o.ExportProfile)
	if err := a.number("--avgRuns", &o.AvgRuns); err != nil {
		return err
	}
	if s, ok := a.take("--percentile"); ok {
		o.Percentile = nil
		parts := strings.Split(s, ",")
		if !a.version.AtLeast(8, 5) {
			parts = []string{s} // one number, of which a prefix is enough
		}
		for _, part := range parts {
			f, err := real(part, "stof")
			if err != nil {
				return err
			}
			if f < 0 || f > 100 {
				return fmt.Errorf("Percentile %s is not in [0, 100]", part)
			}
			o.Percentile = append(o.Percentile, f)
		}
	}
	return nil
}
