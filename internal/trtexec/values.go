package trtexec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
)

// switches are flags without a value: trtexec ignores the one that they are
// given, so that "=false" turns them on.
// Source: NVIDIA/TensorRT, samples/common/sampleOptions.cpp, release/8.4 to
// release/11.1.
var switches = strings.Fields(`
	--adjustForDLA --allowGPUFallback --allowWeightStreaming --asyncFileReader --consistency
	--directIO --distributiveIndependence --dumpLayerInfo --dumpOptimizationProfile
	--dumpOutput --dumpProfile --dumpRefit --enablePluginOverride --errorOnTimingCacheMiss
	--excludeLeanRuntime --explicitBatch --explicitPrecision --exposeDMA --heuristic
	--ignoreParsedPluginLibs --includeDataTransfers --markUnfusedTensorsAsDebugTensors --monitorMemory
	--nativeInstanceNorm --ni --noBuilderCache --noCompilationCache --noCudaGraph --noDataTransfers
	--noSpinWait --pi --pluginInstanceNorm --refit --reportCapabilityDLA --restricted
	--separateProfileRun --stripAllWeights --stripWeights --threads --uint8AsymmetricQuantizationDLA
	--useCudaGraph --useManagedMemory --useSpinWait --vc --verbose --versionCompatible --weightless`)

// A valueRule says what the values of some flags may be.
type valueRule struct {
	flags []string
	// check says what is wrong with a value in a release, and what to write
	// instead; "" when nothing is.
	check func(value string, v catalog.Version) (wrong, fix string)
}

// valueRules hold the values that trtexec refuses only after a while, or takes
// without a word for something else than they say. Flags that are not here take
// what a user cannot get wrong silently.
// Source: NVIDIA/TensorRT, samples/common/sampleOptions.cpp, release/8.4 to
// release/11.1.
var valueRules = []valueRule{
	{[]string{"--builderOptimizationLevel"}, integer(0, 5)},
	{[]string{"--tilingOptimizationLevel"}, integer(0, 3)},
	{[]string{"--avgTiming", "--minTiming", "--avgRuns", "--iterations", "--infStreams", "--streams"}, integer(1, 1<<31-1)},
	{[]string{"--maxTactics", "--maxAuxStreams", "--useDLACore", "--tuningTimeOut"}, integer(0, 1<<31-1)},
	{[]string{"--l2LimitForTiling"}, integer(0, 1<<62)},
	{[]string{"--duration", "--warmUp", "--idleTime", "--sleepTime", "--persistentCacheRatio"}, decimal},
	{[]string{"--memPoolSize"}, memoryPools},
	{[]string{"--tacticSources"}, tacticSources},
	{[]string{"--preview"}, signed},
	{[]string{"--inputIOFormats", "--outputIOFormats"}, ioFormats},
	{[]string{"--hardwareCompatibilityLevel"}, hardwareLevel},
	{[]string{"--weightStreamingBudget"}, streamingBudget},
	{[]string{"--precisionConstraints"}, oneOf("none", "prefer", "obey")},
	{[]string{"--allocationStrategy"}, oneOf("static", "profile", "runtime")},
	{[]string{"--profilingVerbosity"}, oneOf("layer_names_only", "detailed", "none")},
	{[]string{"--runtimePlatform"}, oneOf("SameAsBuild", "WindowsAMD64")}, // the latter is refused as a mode
	{[]string{"--useRuntime"}, fullRuntime},
	{[]string{"--sparsity"}, sparsity},
}

// checkValue refuses values that trtexec reads in another way than they say.
func checkValue(arg string, v catalog.Version) error {
	name, value, given := strings.Cut(arg, "=")
	off := slices.Contains([]string{"false", "0", "no", "off"}, strings.ToLower(value))
	switch {
	case given && off && slices.Contains(switches, name), given && strings.EqualFold(value, "false"):
		return usage("leave "+name+" out", "extra argument %s turns the switch on: trtexec ignores the value of a switch", arg)
	case given && slices.Contains(switches, name):
		return usage("write "+name+" alone", "extra argument %s: trtexec ignores the value of a switch", arg)
	}
	for _, r := range valueRules {
		if !slices.Contains(r.flags, name) {
			continue
		}
		if wrong, fix := r.check(value, v); wrong != "" {
			return usage(fix, "extra argument %s: %s", arg, wrong)
		}
	}
	return nil
}

// integer makes a rule for whole numbers: trtexec reads "3abc" as 3 and "1e3" as
// 1.
func integer(lo, hi int64) func(string, catalog.Version) (string, string) {
	return func(value string, _ catalog.Version) (string, string) {
		fix := fmt.Sprintf("write a whole number, %d or more", lo)
		if hi < 1<<31-1 {
			fix = fmt.Sprintf("write a whole number from %d to %d", lo, hi)
		}
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case value == "":
			return "the number is missing", fix
		case err != nil || strings.ContainsAny(value, "+_"):
			return fmt.Sprintf("%q is no whole number, and trtexec takes what stands before the first other character", value), fix
		case n < lo || n > hi:
			return fmt.Sprintf("%d is out of range", n), fix
		}
		return "", ""
	}
}

func decimal(value string, _ catalog.Version) (string, string) {
	whole, fraction, _ := strings.Cut(value, ".")
	if value == "" || value == "." || strings.Trim(whole+fraction, "0123456789") != "" {
		return fmt.Sprintf("%q is no number, and trtexec takes what stands before the first other character", value), "write a number, 0 or more, such as 0.5"
	}
	return "", ""
}

func oneOf(names ...string) func(string, catalog.Version) (string, string) {
	return func(value string, _ catalog.Version) (string, string) {
		if slices.Contains(names, value) {
			return "", ""
		}
		return fmt.Sprintf("%q is not known to trtexec", value), "write " + strings.Join(names, ", ")
	}
}

// memoryPools allows bare numbers alone: suffixes mean different amounts in
// different releases. tacticSharedMem came with 10.0.
func memoryPools(value string, v catalog.Version) (string, string) {
	pools := []string{"workspace", "dlaSRAM", "dlaLocalDRAM", "dlaGlobalDRAM"}
	if v.AtLeast(10, 0) {
		pools = append(pools, "tacticSharedMem")
	}
	for entry := range strings.SplitSeq(value, ",") {
		pool, size, _ := strings.Cut(entry, ":")
		switch {
		case !slices.Contains(pools, pool):
			return fmt.Sprintf("trtexec of TensorRT %s knows no pool %q", v, pool), "write " + strings.Join(pools, ", ")
		case size == "" || strings.Trim(size, "0123456789") != "":
			return fmt.Sprintf("releases of trtexec read the size %q as different amounts", size), "write the size as a whole number of MiB"
		}
	}
	return "", ""
}

// tacticSources wants a sign before every name. The libraries of CUDA went with
// 11.0.
func tacticSources(value string, v catalog.Version) (string, string) {
	names := []string{"EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"}
	if !v.AtLeast(11, 0) {
		names = append([]string{"CUBLAS", "CUBLAS_LT", "CUDNN"}, names...)
	}
	if wrong, fix := signed(value, v); wrong != "" {
		return wrong, fix
	}
	for entry := range strings.SplitSeq(value, ",") {
		if name := entry[1:]; !slices.Contains(names, name) {
			fix := "write " + strings.Join(names, ", ")
			if near := diag.Nearest(name, names); near != "" {
				fix = "write " + entry[:1] + near
			} else if v.AtLeast(11, 0) {
				fix = "remove it: TensorRT 11 has tactics of its own alone"
			}
			return fmt.Sprintf("trtexec of TensorRT %s knows no source %q", v, name), fix
		}
	}
	return "", ""
}

// signed wants a comma list whose names have a sign each.
func signed(value string, _ catalog.Version) (string, string) {
	for entry := range strings.SplitSeq(value, ",") {
		if len(entry) < 2 || entry[0] != '+' && entry[0] != '-' {
			return fmt.Sprintf("%q has no sign", entry), "write +NAME to add or -NAME to take away, with commas between"
		}
	}
	return "", ""
}

// ioFormats refuses what the release reads in another way, and what a proof
// cannot feed or read: its files hold plain row-major tensors.
func ioFormats(value string, v catalog.Version) (string, string) {
	for entry := range strings.SplitSeq(value, ",") {
		typ, formats, typed := strings.Cut(entry, ":")
		switch {
		case typed && v.AtLeast(11, 0):
			return fmt.Sprintf("trtexec of TensorRT 11 takes formats without a type, which is the model's, and %q names %s", entry, typ), "write " + formats
		case !typed && !v.AtLeast(11, 0):
			return fmt.Sprintf("trtexec of TensorRT %s wants a type before the format, and %q has none", v, entry), "write TYPE:" + entry + ", such as fp32:" + entry
		case !typed:
			formats = entry
		}
		for f := range strings.SplitSeq(formats, "+") {
			if f != "chw" {
				return fmt.Sprintf("verification feeds and reads plain row-major tensors, so nothing could prove format %q", f), "use chw, or leave the flag out"
			}
		}
	}
	return "", ""
}

// hardwareLevel is about --hardwareCompatibilityLevel. Its values may be written
// in any case, but for "none".
func hardwareLevel(value string, v catalog.Version) (string, string) {
	switch level := canonical(value, hardwareLevels); {
	case value == "none" || level == "ampere+":
		return "", ""
	case level == "":
		return fmt.Sprintf("%q is not known to trtexec", value), "write " + strings.Join(hardwareLevels, ", ") + " or none"
	case !v.AtLeast(10, 9): // the header's enumeration has it from release/10.9 on
		return fmt.Sprintf("TensorRT %s does not have this level, which came with 10.9", v),
			"use an image with TensorRT 10.9 or newer (tensorrt:" + oldestTag(catalog.Version{Major: 10, Minor: 9}) + " or later), or build for each GPU"
	}
	return "", ""
}

// streamingBudget takes -2 (off), -1 (automatic), a percentage or an amount.
func streamingBudget(value string, _ catalog.Version) (string, string) {
	if value == "-1" || value == "-2" {
		return "", ""
	}
	number := strings.TrimSuffix(value, "%")
	if number == value && value != "" && strings.ContainsRune("BKMGbkmg", rune(value[len(value)-1])) {
		number = value[:len(value)-1]
	}
	if wrong, _ := decimal(number, catalog.Version{}); wrong != "" {
		return fmt.Sprintf("%q is no budget", value), "write -1, -2, a percentage such as 50%, or bytes with B, K, M or G"
	}
	return "", ""
}

func fullRuntime(value string, _ catalog.Version) (string, string) {
	if value != "full" {
		return "trtexec builds with the full runtime alone", "remove it"
	}
	return "", ""
}

// sparsity refuses "force", which overwrites the model's weights.
func sparsity(value string, v catalog.Version) (string, string) {
	if value == "force" {
		return "trtexec then overwrites the model's weights, and the engine computes something else", "write enable, and prune the model itself"
	}
	return oneOf("disable", "enable")(value, v)
}
