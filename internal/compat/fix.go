package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// fix says what to do, in sentences without capital and full stop: how to run
// the plan where it shall run, or how to get one that runs there.
func (q *question) fix(verdict Verdict, all []finding, version, gpu, support Verdict) string {
	var steps []string
	switch {
	case support == Invalid:
		return q.serving()
	case version == Invalid || gpu == Invalid:
		steps = append(steps, q.remedy(version == Invalid, gpu == Invalid))
	case verdict == Suboptimal && q.p.GPU != "" && !slices.ContainsFunc(all, func(f finding) bool { return f.verdict == Suboptimal && f.fix != "" }):
		steps = append(steps, fmt.Sprintf("for full speed build it for that GPU: add gpus = [%q]", q.p.GPU))
	case verdict == Unknown && q.built.Major > 0 && q.runtime.Major == 0:
		steps = append(steps, "say which TensorRT runs there, as in trt=10.3 or image=24.08-py3")
	}
	broken := 0
	for _, f := range all {
		if f.verdict == verdict && f.fix != "" {
			steps = append(steps, f.fix)
		}
		if f.verdict == Invalid {
			broken++
		}
	}
	if verdict != Invalid {
		return strings.Join(steps, "; ")
	}
	// What the user knows of the build may settle it, when it settles all of it.
	var flags []string
	if version == Invalid && q.rescuedByVersion() {
		flags = append(flags, "--versionCompatible")
	}
	if gpu == Invalid && q.rescuedByLevel() {
		flags = append(flags, levelFlag+ampereLevel)
	}
	if len(flags) == broken {
		said := strings.Join(flags, " ")
		if len(flags) > 1 {
			said = `"` + said + `"`
		}
		return fmt.Sprintf("if it was built with %s, say so: --built-with=%s; otherwise %s", strings.Join(flags, " and "), said, strings.Join(steps, "; "))
	}
	return strings.Join(steps, "; ")
}

// remedy says how to get a plan and a place that fit.
func (q *question) remedy(version, gpu bool) string {
	target := "on that GPU"
	if q.p.GPU != "" {
		target = fmt.Sprintf("for that GPU: add gpus = [%q]", q.p.GPU)
	}
	if !version {
		return "build it again " + target
	}
	have, had := image(q.runtime)
	if catalog.OnlyJetsons(q.sm) {
		have = "" // NGC's images are for servers
	}
	switch {
	case gpu && have != "" && q.p.GPU != "":
		return fmt.Sprintf("build it again for that place: add images = [%q] and gpus = [%q]", have, q.p.GPU)
	case gpu:
		return fmt.Sprintf("build it again with TensorRT %s %s", q.runtime, target)
	}
	again := fmt.Sprintf("build it again with TensorRT %s", q.runtime)
	if have != "" {
		again += fmt.Sprintf(": add images = [%q]", have)
		if !had {
			again += ", which may have it"
		}
	}
	want, sure := image(q.built)
	switch {
	case catalog.OnlyJetsons(q.e.SM):
		return fmt.Sprintf("install the JetPack with TensorRT %s there, or %s", q.built, again)
	case want == "":
		return fmt.Sprintf("run TensorRT %s there, or %s", q.built, again)
	case !sure:
		return fmt.Sprintf("run %s there, which may have TensorRT %s, or %s", want, q.built, again)
	}
	return fmt.Sprintf("run %s there, which has TensorRT %s, or %s", want, q.built, again)
}

// image returns the newest image of NGC that has TensorRT v, "" when none is
// known. It is sure when the catalogue gives every number of v.
func image(v catalog.Version) (ref string, sure bool) {
	if v.Major == 0 {
		return "", false
	}
	for _, i := range images() {
		switch {
		case !i.tensorRT.Agrees(v):
		case known(i.tensorRT) >= known(v) && i.Confidence != "conflict":
			return i.ref, true
		case ref == "" && known(i.tensorRT) > 2:
			ref = i.ref
		}
	}
	return ref, false
}
