package builder

import (
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
)

func TestAPromiseThatIsNotKeptFailsTheBuild(t *testing.T) {
	for name, tc := range map[string]struct {
		promise  Promise
		tensorrt string
		argv     string
		layers   map[string]int64
		code     fault.Code
		says     string // in the fix
	}{
		"kept":                           {Promise{"fp16", false}, "10.3.0.26", "--fp16", map[string]int64{"fp32": 3, "fp16": 1}, fault.OK, ""},
		"nothing promised":               {Promise{}, "10.3.0.26", "--fp16", map[string]int64{"fp32": 3}, fault.OK, ""},
		"nobody knows":                   {Promise{"fp16", false}, "10.3.0.26", "--fp16", nil, fault.OK, ""},
		"weakly typed":                   {Promise{"fp16", false}, "10.3.0.26", "--fp16", map[string]int64{"fp32": 21}, fault.Build, "--layerPrecisions=*:fp16"},
		"strongly typed":                 {Promise{"fp16", false}, "10.3.0.26", "--stronglyTyped", map[string]int64{"fp32": 21}, fault.Build, "types from the model"},
		"TensorRT 11 is always so":       {Promise{"bf16", false}, "11.1.0.106", "", map[string]int64{"fp32": 21}, fault.Build, "AutoCast"},
		"quantized and not fused":        {Promise{"int8", true}, "10.3.0.26", "--stronglyTyped", map[string]int64{"fp32": 21}, fault.Build, "Q/DQ nodes: place them"},
		"quantized before strong typing": {Promise{"int8", true}, "8.6.1.6", "--int8", map[string]int64{"fp32": 21}, fault.Build, "place Q/DQ nodes"},
		"calibrated":                     {Promise{"int8", false}, "8.6.1.6", "--int8 --calib=calibration.cache", map[string]int64{"fp32": 21}, fault.Build, "calibration cache"},
		"told otherwise":                 {Promise{"fp16", false}, "8.6.1.6", "--fp16 --layerPrecisions=*:fp32", map[string]int64{"fp32": 21}, fault.Build, "--layerPrecisions"},
		"too narrow":                     {Promise{"fp32", false}, "10.3.0.26", "--noTF32", map[string]int64{"fp16": 21}, fault.Build, "convert the model to fp32"},
		"an engine that is broken says that first": {Promise{"fp16", false}, "10.3.0.99", "--fp16", map[string]int64{"fp32": 21}, fault.Load, ""},
	} {
		t.Run(name, func(t *testing.T) {
			j, r := job(t), goodBuild()
			j.Promise, j.Image.TensorRT, j.Argv = tc.promise, tc.tensorrt, strings.Fields("trtexec "+tc.argv)
			r.Layers = tc.layers
			if !strings.HasSuffix(tc.tensorrt, ".99") {
				r.Engine.TensorRT = tc.tensorrt
			}
			f := judgeBuild(j, r)
			cause := map[fault.Code]string{fault.Build: "precision-not-kept", fault.Load: "version-mismatch"}[tc.code]
			checkFault(t, f, tc.code, cause)
			if f == nil || tc.code == fault.Load {
				return
			}
			if !strings.Contains(f.Fix, tc.says) || !strings.Contains(f.Message, "asked "+tc.promise.Precision) || !strings.Contains(f.Message, "21 in") {
				t.Errorf("%q, fix %q: want %q", f.Message, f.Fix, tc.says)
			}
		})
	}
}

func TestDoubtIsSaid(t *testing.T) {
	j, r := job(t), goodBuild()
	if text := doubt(j, r); text != "" {
		t.Errorf("nothing is promised, and yet: %q", text)
	}
	j.Promise.Precision = "fp16"
	if text := doubt(j, r); !strings.Contains(text, "fp16 is not known") {
		t.Errorf("no layers: %q", text)
	}
	r.Layers = map[string]int64{"fp16": 1}
	if text := doubt(j, r); text != "" {
		t.Errorf("one layer in fp16: %q", text)
	}
}
