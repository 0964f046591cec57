package plan

import (
	"fmt"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
)

// supportProblems says what the GPU, the images, the precision and the model
// forbid together.
func (p *planner) supportProblems(c *Cell, model *modelFacts, gpu gpuFacts) []problem {
	var problems []problem
	for _, ref := range c.images() {
		v, unknown := p.release(ref)
		if len(unknown) > 0 {
			continue // said where command lines are made
		}
		problems = append(problems, gpuProblems(c.GPU, gpu, ref, v)...)
	}
	if len(problems) > 0 {
		return problems // whatever else is asked of this GPU matters no more
	}
	problems = append(problems, precisionProblems(c, model, gpu)...)
	problems = append(problems, modeProblems(c, gpu)...)
	problems = append(problems, p.graph(c, model).problems...)
	if len(problems) == 0 {
		problems = referenceProblems(c.Model, model.Graph)
	}
	return append(problems, imageProblems(c)...)
}

// supportWarnings says what is allowed and still worth knowing, and what the
// catalogue is not sure of.
func (p *planner) supportWarnings(c *Cell, model *modelFacts, gpu gpuFacts) []string {
	var warnings []string
	for _, ref := range c.images() {
		v, unknown := p.release(ref)
		if len(unknown) > 0 {
			continue
		}
		if a := catalog.Serves(v, gpu.SM); gpu.SM != "" && a.Verdict == catalog.Uncertain {
			warnings = append(warnings, fmt.Sprintf("%s may not serve %s, which is compute capability %s: %s", matrix.TagLabel(ref), c.GPU, gpu.SM, a.Why))
		}
		if _, forServers := catalog.NGC(matrix.Tag(ref)); forServers && gpu.Class == catalog.Embedded {
			warnings = append(warnings, fmt.Sprintf("%s is a Jetson, and %s is an image for servers: NGC has others for Jetsons, whose tags end in -igpu", c.GPU, matrix.TagLabel(ref)))
		}
		warnings = append(warnings, releaseWarnings(ref, v, p.facts.Images[ref])...)
	}
	warnings = append(warnings, precisionWarnings(c, gpu)...)
	return append(warnings, p.graph(c, model).warnings...)
}

// images lists the images of a cell, the one that builds first.
func (c *Cell) images() []string {
	if c.VerifyImage == c.Image {
		return []string{c.Image}
	}
	return []string{c.Image, c.VerifyImage}
}

func gpuProblems(name string, gpu gpuFacts, ref string, v catalog.Version) []problem {
	if gpu.SM == "" {
		return nil
	}
	a := catalog.Serves(v, gpu.SM)
	if a.Verdict != catalog.Cannot {
		return nil
	}
	return []problem{{fault.Usage, "sm-mismatch",
		fmt.Sprintf("%s does not serve %s, which is compute capability %s: %s", matrix.TagLabel(ref), name, gpu.SM, a.Why),
		suggest(ref, gpu.SM, fmt.Sprintf("take another image for %s, or exclude it for this one", name))}}
}

// suggest names the NGC tag nearest to that of ref whose TensorRT is known to
// serve a compute capability: the oldest newer one, else the newest older one.
// Without one it returns otherwise.
func suggest(ref, sm, otherwise string) string {
	here, ok := catalog.NGC(matrix.Tag(ref))
	if !ok {
		return otherwise
	}
	text := otherwise
	for _, image := range catalog.NGCImages() {
		v, err := catalog.ParseVersion(image.TensorRT)
		if err != nil || catalog.Serves(v, sm).Verdict != catalog.Can {
			continue
		}
		if image.Tag > here.Tag {
			return fmt.Sprintf("take %s, the oldest newer tag known to serve it (TensorRT %s)", image.Tag, image.TensorRT)
		}
		text = fmt.Sprintf("take %s, the newest older tag known to serve it (TensorRT %s)", image.Tag, image.TensorRT)
	}
	return text
}

// releaseWarnings says how sure the plan is of what an image contains, and of
// what its trtexec takes.
func releaseWarnings(ref string, v catalog.Version, image Image) []string {
	var warnings []string
	if known, ok := catalog.NGC(matrix.Tag(ref)); ok && image.Source == "catalogue" && !known.Certain() {
		warnings = append(warnings, fmt.Sprintf("that %s holds TensorRT %s is not certain (%s): `trtfarm lock` asks the image itself", ref, v, known.Confidence))
	}
	releases := catalog.Releases()
	if newest := releases[len(releases)-1]; v.Compare(newest) > 0 && !v.Agrees(newest) {
		warnings = append(warnings, fmt.Sprintf("flags of trtexec %d.%d are taken to be those of %d.%d, the newest that is known", v.Major, v.Minor, newest.Major, newest.Minor))
	}
	return warnings
}

// imageProblems says when the image that verifies cannot load what the other
// builds.
func imageProblems(c *Cell) []problem {
	build, err := catalog.ParseVersion(c.TensorRT)
	if err != nil {
		return nil
	}
	verify, err := catalog.ParseVersion(c.VerifyTensorRT)
	if err != nil {
		return nil
	}
	modes := asked(c)
	if modes.ExcludesRuntime && !build.Agrees(verify) {
		return []problem{{fault.Usage, "version-mismatch",
			fmt.Sprintf("%s builds with TensorRT %s and leaves the lean runtime out, and %s verifies with %s: another TensorRT loads such a plan only with the lean runtime of the one that built it", c.Image, build, c.VerifyImage, verify),
			"remove --excludeLeanRuntime, or build and verify with images of one TensorRT"}}
	}
	verdict, why := compat.Versions(build, verify, modes.VersionCompatible)
	if verdict != compat.Invalid {
		return nil
	}
	fix := "build and verify with images of one TensorRT"
	if rescued, _ := compat.Versions(build, verify, true); !modes.VersionCompatible && rescued != compat.Invalid {
		fix += ", or set version_compatible in [build]"
	}
	return []problem{{fault.Usage, "version-mismatch",
		fmt.Sprintf("%s builds with TensorRT %s, and %s verifies with %s: %s", c.Image, build, c.VerifyImage, verify, why), fix}}
}
