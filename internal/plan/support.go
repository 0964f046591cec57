package plan

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// supportProblems says what the GPU, the images and the precision forbid
// together. Where the catalogue does not know, there is no verdict.
func (p *planner) supportProblems(c *Cell, gpu gpuFacts) []problem {
	var problems []problem
	if gpu.known {
		images := []string{c.Image}
		if c.VerifyImage != c.Image {
			images = append(images, c.VerifyImage)
		}
		for _, ref := range images {
			if v, unknown := p.release(ref); len(unknown) == 0 {
				problems = append(problems, gpuProblems(c.GPU, gpu, ref, v)...)
			}
		}
		problems = append(problems, precisionProblems(c, gpu)...)
	}
	return append(problems, imageProblems(c)...)
}

func gpuProblems(name string, gpu gpuFacts, ref string, v catalog.Version) []problem {
	r, ok := catalog.SMSupport(v)
	if !ok {
		return nil
	}
	least, hasLeast := parseSM(r.Min)
	most, hasMost := parseSM(r.Max)
	switch {
	case hasLeast && gpu.sm < least:
		return []problem{{fault.Usage, "sm-mismatch",
			fmt.Sprintf("%s is compute capability %s, and TensorRT %s in %s begins at %s", name, gpu.SM, v, ref, r.Min),
			suggest(ref, gpu.sm, -1, fmt.Sprintf("take an older image, or drop %s from gpus", name))}}
	case hasMost && gpu.sm > most:
		return []problem{{fault.Usage, "sm-mismatch",
			fmt.Sprintf("%s is compute capability %s, and TensorRT %s in %s ends at %s", name, gpu.SM, v, ref, r.Max),
			suggest(ref, gpu.sm, +1, fmt.Sprintf("take a newer image, or exclude %s for it", name))}}
	}
	return nil
}

var ngcTag = regexp.MustCompile(`^(\d\d)\.(\d\d)\b`)

// suggest names the nearest NGC tag, older or newer than that of ref, whose
// TensorRT is known to serve the compute capability; without one it returns
// otherwise.
func suggest(ref string, sm, direction int, otherwise string) string {
	m := ngcTag.FindStringSubmatch(matrix.TagLabel(ref))
	if m == nil {
		return otherwise
	}
	year, _ := strconv.Atoi(m[1])
	month, _ := strconv.Atoi(m[2])
	const reach = 10 * 12 // months; NGC tags began in 2017
	for at, n := year*12+month-1+direction, 0; n < reach; at, n = at+direction, n+1 {
		tag := fmt.Sprintf("%02d.%02d", at/12, at%12+1)
		image, ok := catalog.NGC(tag)
		if !ok {
			continue
		}
		v, err := catalog.ParseVersion(image.TensorRT)
		if err != nil {
			continue
		}
		r, ok := catalog.SMSupport(v)
		least, hasLeast := parseSM(r.Min)
		most, hasMost := parseSM(r.Max)
		if ok && hasLeast && hasMost && least <= sm && sm <= most {
			word := "newest"
			if direction > 0 {
				word = "oldest"
			}
			return fmt.Sprintf("take %s, the %s tag known to serve it (TensorRT %s)", image.Tag, word, image.TensorRT)
		}
	}
	return otherwise
}

// precisionRule says which compute capability a precision begins at.
type precisionRule struct {
	precision matrix.Precision
	sm        int // ten times the compute capability
	refuse    bool
	why       string
}

// precisionRules are from NVIDIA's "Hardware and Precision" support matrix of
// TensorRT 8.6 and 10.x, and from the CUDA programming guide's feature table.
var precisionRules = []precisionRule{
	{matrix.BF16, 80, true, "bfloat16 arithmetic begins at 8.0"},
	{matrix.FP8, 89, true, "FP8 arithmetic begins at 8.9"},
	{matrix.INT8, 61, true, "INT8 arithmetic begins at 6.1"},
	{matrix.TF32, 80, false, "TF32 begins at 8.0: the engine computes in plain FP32"},
	{matrix.FP16, 60, false, "FP16 has no fast arithmetic before 6.0: expect no gain"},
}

func precisionProblems(c *Cell, gpu gpuFacts) []problem {
	for _, r := range precisionRules {
		if r.precision == c.Precision && gpu.sm < r.sm && r.refuse {
			return []problem{{fault.Usage, "precision-unsupported",
				fmt.Sprintf("%s asked on %s, which is compute capability %s: %s", c.Precision, c.GPU, gpu.SM, r.why),
				fmt.Sprintf("exclude %s for %s", c.Precision, c.GPU)}}
		}
	}
	return nil
}

func precisionWarnings(c *Cell, gpu gpuFacts) []string {
	var warnings []string
	for _, r := range precisionRules {
		if gpu.known && r.precision == c.Precision && gpu.sm < r.sm && !r.refuse {
			warnings = append(warnings, fmt.Sprintf("%s on %s: %s", c.Precision, c.GPU, r.why))
		}
	}
	return warnings
}

// imageProblems says when the image that verifies cannot load what the other
// builds: a plan belongs to one exact TensorRT, unless it is built to be version
// compatible, and then it also loads in newer ones.
func imageProblems(c *Cell) []problem {
	build, err := catalog.ParseVersion(c.TensorRT)
	if err != nil {
		return nil
	}
	verify, err := catalog.ParseVersion(c.VerifyTensorRT)
	if err != nil || build.Agrees(verify) {
		return nil
	}
	if trtexec.VersionCompatible(c.Build.ExtraArgs) && verify.Compare(build) > 0 {
		return nil
	}
	return []problem{{fault.Usage, "version-mismatch",
		fmt.Sprintf("%s builds with TensorRT %s, and %s verifies with %s, which cannot load such a plan", c.Image, build, c.VerifyImage, verify),
		"build and verify with images of one TensorRT"}}
}

// documentedOpset holds the newest opset that a release's parser documents, from
// onnx-tensorrt's docs/operators.md of that release and, for 11.0, from NVIDIA's
// "ONNX Opset Guide". Releases in between are documented nowhere that was read.
var documentedOpset = []struct {
	major, minor int
	opset        int64
}{
	{8, 2, 13}, {8, 5, 17}, {9, 2, 19}, {11, 0, 25},
}

// opsetWarnings says when a model's opset is newer than what the release, or the
// next documented one after it, promises. The parser takes such models as long
// as their operators did not change.
func opsetWarnings(c *Cell, g *onnx.Model) []string {
	v, err := catalog.ParseVersion(c.TensorRT)
	if err != nil {
		return nil
	}
	row := documentedOpset[len(documentedOpset)-1] // 11.x, as the guide says
	for _, r := range documentedOpset {
		if r.major > v.Major || r.major == v.Major && r.minor >= v.Minor {
			row = r
			break
		}
	}
	if v.Major > row.major {
		return nil
	}
	for _, o := range g.Opsets {
		if onnxDomain(o.Domain) && o.Version > row.opset {
			return []string{fmt.Sprintf("model has opset %d, and TensorRT %d.%d documents %d at most: operators that changed since may be refused",
				o.Version, row.major, row.minor, row.opset)}
		}
	}
	return nil
}

// parseSM reads "8.6" as 86.
func parseSM(s string) (int, bool) {
	major, minor, ok := strings.Cut(s, ".")
	if !ok {
		return 0, false
	}
	a, err := strconv.Atoi(major)
	if err != nil {
		return 0, false
	}
	b, err := strconv.Atoi(minor)
	if err != nil || b < 0 || b > 9 {
		return 0, false
	}
	return a*10 + b, true
}
