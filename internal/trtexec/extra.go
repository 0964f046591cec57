package trtexec

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
)

// owned lists the flags that users may not give, with what to do instead.
var owned = []struct {
	instead string
	flags   []string
}{
	{"trtfarm sets it itself: remove it", []string{
		"--onnx", "--saveEngine", "--loadEngine", "--skipInference", "--buildOnly", "--loadInputs",
		"--exportOutput", "--dumpRawBindingsToFile", "--exportLayerInfo"}},
	{"trtfarm builds ONNX models alone: remove it", []string{
		"--model", "--deploy", "--uff", "--uffInput", "--uffNHWC", "--output"}},
	{"write the shapes to [model.NAME.profile.NAME]", []string{
		"--minShapes", "--optShapes", "--maxShapes", "--shapes", "--profile", "--useProfile"}},
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

// insteadOf returns what to do instead of giving a flag of trtfarm's own, or "".
func insteadOf(flag string) string {
	for _, o := range owned {
		if slices.Contains(o.flags, flag) {
			return o.instead
		}
	}
	return ""
}

// repeatable lists the flags that trtexec takes more than once. A second copy of
// any other is an unknown option to it.
var repeatable = []string{"--dynamicPlugins", "--setPluginsToSerialize", "--safetyPlugins"}

// checkExtra refuses extra arguments that trtexec of v would refuse or take in
// another way than the user means, and those that are trtfarm's own business.
// set is the argument vector so far.
func checkExtra(extra, set []string, v catalog.Version) error {
	seen := map[string]bool{}
	for _, a := range set {
		seen[flagName(a)] = true
	}
	for i, a := range extra {
		name := flagName(a)
		switch {
		case !strings.HasPrefix(a, "--"):
			fix := "write --flag=value, in one piece"
			if i > 0 && strings.HasPrefix(extra[i-1], "--") {
				fix = "write " + extra[i-1] + "=" + a + ", in one piece"
			}
			return usage(fix, "extra argument %q is not a flag, and trtexec takes it for an unknown option", a)
		case insteadOf(name) != "":
			return usage(insteadOf(name), "extra argument %s is not for users to give", name)
		case !takes(name, v):
			return unknownFlag(name, v)
		case seen[name] && !slices.Contains(repeatable, name):
			return usage("give it once; what [build] of the matrix sets is given already", "extra argument %s is given twice, and trtexec takes the second for an unknown option", name)
		}
		if err := checkValue(name, a); err != nil {
			return err
		}
		seen[name] = true
	}
	return nil
}

// unknownFlag says which releases take a flag, and which flag may be meant.
func unknownFlag(name string, v catalog.Version) error {
	fix := "remove it"
	if releases := takers(name); releases != "" {
		return usage(fix+" for this image", "trtexec of TensorRT %s does not take %s: TensorRT %s does", v, name, releases)
	}
	if near := diag.Nearest(name, catalog.Flags()); near != "" {
		fix = "write " + near
		if !takes(near, v) {
			fix += " (TensorRT " + takers(near) + ")"
		}
	}
	return usage(fix, "no trtexec takes %s, nor does that of TensorRT %s", name, v)
}

// checkValue refuses values that trtexec reads in another way than they say.
func checkValue(name, arg string) error {
	_, value, given := strings.Cut(arg, "=")
	switch {
	case given && strings.EqualFold(value, "false"):
		return usage("leave "+name+" out", "extra argument %s turns the switch on: trtexec ignores the value of a switch", arg)
	case name == "--memPoolSize":
		for pool := range strings.SplitSeq(value, ",") {
			_, size, _ := strings.Cut(pool, ":")
			if size == "" || strings.Trim(size, "0123456789") != "" {
				return usage("write the size as a whole number of MiB", "extra argument %s: releases of trtexec read the size %q as different amounts", arg, size)
			}
		}
	}
	return nil
}
