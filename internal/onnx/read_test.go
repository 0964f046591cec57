package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
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
		"mnist-opset8": {IRVersion: 3, FileBytes: 26454, Producer: "CNTK 2.5.1", Opsets: []onnx.Opset{{"", 8}},
			Inputs: []onnx.Value{{Name: "Input3", Type: f32, Shape: fixed(1, 1, 28, 28)}}, Outputs: []onnx.Value{{Name: "Plus214_Output_0", Type: f32, Shape: fixed(1, 10)}},
			Operators:   []onnx.Operator{{"", "Add", 3}, {"", "Conv", 2}, {"", "MatMul", 1}, {"", "MaxPool", 2}, {"", "Relu", 2}, {"", "Reshape", 2}},
			WeightBytes: 24008, WeightTypes: map[onnx.DataType]int64{f32: 23976, onnx.Int64: 32}},
		"operator-conv": {IRVersion: 3, FileBytes: 7746, Producer: "pytorch 0.3", Opsets: []onnx.Opset{{"", 6}},
			Inputs: []onnx.Value{{Name: "0", Type: f32, Shape: fixed(20, 16, 50, 40)}}, Outputs: []onnx.Value{{Name: "2", Type: f32, Shape: fixed(20, 13, 48, 38)}},
			Operators: []onnx.Operator{{"", "Conv", 1}}, WeightBytes: 13 * 16 * 3 * 3 * 4, WeightTypes: map[onnx.DataType]int64{f32: 7488}},
		"light-squeezenet": {IRVersion: 3, FileBytes: 15618, Producer: "onnx-caffe2", Opsets: []onnx.Opset{{"", 9}},
			Inputs: []onnx.Value{{Name: "data_0", Type: f32, Shape: fixed(1, 3, 224, 224)}}, Outputs: []onnx.Value{{Name: "softmaxout_1", Type: f32, Shape: fixed(1, 1000, 1, 1)}},
			Operators: []onnx.Operator{{"", "Concat", 8}, {"", "ConstantOfShape", 39}, {"", "Conv", 26}, {"", "Dropout", 1}, {"", "GlobalAveragePool", 1},
				{"", "MaxPool", 3}, {"", "Relu", 26}, {"", "Softmax", 1}},
			WeightBytes: 3652, WeightTypes: map[onnx.DataType]int64{f32: 2716, onnx.Int64: 936}},
		"triton-simple-int32": {IRVersion: 10, FileBytes: 331, Producer: "triton", Opsets: []onnx.Opset{{"", 21}},
			Inputs:    []onnx.Value{{Name: "INPUT0", Type: i32, Shape: dynamic("", 16)}, {Name: "INPUT1", Type: i32, Shape: dynamic("", 16)}},
			Outputs:   []onnx.Value{{Name: "OUTPUT0", Type: i32, Shape: dynamic("", 16)}, {Name: "OUTPUT1", Type: i32, Shape: dynamic("", 16)}},
			Operators: []onnx.Operator{{"", "Add", 1}, {"", "Cast", 2}, {"", "Identity", 2}, {"", "Sub", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"trt-plugin-domain": {IRVersion: 8, FileBytes: 293, Opsets: []onnx.Opset{{"", 18}},
			Inputs: []onnx.Value{{Name: "input1", Type: f32, Shape: fixed(12, 256, 256)}, {Name: "input2", Type: f32, Shape: fixed(12, 256, 256)},
				{Name: "input3", Type: f32, Shape: fixed(12, 256, 256)}},
			Outputs:   []onnx.Value{{Name: "output", Type: f32, Shape: fixed(12, 256, 256)}},
			Operators: []onnx.Operator{{"trt.plugins", "DisentangledAttention_TRT", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"qdq-external-data": {IRVersion: 7, FileBytes: 2142, Producer: "onnx.quantize 0.1.0", Opsets: []onnx.Opset{{"", 13}, {"com.microsoft.nchwc", 1}, {"ai.onnx.ml", 3},
			{"com.ms.internal.nhwc", 16}, {"ai.onnx.training", 1}, {"ai.onnx.preview.training", 1}, {"com.microsoft", 1}, {"com.microsoft.experimental", 1}, {"org.pytorch.aten", 1}},
			Inputs: []onnx.Value{{Name: "input", Type: f32, Shape: fixed(1, 3, 24, 24)}}, Outputs: []onnx.Value{{Name: "output", Type: f32, Shape: fixed(1, 32, 26, 26)}},
			Operators: []onnx.Operator{{"", "Conv", 1}, {"", "DequantizeLinear", 4}, {"", "QuantizeLinear", 2}}, External: []onnx.External{{"conv_qdq_external_ini.bin", 992}},
			WeightBytes: 1015, WeightTypes: map[onnx.DataType]int64{f32: 16, onnx.Uint8: 867, i32: 132}, QDQ: true},
		"opset-too-new": {IRVersion: 3, FileBytes: 105, Producer: "OnnxConformanceTest", Opsets: []onnx.Opset{{"", 314159}},
			Inputs:    []onnx.Value{{Name: "A", Type: f32, Shape: fixed(5)}, {Name: "B", Type: f32, Shape: fixed(5)}},
			Outputs:   []onnx.Value{{Name: "C", Type: f32, Shape: fixed(5)}},
			Operators: []onnx.Operator{{"", "Add", 1}}, WeightTypes: map[onnx.DataType]int64{}},
		"missing-external-data": {IRVersion: 7, FileBytes: 173, Producer: "onnx-example", Opsets: []onnx.Opset{{"", 13}},
			Inputs: []onnx.Value{{Name: "X", Type: f32, Shape: fixed(1, 2)}}, Outputs: []onnx.Value{{Name: "Y", Type: f32, Shape: fixed(1, 4)}},
			Operators: []onnx.Operator{{"", "Pad", 1}}, External: []onnx.External{{"Pads.bin", 32}}, WeightBytes: 32, WeightTypes: map[onnx.DataType]int64{onnx.Int64: 32}},
		"sequence-ops": {IRVersion: 7, FileBytes: 371, Producer: "backend-test", Opsets: []onnx.Opset{{"", 12}},
			Inputs: []onnx.Value{{Name: "X", Type: f32, Shape: fixed(2, 3, 4)}, {Name: "Y", Type: f32, Shape: fixed(1, 3, 4)},
				{Name: "Z", Type: f32, Shape: fixed(3, 3, 4)}},
			Outputs:     []onnx.Value{{Name: "out", Type: f32, Shape: dynamic("", 3, 4)}},
			Operators:   []onnx.Operator{{"", "SequenceAt", 1}, {"", "SequenceEmpty", 1}, {"", "SequenceInsert", 3}},
			WeightBytes: 16, WeightTypes: map[onnx.DataType]int64{onnx.Int64: 16}},
		"conv4-dynamic-batch-external": {IRVersion: 10, FileBytes: 12502, Producer: "pytorch 2.10.0+cu128", Opsets: []onnx.Opset{{"", 18}},
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

func TestWeightsOfEveryTypeTakeTheirTrueSpace(t *testing.T) {
	// Five elements of each type of TensorProto.DataType, packed as ONNX packs them.
	for name, want := range map[string]int64{"float32": 20, "uint8": 5, "int8": 5, "uint16": 10, "int16": 10, "int32": 20, "int64": 40, "bool": 5,
		"float16": 10, "float64": 40, "uint32": 20, "uint64": 40, "complex64": 40, "complex128": 80, "bfloat16": 10,
		"float8e4m3fn": 5, "float8e4m3fnuz": 5, "float8e5m2": 5, "float8e5m2fnuz": 5, "float8e8m0": 5,
		"uint4": 3, "int4": 3, "float4e2m1": 3, "uint2": 2, "int2": 2} {
		typ, err := onnx.ParseDataType(name)
		if err != nil {
			t.Fatal(err)
		}
		m := mustRead(t, Model(Initializer(Tensor("w", typ, 5), Raw(make([]byte, want)))))
		if got := m.WeightTypes[typ]; got != want || m.WeightBytes != want {
			t.Errorf("%s: five elements take %d bytes, want %d", name, got, want)
		}
		refused(t, Model(Initializer(Tensor("w", typ, 5), Raw(make([]byte, want+1)))), "but its raw data has")
	}
	texts := Model(Initializer(Tensor("words", onnx.String, 2), Text(6, "cat"), Text(6, "mouse")))
	if m := mustRead(t, texts); m.WeightTypes[onnx.String] != 8 {
		t.Errorf("strings take %v bytes, want 8", m.WeightTypes)
	}
	unknown := Model(Initializer(Tensor("w", 99, 2), Raw(make([]byte, 7))))
	if m := mustRead(t, unknown); m.WeightTypes[99] != 7 {
		t.Errorf("weights of a type that ONNX does not define take %v bytes, want what is there, 7", m.WeightTypes)
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
