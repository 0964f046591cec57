package engine

// Kind says what a file is. The texts are stable.
type Kind string

// The kinds of file that Inspect tells apart.
const (
	Plan    Kind = "tensorrt-plan"
	Empty   Kind = "empty"
	Unknown Kind = "unknown"

	// What stands in the place of a file that did not arrive.
	GitLFSPointer   Kind = "git-lfs-pointer"
	GitAnnexPointer Kind = "git-annex-pointer"
	Link            Kind = "link" // the target of a symbolic link, as text
	HTML            Kind = "html"
	ErrorDocument   Kind = "error-document" // of an object store or an API, XML or JSON
	Zeros           Kind = "zeros"

	// What must be unpacked or decoded first.
	Gzip     Kind = "gzip"
	Zstd     Kind = "zstd"
	XZ       Kind = "xz"
	Bzip2    Kind = "bzip2"
	LZ4      Kind = "lz4"
	Tar      Kind = "tar"
	SevenZip Kind = "7z"
	RAR      Kind = "rar"
	Zip      Kind = "zip"
	Base64   Kind = "base64" // a plan written as text
	UTF16    Kind = "utf-16" // text of Windows, or a plan that a shell there took for text

	// Models and weights, of which no runtime of TensorRT can make an engine.
	ONNX        Kind = "onnx"
	ONNXText    Kind = "onnx-text"
	ONNXTensor  Kind = "onnx-tensor" // an input or output of a model
	ORT         Kind = "onnxruntime" // ONNX Runtime's own format
	TorchScript Kind = "torchscript"
	PyTorch     Kind = "pytorch" // a checkpoint or an exported program
	Pickle      Kind = "pickle"
	NumPy       Kind = "numpy" // .npy or .npz
	HDF5        Kind = "hdf5"  // Keras weights among others
	Keras       Kind = "keras"
	TensorFlow  Kind = "tensorflow" // SavedModel or frozen graph
	TFLite      Kind = "tflite"
	OpenVINO    Kind = "openvino"
	Safetensors Kind = "safetensors"
	GGUF        Kind = "gguf"
	CoreML      Kind = "coreml"
	Caffe       Kind = "caffe"
	UFF         Kind = "uff"
	NCNN        Kind = "ncnn"
	RKNN        Kind = "rknn"

	// What lies beside engines.
	CalibrationCache Kind = "calibration-cache"
	TritonConfig     Kind = "triton-config"
	LayerInfo        Kind = "layer-info" // trtexec --exportLayerInfo
	TrtexecLog       Kind = "trtexec-log"
	ELF              Kind = "elf" // a plugin library, or a program
	PE               Kind = "pe"  // the same on Windows
	JSON             Kind = "json"
	XML              Kind = "xml"
	Text             Kind = "text"
)
