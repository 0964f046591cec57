package catalog

import (
	"strings"
	"testing"
)

func release(t *testing.T, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOperator(t *testing.T) {
	for name, tc := range map[string]struct {
		domain, operator, version string
		want                      Verdict
		why                       string // what Why holds; "" when there is none
	}{
		"one that every parser imports":           {"", "Conv", "8.4.1", Can, ""},
		"under ONNX's other name":                 {"ai.onnx", "Conv", "10.3.0.26", Can, ""},
		"one before its time":                     {"", "LayerNormalization", "8.5.3", Cannot, "TensorRT 8.5.3 has no importer for it and brings no plugin of that name; 8.6 does"},
		"the same in time":                        {"", "LayerNormalization", "8.6.1.6", Can, ""},
		"one that came in the middle of 10":       {"", "DeformConv", "10.0.1", Cannot, "10.1 does"},
		"a boundary that was not read":            {"", "Gelu", "10.3", Uncertain, "not known; 10.6 does"},
		"before that boundary":                    {"", "Gelu", "9.3", Cannot, "10.6 does"},
		"one that no parser imports":              {"", "Unique", "10.15", Cannot, "no importer"},
		"one of sequences":                        {"", "SequenceAt", "8.6", Cannot, "no importer"},
		"one that no list has":                    {"", "FlexAttention", "10.9", Cannot, "no importer"},
		"a release after those read":              {"", "Unique", "11.1", Uncertain, "not known"},
		"one that no list has, in that release":   {"", "FlexAttention", "11.1", Cannot, "no importer"},
		"a foreign one in that release":           {"acme", "Own", "11.1", Cannot, "no importer"},
		"an old operator in that release":         {"", "Conv", "11.1", Can, ""},
		"any operator in the next generation":     {"", "Conv", "12.0", Uncertain, "TensorRT 12.0"},
		"a release before those read":             {"", "Conv", "8.2", Uncertain, "TensorRT 8.2"},
		"an unlisted one in that release":         {"acme", "Own", "8.2", Uncertain, "was not read"},
		"a bundled plugin in ONNX's domain":       {"", "EfficientNMS_TRT", "8.6", Can, "brings a plugin"},
		"a bundled plugin in a domain of its own": {"trt.plugins", "DisentangledAttention_TRT", "10.3", Can, "brings a plugin"},
		"in any domain":                           {"acme", "ROIAlign_TRT", "8.5", Can, "brings a plugin"},
		"a plugin before its time":                {"", "ROIAlign_TRT", "8.4", Cannot, "8.5 does"},
		"a plugin that went":                      {"", "CoordConvAC", "11.0", Cannot, "went with 11.0"},
		"a plugin before it went":                 {"", "CoordConvAC", "10.16", Can, "brings a plugin"},
		"a plugin of an unread release":           {"", "ModulatedDeformConv2d", "8.6.1", Uncertain, "whether TensorRT 8.6.1 brings a plugin"},
		"a foreign operator":                      {"com.microsoft", "GroupQueryAttention", "10.15", Cannot, "no importer"},
		"a foreign operator with a name of ONNX":  {"com.microsoft", "Attention", "10.15", Uncertain, "goes by names alone and takes Attention of domain com.microsoft"},
		"before the parser had that name":         {"com.microsoft", "Attention", "10.9", Cannot, "10.14 does"},
		"quantization of ONNX Runtime":            {"com.microsoft", "DequantizeLinear", "8.6", Can, ""},
		"quantization of TensorRT":                {"trt", "TRT_FP8QuantizeLinear", "10.15", Can, ""},
		"MXFP8":                                   {"trt", "TRT_MXFP8QuantizeLinear", "10.9", Cannot, "10.12 does"},
		"a tree":                                  {"ai.onnx.ml", "TreeEnsembleClassifier", "10.15", Cannot, "no importer"},
		"case counts":                             {"", "conv", "10.15", Cannot, "no importer"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Operator(tc.domain, tc.operator, release(t, tc.version))
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) || (tc.why == "") != (got.Why == "") {
				t.Errorf("Operator(%q, %s, %s) = %+v, want %s with %q", tc.domain, tc.operator, tc.version, got, tc.want, tc.why)
			}
			if got.Verdict != Uncertain && got.Source == "" {
				t.Error("the answer names no source")
			}
		})
	}
}

func TestPluginFor(t *testing.T) {
	for name, tc := range map[string]struct {
		domain, operator, version string
		want                      Verdict
		why                       string
	}{
		"a foreign operator":                     {"acme", "Own", "8.6", Can, ""},
		"an operator of ONNX before its time":    {"", "GridSample", "8.4", Can, ""},
		"one that parsers refuse by name":        {"", "DFT", "10.15", Can, "need a name of their own"},
		"before parsers refused names":           {"", "DFT", "8.6", Can, ""},
		"sequences":                              {"", "SplitToSequence", "8.6", Cannot, "it works on sequences, and plugins take and give tensors alone"},
		"optionals":                              {"ai.onnx", "OptionalHasElement", "10.15", Cannot, "optionals"},
		"maps":                                   {"ai.onnx.ml", "ZipMap", "10.15", Cannot, "maps"},
		"strings":                                {"", "StringNormalizer", "10.15", Cannot, "strings"},
		"a sequence in name alone":               {"acme", "SequenceAt", "8.6", Can, ""},
		"a sequence of numbers":                  {"", "ReverseSequence", "8.4", Can, ""},
		"the same name of a domain of their own": {"acme", "DFT", "10.15", Can, "need a name of their own"},
	} {
		t.Run(name, func(t *testing.T) {
			got := PluginFor(tc.domain, tc.operator, release(t, tc.version))
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) || (tc.why == "") != (got.Why == "") {
				t.Errorf("PluginFor(%q, %s, %s) = %+v, want %s with %q", tc.domain, tc.operator, tc.version, got, tc.want, tc.why)
			}
		})
	}
}

func TestLocalFunctions(t *testing.T) {
	for version, want := range map[string]Verdict{"8.2": Uncertain, "8.6.1": Cannot, "9.0": Can, "10.3": Can, "12.0": Uncertain} {
		if got := LocalFunctions(release(t, version)); got.Verdict != want || got.Source == "" {
			t.Errorf("LocalFunctions(%s) = %+v, want %s", version, got, want)
		}
	}
}

func TestTensorAndWeightTypes(t *testing.T) {
	const float32Type, uint8Type, int16Type, int64Type, stringType, float64Type, bfloat16, float8, int4 = 1, 2, 5, 7, 8, 11, 16, 17, 22
	for name, tc := range map[string]struct {
		ask     func(int32, Version) Answer
		number  int32
		version string
		want    Verdict
		why     string
	}{
		"float32":                  {TensorType, float32Type, "8.4", Can, ""},
		"float64 is narrowed":      {TensorType, float64Type, "10.3", Can, "binds float64 as float32"},
		"int64 was narrowed":       {TensorType, int64Type, "8.6.1", Can, "binds int64 as int32"},
		"int64 is not":             {TensorType, int64Type, "9.0", Can, ""},
		"uint8 before its time":    {TensorType, uint8Type, "8.4", Cannot, "TensorRT 8.4 takes no inputs and outputs of type uint8; 8.5 does"},
		"uint8 weights":            {WeightType, uint8Type, "8.4", Can, ""},
		"bfloat16 before its time": {TensorType, bfloat16, "8.6", Cannot, "9.0 does"},
		"bfloat16 weights":         {WeightType, bfloat16, "8.6", Cannot, "takes no weights of type bfloat16; 9.0 does"},
		"strings":                  {TensorType, stringType, "10.15", Cannot, "TensorRT 10.15 takes no inputs and outputs of type string"},
		"int16":                    {WeightType, int16Type, "10.15", Cannot, "takes no weights of type int16"},
		"float8 inputs":            {TensorType, float8, "10.15", Uncertain, "not known"},
		"float8 weights":           {WeightType, float8, "10.15", Can, ""},
		"int4 weights":             {WeightType, int4, "9.3", Cannot, "10.0 does"},
		"a type of a later ONNX":   {TensorType, 99, "10.15", Uncertain, "element type 99"},
		"a type that is none":      {WeightType, -1, "10.15", Uncertain, "element type -1"},
		"a release after the last": {TensorType, float32Type, "12.0", Uncertain, "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.ask(tc.number, release(t, tc.version))
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) || (tc.why == "") != (got.Why == "") {
				t.Errorf("type %d in %s: %+v, want %s with %q", tc.number, tc.version, got, tc.want, tc.why)
			}
		})
	}
}

func TestEveryReleaseAnswersForEveryOperator(t *testing.T) {
	// An operator never goes from supported to not as releases grow, unless the table says when.
	for name, row := range operatorRows() {
		was := Cannot
		for _, v := range Releases() {
			if v.Major > lastParser.Major || v.Minor > lastParser.Minor && v.Major == lastParser.Major {
				continue
			}
			got := row.holds(v)
			if was == Can && got != Can || was == Uncertain && got == Cannot {
				t.Errorf("%s is %s in %s, and was %s before", name, got, v, was)
			}
			was = got
		}
	}
	if n := len(operatorRows()); n < 200 {
		t.Errorf("%d operators: the table was cut short", n)
	}
}

func FuzzOperatorTables(f *testing.F) {
	for _, name := range []string{"onnx-operators.csv", "onnx-plugins.csv", "onnx-types.csv", "onnx-opsets.csv", "onnx-releases.csv"} {
		text, err := data.ReadFile("data/" + name)
		if err != nil {
			f.Fatal(err)
		}
		lines := strings.SplitAfterN(string(text), "\n", 6)
		f.Add([]byte(strings.Join(lines[:5], "")))
	}
	f.Add([]byte("operator,since,doubtful_since,takes,source\nAbs,10.3,8.4,,x\nAbs,,,,\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		count := func(name string, n int, err error) {
			if err != nil && n > 0 || err != nil && !strings.HasPrefix(err.Error(), name) {
				t.Errorf("%s: %d rows and %v", name, n, err)
			}
		}
		operators, err := parseOperators("t.csv", text)
		count("t.csv", len(operators), err)
		plugins, err := parsePlugins("t.csv", text)
		count("t.csv", len(plugins), err)
		types, err := parseTypes("t.csv", text)
		count("t.csv", len(types), err)
		opsets, err := parseOpsets("t.csv", text)
		count("t.csv", len(opsets), err)
		releases, err := parseReleases("t.csv", text)
		count("t.csv", len(releases), err)
		for _, row := range operators {
			for _, v := range Releases() {
				row.holds(v)
			}
		}
		for i := 1; i < len(opsets); i++ {
			if opsets[i-1].release.Compare(opsets[i].release) >= 0 {
				t.Errorf("releases are out of order: %v", opsets)
			}
		}
	})
}
