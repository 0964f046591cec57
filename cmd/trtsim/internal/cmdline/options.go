package cmdline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Options are one understood command line.
type Options struct {
	Version catalog.Version
	Help    bool

	Model      string // --onnx
	SaveEngine string
	LoadEngine string
	Profiles   [][]Range // of the build; nil when no shape flag was given
	Shapes     []Shape   // of the inference
	ShapesSet  bool      // any shape flag was given
	Pools      Pools
	Types      []string // precision switches in force: fp16, bf16, int8, fp8, int4
	Best       bool
	NoTF32     bool
	Typed      bool // strongly typed
	Calib      string

	StaticPlugins, DynamicPlugins, SerializedPlugins []string

	VersionCompatible  bool
	ExcludeLeanRuntime bool
	LeanLibrary        string // --leanDLLPath
	Hardware           string // "none", "ampere+" or "sameComputeCapability"
	Runtime            string // "full", "lean" or "dispatch"
	Platform           string // "" for the one that builds, or "WindowsAMD64"
	Refit              bool
	Stripped           bool
	RefitFrom          string // --refitFromOnnx
	Safe               bool

	OptimizationLevel int    // -1: default
	Verbosity         string // layer_names_only, detailed, none
	TimingCache       string
	NoBuilderCache    bool
	SkipInference     bool

	Inputs     []InputFile
	Profile    int // --useProfile
	ProfileSet bool
	Iterations int
	Duration   float64 // seconds
	WarmUp     float64 // milliseconds
	AvgRuns    int
	Percentile []float64
	Streams    int
	Transfers  bool
	SpinWait   bool
	CUDAGraph  bool
	Device     int

	Verbose, DumpOutput, DumpRaw, DumpLayers, DumpProfile, SeparateProfile, DumpProfiles, PlanVersion bool
	ExportOutput, ExportTimes, ExportLayers, ExportProfile                                            string

	Warnings []string // printed at [W] before the echo
}

// InputFile is one entry of --loadInputs.
type InputFile struct {
	Input, File string
}

// Mistake is a command line that trtexec refuses; each line is printed at [E],
// and the help text follows.
type Mistake struct {
	Lines []string
}

// Error joins the lines.
func (m *Mistake) Error() string { return strings.Join(m.Lines, "\n") }

// Parse reads the arguments behind the program name. An error is a *Mistake.
func Parse(args []string, v catalog.Version) (Options, error) {
	a := &arguments{version: v, tokens: split(args)}
	if _, ok := a.take("--help"); ok || slices.Contains(args, "-h") || len(args) == 0 {
		return Options{Version: v, Help: true}, nil
	}
	o, err := parse(a)
	if err != nil {
		return Options{}, &Mistake{Lines: []string{err.Error()}}
	}
	if unknown := a.rest(); len(unknown) > 0 {
		for i, u := range unknown {
			unknown[i] = "Unknown option: " + u
		}
		return Options{}, &Mistake{Lines: unknown}
	}
	return o, nil
}

func parse(a *arguments) (Options, error) {
	o := Options{
		Version: a.version, Hardware: "none", Runtime: "full", OptimizationLevel: -1, Verbosity: "layer_names_only",
		Iterations: 10, Duration: 3, WarmUp: 200, AvgRuns: 10, Percentile: []float64{90, 95, 99}, Streams: 1,
	}
	if !a.version.AtLeast(8, 5) {
		o.Percentile = []float64{99}
	}
	for _, step := range []func(*arguments, *Options) error{files, precision, modes, plugins, buildControls, inference, reporting} {
		if err := step(a, &o); err != nil {
			return Options{}, err
		}
	}
	return o, nil
}

// warn adds a line that is printed at [W] before the echo.
func (o *Options) warn(format string, args ...any) {
	o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
}

// text takes a flag's value.
func (a *arguments) text(flag string, to *string) {
	if v, ok := a.take(flag); ok {
		*to = v
	}
}

// on takes a switch; its value, even "false", is ignored.
func (a *arguments) on(flag string, to *bool) {
	if _, ok := a.take(flag); ok {
		*to = true
	}
}

func (a *arguments) number(flag string, to *int) error {
	s, ok := a.take(flag)
	if !ok {
		return nil
	}
	n, err := integer(s)
	if err == nil {
		*to = n
	}
	return err
}

func (a *arguments) decimal(flag string, to *float64) error {
	s, ok := a.take(flag)
	if !ok {
		return nil
	}
	f, err := real(s, "stof")
	if err == nil {
		*to = f
	}
	return err
}

func files(a *arguments, o *Options) error {
	a.text("--onnx", &o.Model)
	a.text("--saveEngine", &o.SaveEngine)
	a.text("--loadEngine", &o.LoadEngine)
	a.on("--getPlanVersionOnly", &o.PlanVersion)
	if o.Model == "" && o.LoadEngine == "" {
		return errors.New("Model missing or format not recognized")
	}
	if o.SaveEngine != "" && o.LoadEngine != "" {
		return errors.New("Incompatible load and save engine options selected")
	}
	return nil
}

func plugins(a *arguments, o *Options) error {
	deprecated := a.version.AtLeast(8, 6)
	for range a.count("--plugins") {
		if deprecated {
			o.warn("--plugins flag has been deprecated, use --staticPlugins flag instead.")
		}
	}
	o.StaticPlugins = a.takeAll("--plugins", "--staticPlugins")
	o.DynamicPlugins = a.takeAll("--dynamicPlugins")
	o.SerializedPlugins = a.takeAll("--setPluginsToSerialize")
	if o.Runtime != "full" && len(o.StaticPlugins)+len(o.DynamicPlugins)+len(o.SerializedPlugins) > 0 {
		return errors.New("TRT-18412: Plugins require --useRuntime=full.")
	}
	return nil
}

func buildControls(a *arguments, o *Options) (err error) {
	var warnings []string
	if o.Profiles, warnings, err = a.profiles(); err != nil {
		return err
	}
	o.Warnings = append(o.Warnings, warnings...)
	if s, ok := a.take("--memPoolSize"); ok {
		if o.Pools, err = pools(s, a.version); err != nil {
			return err
		}
	}
	if s, ok := a.take("--workspace"); ok {
		n, err := real(s, "stof")
		if err != nil {
			return err
		}
		o.warn("--workspace flag has been deprecated by --memPoolSize flag.")
		o.Pools = Pools{"workspace": n}
	}
	if err := a.number("--builderOptimizationLevel", &o.OptimizationLevel); err != nil {
		return err
	}
	if s, ok := a.take("--profilingVerbosity"); ok {
		if now, ok := map[string]string{"default": "layer_names_only", "verbose": "detailed"}[s]; ok {
			o.warn("--profilingVerbosity=%s has been deprecated by --profilingVerbosity=%s.", s, now)
			s = now
		}
		if !slices.Contains([]string{"layer_names_only", "detailed", "none"}, s) {
			return fmt.Errorf("Unknown profilingVerbosity: %s", s)
		}
		o.Verbosity = s
	}
	a.text("--timingCacheFile", &o.TimingCache)
	a.on("--noBuilderCache", &o.NoBuilderCache)
	a.on("--skipInference", &o.SkipInference)
	if _, ok := a.take("--buildOnly"); ok {
		o.SkipInference = true
		if a.version.AtLeast(8, 6) {
			o.warn("--buildOnly flag has been deprecated by --skipInference flag.")
		}
	}
	if _, ok := a.take("--explicitBatch"); ok {
		o.warn("--explicitBatch flag has been deprecated and has no effect!")
	}
	if _, ok := a.take("--directIO"); ok && a.version.AtLeast(10, 7) {
		o.warn("--directIO flag has been deprecated")
	}
	if s, ok := a.take("--tacticSources"); ok {
		if err := tacticSources(s, a.version); err != nil {
			return err
		}
	}
	for _, f := range []string{"--inputIOFormats", "--outputIOFormats"} {
		if s, ok := a.take(f); ok {
			if err := ioFormats(s, a.version); err != nil {
				return err
			}
		}
	}
	return a.needs()
}

// needs refuses flags that ask for another one.
func (a *arguments) needs() error {
	for _, n := range []struct{ flag, with, text string }{
		{"--weightStreamingBudget", "--allowWeightStreaming", "The weight streaming budget can only be set with --allowWeightStreaming specified."},
		{"--dumpKernelText", "--safe", "--dumpKernelText requires --safe to be enabled."},
		{"--remoteAutoTuningConfig", "--safe", "Remote auto tuning is not supported in standard build. Use --safe flag to enable it."},
		{"--loadRefOutputs", "--accuracyThreshold", "--accuracyThreshold (with a positive value) is required when --loadRefOutputs or --refPair is set."},
	} {
		if a.given(n.flag) && !a.given(n.with) {
			return errors.New(n.text)
		}
	}
	return nil
}
