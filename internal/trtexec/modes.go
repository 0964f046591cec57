package trtexec

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Modes are what a build asks of a plan beyond TensorRT's defaults: where it may
// be loaded, and what it carries.
type Modes struct {
	VersionCompatible bool   // newer TensorRT may load it: --versionCompatible
	ExcludesRuntime   bool   // a version compatible plan without the lean runtime in it: --excludeLeanRuntime
	Hardware          string // "", "ampere+" or "sameComputeCapability": --hardwareCompatibilityLevel
	Refit             bool   // weights can be replaced: --refit
	Stripped          bool   // weights are left out: --stripWeights, --stripAllWeights, --weightless
	Platform          string // "" or "WindowsAMD64": --runtimePlatform
}

// ModesOf reads the modes of a build from its argument vector.
func ModesOf(argv []string) Modes {
	var m Modes
	for _, a := range argv {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "--versionCompatible", "--vc":
			m.VersionCompatible = true
		case "--excludeLeanRuntime":
			m.ExcludesRuntime = true
		case "--hardwareCompatibilityLevel":
			m.Hardware = canonical(value, hardwareLevels)
		case "--refit":
			m.Refit = true
		case "--stripWeights", "--weightless":
			m.Stripped = true
		case "--stripAllWeights":
			m.Refit, m.Stripped = true, true
		case "--runtimePlatform":
			m.Platform = canonical(value, []string{"WindowsAMD64"})
		}
	}
	return m
}

// hardwareLevels are the levels beyond "none"; trtexec does not look at the case
// of their letters.
var hardwareLevels = []string{"ampere+", "sameComputeCapability"}

// canonical returns the one of names that differs from a value in case alone, or
// "".
func canonical(value string, names []string) string {
	for _, n := range names {
		if strings.EqualFold(value, n) {
			return n
		}
	}
	return ""
}

// Embedded lists the plugin libraries that a version compatible plan carries in
// itself, as its build command names them: whoever loads the plan must not load
// them a second time.
func Embedded(argv []string) []string {
	var list []string
	for _, a := range argv {
		if library, ok := strings.CutPrefix(a, "--setPluginsToSerialize="); ok {
			list = append(list, library)
		}
	}
	return list
}

// modeArgs translates the modes, or refuses those that the release does not
// have; it never drops one.
func modeArgs(b Build) ([]string, error) {
	var args []string
	m, v := b.Modes, b.TensorRT
	add := func(flag, key, arg string) error {
		if !takes(flag, v) {
			return usage("use "+imagesWith(flag)+", or remove "+key+" for this image",
				"trtexec of TensorRT %s has no %s: it came with TensorRT %s", v, flag, first(flag))
		}
		args = append(args, arg)
		return nil
	}
	level := func() error {
		if !slices.Contains(hardwareLevels, m.Hardware) {
			return usage("use ampere+, sameComputeCapability or none", "hardware compatibility level %q does not exist", m.Hardware)
		}
		if wrong, fix := hardwareLevel(m.Hardware, v); wrong != "" {
			return usage(fix, "hardware_compatibility %s: %s", m.Hardware, wrong)
		}
		const flag = "--hardwareCompatibilityLevel"
		return add(flag, "hardware_compatibility", flag+"="+m.Hardware)
	}
	strip := "--stripWeights"
	if !takes(strip, v) && takes("--weightless", v) {
		strip = "--weightless" // its name in 9.2 and 9.3
	}
	for _, mode := range []struct {
		on  bool
		add func() error
	}{
		{m.VersionCompatible, func() error { return add("--versionCompatible", "version_compatible", "--versionCompatible") }},
		{m.ExcludesRuntime, func() error {
			return add("--excludeLeanRuntime", "--excludeLeanRuntime from extra_args", "--excludeLeanRuntime")
		}},
		{m.Hardware != "", level},
		{m.Refit, func() error { return add("--refit", "refit", "--refit") }},
		{m.Stripped, func() error { return add(strip, "strip_weights", strip) }},
		{m.Platform != "", func() error {
			return add("--runtimePlatform", "--runtimePlatform from extra_args", "--runtimePlatform="+m.Platform)
		}},
	} {
		if mode.on {
			if err := mode.add(); err != nil {
				return nil, err
			}
		}
	}
	return args, nil
}

// checkModes refuses modes that exclude one another, wherever they come from.
// Source: NVIDIA/TensorRT, include/NvInfer.h of release/8.6 and
// samples/common/sampleOptions.cpp of release/10.0 and later.
func checkModes(argv []string, v catalog.Version) error {
	m := ModesOf(argv)
	plugin := slices.ContainsFunc(argv, func(a string) bool { return same(flagName(a)) == "--pluginInstanceNorm" })
	switch {
	case m.VersionCompatible && m.Refit && !v.AtLeast(9, 0):
		return usage("remove refit, or use an image with TensorRT 10",
			"TensorRT %s cannot make a plan that is both version compatible and refittable", v)
	case plugin && m.VersionCompatible:
		return usage("remove --pluginInstanceNorm: TensorRT normalizes natively without it", "a version compatible plan cannot use the plugin for InstanceNormalization")
	case plugin && m.Hardware == "ampere+":
		return usage("remove --pluginInstanceNorm: TensorRT normalizes natively without it", "a plan for all of Ampere and later cannot use the plugin for InstanceNormalization")
	case m.Platform != "":
		return usage("remove it: such an engine has to be built and proven by other means",
			"an engine for %s cannot be loaded where it is built, so nothing could prove it", m.Platform)
	}
	return nil
}
