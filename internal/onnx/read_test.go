package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

func read(model []byte) (*onnx.Model, error) {
	return onnx.Read(bytes.NewReader(model), int64(len(model)))
}

func mustRead(t *testing.T, model []byte) *onnx.Model {
	t.Helper()
	m, err := read(model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fixed(sizes ...int64) []onnx.Dim {
	dims := []onnx.Dim{}
	for _, s := range sizes {
		dims = append(dims, onnx.Dim{Size: s})
	}
	return dims
}

func TestInspectReadsModelsThatOthersPublished(t *testing.T) {
	f32, i32 := onnx.Float32, onnx.Int32
	dynamic := func(param string, rest ...int64) []onnx.Dim {
		return append([]onnx.Dim{{Size: -1, Param: param}}, fixed(rest...)...)
	}
	for name, want := range map[string]*onnx.Model{
		"mnist-opset8": {IRVersion: 3, Producer: "CNTK 2.5.1", Opsets: []onnx.Opset{{"", 8}},
			Inputs: []onnx.Value{{Name: "Input3", Type: f32, Shape: fixed(1, 1, 28, 28)}}, Outputs: []onnx.Value{{Name: "Plus214_Output_0", Type: f32, Shape: fixed(1, 10)}},
			Operators:   []onnx.Operator{{"", "Add", 3}, {"", "Conv", 2}, {"", "MatMul", 1}, {"", "MaxPool", 2}, {"", "Relu", 2}, {"", "Reshape", 2}},
			WeightBytes: 24008, WeightTypes: map[onnx.DataType]int64{f32: 23976, onnx.Int64: 32}},
		"triton-simple-int32": {IRVersion: 10, Producer: "triton", Opsets: []onnx.Opset{{"", 21}},
			Inputs:    []onnx.Value{{Name: "INPUT0", Type: i32, Shape: dynamic("", 16)}, {Name: "INPUT1", Type: i32, Shape: dynamic("", 16)}},
			Outputs:   []onnx.Value{{Name: "OUTPUT0", Type: i32, Shape: dynamic("", 16)}, {Name: "OUTPUT1", Type: i32, Shape: dynamic("", 16)}},
			Operators: []onnx.Operator{{"", "Add", 1}, {"", "Cast", 2}, {"", "Identity", 2}, {"", "Sub", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"trt-plugin-domain": {IRVersion: 8, Opsets: []onnx.Opset{{"", 18}},
			Inputs: []onnx.Value{{Name: "input1", Type: f32, Shape: fixed(12, 256, 256)}, {Name: "input2", Type: f32, Shape: fixed(12, 256, 256)},
				{Name: "input3", Type: f32, Shape: fixed(12, 256, 256)}},
			Outputs:   []onnx.Value{{Name: "output", Type: f32, Shape: fixed(12, 256, 256)}},
			Operators: []onnx.Operator{{"trt.plugins", "DisentangledAttention_TRT", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"qdq-external-data": {IRVersion: 7, Producer: "onnx.quantize 0.1.0", Opsets: []onnx.Opset{{"", 13}, {"com.microsoft.nchwc", 1}, {"ai.onnx.ml", 3},
			{"com.ms.internal.nhwc", 16}, {"ai.onnx.training", 1}, {"ai.onnx.preview.training", 1}, {"com.microsoft", 1}, {"com.microsoft.experimental", 1}, {"org.pytorch.aten", 1}},
			Inputs: []onnx.Value{{Name: "input", Type: f32, Shape: fixed(1, 3, 24, 24)}}, Outputs: []onnx.Value{{Name: "output", Type: f32, Shape: fixed(1, 32, 26, 26)}},
			Operators: []onnx.Operator{{"", "Conv", 1}, {"", "DequantizeLinear", 4}, {"", "QuantizeLinear", 2}}, External: []onnx.External{{"conv_qdq_external_ini.bin", 992}},
			WeightBytes: 1015, WeightTypes: map[onnx.DataType]int64{f32: 16, onnx.Uint8: 867, i32: 132}, QDQ: true},
		"opset-too-new": {IRVersion: 3, Producer: "OnnxConformanceTest", Opsets: []onnx.Opset{{"", 314159}},
			Inputs:    []onnx.Value{{Name: "A", Type: f32, Shape: fixed(5)}, {Name: "B", Type: f32, Shape: fixed(5)}},
			Outputs:   []onnx.Value{{Name: "C", Type: f32, Shape: fixed(5)}},
			Operators: []onnx.Operator{{"", "Add", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"missing-external-data": {IRVersion: 7, Producer: "onnx-example", Opsets: []onnx.Opset{{"", 13}},
			Inputs: []onnx.Value{{Name: "X", Type: f32, Shape: fixed(1, 2)}}, Outputs: []onnx.Value{{Name: "Y", Type: f32, Shape: fixed(1, 4)}},
			Operators: []onnx.Operator{{"", "Pad", 1}}, External: []onnx.External{{"Pads.bin", 32}}, WeightBytes: 32, WeightTypes: map[onnx.DataType]int64{onnx.Int64: 32}},
		"sequence-ops": {IRVersion: 7, Producer: "backend-test", Opsets: []onnx.Opset{{"", 12}},
			Inputs: []onnx.Value{{Name: "X", Type: f32, Shape: fixed(2, 3, 4)}, {Name: "Y", Type: f32, Shape: fixed(1, 3, 4)},
				{Name: "Z", Type: f32, Shape: fixed(3, 3, 4)}},
			Outputs:     []onnx.Value{{Name: "out", Type: f32, Shape: dynamic("", 3, 4)}},
			Operators:   []onnx.Operator{{"", "SequenceAt", 1}, {"", "SequenceEmpty", 1}, {"", "SequenceInsert", 3}},
			WeightBytes: 16, WeightTypes: map[onnx.DataType]int64{onnx.Int64: 16}},
		"conv4-dynamic-batch-external": {IRVersion: 10, Producer: "pytorch 2.10.0+cu128", Opsets: []onnx.Opset{{"", 18}},
			Inputs:    []onnx.Value{{Name: "input_0", Type: f32, Shape: dynamic("batch", 3, 480, 640)}},
			Outputs:   []onnx.Value{{Name: "output_0", Type: f32, Shape: dynamic("batch", 3, 480, 640)}},
			Operators: []onnx.Operator{{"", "Conv", 4}, {"", "Relu", 3}, {"", "Sigmoid", 1}}, External: []onnx.External{{"model.onnx.data", 40320}},
			WeightBytes: 40588, WeightTypes: map[onnx.DataType]int64{f32: 40588}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := onnx.Inspect(filepath.Join("testdata", name, "model.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Inspect\n got %+v\nwant %+v", got, want)
			}
			if got.MaxOpset() != want.Opsets[0].Version {
				t.Errorf("MaxOpset is %d", got.MaxOpset())
			}
		})
	}
}

func TestOperatorsInSubgraphsAndFunctionsCount(t *testing.T) {
	branch := func(op string) []byte {
		return Bytes(6, Node(op, nil, []string{"b"}), Initializer(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 8))))
	}
	m := mustRead(t, slices.Concat(Model(
		Node("Add", []string{"x", "x"}, []string{"s"}),
		Node("If", []string{"c"}, []string{"y"}, Attribute("then_branch", GraphAttribute, branch("Add")), Attribute("else_branch", GraphAttribute, branch("Neg"))),
		Bytes(1, Text(4, "Local"), Text(7, "own")), Bytes(1, Text(4, "Relu"), Text(7, "ai.onnx")),
	), Bytes(25, Text(1, "Local"), Bytes(7, Text(4, "QuantizeLinear"), Text(7, "com.microsoft")))))
	want := []onnx.Operator{{"", "Add", 2}, {"", "If", 1}, {"", "Neg", 1}, {"", "Relu", 1}, {"com.microsoft", "QuantizeLinear", 1}, {"own", "Local", 1}}
	if !reflect.DeepEqual(m.Operators, want) {
		t.Errorf("operators are %v, want %v", m.Operators, want)
	}
	if m.WeightBytes != 16 || !m.QDQ {
		t.Errorf("weights %d, QDQ %v; want 16, true", m.WeightBytes, m.QDQ)
	}
}

func TestInputsAreThoseThatACallerGives(t *testing.T) {
	m := mustRead(t, Model(
		Input("x", onnx.Float32, -1, 3), Input("w", onnx.Float32, 2), Input("scalar", onnx.Int64), Input("x", onnx.Float32, 7),
		Bytes(11, Text(1, "shapeless"), Bytes(2, Bytes(1, Int(1, 10)))),
		Bytes(11, Text(1, "list"), Bytes(2, Bytes(4, Bytes(1, Bytes(1, Int(1, 1)))))),
		Bytes(11, Text(1, "negative"), Bytes(2, Bytes(1, Int(1, 1), Bytes(2, Bytes(1, Int(1, -1)))))),
		Initializer(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 8))),
		Output("y", onnx.Float32, 1), Output("y", onnx.Float32, 2),
	))
	want := []onnx.Value{
		{Name: "x", Type: onnx.Float32, Shape: []onnx.Dim{{Size: -1, Param: "n"}, {Size: 3}}},
		{Name: "scalar", Type: onnx.Int64, Shape: []onnx.Dim{}},
		{Name: "shapeless", Type: onnx.Float16},
		{Name: "list", Container: "sequence"},
		{Name: "negative", Type: onnx.Float32, Shape: []onnx.Dim{{Size: -1}}},
	}
	if !reflect.DeepEqual(m.Inputs, want) {
		t.Errorf("inputs\n got %+v\nwant %+v", m.Inputs, want)
	}
	for i, dynamic := range []bool{true, false, true, true, true} {
		if m.Inputs[i].Dynamic() != dynamic {
			t.Errorf("%s: Dynamic is %v", m.Inputs[i].Name, !dynamic)
		}
	}
	if len(m.Outputs) != 1 || m.Outputs[0].Shape[0].Size != 1 {
		t.Errorf("outputs are %+v, want the first y", m.Outputs)
	}
}

func TestWeightsAddUpByTypeAndFile(t *testing.T) {
	m := mustRead(t, Model(
		Initializer(Bytes(1, []byte{2, 3}), Int(2, 1), Text(8, "packed shape"), Raw(make([]byte, 24))),
		Initializer(Tensor("float data", onnx.Float32, 2), Bytes(4, make([]byte, 8))),
		Initializer(Tensor("nibbles", 22, 3), Raw(make([]byte, 2))),
		Initializer(Tensor("none", onnx.Int64, 0), Raw(nil)),
		Initializer(Tensor("a", onnx.Float16, 4), External("location", "./d/w.bin", "offset", "100", "length", "8")),
		Initializer(Tensor("b", onnx.Float16, 4), External("location", "d/w.bin")),
		Initializer(Tensor("c", onnx.Uint8, 4), External("location", "d//v.bin")),
		Node("Constant", nil, []string{"k"}, Attribute("value", TensorAttribute, Bytes(5, Tensor("", onnx.Bool), Raw([]byte{1})))),
		Bytes(15, Bytes(1, Tensor("s", onnx.Float32, 1), Raw(make([]byte, 4))), Bytes(2, Tensor("", onnx.Int64, 1), Raw(make([]byte, 8))), Int(3, 9)),
	))
	wantTypes := map[onnx.DataType]int64{onnx.Float32: 24 + 8 + 4, 22: 2, onnx.Int64: 8, onnx.Float16: 16, onnx.Uint8: 4, onnx.Bool: 1}
	if !reflect.DeepEqual(m.WeightTypes, wantTypes) || m.WeightBytes != 67 {
		t.Errorf("weights are %d %v, want 67 %v", m.WeightBytes, m.WeightTypes, wantTypes)
	}
	if want := []onnx.External{{"d/v.bin", 4}, {"d/w.bin", 108}}; !reflect.DeepEqual(m.External, want) {
		t.Errorf("external is %v, want %v", m.External, want)
	}
}

// nested is a graph with n graphs inside one another.
func nested(n int) []byte {
	if n == 0 {
		return Node("Add", nil, nil)
	}
	return Node("If", nil, nil, Attribute("then_branch", GraphAttribute, Bytes(6, nested(n-1))))
}

func TestWhatIsNoModelIsRefusedWithPlaceAndReason(t *testing.T) {
	weight := func(parts ...[]byte) []byte { return Model(Initializer(parts...)) }
	at := func(location string) []byte {
		return weight(Tensor("conv1.weight", onnx.Float32, 1), External("location", location))
	}
	whole := Model(Node("Add", nil, nil))
	for name, tc := range map[string]struct {
		model []byte
		want  string
	}{
		"an empty file":              {nil, "the file is empty"},
		"a Git LFS pointer":          {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "git lfs pull"},
		"a web page":                 {[]byte("\n<!DOCTYPE html><title>403"), "web page"},
		"an engine":                  {[]byte("ftrt\x00\x00\x00\x00"), "TensorRT engine"},
		"an old engine":              {[]byte("ptrt\x00\x00\x00\x00"), "TensorRT engine"},
		"a PyTorch archive":          {[]byte("PK\x03\x04abc"), "export the model to ONNX"},
		"a text":                     {[]byte("resnet50 lives elsewhere now\nask Bob"), `text file, not an ONNX model; it begins "resnet50 lives elsewhere now"`},
		"an empty graph, no field":   {Int(1, 8), "holds no graph"},
		"a file cut short":           {whole[:len(whole)-3], "byte 16: field 7 of the model claims 10 bytes where 7 are left"},
		"a file cut inside a tag":    {append(slices.Clone(whole), 0x80), "byte 29: the model ends inside a field"},
		"a group":                    {append(slices.Clone(whole), 0x0b), "byte 28: the model has a field of wire type 3"},
		"field number 0":             {append(slices.Clone(whole), 0x02), "byte 28: the model has a field with number 0"},
		"an endless number":          {append([]byte{0x08}, bytes.Repeat([]byte{0xff}, 10)...), "byte 1: a number is longer than 64 bits"},
		"a graph that is a number":   {Int(7, 1), "byte 0: a graph has wire type 0"},
		"a node without operator":    {Model(Bytes(1)), "no operator name"},
		"a name too long":            {Model(Node(strings.Repeat("x", 65<<10), nil, nil)), "an operator name is 66560 bytes long"},
		"graphs without end":         {Model(nested(40)), "nest deeper than 32 levels"},
		"a negative shape":           {weight(Tensor("w", onnx.Float32, -1)), `tensor "w" has the dimension -1`},
		"a shape too large":          {weight(Tensor("w", onnx.Float32, 1<<40, 1<<40)), `tensor "w" of shape [1099511627776 1099511627776] is larger`},
		"too many dimensions":        {weight(Tensor("w", onnx.Float32, make([]int64, 65)...)), "more than 64 dimensions"},
		"data that does not fit":     {weight(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 7))), `tensor "w" of type float32 and shape [2] needs 8 bytes, but its raw data has 7`},
		"an external length":         {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "length", "9")), "its external data entry gives 9"},
		"a negative offset":          {weight(Tensor("w", onnx.Float32, 2), External("location", "w", "offset", "-1")), `tensor "w": external data has offset "-1"`},
		"external strings":           {weight(Tensor("w", onnx.String, 2), External("location", "w")), "whose size is not known"},
		"external data nowhere":      {weight(Tensor("conv1.weight", onnx.Float32, 1), External()), `tensor "conv1.weight": its data is external, but the model names no file`},
		"an absolute location":       {at("/etc/passwd"), `tensor "conv1.weight": external data at "/etc/passwd" is refused: it is an absolute path`},
		"a location above":           {at("a/../../b"), "leaves the model's folder"},
		"a location with backslash":  {at(`..\b`), "backslash"},
		"a location with zero byte":  {at("a\x00b"), "zero byte"},
		"a location that is a drive": {at("C:/w.bin"), "drive letter"},
		"a location that is here":    {at("./"), "names a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := read(tc.model)
			if _, ok := errors.AsType[*onnx.Error](err); !ok || m != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Read gives %v, %v; want an Error with %q", m, err, tc.want)
			}
		})
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	_, err := onnx.Inspect("testdata/corrupt/model.onnx")
	if err == nil || err.Error() != `testdata/corrupt/model.onnx: this is a text file, not an ONNX model; it begins "this is not a valid onnx model"` {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, Model(Node("Add", nil, nil))[:25], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := onnx.Inspect(path); err == nil || !strings.HasPrefix(err.Error(), path+": byte 16: ") {
		t.Error(err)
	}
	if _, err := onnx.Inspect(path + ".gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := onnx.Inspect(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}

func TestAFileThatShrinksWhileReadIsAnError(t *testing.T) {
	model := Model(Node("Add", nil, nil))
	_, err := onnx.Read(bytes.NewReader(model[:10]), int64(len(model)))
	if err == nil || !strings.Contains(err.Error(), "byte 10: the file became shorter") {
		t.Error(err)
	}
}

func TestDataTypesKnowNameAndSize(t *testing.T) {
	for typ, want := range map[onnx.DataType]string{onnx.Float32: "float32 4", onnx.Int64: "int64 8", onnx.Bool: "bool 1",
		onnx.Float16: "float16 2", onnx.BFloat16: "bfloat16 2", onnx.String: "string 0", 22: "int4 0", 99: "type 99 0", -1: "type -1 0"} {
		if got := fmt.Sprint(typ, typ.Size()); got != want {
			t.Errorf("type %d is %q, want %q", int(typ), got, want)
		}
		back, err := onnx.ParseDataType(typ.String())
		if known := typ > 0 && typ < 99; (err == nil) != known || known && back != typ {
			t.Errorf("ParseDataType(%q) is %v, %v", typ, back, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	models, err := filepath.Glob("testdata/*/model.onnx")
	if err != nil || len(models) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range models {
		model, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(model)
	}
	f.Add(Model(nested(3), Input("x", onnx.Int64, -1), Initializer(Tensor("w", onnx.Float32, 1), External("location", "w"))))
	f.Fuzz(func(t *testing.T, model []byte) {
		m, err := read(model)
		again, errAgain := read(model)
		if !reflect.DeepEqual(m, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("two readings differ: %+v %v and %+v %v", m, err, again, errAgain)
		}
		if e, ok := errors.AsType[*onnx.Error](err); ok && (e.Offset < -1 || e.Offset > int64(len(model))) {
			t.Errorf("the error names byte %d of %d", e.Offset, len(model))
		}
		if m == nil {
			return
		}
		for _, e := range m.External {
			if !filepath.IsLocal(e.Location) || strings.Contains(e.Location, `\`) || e.Bytes < 0 {
				t.Errorf("external data %+v leaves the folder", e)
			}
		}
		if m.WeightBytes < 0 {
			t.Errorf("%d bytes of weights", m.WeightBytes)
		}
	})
}
