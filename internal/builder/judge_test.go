package builder

import (
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diagnose"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

func job(t *testing.T) Job {
	t.Helper()
	t4, ok := catalog.FindGPU("T4")
	if !ok {
		t.Fatal("the catalogue has no T4")
	}
	return Job{Cell: "m/24.08-py3/t4/fp16", Target: t4, Image: Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", TensorRT: "10.3.0.26"},
		Cases: []Case{{Case: verify.Case{Name: "static"}, Timed: true}}}
}

func goodBuild() Result {
	return Result{
		Commands: []CommandResult{{Name: "build", Log: trtexec.Log{Status: "PASSED", Device: trtexec.Device{Name: "Tesla T4", SM: "7.5"}}}},
		Engine:   &engine.File{Kind: engine.Plan, TensorRT: "10.3.0.26", SM: "7.5", Size: 1000},
	}
}

func goodVerify() Result {
	r := goodBuild()
	r.Commands = []CommandResult{{Name: "static",
		Log: trtexec.Log{Status: "PASSED", Deserialized: true, Device: trtexec.Device{Name: "Tesla T4", SM: "7.5"}},
		Case: &verify.Result{Case: "static", Loaded: true, Passed: true, LatencyMs: verify.Latency{P99: 5},
			Outputs: []verify.Errors{{Output: "y", Elements: 10, Passed: true}}}}}
	r.Digest = &artifact.Digest{Size: 1000, SHA256: strings.Repeat("a", 64)}
	return r
}

func TestJudgeBuildTrustsOnlyWhatWasMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Result)
		code  fault.Code
		cause string
	}{
		"a good build passes":                      {func(*Result) {}, fault.OK, ""},
		"no trailer is no success":                 {func(r *Result) { r.Commands[0].Log.Status = "" }, fault.Build, "other"},
		"an exit code is no success":               {func(r *Result) { r.Commands[0].Exit = 1 }, fault.Build, "other"},
		"success without an engine":                {func(r *Result) { r.Engine = nil }, fault.Build, "file-truncated-or-corrupt"},
		"an empty engine":                          {func(r *Result) { r.Engine.Kind = engine.Empty }, fault.Build, "file-truncated-or-corrupt"},
		"an engine cut short":                      {func(r *Result) { r.Engine.Truncated = true }, fault.Load, "file-truncated-or-corrupt"},
		"an engine with something before it":       {func(r *Result) { r.Engine.Leading = 4 }, fault.Load, "file-truncated-or-corrupt"},
		"an engine with something behind it":       {func(r *Result) { r.Engine.Trailing = 1 }, fault.Load, "file-truncated-or-corrupt"},
		"an engine of another TensorRT":            {func(r *Result) { r.Engine.TensorRT = "8.6.1.6" }, fault.Load, "version-mismatch"},
		"an engine of another compute capability":  {func(r *Result) { r.Engine.SM = "8.6" }, fault.Environment, "wrong-gpu"},
		"another GPU under the container":          {func(r *Result) { r.Commands[0].Log.Device = trtexec.Device{Name: "NVIDIA A10", SM: "8.6"} }, fault.Environment, "wrong-gpu"},
		"dynamic inputs silently set to one":       {func(r *Result) { r.Commands[0].Log.Forced = []string{"x"} }, fault.Build, "profile-shape"},
		"killed from outside is the host's memory": {func(r *Result) { r.Commands[0].Exit = 137 }, fault.Environment, "host-oom"},
		"a crash is named":                         {func(r *Result) { r.Commands[0].Exit = 139 }, fault.Build, "crash"},
		"an engine of another TensorRT that trtexec itself cannot load": {func(r *Result) {
			r.Commands[0].Exit, r.Commands[0].Log.BuildSeconds, r.Engine.TensorRT = 1, 2, "10.1.0.27"
		}, fault.Load, "version-mismatch"},
		"an engine cut short that trtexec itself cannot load": {func(r *Result) {
			r.Commands[0].Exit, r.Commands[0].Log.BuildSeconds, r.Engine.Truncated = 1, 2, true
		}, fault.Load, "file-truncated-or-corrupt"},
		"a whole engine that trtexec itself cannot load": {func(r *Result) {
			r.Commands[0].Exit, r.Commands[0].Log.BuildSeconds = 1, 2
		}, fault.Load, "other"},
		"a failed build whose file is empty but whose log says built": {func(r *Result) {
			r.Commands[0].Exit, r.Commands[0].Log.BuildSeconds, r.Engine.Kind = 1, 2, engine.Empty
		}, fault.Build, "other"},
		"half an engine of a build that crashed": {func(r *Result) {
			r.Commands[0].Exit, r.Engine.Truncated = 139, true
		}, fault.Build, "crash"},
		"a diagnosed cause is named": {func(r *Result) {
			r.Commands[0].Exit = 1
			r.Commands[0].Verdict = &diagnose.Verdict{Cause: "gpu-oom", Why: "no memory"}
		}, fault.Build, "gpu-oom"},
		"a driver that is too old is the environment's": {func(r *Result) {
			r.Commands[0].Exit = 1
			r.Commands[0].Verdict = &diagnose.Verdict{Cause: "driver-too-old"}
		}, fault.Environment, "driver-too-old"},
	} {
		t.Run(name, func(t *testing.T) {
			r := goodBuild()
			tc.spoil(&r)
			checkFault(t, judgeBuild(job(t), r), tc.code, tc.cause)
		})
	}
}

func TestJudgeVerifyWantsEveryCaseLoadedAccurateAndFast(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Job, *Result)
		code  fault.Code
		cause string
	}{
		"good cases pass":              {func(*Job, *Result) {}, fault.OK, ""},
		"an engine that does not load": {func(_ *Job, r *Result) { r.Commands[0].Case.Loaded, r.Commands[0].Exit = false, 1 }, fault.Load, "other"},
		"an output that is off": {func(_ *Job, r *Result) {
			r.Commands[0].Case.Passed, r.Commands[0].Case.Outputs[0].Passed = false, false
		}, fault.Accuracy, "accuracy-mismatch"},
		"slower than the gate":         {func(_ *Job, r *Result) { r.Commands[0].Case.Passed, r.Commands[0].Case.MaxP99Ms = false, 4 }, fault.Accuracy, "too-slow"},
		"a case that was not run":      {func(j *Job, _ *Result) { j.Cases = append(j.Cases, j.Cases[0]) }, fault.Load, "other"},
		"an engine that nobody hashed": {func(_ *Job, r *Result) { r.Digest = nil }, fault.Load, "other"},
		"an error line while it ran":   {func(_ *Job, r *Result) { r.Commands[0].Log.Errors = []trtexec.Line{{N: 1, Text: "[E] x"}} }, fault.Load, "other"},
		"verified on the wrong GPU":    {func(_ *Job, r *Result) { r.Commands[0].Log.Device.Name = "NVIDIA A10" }, fault.Environment, "wrong-gpu"},
	} {
		t.Run(name, func(t *testing.T) {
			j, r := job(t), goodVerify()
			tc.spoil(&j, &r)
			checkFault(t, judgeVerify(j, r), tc.code, tc.cause)
		})
	}
}

func checkFault(t *testing.T, f *fault.Fault, code fault.Code, cause string) {
	t.Helper()
	if f == nil {
		f = &fault.Fault{}
	}
	if f.Code != code || f.Cause != cause {
		t.Errorf("got code %d, cause %q (%s); want code %d, cause %q", f.Code, f.Cause, f.Message, code, cause)
	}
}

func TestEventsSurviveAnySplitOfTheStream(t *testing.T) {
	text := `{"note":"a"}` + "\n\n" + `{"log":{"command":"build","stream":"stdout","text":"x"}}` + "\n" + "panic: not an event\n" + `{"result":{}}` + "\n"
	for size := 1; size < len(text); size++ {
		var got []string
		out := &eventLines{handle: func(e Event) {
			switch {
			case e.Log != nil:
				got = append(got, e.Log.Text)
			case e.Result != nil:
				got = append(got, "result")
			default:
				got = append(got, e.Note)
			}
		}}
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := out.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if want := "a|x|panic: not an event|result"; strings.Join(got, "|") != want {
			t.Fatalf("in writes of %d bytes: got %q, want %q", size, strings.Join(got, "|"), want)
		}
	}
}

func TestALineWithoutEndIsRefused(t *testing.T) {
	out := &eventLines{handle: func(Event) {}}
	chunk := make([]byte, 1<<20)
	for i := range chunk {
		chunk[i] = 'x'
	}
	for range maxEvent >> 20 {
		if _, err := out.Write(chunk); err != nil {
			t.Fatalf("after fewer than %d bytes: %v", maxEvent, err)
		}
	}
	if _, err := out.Write(chunk); err == nil {
		t.Error("a line above the bound was taken")
	}
}
