package builder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diagnose"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// judgeTask turns an error of the agent's own work into a fault.
func judgeTask(job Job, t Task, r Result) *fault.Fault {
	if r.Error == nil {
		return nil
	}
	for _, k := range taskKinds {
		if k.kind != r.Error.Kind {
			continue
		}
		return &fault.Fault{Code: k.code, Cause: k.cause, Fix: k.fix, Infra: k.infra,
			Message: fmt.Sprintf("%s of %s: %s", t.Step, job.Cell, r.Error.Message)}
	}
	return fault.New(fault.Unknown, "other", "", "%s of %s: %s", t.Step, job.Cell, r.Error.Message)
}

// taskKinds says what each kind of TaskError means to the user.
var taskKinds = []struct {
	kind  string
	code  fault.Code
	cause string
	infra bool
	fix   string
}{
	{"store", fault.Storage, "storage", true, "see that the store can be reached and written from the runner, and has room"},
	{"workspace", fault.Environment, "workspace", true, "see whether the runner's disk is damaged or may not be written"},
	{"disk", fault.Environment, "disk-full", true, "make room on the runner's disk, or give it a larger one: a build needs a few times the model's size"},
	{"tool", fault.Environment, "tool", false, "use an image that holds TensorRT's trtexec, such as nvcr.io/nvidia/tensorrt"},
	{"timeout", fault.TimedOut, "timeout-or-hang", false, "see its log: if it moved on until the end, raise timeout in [build] or lower optimization_level; if it stood still, look on the runner with nvidia-smi for what else holds the GPU"},
	{"input", fault.Usage, "reference-data", false, "give inputs (and outputs) in the matrix that this TensorRT can take, or use an image with TensorRT 10"},
	{"changed", fault.Provenance, "changed-after-verify", false, "find out who writes into workspaces on this runner; nothing was published"},
}

// causes says how a diagnosed cause changes the verdict on a failed command:
// some are the farm's fault whatever the step.
var causes = map[string]struct {
	code  fault.Code // 0 keeps the step's own
	infra bool
}{
	"no-gpu":          {fault.Environment, true},
	"driver-too-old":  {fault.Environment, false},
	"library-missing": {fault.Environment, false},
	"gpu-fault":       {fault.Environment, true},
	"host-oom":        {fault.Environment, true},
	"timeout-or-hang": {fault.TimedOut, false},
}

// judgeBuild says whether the build step made what was asked for: a whole engine
// of the declared TensorRT, on the target GPU, in the asked precision. Nothing is assumed: each fact is
// what trtexec or the engine itself says.
func judgeBuild(job Job, r Result) *fault.Fault {
	if len(r.Commands) == 0 {
		return fault.New(fault.Build, "other", "", "build of %s: no command was run", job.Cell)
	}
	c := r.Commands[0]
	if f := wrongDevice(job, Build, c); f != nil {
		return f
	}
	if ok, why := c.Log.OK(c.Exit, false); !ok {
		if !built(c, r.Engine) {
			return failed(job, Build, fault.Build, c, why)
		}
		// trtexec loads what it has built. When that fails, the engine itself tells
		// more than the log.
		if f := judgeEngine(job, r.Engine); f != nil {
			return f
		}
		return failed(job, Build, fault.Load, c, why)
	}
	if len(c.Log.Forced) > 0 {
		return fault.New(fault.Build, "profile-shape", "give every dynamic input min, opt and max in [model.NAME.profile.NAME]",
			"build of %s: trtexec set the dynamic dimensions of %s to 1, which makes an engine of no use", job.Cell, strings.Join(c.Log.Forced, ", "))
	}
	if f := judgeEngine(job, r.Engine); f != nil {
		return f
	}
	return judgePrecision(job, r)
}

// built reports whether a build that failed got as far as an engine.
func built(c CommandResult, e *engine.File) bool {
	return c.Log.BuildSeconds > 0 && e != nil && e.Kind != engine.Empty
}

// judgeEngine checks the engine's own header.
func judgeEngine(job Job, e *engine.File) *fault.Fault {
	const cause = "file-truncated-or-corrupt"
	switch {
	case e == nil:
		return fault.New(fault.Build, cause, "see the build log", "build of %s: trtexec ended well but wrote no engine", job.Cell)
	case e.Kind == engine.Empty:
		return fault.New(fault.Build, cause, "see the build log", "build of %s: trtexec ended well but the engine is empty", job.Cell)
	case e.Truncated || e.Damaged:
		return fault.New(fault.Load, cause, "see whether the runner's disk is full or failing; then run again", "build of %s: the engine is cut short or damaged%s", job.Cell, firstNote(e))
	case e.Leading > 0 || e.Trailing > 0:
		return fault.New(fault.Load, cause, "see what else writes to the engine's file", "build of %s: %d bytes stand before the engine and %d behind it%s", job.Cell, e.Leading, e.Trailing, firstNote(e))
	case e.Kind != engine.Plan:
		return fault.New(fault.Load, cause, "see the build log", "build of %s: what trtexec wrote is no TensorRT engine but %s", job.Cell, e.Kind)
	}
	declared, err := catalog.ParseVersion(job.Image.TensorRT)
	measured, err2 := catalog.ParseVersion(e.TensorRT)
	if err == nil && err2 == nil && !declared.Agrees(measured) {
		return fault.New(fault.Load, "version-mismatch",
			"look for a second libnvinfer in the image (LD_LIBRARY_PATH, Python wheels); if the tag means another image by now: trtfarm lock --update",
			"build of %s: the engine was written by TensorRT %s, but the image %s declares %s", job.Cell, measured, job.Image.Ref, declared)
	}
	if e.SM != "" && job.Target.SM != "" && e.SM != job.Target.SM {
		return fault.New(fault.Environment, "wrong-gpu", "correct gpus of the runner in trtfarm.toml",
			"build of %s: the engine was built on compute capability %s, but %s has %s", job.Cell, e.SM, job.Target.Name, job.Target.SM)
	}
	return nil
}

// firstNote is the note that says what is wrong; those that follow add what else
// is known of the file.
func firstNote(e *engine.File) string {
	if len(e.Notes) == 0 {
		return ""
	}
	return ": " + e.Notes[0]
}

// wrongDevice compares the GPU that trtexec printed with the target.
func wrongDevice(job Job, step Step, c CommandResult) *fault.Fault {
	d := c.Log.Device
	if d.Name == "" || job.Target.Matches(d.Name) && (d.SM == "" || job.Target.SM == "" || d.SM == job.Target.SM) {
		return nil
	}
	f := fault.New(fault.Environment, "wrong-gpu", "correct gpus of the runner in trtfarm.toml, or write gpus = \"auto\" there to ask the host",
		"%s of %s: the GPU is %s%s, but the target is %s", step, job.Cell, d.Name, capability(d.SM), job.Target.Name)
	f.Infra = true
	return f
}

// capability words a compute capability; trtexec may not have printed it.
func capability(sm string) string {
	if sm == "" {
		return ""
	}
	return " (compute capability " + sm + ")"
}

// judgeVerify says whether every case loaded, ran, was accurate and fast enough.
func judgeVerify(job Job, r Result) *fault.Fault {
	for _, c := range r.Commands {
		if f := wrongDevice(job, Verify, c); f != nil {
			return f
		}
		if c.Case == nil || !c.Case.Loaded {
			_, why := c.Log.OK(c.Exit, true)
			return failed(job, Verify, fault.Load, c, why)
		}
		if errors := c.Log.Errors; len(errors) > 0 {
			return failed(job, Verify, fault.Load, c, "trtexec reported an error while it ran: "+errors[0].Text)
		}
		if !c.Case.Passed {
			cause, fix := missed(c.Case)
			return fault.New(fault.Accuracy, cause, fix, "verify of %s: %s", job.Cell, c.Case.Explain())
		}
	}
	if len(r.Commands) != len(job.Cases) {
		return fault.New(fault.Load, "other", "", "verify of %s: %d of %d cases were run", job.Cell, len(r.Commands), len(job.Cases))
	}
	if f := judgeEngine(job, r.Engine); f != nil {
		return f
	}
	if r.Digest == nil {
		return fault.New(fault.Load, "other", "", "verify of %s: the engine was not hashed", job.Cell)
	}
	return nil
}

// missed names the gate that a case did not pass, and the remedy.
func missed(r *verify.Result) (cause, fix string) {
	bad := slices.IndexFunc(r.Outputs, func(e verify.Errors) bool { return !e.Passed })
	switch {
	case bad < 0 && len(r.Outputs) > 0:
		return "too-slow", "see whether anything else used the GPU; raise max_p99_ms in [verify], or optimization_level in [build]"
	case bad >= 0 && r.Outputs[bad].NaN+r.Outputs[bad].Inf > 0:
		return "accuracy-mismatch", "find the first layer that overflows (polygraphy run MODEL --trt --onnxrt with marked outputs) and keep it in FP32, or take a wider precision; no tolerance allows this"
	}
	return "accuracy-mismatch", "find the layer where it begins (polygraphy run MODEL --trt --onnxrt with marked outputs), take a wider precision, or widen tolerance in [verify] if this error is acceptable"
}

// failed makes the fault of a command that did not do its work, from what its
// log was diagnosed to say.
func failed(job Job, step Step, code fault.Code, c CommandResult, why string) *fault.Fault {
	f := &fault.Fault{Code: code, Cause: "other", Fix: "read its log; run again with --verbose in extra_args of [build] if it says too little"}
	f.Message = fmt.Sprintf("%s: %s", during(step, job, c), why)
	switch c.Exit {
	case 137:
		f.Cause, f.Fix = "host-oom", "give the runner more host memory: a build needs a multiple of the model's size; or run fewer cells at once on it"
		f.Message += ", which the kernel does when host memory runs out"
	case 132, 134, 135, 136, 139:
		f.Cause, f.Fix = "crash", "run it again; if it crashes again, suspect a plugin first, then this TensorRT release: try another image. The end of its log shows what it was at"
	}
	if v := c.Verdict; v != nil && v.Cause != "none" && v.Cause != "other" {
		f.Cause = v.Cause
		f.Message = fmt.Sprintf("%s: %s%s", during(step, job, c), v.Why, evidence(v))
		f.Fix = strings.Join(v.Fix, "; ")
	}
	if known, ok := causes[f.Cause]; ok {
		f.Infra = known.infra
		if known.code != 0 {
			f.Code = known.code
		}
	}
	return f
}

// during names the step, the cell, and the case where there are several.
func during(step Step, job Job, c CommandResult) string {
	if step == Build {
		return fmt.Sprintf("%s of %s", step, job.Cell)
	}
	return fmt.Sprintf("%s of %s (%s)", step, job.Cell, c.Name)
}

func evidence(v *diagnose.Verdict) string {
	if len(v.Evidence) == 0 {
		return ""
	}
	return fmt.Sprintf(" (log line %d: %s)", v.Evidence[0].Line, strings.TrimSpace(v.Evidence[0].Text))
}
