package report

import (
	"errors"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

func ptr[T any](v T) *T { return &v }

// inspectedPlan is an engine of which everything is known, at two places of its
// own and a list.
func inspectedPlan() *Inspected {
	f := NewInspected("s3://engines/prod/resnet50.plan", engine.File{
		Kind: engine.Plan, Size: 862484, TensorRT: "10.3.0.26", SM: "7.5", Container: "ftrt", Serialization: ptr(int64(239)),
		Device:   &engine.Device{SMs: 40, MemoryBytes: 15835660288, CoreKHz: 1590000, MemoryKHz: 5001000, MemoryBusBits: 256, L2Bytes: 4 << 20, Likely: []string{"T4"}},
		Sections: []engine.Section{{Tag: "ENGN", Offset: 80, Size: 842000}, {Tag: "WGHT", Offset: 842080, Size: 20000}},
		Notes:    []string{"12 bytes follow the end of the plan"},
	})
	f.MD5, f.SHA256 = strings.Repeat("d", 32), strings.Repeat("e", 64)
	f.LoadsIn = []string{"nvcr.io/nvidia/tensorrt:24.08-py3", "nvcr.io/nvidia/tensorrt:24.07-py3"}
	f.Against = []Judged{
		{Place: "t4,trt=10.3.0.26", Verdict: compat.Valid, Reasons: []string{"T4 is the GPU that built it"}},
		{Place: "a10,trt=8.6.1", Verdict: compat.Invalid, Reasons: []string{"TensorRT 8.6.1 loads no plan of 10.3.0.26", "A10 has compute capability 8.6"}, Fix: "build it for A10 in 23.09-py3"},
		{Place: "gpu-1: Tesla T4", Verdict: compat.Valid, Reasons: []string{"it is the GPU that built it"}, Count: 4, List: "nodes.json"},
		{Place: "gpu-2: NVIDIA A10", Verdict: compat.Invalid, Reasons: []string{"another compute capability", "and more"}, Count: 2, List: "nodes.json"},
		{Place: "gpu-3: NVIDIA L4", Verdict: compat.Invalid, Reasons: []string{"another compute capability"}, Count: 1, List: "other.json"},
		{Place: "who knows", Verdict: compat.Unknown, Reasons: []string{}},
	}
	return f
}

func inspectedModel() *Inspected {
	f := NewInspected("models/net.onnx", engine.File{Kind: engine.ONNX, Size: 262144})
	f.MD5, f.SHA256 = strings.Repeat("0", 32), strings.Repeat("1", 64)
	m := &onnx.Model{
		IRVersion: 8, Producer: "pytorch 2.1", Opsets: []onnx.Opset{{Domain: "", Version: 17}, {Domain: "com.example", Version: 1}},
		Inputs: []onnx.Value{
			{Name: "tokens", Type: onnx.Int64, Shape: []onnx.Dim{{Size: -1, Param: "batch"}, {Size: -1}, {Size: 128}}},
			{Name: "scale", Type: onnx.Float32, Shape: []onnx.Dim{}},
			{Name: "any", Type: onnx.Float16},
			{Name: "list", Container: "sequence", Type: onnx.Float32},
			{Name: "odd", Container: "map"},
		},
		Operators: []onnx.Operator{
			{Domain: "", Name: "Conv", Count: 53}, {Domain: "", Name: "EfficientNMS_TRT", Count: 1}, {Domain: "", Name: "Relu", Count: 49},
			{Domain: "com.example", Name: "GroupNorm", Count: 2}, {Domain: "trt", Name: "TRT_FP8QuantizeLinear", Count: 3},
		},
		Functions:   []onnx.Function{{Domain: "local", Name: "Block", Calls: 7}},
		External:    []onnx.External{{Location: "net.data", Bytes: 4096}, {Location: "more.data", Bytes: 10}, {Location: "far.data", Bytes: 1}},
		WeightBytes: 5000, WeightTypes: map[onnx.DataType]int64{onnx.Float32: 4000, onnx.Int64: 1000}, QDQ: true,
	}
	f.ONNX = NewModel(m)
	f.ONNX.External[0].Present, f.ONNX.External[1].Present = ptr(true), ptr(false)
	f.Notes = append(f.Notes, "external weights more.data: no such file beside the model")
	return f
}

func inspectedPointer() *Inspected {
	f := NewInspected("x.trt", engine.File{Kind: engine.GitLFSPointer, Size: 134, Notes: []string{"a git note", "a Git LFS pointer, not the file itself: run git lfs pull"}})
	f.MD5, f.SHA256 = strings.Repeat("2", 32), strings.Repeat("3", 64)
	return f
}

func inspectedSimulated() *Inspected {
	return NewInspected("sim.plan", engine.File{
		Kind: engine.Plan, Size: 1 << 20, TensorRT: "10.3.0.26", SM: "8.0", Container: "ftrt", Simulated: true,
		Device: &engine.Device{SMs: 108, Likely: []string{"A100-40GB", "A100-80GB"}},
		Notes: []string{
			"a note that is longer than a line of a page has room for, and whose words are broken onto the lines that follow without any of them getting lost on the way",
			"a short one",
		},
	})
}

// inspectedWrapped is an engine that is whole, and not all of its file.
func inspectedWrapped() *Inspected {
	return NewInspected("yolo.engine", engine.File{Kind: engine.Plan, Size: 4096, TensorRT: "10.3.0.26", Leading: 48, Notes: []string{"a JSON header of 44 bytes lies before the plan"}})
}

func inspectedBroken() *Inspected {
	return NewInspected("https://host/cut.plan", engine.File{
		Kind: engine.Plan, Size: 4096, TensorRT: "", Container: "ftrt", Truncated: true, Damaged: true, Simulated: true, Notes: []string{"4 bytes are missing"}, Leading: 48, Trailing: 12,
		Device: &engine.Device{SMs: 1},
	})
}

// The names and forms of the JSON are a contract: what moves here breaks scripts.
func TestInspectJSON(t *testing.T) {
	var all, nothing strings.Builder
	err := InspectJSON(&all, []*Inspected{inspectedPlan(), inspectedModel(), inspectedPointer(), inspectedBroken()})
	if err := errors.Join(err, InspectJSON(&nothing, nil)); err != nil {
		t.Fatal(err)
	}
	if nothing.String() != "[]\n" {
		t.Errorf("of no file it says %q", nothing.String())
	}
	golden(t, "inspect.json", func(w io.Writer) error {
		for line := range strings.Lines(all.String()) {
			if _, err := io.WriteString(w, line); err != nil {
				return err
			}
		}
		return nil
	})
	if InspectJSON(&fails{}, nil) == nil {
		t.Error("an error of writing was lost")
	}
}

func TestInspect(t *testing.T) {
	for name, f := range map[string]*Inspected{
		"inspect-plan": inspectedPlan(), "inspect-model": inspectedModel(), "inspect-pointer": inspectedPointer(), "inspect-broken": inspectedBroken(),
		"inspect-simulated": inspectedSimulated(), "inspect-wrapped": inspectedWrapped(),
		"inspect-new-kind": NewInspected("x", engine.File{Kind: "new-kind"}),
	} {
		golden(t, name, func(w io.Writer) error { return Inspect(w, f) })
	}
}

// What the engine package learns to tell must not be lost on the way out.
func TestInspectedHoldsEverythingThatIsKnownOfAFile(t *testing.T) {
	var f engine.File
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		switch field := v.Field(i); field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int64:
			field.SetInt(7)
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		default:
			t.Fatalf("engine.File.%s is a %s: teach this test about it", v.Type().Field(i).Name, field.Kind())
		}
	}
	got := reflect.ValueOf(NewInspected("p", f)).Elem()
	for i := range v.NumField() {
		name, tag := v.Type().Field(i).Name, v.Type().Field(i).Tag.Get("json")
		field, ok := got.Type().FieldByName(name)
		if !ok || field.Tag.Get("json") != tag || !reflect.DeepEqual(got.FieldByName(name).Interface(), v.Field(i).Interface()) {
			t.Errorf("engine.File.%s (%s) is lost", name, tag)
		}
	}
}

func TestEveryKindOfFileHasAName(t *testing.T) {
	src, err := os.ReadFile("../engine/kind.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Kind\s+= "([^"]+)"`).FindAllStringSubmatch(string(src), -1)
	if len(found) < 10 {
		t.Fatalf("found only the kinds %q", found)
	}
	for _, m := range found {
		if kinds[engine.Kind(m[1])] == "" {
			t.Errorf("kind %q has no name for people", m[1])
		}
	}
}
