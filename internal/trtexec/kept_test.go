package trtexec

import (
	"fmt"
	"strings"
	"testing"
)

func TestKeeps(t *testing.T) {
	type counts = map[string]int64
	for name, tc := range map[string]struct {
		asked     string
		obtained  counts
		quantized bool
		want      Promise
		why       string // in the reason
	}{
		"one layer is enough":                         {"fp16", counts{"fp32": 20, "fp16": 1}, false, Kept, "20 in fp32, 1 in fp16"},
		"all in fp32":                                 {"fp16", counts{"fp32": 21}, false, Broken, "21 in fp32"},
		"all in fp32 but indices":                     {"fp16", counts{"fp32": 21, "int32": 3}, false, Broken, "21 in fp32, 3 in int32"},
		"bf16 is not fp16":                            {"fp16", counts{"bf16": 21}, false, Broken, "bf16"},
		"fp16 is not bf16":                            {"bf16", counts{"fp16": 21}, false, Broken, "fp16"},
		"int8 is not fp16":                            {"fp16", counts{"int8": 21}, false, Broken, "int8"},
		"int8 is what Q/DQ nodes ask for":             {"fp16", counts{"int8": 21}, true, Kept, "Q/DQ"},
		"int8 beside fp32 is not fp16":                {"fp16", counts{"int8": 2, "fp32": 1}, true, Broken, "int8"},
		"a region that nobody looks into":             {"fp16", counts{"fp32": 3, "unknown": 1}, false, Unknown, "1 in unknown"},
		"int8 in one layer":                           {"int8", counts{"fp32": 3, "int8": 1}, false, Kept, "1 in int8"},
		"no int8 layer":                               {"int8", counts{"fp32": 3}, false, Broken, "3 in fp32"},
		"no int8 layer of a calibrated model":         {"int8", counts{"fp16": 3}, false, Broken, "3 in fp16"},
		"no int8 layer of a quantized model":          {"int8", counts{"fp32": 3}, true, Broken, "3 in fp32"},
		"stored in int8, perhaps":                     {"int8", counts{"fp16": 3}, true, Unknown, "stored in int8"},
		"stored in int4, perhaps":                     {"int4", counts{"bf16": 3}, true, Unknown, "stored in int4"},
		"nothing in int4":                             {"int4", counts{"fp32": 3}, true, Broken, "fp32"},
		"fp8":                                         {"fp8", counts{"fp8": 1, "fp16": 9}, true, Kept, "fp8"},
		"fp32 alone":                                  {"fp32", counts{"fp32": 3, "bool": 1}, false, Kept, "fp32"},
		"fp32 whose regions nobody looks into":        {"tf32", counts{"fp32": 3, "unknown": 9}, false, Kept, "unknown"},
		"fp32 of a quantized model":                   {"fp32", counts{"fp32": 3, "int8": 9}, true, Kept, "int8"},
		"fp32 that is int8":                           {"fp32", counts{"fp32": 3, "int8": 9}, false, Broken, "int8"},
		"fp32 that is fp16":                           {"tf32", counts{"fp16": 3}, false, Broken, "fp16"},
		"fp32 with a half input":                      {"fp32", counts{"fp32": 30, "fp16": 1}, false, Unknown, "may still compute in fp32"},
		"best takes all":                              {"best", counts{"fp32": 3}, false, Kept, "best"},
		"best takes nothing":                          {"best", nil, false, Kept, "best"},
		"names alone":                                 {"fp16", nil, false, Unknown, "does not tell"},
		"integers alone":                              {"fp16", counts{"int32": 2, "bool": 1}, false, Kept, "no layer computes with floating-point numbers"},
		"copies alone":                                {"int8", counts{}, false, Kept, "no layer computes"},
		"a region of which nothing at all is known":   {"fp32", counts{"unknown": 1}, false, Kept, "unknown"},
		"a region beside another, narrower precision": {"bf16", counts{"fp16": 4, "unknown": 1}, false, Unknown, "may compute in bf16"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := Keeps(tc.asked, tc.obtained, tc.quantized)
			if got != tc.want || !strings.Contains(why, tc.why) {
				t.Errorf("Keeps(%s, %v, %v) = %s, %q, want %s, %q", tc.asked, tc.obtained, tc.quantized, got, why, tc.want, tc.why)
			}
		})
	}
}

// TestTheLayerThatSavesAPromise drops the one layer that each precision needs.
func TestTheLayerThatSavesAPromise(t *testing.T) {
	for precision := range precisionFlags {
		if precision == "fp32" || precision == "tf32" || precision == "best" {
			continue
		}
		if got, _ := Keeps(precision, map[string]int64{"fp32": 5, precision: 1}, true); got != Kept {
			t.Errorf("%s with one layer: %s", precision, got)
		}
		if got, _ := Keeps(precision, map[string]int64{"fp32": 5}, true); got != Broken {
			t.Errorf("%s without: %s", precision, got)
		}
	}
}

func TestLayersAsRealEnginesListThem(t *testing.T) {
	tensor := func(format string) string {
		return `{"Name": "t", "Dimensions": [1], "Format/Datatype": "` + format + `"}`
	}
	layer := func(name, kind, in, out, more string) string {
		return `{"Layers": [{"Name": "` + name + `", "LayerType": "` + kind + `", "Inputs": [` + in + `], "Outputs": [` + out + `]` + more + `}]}`
	}
	float, half := tensor("Float"), tensor("Half")
	for name, tc := range map[string]struct{ text, want string }{
		"a region with fp32 at its ends":       {layer("{ForeignNode[/a/Conv.../b/Add]}", "Myelin", tensor("Row major linear FP32"), tensor("Row major linear FP32"), `, "TacticValue": "0x0000000000000000"`), "map[unknown:1]"},
		"a region with fp16 at an end":         {layer("{ForeignNode[/a.../b]}", "Myelin", half, float, ""), "map[fp16:1]"},
		"a region of another name":             {layer("fused_block", "Myelin", float, float, ""), "map[unknown:1]"},
		"a region with indices":                {layer("{ForeignNode[/a.../b]}", "Myelin", tensor("Int32"), tensor("Int32"), ""), "map[unknown:1]"},
		"a layer that follows a region":        {layer("Reformatting CopyNode for Output Tensor 0 to {ForeignNode[/a.../b]}", "Reformat", float, half, ""), "map[]"},
		"a kernel tells more than its tensors": {layer("/MatMul_myl0_4", "gemm", float, float, `, "TacticName": "sm80_xmma_gemm_f16f16_f16f32_f32_nn_n_tilesize32x32x64"`), "map[fp16:1]"},
		"a kernel of tensor cores":             {layer("conv", "CaskConvolution", tensor("Row major linear FP32"), tensor("Row major linear FP32"), `, "TacticName": "ampere_h16816cudnn_128x128_ldg8_relu_exp"`), "map[fp16:1]"},
		"a kernel in bf16":                     {layer("mm", "gemm", float, float, `, "TacticName": "sm80_xmma_gemm_bf16bf16_bf16f32_f32_tn"`), "map[bf16:1]"},
		"a kernel in int8":                     {layer("mm", "fusion", float, half, `, "TacticName": "sm80_xmma_gemm_i8i8_i8i32_f32_tn"`), "map[int8:1]"},
		"a kernel in TF32":                     {layer("mm", "gemm", float, float, `, "TacticName": "sm80_xmma_gemm_f32f32_tf32f32_f32_nn_n_tilesize128x128"`), "map[fp32:1]"},
		"TensorRT 11 keeps the type apart":     {layer("mm", "gemm", `{"Name": "t", "Format": "Row major linear", "DataType": "Half"}`, `{"Name": "t", "Format": "N/A", "Datatype": "Half"}`, ""), "map[fp16:1]"},
		"the type wins over the format":        {layer("mm", "gemm", `{"DataType": "Half", "Format": "Row major linear FP32 format (kLINEAR)"}`, "", ""), "map[fp16:1]"},
		"a format that names the type":         {layer("mm", "gemm", `{"Format": "Channel major FP16 format where channel % 8 == 0"}`, "", ""), "map[fp16:1]"},
		"quantizing computes nothing":          {layer("q", "Quantize", float, tensor("Int8"), ""), "map[]"},
		"ordering streams is no work":          {layer("[trainStation1]", "TrainStation", "", "", ""), "map[]"},
		"bindings of TensorRT 11":              {`{"Layers": ["a"], "I/O Tensors": [{"Name": "x", "DataType": "Half"}]}`, "map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			counts, err := ReadLayerInfo(strings.NewReader(tc.text))
			if err != nil || fmt.Sprint(counts) != tc.want {
				t.Errorf("ReadLayerInfo(%s) = %v, %v, want %s", tc.text, counts, err, tc.want)
			}
		})
	}
}

func FuzzKeeps(f *testing.F) {
	f.Add(int64(3), int64(0), int64(1), int64(0), int64(0), true)
	f.Fuzz(func(t *testing.T, fp32, fp16, int8, unknown, int32 int64, quantized bool) {
		counts := map[string]int64{}
		for typ, n := range map[string]int64{"fp32": fp32, "fp16": fp16, "int8": int8, "unknown": unknown, "int32": int32} {
			if n %= 1 << 40; n > 0 {
				counts[typ] = n
			}
		}
		for asked := range precisionFlags {
			got, why := Keeps(asked, counts, quantized)
			if why == "" {
				t.Errorf("%s of %v: no reason", asked, counts)
			}
			if got == Broken && counts[asked] > 0 && asked != "fp32" && asked != "tf32" {
				t.Errorf("%s of %v is broken", asked, counts)
			}
			if got == Kept && asked == "fp16" && counts["fp16"] == 0 && counts["fp32"] > 0 {
				t.Errorf("%s of %v is kept", asked, counts)
			}
			if got == Broken && counts["unknown"] > 0 && asked != "fp32" && asked != "tf32" {
				t.Errorf("%s of %v is broken, though not all is seen", asked, counts)
			}
		}
	})
}
