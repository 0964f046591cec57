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
	{"store", fault.Storage, "storage", true, "see whether the store can be reached and written from the runner: trtfarm doctor"},
	{"workspace", fault.Environment, "workspace", true, "see whether the runner's disk is full or damaged"},
	{"tool", fault.Environment, "tool", false, "use an image that holds TensorRT's trtexec, such as nvcr.io/nvidia/tensorrt"},
	{"timeout", fault.TimedOut, "timeout-or-hang", false, "raise timeout in [build] of the matrix, or lower optimization_level"},
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
// of the declared TensorRT, on the target GPU. Nothing is assumed: each fact is
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
		return failed(job, Build, fault.Build, c, why)
	}
	if len(c.Log.Forced) > 0 {
		return fault.New(fault.Build, "profile-shape", "give every dynamic input min, opt and max in [model.NAME.profile.NAME]",
			"build of %s: trtexec set the dynamic dimensions of %s to 1, which makes an engine of no use", job.Cell, strings.Join(c.Log.Forced, ", "))
	}
	return judgeEngine(job, r.Engine)
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
		return fault.New(fault.Load, cause, "see whether the runner's disk is full; then build again", "build of %s: the engine is cut short or damaged: %s", job.Cell, strings.Join(e.Notes, "; "))
	case e.Kind != engine.Plan:
		return fault.New(fault.Load, cause, "see the build log", "build of %s: what trtexec wrote is no TensorRT engine but %s", job.Cell, e.Kind)
	}
	declared, err := catalog.ParseVersion(job.Image.TensorRT)
	measured, err2 := catalog.ParseVersion(e.TensorRT)
	if err == nil && err2 == nil && !declared.Agrees(measured) {
		return fault.New(fault.Load, "version-mismatch", "lock the image again: trtfarm lock --update",
			"build of %s: the engine says TensorRT %s, the image %s says %s", job.Cell, measured, job.Image.Ref, declared)
	}
	if e.SM != "" && job.Target.SM != "" && e.SM != job.Target.SM {
		return fault.New(fault.Environment, "wrong-gpu", "correct gpus of the runner in trtfarm.toml",
			"build of %s: the engine was built on compute capability %s, but %s has %s", job.Cell, e.SM, job.Target.Name, job.Target.SM)
	}
	return nil
}

// wrongDevice compares the GPU that trtexec printed with the target.
func wrongDevice(job Job, step Step, c CommandResult) *fault.Fault {
	d := c.Log.Device
	if d.Name == "" || job.Target.Matches(d.Name) && (d.SM == "" || job.Target.SM == "" || d.SM == job.Target.SM) {
		return nil
	}
	f := fault.New(fault.Environment, "wrong-gpu", "correct gpus of the runner in trtfarm.toml, or gpus = \"auto\" to ask the host",
		"%s of %s: the container was given a %s (compute capability %s) instead of a %s", step, job.Cell, d.Name, d.SM, job.Target.Name)
	f.Infra = true
	return f
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
			cause, fix := "accuracy-mismatch", "compare layer by layer, raise the precision, or widen tolerance in [verify] if this error is acceptable"
			if accurate(c.Case) {
				cause, fix = "too-slow", "raise max_p99_ms in [verify], or optimization_level in [build]"
			}
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

// accurate reports whether a case failed for its speed alone.
func accurate(r *verify.Result) bool {
	return len(r.Outputs) > 0 && !slices.ContainsFunc(r.Outputs, func(e verify.Errors) bool { return !e.Passed })
}

// failed makes the fault of a command that did not do its work, from what its
// log was diagnosed to say.
func failed(job Job, step Step, code fault.Code, c CommandResult, why string) *fault.Fault {
	f := &fault.Fault{Code: code, Cause: "other"}
	f.Message = fmt.Sprintf("%s of %s (%s): %s", step, job.Cell, c.Name, why)
	if c.Exit == 137 {
		f.Cause, f.Fix = "host-oom", "give the runner more host memory; exit code 137 means that the kernel killed trtexec"
	}
	if v := c.Verdict; v != nil && v.Cause != "none" && v.Cause != "other" {
		f.Cause = v.Cause
		f.Message = fmt.Sprintf("%s of %s (%s): %s%s", step, job.Cell, c.Name, v.Why, evidence(v))
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

func evidence(v *diagnose.Verdict) string {
	if len(v.Evidence) == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d: %s)", v.Evidence[0].Line, strings.TrimSpace(v.Evidence[0].Text))
}
