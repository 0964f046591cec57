package cmdline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// valued are flags whose value must make sense, or which ask for others, with
// arguments that use them well. Others are given the number 1, which passes for
// a file's name, too, and which switches ignore.
var valued = map[string][]string{
	"--accuracyAlgorithm":          {"--accuracyAlgorithm=l2"},
	"--allocationStrategy":         {"--allocationStrategy=static"},
	"--dumpKernelText":             {"--dumpKernelText", "--safe"},
	"--hardwareCompatibilityLevel": {"--hardwareCompatibilityLevel=ampere+"},
	"--inputIOFormats":             {"--inputIOFormats=fp32:chw"},
	"--loadInputs":                 {"--loadInputs=x:in.raw"},
	"--loadRefOutputs":             {"--loadRefOutputs=y:out.raw", "--accuracyThreshold=1"},
	"--maxShapes":                  {"--minShapes=x:1", "--optShapes=x:2", "--maxShapes=x:3"},
	"--memPoolSize":                {"--memPoolSize=workspace:64"},
	"--minShapes":                  {"--minShapes=x:1", "--optShapes=x:2", "--maxShapes=x:3"},
	"--optShapes":                  {"--optShapes=x:2"},
	"--outputIOFormats":            {"--outputIOFormats=fp32:chw"},
	"--profile":                    {"--profile=0", "--optShapes=x:2"},
	"--profilingVerbosity":         {"--profilingVerbosity=detailed"},
	"--remoteAutoTuningConfig":     {"--remoteAutoTuningConfig=1", "--safe"},
	"--runtimePlatform":            {"--runtimePlatform=WindowsAMD64"},
	"--shapes":                     {"--shapes=x:2"},
	"--tacticSources":              {"--tacticSources=+EDGE_MASK_CONVOLUTIONS"},
	"--useRuntime":                 {"--useRuntime=full"},
	"--weightStreamingBudget":      {"--weightStreamingBudget=1G", "--allowWeightStreaming"},
}

// use is a command line that uses one flag of a release.
func use(flag string, v catalog.Version) []string {
	args := valued[flag]
	if args == nil {
		args = []string{flag + "=1"}
	}
	if v.AtLeast(11, 0) && strings.HasSuffix(flag, "IOFormats") {
		args = []string{flag + "=chw"}
	}
	if flag != "--onnx" && flag != "--loadEngine" {
		args = slices.Concat([]string{"--onnx=m.onnx"}, args)
	}
	return args
}

// TestEveryFlagOfEveryRelease holds Parse to the table: what a release takes is
// taken, and what it does not is an unknown option.
func TestEveryFlagOfEveryRelease(t *testing.T) {
	for _, v := range catalog.Releases() {
		for _, flag := range catalog.Flags() {
			args := use(flag, v)
			_, err := Parse(args, v)
			if accepts(flag, v) {
				if err != nil {
					t.Errorf("%s refuses %q: %v", v, args, err)
				}
				continue
			}
			want := "Unknown option: " + flag + " "
			m, ok := errors.AsType[*Mistake](err)
			if !ok || !slices.ContainsFunc(m.Lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
				t.Errorf("%s on %q: %v, want %q", v, args, err, want)
			}
		}
	}
}

func TestParseRefusesInSomeReleases(t *testing.T) {
	const onnx = "--onnx=m.onnx"
	const three = "Must specify only --optShapes or all of --minShapes, --optShapes, --maxShapes"
	for name, tc := range map[string]struct {
		version string
		args    []string
		want    string
	}{
		"a minimum alone in 8.4":          {"8.4", []string{"--minShapes=x:1"}, three},
		"no maximum in 8.4":               {"8.4", []string{"--minShapes=x:1", "--optShapes=x:1"}, three},
		"no minimum in 8.4":               {"8.4", []string{"--maxShapes=x:1", "--optShapes=x:1"}, three},
		"no optimum in 8.4":               {"8.4", []string{"--maxShapes=x:1", "--minShapes=x:1"}, three},
		"a shape without numbers in 10":   {"10.3", []string{"--optShapes=x:a"}, "stoi conversion failure: failed to parse minShapes/optShapes/maxShapes. Please double check your input string."},
		"a shape without numbers in 8.5":  {"8.5", []string{"--optShapes=x:a"}, "stoi"},
		"a pool without a number in 10":   {"10.3", []string{"--memPoolSize=workspace:a"}, "stod conversion failure: failed to parse --memPoolSize. Please double check your input string."},
		"best with types of the model":    {"10.14", []string{"--best", "--stronglyTyped"}, "--best and --stronglyTyped cannot be both set. --best enables implicit precisions, while --stronglyTyped enforces explicit precisions."},
		"a hardware level before its day": {"10.8", []string{"--hardwareCompatibilityLevel=sameComputeCapability"}, "Unknown hardwareCompatibilityLevel: sameComputeCapability. Valid options: none, ampere+."},
		"a hardware level that is none":   {"10.9", []string{"--hardwareCompatibilityLevel=turing"}, "Unknown hardwareCompatibilityLevel: turing. Valid options: none, ampere+, sameComputeCapability."},
		"a platform in other letters":     {"10.3", []string{"--runtimePlatform=windowsamd64"}, "Unknown runtime platform: windowsamd64. Valid options: SameAsBuild, WindowsAMD64"},
		"plugin norms in portable plans":  {"10.3", []string{"--pi", "--vc"}, "Plugin InstanceNorm cannot be used with version compatible or hardware compatible engines!"},
		"tuning elsewhere without safety": {"10.13", []string{"--remoteAutoTuningConfig=x"}, "Remote auto tuning is not supported in standard build. Use --safe flag to enable it."},
		"a format that is none":           {"8.5", []string{"--inputIOFormats=fp32:nchw"}, "Invalid TensorFormat nchw"},
		"a type that is none":             {"8.5", []string{"--inputIOFormats=half:chw"}, "Invalid DataType half"},
		"a tactic both ways":              {"8.5", []string{"--tacticSources=+CUDNN,-CUDNN"}, "Cannot enable and disable CUDNN"},
		"references without a threshold":  {"11.1", []string{"--loadRefOutputs=y:f"}, "--accuracyThreshold (with a positive value) is required when --loadRefOutputs or --refPair is set."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(append([]string{onnx}, tc.args...), version(t, tc.version))
			if err == nil || err.Error() != tc.want {
				t.Errorf("Parse(%q) for %s: %v, want %q", tc.args, tc.version, err, tc.want)
			}
		})
	}
}

func TestParseByRelease(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		args    []string
		got     func(Options) any
		want    any
	}{
		"one percentile in 8.4":                 {"8.4", nil, func(o Options) any { return o.Percentile[0] }, 99.0},
		"a list is cut to a number in 8.4":      {"8.4", []string{"--percentile=90,95"}, func(o Options) any { return o.Percentile[0] + float64(len(o.Percentile)) }, 91.0},
		"a list stays one in 8.5":               {"8.5", []string{"--percentile=90,95"}, func(o Options) any { return len(o.Percentile) }, 2},
		"an optimum alone is all three in 8.4":  {"8.4", []string{"--optShapes=x:2"}, func(o Options) any { return o.Profiles[0][0].Max[0] }, int64(2)},
		"missing members are filled in 8.5":     {"8.5", []string{"--maxShapes=x:2"}, func(o Options) any { return o.Profiles[0][0].Min[0] }, int64(2)},
		"streams are streams in 8.5":            {"8.5", []string{"--streams=2"}, func(o Options) any { return o.Streams + 10*len(o.Warnings) }, 2},
		"streams are an old name since":         {"8.6", []string{"--streams=2"}, func(o Options) any { return o.Streams + 10*len(o.Warnings) }, 12},
		"plugins are an old name since 8.6":     {"8.6", []string{"--plugins=a", "--plugins=b"}, func(o Options) any { return len(o.StaticPlugins) + 10*len(o.Warnings) }, 22},
		"building only is no inference in 8.5":  {"8.5", []string{"--buildOnly"}, func(o Options) any { return o.SkipInference && o.Warnings == nil }, true},
		"weightless is stripped":                {"9.2", []string{"--weightless"}, func(o Options) any { return o.Stripped && !o.Refit }, true},
		"stripping all makes it refittable":     {"10.1", []string{"--stripAllWeights"}, func(o Options) any { return o.Stripped && o.Refit }, true},
		"another platform is never run":         {"10.2", []string{"--runtimePlatform=WindowsAMD64"}, func(o Options) any { return o.SkipInference }, true},
		"an empty level is none":                {"8.6", []string{"--hardwareCompatibilityLevel="}, func(o Options) any { return o.Hardware }, "none"},
		"profiles get a run of their own in 11": {"11.0", nil, func(o Options) any { return o.SeparateProfile }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse(append([]string{"--onnx=m.onnx"}, tc.args...), version(t, tc.version))
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.got(o); got != tc.want {
				t.Errorf("Parse(%q) for %s: got %v, want %v", tc.args, tc.version, got, tc.want)
			}
		})
	}
}
