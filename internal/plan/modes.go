package plan

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// A modeRule says which compute capability a mode of the plan begins at.
type modeRule struct {
	asks func(trtexec.Modes) bool
	sm   int // ten times the compute capability
	what string
	fix  string // %s is the GPU
}

// modeRules are from NvInfer.h: kVERSION_COMPATIBLE since 8.6, kAMPERE_PLUS
// since 8.6, kSAME_COMPUTE_CAPABILITY since 10.9.
var modeRules = []modeRule{
	{func(m trtexec.Modes) bool { return m.Hardware == "ampere+" }, 80,
		"ampere+ plans can only be built on compute capability 8.0 and newer",
		`exclude %s, or set hardware_compatibility = "sameComputeCapability" for it (TensorRT 10.9 and newer)`},
	{func(m trtexec.Modes) bool { return m.Hardware == "sameComputeCapability" }, 75,
		"plans for a whole compute capability can only be built on 7.5 and newer",
		"exclude %s, or leave hardware_compatibility out for it"},
	{func(m trtexec.Modes) bool { return m.VersionCompatible }, 70,
		"version compatible plans can only be built on compute capability 7.0 and newer",
		"exclude %s, or leave version_compatible out for it"},
}

// asked returns the modes that a cell asks for, by keys of its own or by extra
// arguments, before there is a command line to read them from.
func asked(c *Cell) trtexec.Modes {
	modes := trtexec.ModesOf(c.Build.ExtraArgs)
	modes.VersionCompatible = modes.VersionCompatible || c.Build.VersionCompatible
	if c.Build.HardwareCompatibility != "" {
		modes.Hardware = c.Build.HardwareCompatibility
	}
	return modes
}

// modeProblems says when the GPU cannot build the plan in the modes asked for.
func modeProblems(c *Cell, gpu gpuFacts) []problem {
	if !gpu.known {
		return nil
	}
	modes := asked(c)
	var problems []problem
	for _, r := range modeRules {
		if r.asks(modes) && gpu.sm < r.sm {
			problems = append(problems, problem{fault.Usage, "sm-mismatch",
				fmt.Sprintf("%s is compute capability %s, and %s", c.GPU, gpu.SM, r.what),
				fmt.Sprintf(r.fix, c.GPU)})
		}
	}
	return problems
}
