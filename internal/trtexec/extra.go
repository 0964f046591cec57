package trtexec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
)

// instead says what to do instead of giving any of some flags.
type instead struct {
	fix   string
	flags []string
}

// owned lists the flags that users may not give to any release.
var owned = []instead{
	{"trtfarm sets it itself: remove it", []string{
		"--onnx", "--saveEngine", "--loadEngine", "--skipInference", "--buildOnly", "--loadInputs",
		"--exportOutput", "--dumpRawBindingsToFile", "--exportLayerInfo", "--refitFromOnnx", "--loadRefOutputs"}},
	{"trtfarm builds ONNX models alone: remove it", []string{
		"--model", "--deploy", "--uff", "--uffInput", "--uffNHWC", "--output"}},
	{"write the shapes to [model.NAME.profile.NAME]", []string{
		"--minShapes", "--optShapes", "--maxShapes", "--shapes", "--profile", "--useProfile", "--batch", "--maxBatch"}},
	{"ask for it in precisions of [matrix]", []string{
		"--fp16", "--bf16", "--int8", "--fp8", "--int4", "--best", "--stronglyTyped", "--noTF32"}},
	{"use workspace in [build]", []string{"--workspace"}},
	{"use plugins in [model.NAME]", []string{"--plugins", "--staticPlugins"}},
	{"use calibration in build", []string{"--calib"}},
	{"use timing_cache in [build]", []string{"--timingCacheFile"}},
	{"a step sees one GPU, its own: remove it", []string{"--device"}},
	{"trtexec would end before it has built anything: remove it", []string{
		"--help", "--helpBuildRoute", "--getPlanVersionOnly", "--dryRun", "--timeDeserialize", "--timeRefit"}},
}

// unprovable lists the flags whose engines nothing here could load and run, with
// why.
var unprovable = []instead{
	{"images of TensorRT hold no safety runtime: remove it", []string{"--safe", "--safetyPlugins", "--remoteAutoTuningConfig", "--cpuOnly", "--dumpKernelText"}},
	{"it makes a DLA loadable, which is no engine that trtexec could load and prove: remove it", []string{"--buildDLAStandalone"}},
}

// find returns what to do instead of giving a flag of a table, or "".
func find(table []instead, flag string) string {
	for _, o := range table {
		if slices.Contains(o.flags, flag) {
			return o.fix
		}
	}
	return ""
}

// setters says which key of the matrix gives a flag.
var setters = map[string]string{
	"--versionCompatible":          "version_compatible in [build]",
	"--hardwareCompatibilityLevel": "hardware_compatibility in [build]",
	"--refit":                      "refit in [build]",
	"--stripWeights":               "strip_weights in [build]",
	"--builderOptimizationLevel":   "optimization_level in [build]",
	"--memPoolSize":                "workspace in [build]",
	"--profilingVerbosity":         "trtfarm, which wants to see the types of the layers",
}

// synonyms are flags of two names: trtexec takes one of them, once.
var synonyms = map[string]string{
	"--vc":         "--versionCompatible",
	"--weightless": "--stripWeights",
	"--plugins":    "--staticPlugins",
	"--pi":         "--pluginInstanceNorm",
	"--ni":         "--nativeInstanceNorm",
	"--streams":    "--infStreams",
}

// same returns the name under which the synonyms of a flag are counted.
func same(flag string) string {
	if name, ok := synonyms[flag]; ok {
		return name
	}
	return flag
}

// repeatable lists the flags that trtexec takes more than once. A second copy of
// any other is an unknown option to it.
var repeatable = []string{"--dynamicPlugins", "--setPluginsToSerialize"}

// checkExtra refuses extra arguments that trtexec of v would refuse or take in
// another way than the user means, and those that are trtfarm's own business.
// set is the argument vector so far.
func checkExtra(extra, set []string, v catalog.Version) error {
	seen := map[string]string{} // the name given, by the name that counts
	for _, a := range set {
		seen[same(flagName(a))] = flagName(a)
	}
	for i, a := range extra {
		name := flagName(a)
		earlier := seen[same(name)]
		switch {
		case !strings.HasPrefix(a, "--"):
			fix := "write --flag=value, in one piece"
			if i > 0 && strings.HasPrefix(extra[i-1], "--") {
				fix = "write " + extra[i-1] + "=" + a + ", in one piece"
			}
			return usage(fix, "extra argument %q is not a flag, and trtexec takes it for an unknown option", a)
		case find(owned, name) != "":
			return usage(find(owned, name), "extra argument %s is not for users to give", name)
		case !takes(name, v):
			return unknownFlag(name, v)
		case find(unprovable, name) != "":
			return usage(find(unprovable, name), "extra argument %s makes no engine that could be proven", name)
		case earlier != "" && !slices.Contains(repeatable, name):
			return givenTwice(name, earlier, has(set, earlier))
		}
		if i+1 == len(extra) || strings.HasPrefix(extra[i+1], "--") { // else the next turn says that it belongs here
			if err := checkValue(a, v); err != nil {
				return err
			}
		}
		seen[same(name)] = name
	}
	return checkTogether(extra)
}

func has(argv []string, flag string) bool {
	return slices.ContainsFunc(argv, func(a string) bool { return flagName(a) == flag })
}

// givenTwice says that a flag, or its synonym, is there already, and who gives it.
func givenTwice(name, earlier string, ours bool) error {
	setter := setters[same(name)]
	if ours && setter != "" {
		fix := "remove it from extra_args, or " + strings.TrimSuffix(setter, " in [build]") + " from [build]"
		switch name {
		case "--memPoolSize":
			fix = "remove workspace from [build] and name every pool in one --memPoolSize"
		case "--profilingVerbosity":
			fix = "remove it"
		}
		return usage(fix, "extra argument %s is given already by %s, and trtexec takes the second for an unknown option", name, setter)
	}
	if earlier != name {
		return usage("give one of them", "extra arguments %s and %s are the same option, and trtexec takes the second for an unknown one", earlier, name)
	}
	return usage("give it once; what [build] of the matrix sets is given already",
		"extra argument %s is given twice, and trtexec takes the second for an unknown option", name)
}

// checkTogether refuses extra arguments that lack what they go with.
func checkTogether(extra []string) error {
	if has(extra, "--weightStreamingBudget") && !has(extra, "--allowWeightStreaming") {
		return usage("give --allowWeightStreaming, too", "extra argument --weightStreamingBudget is refused by trtexec without --allowWeightStreaming")
	}
	for _, a := range extra {
		library, ok := strings.CutPrefix(a, "--dynamicPlugins=")
		if ok && !slices.Contains(Embedded(extra), library) {
			return usage("use dynamic_plugins in [model.NAME], or let the plan carry the library, with --setPluginsToSerialize="+library,
				"extra argument %s loads a library for the build alone, and the engine could not be loaded without it", a)
		}
	}
	return nil
}

// A remedy says what to do about a flag that releases from one on do not take.
type remedy struct {
	since int // major
	fix   string
	flags []string
}

// remedies are from NVIDIA/TensorRT's CHANGELOG.md and sampleOptions.cpp of the
// releases that dropped the flags, and from NVIDIA's guide "Migrating from
// TensorRT 10.x to 11.x".
var remedies = []remedy{
	{11, "remove it: TensorRT 11 takes precision from the model, so set the types there (ModelOpt AutoCast, or Q/DQ nodes), or use an image with TensorRT 10",
		[]string{"--precisionConstraints", "--layerPrecisions", "--layerOutputTypes", "--calibProfile", "--minShapesCalib", "--optShapesCalib", "--maxShapesCalib"}},
	{11, "use strip_weights in [build]", []string{"--weightless"}},
	{10, "use --avgTiming, or remove it for this image", []string{"--minTiming"}},
	{10, "use optimization_level in [build]", []string{"--heuristic"}},
	{10, "remove it: that is what TensorRT 10 does without being asked", []string{"--nativeInstanceNorm", "--ni", "--explicitBatch", "--explicitPrecision"}},
}

// unknownFlag says which releases take a flag, and which flag may be meant.
func unknownFlag(name string, v catalog.Version) error {
	fix := "remove it"
	if releases := takers(name); releases != "" {
		fix += " for this image"
		for _, r := range remedies {
			if slices.Contains(r.flags, name) && v.AtLeast(r.since, 0) {
				fix = r.fix
			}
		}
		if setter := setters[same(name)]; strings.HasSuffix(setter, " in [build]") && takes(same(name), v) || name == "--stripWeights" && takes("--weightless", v) {
			fix = "use " + setter
		}
		return usage(fix, "trtexec of TensorRT %s does not take %s: TensorRT %s does", v, name, releases)
	}
	if near := diag.Nearest(name, catalog.Flags()); near != "" {
		fix = "write " + near
		if !takes(near, v) {
			fix += fmt.Sprintf(" (TensorRT %s)", takers(near))
		}
	}
	return usage(fix, "no trtexec takes %s, nor does that of TensorRT %s", name, v)
}
