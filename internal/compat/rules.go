package compat

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// version is the rule of TensorRT: which one loads the plan.
func (q *question) version() []finding {
	verdict, reason := versions(q.built, q.runtime, q.modes.VersionCompatible)
	if verdict == Invalid && q.rescuedByVersion() {
		reason += ", unless it was built with --versionCompatible, which its bytes do not tell"
	}
	list := []finding{{verdict: verdict, reason: reason}}
	if !q.modes.VersionCompatible || verdict == Invalid {
		return list
	}
	// Only the loader that runs the plan's own host code crosses versions.
	for _, sm := range []string{q.e.SM, q.sm} {
		if sm != "" && !atLeast(sm, volta) {
			return append(list, finding{verdict: Invalid, reason: fmt.Sprintf(
				"version compatible plans need Volta (%s) or newer, and compute capability %s is older", volta, sm)})
		}
	}
	if verdict != Valid || q.built.Agrees(q.runtime) {
		return list
	}
	if q.modes.ExcludesRuntime {
		return append(list, finding{verdict: Unknown, reason: fmt.Sprintf(
			"the plan was built without the lean runtime in it, so the lean runtime library of TensorRT %s must be there, and whether it is was not said", q.built),
			fix: "load the plan with that library: trtexec --leanDLLPath, or IRuntime::loadRuntime"})
	}
	return append(list, finding{verdict: Valid, reason: "whoever loads the plan must allow the host code in it: " +
		"trtexec --versionCompatible, IRuntime::setEngineHostCodeAllowed(true), or Triton's --backend-config=tensorrt,version-compatible=true"})
}

// rescuedByVersion reports whether the place would load the plan if it had been
// built version compatible, and nobody knows whether it was.
func (q *question) rescuedByVersion() bool {
	if q.asked {
		return false
	}
	verdict, _ := versions(q.built, q.runtime, true)
	old := func(sm string) bool { return sm != "" && !atLeast(sm, volta) }
	return verdict == Valid && !old(q.e.SM) && !old(q.sm)
}

// platform is the rule of operating systems and CPUs. The bytes do not tell on
// which a plan was built; what NGC images and trtfarm build is for Linux.
func (q *question) platform() []finding {
	if q.modes.Platform != "" {
		const wants = "the plan was built for Windows on x86-64 (--runtimePlatform=WindowsAMD64)"
		switch {
		case q.p.OS == "":
			return []finding{{verdict: Unknown, reason: wants + ", and which operating system runs there is not given", fix: "say it: os=windows"}}
		case q.p.OS != "windows" || q.p.Arch != "" && q.p.Arch != "amd64":
			return []finding{{verdict: Invalid, reason: fmt.Sprintf("%s, %s runs there", wants, system(q.p.OS, q.p.Arch)), fix: "build it again without --runtimePlatform"}}
		}
		return []finding{{verdict: Valid, reason: wants + ", which runs there; NVIDIA calls that experimental"}}
	}
	if q.p.OS == "windows" || q.p.Arch != "" && q.p.Arch != "amd64" && !catalog.OnlyJetsons(q.e.SM) {
		return []finding{{verdict: Unknown, reason: fmt.Sprintf(
			"plans do not cross operating systems and kinds of CPU: %s runs there, and on which the plan was built its bytes do not tell", system(q.p.OS, q.p.Arch)),
			fix: "build it there"}}
	}
	return nil
}

// doubt is what the bytes of the file give cause for.
func (q *question) doubt() []finding {
	if q.e.Doubt == "" {
		return nil
	}
	return []finding{{Unknown, q.e.Doubt, q.e.Remedy}}
}

// system names an operating system with its CPU.
func system(os, arch string) string {
	return strings.TrimSpace(os + " " + arch)
}

// weights is the rule of stripped plans, and what else the modes promise.
func (q *question) weights() []finding {
	if !q.modes.Stripped {
		return nil
	}
	fix := "refit it with the weights of its model when it is loaded (IParserRefitter)"
	if s, known := catalog.FlagSupport("--refitFromOnnx", q.runtime); known && s == catalog.Yes {
		fix = "refit it with the weights of its model when it is loaded: trtexec --refitFromOnnx, or IParserRefitter"
	}
	return []finding{{verdict: Invalid, reason: "the plan was built without its weights (--stripWeights) and gives no right answer until it is refitted", fix: fix}}
}
