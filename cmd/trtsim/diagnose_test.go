package main

import (
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/diagnose"
)

// TestFailuresAreDiagnosed holds that what trtsim prints of a failure leads
// trtfarm to its cause.
func TestFailuresAreDiagnosed(t *testing.T) {
	inFolder(t)
	save(t, "plugin.so", []byte("any library"))
	save(t, "lfs.plan", []byte("version https://git-lfs.github.com/spec/v1\n"))
	other := map[string]string{"8.4.3.1": "8.5.1.7", "8.5.1.7": "8.4.3.1", "8.6.1.6": "10.3.0.26", "10.3.0.26": "8.6.1.6", "11.1.0.106": "10.3.0.26"}
	for _, r := range withOld {
		builds(t, r, nil, "--onnx=static.onnx", "--saveEngine="+r+".plan")
		builds(t, r, nil, dynamicArgs("--saveEngine="+r+".dynamic")...)
		builds(t, r, []string{"TRTSIM_GPU=A10"}, "--onnx=static.onnx", "--saveEngine="+r+".a10")
		builds(t, r, []string{"TRTSIM_FAULT=truncate"}, "--onnx=static.onnx", "--saveEngine="+r+".cut")
		builds(t, r, nil, "--onnx=custom.onnx", "--staticPlugins=plugin.so", "--saveEngine="+r+".custom")
	}
	state := "TRTSIM_STATE=" + t.TempDir()
	for _, r := range withOld {
		// The text is one for both causes; before 8.6, releases share a magic tag, and
		// after it few files but plans reach a runtime.
		magic := "version-mismatch"
		if strings.HasPrefix(r, "8.4.") || strings.HasPrefix(r, "8.5.") {
			magic = "file-truncated-or-corrupt"
		}
		for _, tc := range []struct {
			want string
			env  []string
			args []string
		}{
			{"version-mismatch", nil, []string{"--loadEngine=" + other[r] + ".plan"}},
			{"sm-mismatch", nil, []string{"--loadEngine=" + r + ".a10"}},
			{"file-truncated-or-corrupt", nil, []string{"--loadEngine=" + r + ".cut"}},
			{magic, nil, []string{"--loadEngine=lfs.plan"}},
			{"file-missing", nil, []string{"--loadEngine=gone.plan"}},
			{"plugin-missing", nil, []string{"--loadEngine=" + r + ".custom"}},
			{"plugin-missing", nil, []string{"--onnx=custom.onnx"}},
			{"profile-shape", nil, []string{"--loadEngine=" + r + ".dynamic", "--shapes=x:9x3"}},
			{"profile-shape", nil, []string{"--loadEngine=" + r + ".plan", "--shapes=x:9x3"}},
			{"profile-shape", nil, []string{"--onnx=dynamic.onnx", "--minShapes=x:3x3", "--optShapes=x:2x3", "--maxShapes=x:4x3"}},
			{"trtexec-usage", nil, []string{"--onnx=static.onnx", "--shapes=x:2x3"}},
			{"trtexec-usage", nil, []string{"--onnx=static.onnx", "--nope"}},
			{"onnx-invalid", nil, []string{"--onnx=corrupt.onnx"}},
			{"gpu-oom", []string{"TRTSIM_FAULT=oom"}, []string{"--onnx=static.onnx", "--saveEngine=failed.plan"}},
			{"gpu-oom", []string{"TRTSIM_FAULT=oom"}, []string{"--loadEngine=" + r + ".plan"}},
			{"no-gpu", []string{"TRTSIM_GPU="}, []string{"--onnx=static.onnx"}},
			{"gpu-fault", []string{"TRTSIM_FAULT=flaky:99", state}, []string{"--onnx=static.onnx"}},
		} {
			o := trtexecRun(t, r, tc.env, tc.args...)
			v, err := diagnose.Log(strings.NewReader(o.out + o.errs))
			if err != nil || v.Cause != tc.want {
				t.Errorf("%s %q: diagnosed as %s (also %v), %v, want %s", r, tc.args, v.Cause, v.Also, err, tc.want)
			}
		}
		o := trtexecRun(t, r, nil, "--onnx=static.onnx", "--skipInference")
		if v, err := diagnose.Log(strings.NewReader(o.out + o.errs)); err != nil || v.Cause != "none" {
			t.Errorf("%s: a good build is diagnosed as %s, %v", r, v.Cause, err)
		}
	}
}
