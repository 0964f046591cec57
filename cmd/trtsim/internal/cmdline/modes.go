package cmdline

import (
	"errors"
	"fmt"
	"strings"
)

// modes reads what is asked of a plan beyond its default: where it may be
// loaded, and what it carries.
func modes(a *arguments, o *Options) error {
	a.on("--vc", &o.VersionCompatible)
	a.on("--versionCompatible", &o.VersionCompatible)
	a.on("--excludeLeanRuntime", &o.ExcludeLeanRuntime)
	a.text("--leanDLLPath", &o.LeanLibrary)
	a.on("--refit", &o.Refit)
	a.on("--weightless", &o.Stripped)
	a.on("--stripWeights", &o.Stripped)
	if _, ok := a.take("--stripAllWeights"); ok {
		o.Refit, o.Stripped = true, true
	}
	a.on("--safe", &o.Safe)
	for _, read := range []func(*arguments, *Options) error{hardware, platform, runtimes} {
		if err := read(a, o); err != nil {
			return err
		}
	}
	if (a.given("--pi") || a.given("--pluginInstanceNorm")) && (o.VersionCompatible || o.Hardware == "ampere+") {
		return errors.New("Plugin InstanceNorm cannot be used with version compatible or hardware compatible engines!")
	}
	return nil
}

func hardware(a *arguments, o *Options) error {
	s, _ := a.take("--hardwareCompatibilityLevel")
	valid := "none, ampere+."
	if a.version.AtLeast(10, 9) {
		valid = "none, ampere+, sameComputeCapability."
	}
	switch {
	case s == "" || s == "none":
	case strings.EqualFold(s, "ampere+"):
		o.Hardware = "ampere+"
	case strings.EqualFold(s, "sameComputeCapability") && a.version.AtLeast(10, 9):
		o.Hardware = "sameComputeCapability"
	default:
		return fmt.Errorf("Unknown hardwareCompatibilityLevel: %s. Valid options: %s", s, valid)
	}
	return nil
}

// platform reads the one platform besides its own that a plan can be built for.
// Such a build never runs its plan.
func platform(a *arguments, o *Options) error {
	switch s, _ := a.take("--runtimePlatform"); s {
	case "", "SameAsBuild":
	case "WindowsAMD64":
		o.Platform, o.SkipInference = s, true
	default:
		return fmt.Errorf("Unknown runtime platform: %s. Valid options: SameAsBuild, WindowsAMD64", s)
	}
	return nil
}

func runtimes(a *arguments, o *Options) error {
	a.text("--useRuntime", &o.Runtime)
	switch o.Runtime {
	case "", "full":
		o.Runtime = "full"
		return nil
	case "lean", "dispatch":
	default:
		return fmt.Errorf("Unknown useRuntime: %s", o.Runtime)
	}
	if !o.VersionCompatible {
		o.VersionCompatible = true
		o.warn("Implicitly enabling --versionCompatible since --useRuntime=%s is set.", o.Runtime)
	}
	if o.LoadEngine == "" {
		return errors.New("Building a TensorRT engine requires --useRuntime=full.")
	}
	return nil
}
