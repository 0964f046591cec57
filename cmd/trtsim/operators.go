package main

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// importers are the ai.onnx operators that the ONNX parser has an importer for,
// from the operator list of the onnx-tensorrt project (docs/operators.md), with
// the release of those that came after 8.6.
var importers = strings.Fields(`
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil Celu Clip
Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu
Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool
GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization Hardmax HardSigmoid HardSwish Identity If ImageScaler
InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization
LpPool MatMul Max MaxPool Mean MeanVarianceNormalization Min Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad
ParametricSoftplus Pow QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
Reshape Resize ReverseSequence RoiAlign Round ScaledTanh Scan Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid
Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile
TopK Transpose Trilu Unsqueeze Upsample Where Xor`)

// laterImporters came with these releases.
var laterImporters = []struct {
	major, minor int
	names        []string
}{
	{10, 0, strings.Fields("BlackmanWindow DFT HammingWindow HannWindow")},
	{10, 4, strings.Fields("DeformConv STFT Gelu Mish")},
	{10, 9, strings.Fields("Swish RMSNormalization")},
	{10, 13, strings.Fields("Attention RotaryEmbedding DynamicQuantizeLinear")},
	{10, 15, strings.Fields("KVCache TensorScatter")},
}

// bundled are operators that libnvinfer_plugin provides in every release here.
var bundled = strings.Fields(`
BatchedNMS_TRT BatchedNMSDynamic_TRT EfficientNMS_TRT EfficientNMS_ONNX_TRT InstanceNormalization_TRT
MultilevelCropAndResize_TRT MultilevelProposeROI_TRT PriorBox_TRT ProposalLayer_TRT PyramidROIAlign_TRT ROIAlign_TRT
ResizeNearest_TRT CustomEmbLayerNormPluginDynamic CustomFCPluginDynamic CustomGeluPluginDynamic CustomQKVToContextPluginDynamic
CustomSkipLayerNormPluginDynamic DisentangledAttention_TRT MultiscaleDeformableAttnPlugin_TRT ModulatedDeformConv2d ScatterElements_TRT`)

// imports reports whether a release's parser takes an operator by itself.
func imports(op onnx.Operator, v catalog.Version) bool {
	if slices.Contains(bundled, op.Name) {
		return true
	}
	standard := op.Domain == "" || op.Domain == "ai.onnx"
	if op.Domain == "com.microsoft" || op.Domain == "trt" {
		return slices.Contains([]string{"QuantizeLinear", "DequantizeLinear", "TRT_FP8QuantizeLinear", "TRT_FP8DequantizeLinear", "TRT_INT4QuantizeLinear", "TRT_INT4DequantizeLinear"}, op.Name)
	}
	if !standard {
		return false
	}
	if slices.Contains(importers, op.Name) {
		return true
	}
	for _, later := range laterImporters {
		if v.AtLeast(later.major, later.minor) && slices.Contains(later.names, op.Name) {
			return true
		}
	}
	return strings.HasPrefix(op.Name, "TRT_FP8") || strings.HasPrefix(op.Name, "TRT_INT4")
}

// sequenceOps are the standard operators on sequences. TensorRT takes no
// library's word for those.
func sequenceOp(name string) bool {
	return strings.Contains(name, "Sequence") && name != "ReverseSequence" || strings.HasPrefix(name, "Optional")
}

// foreign lists the operators that only a plugin library can provide.
func foreign(m *onnx.Model, v catalog.Version) []onnx.Operator {
	var out []onnx.Operator
	for _, op := range m.Operators {
		if !imports(op, v) {
			out = append(out, op)
		}
	}
	return out
}
