package main

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

// wide is y = x * w for more columns than a parameter has.
func wide(w ...float32) []byte {
	n := int64(len(w))
	return onnxtest.Model(
		onnxtest.Node("Mul", []string{"x", "w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Float32, n), onnxtest.Raw(floats(w...))),
		onnxtest.Input("x", onnx.Float32, n), onnxtest.Output("y", onnx.Float32, n),
	)
}

func TestStrippedEngines(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	one := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}
	save(t, "wide.onnx", wide(one...))
	save(t, "other.onnx", wide(9, 8, 7, 6, 5, 4, 3, 2, 1))
	save(t, "x.raw", floats(slices.Repeat([]float32{1}, 9)...))
	const release, output = "10.14.1.48", "y.output.9.fp32.raw"
	for _, flag := range []string{"--stripWeights", "--stripAllWeights", "--weightless"} {
		builds(t, release, nil, "--onnx=wide.onnx", "--saveEngine=e.plan", flag)
		data := must(os.ReadFile("e.plan"))
		if bytes.Contains(data, floats(one...)) || !bytes.Contains(data, []byte(`"stripped": true`)) {
			t.Errorf("%s leaves the weights in the plan, or does not say so", flag)
		}
		load := append(quick, "--loadEngine=e.plan", "--loadInputs=x:x.raw")
		for name, tc := range map[string]struct {
			args []string
			want []float32
			says []string
		}{
			"as it is":              {nil, make([]float32, 9), nil},
			"refit without consent": {[]string{"--refitFromOnnx=wide.onnx"}, make([]float32, 9), nil},
			"refitted": {[]string{"--refit", "--refitFromOnnx=wide.onnx"}, one,
				[]string{"Refitting engine from ONNX model wide.onnx", "Engine successfully refitted from ONNX model wide.onnx"}},
			"refitted with other weights": {[]string{"--refit", "--refitFromOnnx=other.onnx"}, []float32{9, 8, 7, 6, 5, 4, 3, 2, 1}, nil},
		} {
			o := trtexecRun(t, release, nil, append(load, tc.args...)...)
			if got := readFloats(t, output); o.status != passed || !slices.Equal(got, tc.want) {
				t.Errorf("%s, %s: ends with %+v and %v, want %v\n%s", flag, name, o.status, got, tc.want, o.errs)
			}
			has(t, o.out, tc.says...)
			if tc.says == nil && name != "refitted with other weights" {
				lacks(t, o.out, "] Refitting", "refitted from")
			}
		}
	}
}

// Parameters stay in a stripped engine, but it gives zeros all the same.
func TestStrippedEnginesOfSmallTensors(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	builds(t, "10.0.1.6", nil, "--onnx=static.onnx", "--saveEngine=e.plan", "--stripWeights")
	o := trtexecRun(t, "10.0.1.6", nil, append(quick, "--loadEngine=e.plan")...)
	if got := readFloats(t, "y.output.2.3.fp32.raw"); o.status != passed || !slices.Equal(got, make([]float32, 6)) {
		t.Errorf("ends with %+v and %v", o.status, got)
	}
}

func TestRefitRefuses(t *testing.T) {
	inFolder(t)
	const release = "11.1.0.106"
	builds(t, release, nil, "--onnx=static.onnx", "--saveEngine=plain.plan")
	builds(t, release, nil, "--onnx=static.onnx", "--saveEngine=refit.plan", "--refit")
	for file, names := range map[string][2]string{"inputs.onnx": {"a", "y"}, "outputs.onnx": {"x", "b"}} {
		save(t, file, onnxtest.Model(onnxtest.Node("Relu", []string{names[0]}, []string{names[1]}), onnxtest.Input(names[0], onnx.Float32, 2, 3), onnxtest.Output(names[1], onnx.Float32, 2, 3)))
	}
	for name, args := range map[string][]string{
		"an engine that was not built for it": {"--loadEngine=plain.plan", "--refitFromOnnx=static.onnx"},
		"a model that is not there":           {"--loadEngine=refit.plan", "--refitFromOnnx=gone.onnx"},
		"a broken model":                      {"--loadEngine=refit.plan", "--refitFromOnnx=corrupt.onnx"},
		"a model of other outputs":            {"--loadEngine=refit.plan", "--refitFromOnnx=outputs.onnx"},
		"a model of other inputs":             {"--loadEngine=refit.plan", "--refitFromOnnx=inputs.onnx"},
	} {
		o := trtexecRun(t, release, nil, append(args, "--refit", "--skipInference")...)
		if o.status != failed {
			t.Errorf("%s: ends with %+v", name, o.status)
		}
		has(t, o.errs, "[E] Engine refit from ONNX model failed.")
	}
}
