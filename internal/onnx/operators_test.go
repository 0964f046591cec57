package onnx_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

func call(domain, name string) []byte { return Bytes(1, Text(4, name), Text(7, domain)) }

// localFunction defines a function by the operators that it uses.
func localFunction(domain, name string, body ...[]byte) []byte {
	parts := [][]byte{Text(1, name)}
	for _, node := range body {
		parts = append(parts, slices.Concat([]byte{7<<3 | 2}, node[1:])) // a node stands in field 7 there, in field 1 of a graph
	}
	return Bytes(25, append(parts, Text(10, domain))...)
}

func TestOperatorsInSubgraphsCount(t *testing.T) {
	branch := func(op string) []byte {
		return Bytes(6, Node(op, nil, []string{"b"}), Initializer(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 8))))
	}
	m := mustRead(t, Model(
		Node("Add", []string{"x", "x"}, []string{"s"}),
		Node("If", []string{"c"}, []string{"y"}, Attribute("then_branch", GraphAttribute, branch("Add")), Attribute("else_branch", GraphAttribute, branch("Neg"))),
		call("own", "Local"), call("ai.onnx", "Relu"),
	))
	want := []onnx.Operator{{"", "Add", 2}, {"", "If", 1}, {"", "Neg", 1}, {"", "Relu", 1}, {"own", "Local", 1}}
	if !reflect.DeepEqual(m.Operators, want) {
		t.Errorf("operators are %v, want %v", m.Operators, want)
	}
	if m.WeightBytes != 16 || m.QDQ || m.Functions != nil {
		t.Errorf("weights %d, QDQ %v, functions %v; want 16, false, none", m.WeightBytes, m.QDQ, m.Functions)
	}
}

func TestACallOfAFunctionStandsForWhatTheFunctionUses(t *testing.T) {
	inner := localFunction("pkg", "Inner", call("com.microsoft", "QuantizeLinear"), Node("Constant", nil, nil,
		Attribute("value", TensorAttribute, Bytes(5, Tensor("", onnx.Float32, 1), Raw(make([]byte, 4))))))
	outer := localFunction("pkg", "Outer", call("pkg", "Inner"), call("", "Add"), Node("If", nil, nil,
		Attribute("then_branch", GraphAttribute, Bytes(6, call("pkg", "Inner")))))
	unused := localFunction("pkg", "Unused", call("acme", "NeedsAPlugin"), call("pkg", "Inner"))
	graph := Model(call("pkg", "Outer"), call("pkg", "Outer"), call("", "Add"), call("other", "Outer"))
	for name, tc := range map[string]struct {
		model     []byte
		operators []onnx.Operator
		functions []onnx.Function
	}{
		"in whatever order they stand": {slices.Concat(outer, unused, graph, inner),
			[]onnx.Operator{{"", "Add", 2}, {"", "Constant", 1}, {"", "If", 1}, {"com.microsoft", "QuantizeLinear", 1}, {"other", "Outer", 1}},
			[]onnx.Function{{"pkg", "Inner", 2}, {"pkg", "Outer", 2}, {"pkg", "Unused", 0}}},
		"overloads are one": {slices.Concat(graph, localFunction("pkg", "Outer", call("", "Abs")), localFunction("pkg", "Outer", call("", "Abs"), call("", "Neg"))),
			[]onnx.Operator{{"", "Abs", 2}, {"", "Add", 1}, {"", "Neg", 1}, {"other", "Outer", 1}}, []onnx.Function{{"pkg", "Outer", 2}}},
		"a circle ends": {slices.Concat(graph, localFunction("pkg", "Outer", call("pkg", "Outer"), call("", "Abs"))),
			[]onnx.Operator{{"", "Abs", 1}, {"", "Add", 1}, {"other", "Outer", 1}}, []onnx.Function{{"pkg", "Outer", 3}}},
		"the two names of ONNX are one": {slices.Concat(Model(call("ai.onnx", "Mine")), localFunction("", "Mine", call("", "Abs"))),
			[]onnx.Operator{{"", "Abs", 1}}, []onnx.Function{{"", "Mine", 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := mustRead(t, tc.model)
			if !reflect.DeepEqual(m.Operators, tc.operators) {
				t.Errorf("operators are %v, want %v", m.Operators, tc.operators)
			}
			if !reflect.DeepEqual(m.Functions, tc.functions) {
				t.Errorf("functions are %v, want %v", m.Functions, tc.functions)
			}
		})
	}
}

func TestQuantizationInTheModelIsSeen(t *testing.T) {
	for _, tc := range []struct {
		domain, name string
		want         bool
	}{
		{"", "DequantizeLinear", true},
		{"com.microsoft", "QuantizeLinear", true},
		{"trt", "TRT_FP8DequantizeLinear", true},
		{"", "DynamicQuantizeLinear", false}, // takes its scale from the data it meets
		{"", "QLinearConv", false},
		{"", "Conv", false},
	} {
		if m := mustRead(t, Model(call(tc.domain, tc.name))); m.QDQ != tc.want {
			t.Errorf("QDQ is %v for %s of domain %q", m.QDQ, tc.name, tc.domain)
		}
	}
	unused := slices.Concat(Model(call("", "Conv")), localFunction("pkg", "Unused", call("", "QuantizeLinear")))
	if mustRead(t, unused).QDQ {
		t.Error("QDQ is true for a function that nothing calls")
	}
}

func TestFunctionsNeedNames(t *testing.T) {
	for _, function := range [][]byte{localFunction("pkg", ""), localFunction("p\x00", "x")} {
		if m, err := read(append(Model(), function...)); err == nil || !strings.Contains(err.Error(), "a function has no name that makes sense") {
			t.Errorf("Read gives %v, %v", m, err)
		}
	}
}

func TestTrainingInformationIsNoPartOfTheModel(t *testing.T) {
	// ModelProto.training_info holds graphs that only training runs.
	m := mustRead(t, slices.Concat(Model(call("", "Relu")), Bytes(20, Bytes(1, call("", "Gradient"), Initializer(Tensor("w", onnx.Float32, 2), Raw(make([]byte, 8)))))))
	if want := []onnx.Operator{{"", "Relu", 1}}; !reflect.DeepEqual(m.Operators, want) || m.WeightBytes != 0 {
		t.Errorf("operators are %v, weights %d bytes; want %v and none", m.Operators, m.WeightBytes, want)
	}
}
