package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// planner holds what cells have in common while a matrix is planned.
type planner struct {
	facts    Facts
	models   map[string]*modelFacts
	releases map[string]catalog.Version // by image reference
	gpus     map[string]gpuFacts        // by target
	graphs   map[graphKey]graphVerdict
	runLists map[runKey]runList
}

// modelFacts is a model with all that is worked out once for its cells.
type modelFacts struct {
	Model
	digest   string
	profiles []Input           // as ingredients of a key
	ranges   []trtexec.Profile // as trtexec takes them: dynamic inputs only
	problems []problem
	warnings []string
}

// gpuFacts is what is known of a target, and who has it.
type gpuFacts struct {
	catalog.GPU
	sm     int  // ten times the compute capability
	known  bool // sm means something
	takers []Runner
}

// runKey holds all that verification runs depend on: cells that agree in it share
// them.
type runKey struct {
	model          *matrix.Model
	image          string
	corners, timed bool
	kind           loadKind
}

type runList struct {
	cases []Case
	runs  []Run
}

// A problem is a reason to refuse a cell.
type problem struct {
	code  fault.Code
	cause string
	what  string // what is wrong, and why
	fix   string
}

func (p problem) String() string {
	if p.fix == "" {
		return p.what
	}
	return p.what + "; " + p.fix
}

// Fault returns why the cell is refused, or nil when it is not.
func (c Cell) Fault() *fault.Fault {
	if c.Status != Refused {
		return nil
	}
	what := c.Reasons[0]
	if c.Fix != "" {
		what = strings.TrimSuffix(what, "; "+c.Fix)
	}
	return &fault.Fault{Code: fault.Code(c.Code), Cause: c.Cause, Message: c.ID + ": " + what, Fix: c.Fix}
}

func makePlan(m *matrix.Matrix, f Facts) []Cell {
	p := &planner{
		facts: f, models: map[string]*modelFacts{}, releases: map[string]catalog.Version{},
		gpus: map[string]gpuFacts{}, graphs: map[graphKey]graphVerdict{}, runLists: map[runKey]runList{},
	}
	cells := make([]Cell, len(m.Cells))
	for i, c := range m.Cells {
		cells[i] = p.cell(c)
	}
	return cells
}

func (p *planner) cell(mc *matrix.Cell) Cell {
	c := Cell{Cell: mc, VerifyImage: mc.Verify.Image}
	if c.VerifyImage == "" {
		c.VerifyImage = c.Image
	}
	image, verifyImage := p.facts.Images[c.Image], p.facts.Images[c.VerifyImage]
	c.Digest, c.TensorRT = image.Digest, image.TensorRT
	c.VerifyDigest, c.VerifyTensorRT = verifyImage.Digest, verifyImage.TensorRT

	model := p.model(mc.Model)
	c.ModelDigest = model.digest
	c.Warnings = append(c.Warnings, model.warnings...)

	gpu := p.gpu(c.GPU)
	c.Simulated = len(gpu.takers) > 0 && gpu.takers[0].Simulated

	problems := append(p.materialProblems(&c, model), p.supportProblems(&c, model, gpu)...)
	if len(problems) == 0 {
		problems = p.commands(&c, model)
	}
	if len(problems) > 0 {
		return refuse(c, problems)
	}
	c.Warnings = append(c.Warnings, p.supportWarnings(&c, model, gpu)...)
	c.Warnings = append(c.Warnings, p.deprecations(&c)...)

	c.Inputs = p.inputs(&c, model)
	if c.Digest != "" && model.digest != "" {
		c.Key = Key(c.Inputs)
	}
	if c.Key != "" && p.facts.Store.Keys[c.Key] {
		c.Status, c.Reasons = Cached, []string{"published already"}
		return c
	}
	if len(gpu.takers) == 0 && len(p.facts.Runners) > 0 {
		return refuse(c, []problem{p.noRunner(c.GPU)})
	}
	takers, against, warning := p.driven(&c, gpu)
	if len(takers) == 0 && len(against) > 0 {
		return refuse(c, []problem{driverTooOld(against)})
	}
	if warning != "" {
		c.Warnings = append(c.Warnings, warning)
	}
	c.Status, c.Reasons = Build, p.whyBuild(&c, image)
	if len(takers) > 0 {
		c.Runner = takers[0].Name
	}
	return c
}

func refuse(c Cell, problems []problem) Cell {
	first := problems[0]
	c.Status, c.Key, c.Inputs = Refused, "", nil
	c.Code, c.Cause, c.Fix = int(first.code), first.cause, first.fix
	for _, p := range problems {
		c.Reasons = append(c.Reasons, p.String())
	}
	return c
}

// commands fills in the cell's command lines.
func (p *planner) commands(c *Cell, model *modelFacts) []problem {
	build, problems := p.release(c.Image)
	verify, more := p.release(c.VerifyImage)
	if c.VerifyImage != c.Image {
		problems = append(problems, more...)
	}
	if len(problems) > 0 {
		return problems
	}
	var err error
	if c.Argv, err = p.buildCommand(c, model, build); err != nil {
		return []problem{refusal(err, c.Image)}
	}
	key := runKey{c.Model, c.VerifyImage, c.Verify.Corners, c.Verify.MaxP99Ms > 0, loadKindOf(c.Argv)}
	list, ok := p.runLists[key]
	if !ok {
		list.cases = cases(model.Graph, c.Model, model.Golden, key.corners)
		if list.runs, err = runs(list.cases, model, verify, key); err != nil {
			return []problem{refusal(err, c.VerifyImage)}
		}
		p.runLists[key] = list
	}
	c.Cases, c.Runs = slices.Clone(list.cases), slices.Clone(list.runs)
	return nil
}

// refusal turns what package trtexec would not do into a problem.
func refusal(err error, image string) problem {
	if r, ok := errors.AsType[*trtexec.Refusal](err); ok {
		return problem{fault.Usage, r.Cause, r.Reason, r.Fix}
	}
	return problem{fault.Usage, "trtexec-usage", fmt.Sprintf("no command line for image %s: %v", image, err), ""}
}

// release returns the TensorRT of an image, or why it cannot be told.
func (p *planner) release(ref string) (catalog.Version, []problem) {
	if v, ok := p.releases[ref]; ok {
		return v, nil
	}
	image := p.facts.Images[ref]
	const fix = "run `trtfarm lock` with the registry in reach: it asks the image itself"
	if image.TensorRT == "" {
		what := fmt.Sprintf("TensorRT of image %s is unknown, so no command line can be made", ref)
		code, cause, remedy := fault.Usage, "image-unknown", fix
		if image.Err != nil {
			what += ": " + oneLine(image.Err.Error())
			if f, ok := errors.AsType[*fault.Fault](image.Err); ok {
				code, cause, remedy = f.Code, f.Cause, f.Fix
				what = oneLine(f.Message)
				if !strings.Contains(what, ref) {
					what = fmt.Sprintf("image %s: %s", ref, what)
				}
			}
		}
		return catalog.Version{}, []problem{{code, cause, what, remedy}}
	}
	v, err := catalog.ParseVersion(image.TensorRT)
	if err != nil {
		return catalog.Version{}, []problem{{fault.Usage, "image-unknown", fmt.Sprintf("image %s: %v", ref, err), fix}}
	}
	p.releases[ref] = v
	return v, nil
}

// whyBuild says why a cell is not in the store.
func (p *planner) whyBuild(c *Cell, image Image) []string {
	if c.Key == "" {
		why := "nobody was asked"
		if image.Err != nil {
			why = oneLine(image.Err.Error())
		}
		return []string{fmt.Sprintf("digest of image %s is unknown (%s), so nobody can tell whether the cell is published; run `trtfarm lock`", c.Image, why)}
	}
	if err := p.facts.Store.Err; err != nil {
		return []string{"store could not be asked, a published record may exist: " + oneLine(err.Error())}
	}
	if r, ok := p.facts.Store.Newest[c.ID]; ok {
		return moved(r.Inputs, c.Inputs)
	}
	return []string{"never built"}
}

// gpu finds out about a target once.
func (p *planner) gpu(target string) gpuFacts {
	if g, ok := p.gpus[target]; ok {
		return g
	}
	var g gpuFacts
	g.GPU, _ = catalog.FindGPU(target)
	g.sm, g.known = catalog.Capability(g.SM)
	g.takers = p.takers(target)
	p.gpus[target] = g
	return g
}

// takers returns the runners that have the GPU, real ones first.
func (p *planner) takers(target string) []Runner {
	var real, simulated []Runner
	for _, r := range p.facts.Runners {
		for _, g := range r.GPUs {
			if !Serves(target, g) {
				continue
			}
			if r.Simulated {
				simulated = append(simulated, r)
			} else {
				real = append(real, r)
			}
			break
		}
	}
	return append(real, simulated...)
}

func (p *planner) noRunner(target string) problem {
	var have []string
	for _, r := range p.facts.Runners {
		gpus := strings.Join(r.GPUs, ", ")
		if gpus == "" {
			gpus = "no GPU"
		}
		have = append(have, fmt.Sprintf("runner %s has %s", r.Name, gpus))
	}
	return problem{fault.NoRunner, "no-runner",
		fmt.Sprintf("no runner has a %s: %s", target, strings.Join(have, "; ")),
		fmt.Sprintf("add a runner with a %s to trtfarm.toml, or drop %s from gpus", target, target)}
}

// Serves reports whether a device that the catalogue calls gpu is the target: the
// same entry, or one all of whose products belong to the target's family.
func Serves(target, gpu string) bool {
	if target == gpu {
		return true
	}
	t, ok := catalog.FindGPU(target)
	if !ok {
		return false
	}
	g, ok := catalog.FindGPU(gpu)
	if !ok || len(g.Products) == 0 {
		return false
	}
	for _, product := range g.Products {
		if !t.Matches(product) {
			return false
		}
	}
	return true
}

// oneLine joins the lines of a text.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// model works out a model once.
func (p *planner) model(m *matrix.Model) *modelFacts {
	if f, ok := p.models[m.Name]; ok {
		return f
	}
	f := &modelFacts{Model: p.facts.Models[m.Name]}
	p.models[m.Name] = f
	if f.problems = unreadable(m, f.Model); len(f.problems) > 0 {
		return f
	}
	f.digest = ModelDigest(f.Files)
	f.profiles = profileInputs(m.Profiles)
	f.problems = shapeProblems(m, f.Graph)
	f.problems = append(f.problems, fileProblems(m, f.Graph)...)
	f.warnings = ownReferences(m, f.Graph)
	if len(f.problems) > 0 {
		return f
	}
	f.ranges = ranges(m.Profiles, f.Graph)
	if f.Golden != nil {
		f.Golden, f.problems = goldenShapes(m, f.Graph, f.Golden)
	}
	return f
}

// ranges returns the profiles as trtexec takes them. Inputs of fixed size are
// left out: their shape is the model's.
func ranges(profiles []matrix.Profile, g *onnx.Model) []trtexec.Profile {
	var list []trtexec.Profile
	for _, p := range profiles {
		var shapes []trtexec.Shape
		for _, in := range g.Inputs {
			if s, ok := shapeOf(p.Shapes, in.Name); ok && in.Dynamic() {
				shapes = append(shapes, trtexec.Shape{Input: s.Input, Min: s.Min, Opt: s.Opt, Max: s.Max})
			}
		}
		list = append(list, trtexec.Profile{Shapes: shapes})
	}
	return list
}
