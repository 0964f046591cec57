package verify

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

func TestJudgeExplainsInOneSentence(t *testing.T) {
	two := Case{Name: "small/opt", Profile: 1, Outputs: []Tensor{{Name: "logits"}, {Name: "mask"}}}
	good := Errors{Output: "mask", Elements: 4, MaxAbs: 0.001, Cosine: 1, Passed: true}
	fine := Errors{Output: "logits", Elements: 4, MaxAbs: 0.004, Cosine: 1, Passed: true}
	named := func(e Errors, name string) Errors { e.Output = name; return e }
	nan, inf := math.NaN(), math.Inf(1)
	f32 := func(got, want []float64) Errors {
		return named(compare(t, onnx.Float32, onnx.Float32, got, want, Tolerance{0.01, 0.1}), "logits")
	}
	for name, tc := range map[string]struct {
		outputs []Errors
		p99     float64
		limit   float64
		passed  bool
		want    string
	}{
		"all is well":          {[]Errors{fine, good}, 10, 12, true, "small/opt: all outputs are within tolerance; the largest error is 0.004, in logits"},
		"a latency on the bar": {[]Errors{fine, good}, 12, 12, true, "small/opt: all outputs are within tolerance; the largest error is 0.004, in logits"},
		"too slow":             {[]Errors{fine, good}, 12.5, 12, false, "small/opt: 99 % of runs take up to 12.5 ms, more than the 12 ms allowed"},
		"not measured":         {[]Errors{fine, good}, 0, 12, false, "small/opt: no latency was measured, so the limit of 12 ms cannot be held"},
		"an output left out":   {[]Errors{fine}, 0, 0, false, "small/opt: output mask was not written by the engine, or not in the shape of the reference"},
		"an error": {[]Errors{f32([]float64{1, 2, 3, 5}, []float64{1, 2, 3, 4}), good}, 0, 0, false,
			"small/opt: output logits is off: element [3] is 5 where the reference is 4, 1 apart with 0.41 allowed (abs 0.01 + rel 0.1); 1 of 4 elements are beyond tolerance, cosine 0.993999"},
		"wrong everywhere": {[]Errors{f32([]float64{9}, []float64{1}), {Output: "mask", Elements: 1}}, 0, 0, false,
			"small/opt: output logits is off: element [0] is 9 where the reference is 1, 8 apart with 0.11 allowed (abs 0.01 + rel 0.1); 1 of 1 elements are beyond tolerance, cosine 1; also wrong: mask"},
		"NaN": {[]Errors{f32([]float64{1, nan, nan}, []float64{1, 2, 3}), good}, 0, 0, false,
			"small/opt: output logits holds NaN in 2 of 3 elements where the reference does not: element [1] is NaN where the reference is 2"},
		"infinity": {[]Errors{f32([]float64{1, inf}, []float64{1, 70000}), good}, 0, 0, false,
			"small/opt: output logits is infinite in 1 of 2 elements where the reference is not: element [1] is +Inf where the reference is 70000"},
		"both": {[]Errors{f32([]float64{nan, inf}, []float64{1, 2}), good}, 0, 0, false,
			"small/opt: output logits holds 1 NaN and 1 infinite values among 2 that the reference does not have: element [0] is NaN where the reference is 1"},
		"finite for NaN": {[]Errors{f32([]float64{1, 2}, []float64{1, nan}), good}, 0, 0, false,
			"small/opt: output logits is finite where the reference is not: element [1] is 2 where the reference is NaN, in 1 of 2 elements"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Judge(two, tc.outputs, Latency{P99: tc.p99}, tc.limit)
			if r.Passed != tc.passed || !r.Loaded || r.Case != "small/opt" || r.Profile != 1 {
				t.Errorf("Judge: %+v, want passed %v", r, tc.passed)
			}
			if got := r.Explain(); got != tc.want {
				t.Errorf("Explain:\n got %s\nwant %s", got, tc.want)
			}
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var back Result
			if err := json.Unmarshal(data, &back); err != nil || back.Explain() != r.Explain() {
				t.Errorf("from JSON: %s, %v", back.Explain(), err)
			}
		})
	}
	if got := (Result{Case: "static"}).Explain(); got != "static: the engine did not load or run" {
		t.Errorf("not loaded: %s", got)
	}
	if r := Judge(Case{Name: "static"}, nil, Latency{}, 0); r.Passed || r.Explain() != "static: no output was compared" {
		t.Errorf("no outputs at all: %+v, %s", r, r.Explain())
	}
	scalar := f32([]float64{2}, []float64{1})
	scalar.Worst.Index = []int64{}
	if got, want := Judge(two, []Errors{scalar, good}, Latency{}, 0).Explain(),
		"small/opt: output logits is off: it is 2 where the reference is 1, 1 apart with 0.11 allowed (abs 0.01 + rel 0.1); 1 of 1 elements are beyond tolerance, cosine 1"; got != want {
		t.Errorf("a scalar:\n got %s\nwant %s", got, want)
	}
	outputs := make([]Errors, 1, 8)
	outputs[0] = fine
	before := append([]Errors(nil), outputs[:2]...)
	Judge(two, outputs, Latency{}, 0)
	if !reflect.DeepEqual(outputs[:2], before) {
		t.Error("Judge wrote into its caller's slice")
	}
}
