package trtexec

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
func ModesOf(argv []string) Modes { return modesOf(argv) }

func modesOf(argv []string) Modes {
	return Modes{VersionCompatible: VersionCompatible(argv)}
}
