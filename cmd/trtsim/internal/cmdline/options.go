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

	VersionCompatible bool
	Hardware          string // "none", "ampere+" or "sameComputeCapability"
	Runtime           string // "full", "lean" or "dispatch"
	OptimizationLevel int    // -1: default
	Verbosity         string // layer_names_only, detailed, none
	TimingCache       string
	NoBuilderCache    bool
	SkipInference     bool
	Refit             bool

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
	for _, step := range []func(*arguments, *Options) error{files, precision, plugins, buildControls, inference, reporting} {
		if err := step(a, &o); err != nil {
			return Options{}, err
		}
	}
	return o, nil
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

func precision(a *arguments, o *Options) error {
	for _, p := range []string{"fp16", "bf16", "int8", "fp8", "int4"} {
		if _, ok := a.take("--" + p); ok {
			o.Types = append(o.Types, p)
		}
	}
	a.on("--best", &o.Best)
	a.on("--noTF32", &o.NoTF32)
	a.on("--stronglyTyped", &o.Typed)
	a.text("--calib", &o.Calib)
	has := func(p string) bool { return slices.Contains(o.Types, p) }
	if has("fp8") && has("int8") {
		return errors.New("Invalid usage, fp8 and int8 aren't allowed to be enabled together.")
	}
	v := a.version
	if v.AtLeast(10, 14) && !v.AtLeast(11, 0) && !o.Typed && (len(o.Types) > 0 || o.Best) {
		o.Warnings = append(o.Warnings, "Weakly-typed networks have been deprecated in TensorRT. Precision flags such as --fp16 are deprecated with them; use a strongly typed network instead.")
	}
	if o.Typed && !v.AtLeast(11, 0) {
		for _, p := range o.Types {
			o.Warnings = append(o.Warnings, fmt.Sprintf("Invalid usage, setting %s mode is not allowed if graph is strongly typed. Disabling BuilderFlag::k%s.", p, strings.ToUpper(p)))
		}
		o.Types = nil
	}
	if v.AtLeast(11, 0) {
		o.Typed = true
	}
	return nil
}

func plugins(a *arguments, o *Options) error {
	o.StaticPlugins = a.takeAll("--plugins", "--staticPlugins")
	o.DynamicPlugins = a.takeAll("--dynamicPlugins")
	o.SerializedPlugins = a.takeAll("--setPluginsToSerialize")
	a.text("--useRuntime", &o.Runtime)
	switch o.Runtime {
	case "full":
	case "lean", "dispatch":
		o.VersionCompatible = true
		if o.LoadEngine == "" {
			return errors.New("Building a TensorRT engine requires --useRuntime=full.")
		}
		if len(o.StaticPlugins)+len(o.DynamicPlugins)+len(o.SerializedPlugins) > 0 {
			return errors.New("TRT-18412: Plugins require --useRuntime=full.")
		}
	default:
		return fmt.Errorf("Unknown useRuntime: %s", o.Runtime)
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
		o.Warnings = append(o.Warnings, "--workspace flag has been deprecated by --memPoolSize flag.")
		o.Pools = Pools{"workspace": n}
	}
	a.on("--vc", &o.VersionCompatible)
	a.on("--versionCompatible", &o.VersionCompatible)
	a.on("--refit", &o.Refit)
	if s, ok := a.take("--hardwareCompatibilityLevel"); ok {
		switch {
		case s == "none":
		case strings.EqualFold(s, "ampere+"):
			o.Hardware = "ampere+"
		case strings.EqualFold(s, "sameComputeCapability") && a.version.AtLeast(10, 9):
			o.Hardware = "sameComputeCapability"
		default:
			return fmt.Errorf("Unknown hardwareCompatibilityLevel: %s", s)
		}
	}
	if err := a.number("--builderOptimizationLevel", &o.OptimizationLevel); err != nil {
		return err
	}
	if s, ok := a.take("--profilingVerbosity"); ok {
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
		o.Warnings = append(o.Warnings, "--buildOnly flag has been deprecated by --skipInference flag.")
	}
	if _, ok := a.take("--explicitBatch"); ok {
		o.Warnings = append(o.Warnings, "--explicitBatch flag has been deprecated and has no effect!")
	}
	if s, ok := a.take("--tacticSources"); ok {
		if err := tacticSources(s, a.version); err != nil {
			return err
		}
	}
	if s, ok := a.take("--weightStreamingBudget"); ok {
		if allowed := false; s != "" {
			a.on("--allowWeightStreaming", &allowed)
			if !allowed {
				return errors.New("The weight streaming budget can only be set with --allowWeightStreaming specified.")
			}
		}
	}
	for _, f := range []string{"--inputIOFormats", "--outputIOFormats"} {
		if s, ok := a.take(f); ok {
			if err := ioFormats(s, a.version); err != nil {
				return err
			}
		}
	}
	return nil
}

func tacticSources(s string, v catalog.Version) error {
	for _, part := range strings.Split(s, ",") {
		if part == "" || part[0] != '+' && part[0] != '-' {
			return fmt.Errorf("Tactic source must be prefixed with + or -, indicating whether it should be enabled or disabled respectively.")
		}
		switch name := part[1:]; strings.ToUpper(name) {
		case "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS":
		case "CUBLAS", "CUBLAS_LT", "CUDNN":
			if v.AtLeast(11, 0) {
				return fmt.Errorf("Unknown tactic source: %s", name)
			}
		default:
			return fmt.Errorf("Unknown tactic source: %s", name)
		}
	}
	return nil
}

func ioFormats(s string, v catalog.Version) error {
	for _, part := range strings.Split(s, ",") {
		_, _, typed := strings.Cut(part, ":")
		switch {
		case v.AtLeast(11, 0) && typed:
			return fmt.Errorf("Invalid TensorFormat %s", part)
		case !v.AtLeast(11, 0) && !typed:
			return fmt.Errorf("Invalid IOFormat %s", part)
		}
	}
	return nil
}
