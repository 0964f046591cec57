package main

import (
	"testing"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
)

var inputFailures = []failure{
	{
		name: "unknown key in the matrix", matrix: matrixText{Matrix: `precisons = ["fp16"]`},
		code: fault.Usage, says: []string{"fault.toml:12:1", "precisons", "allowed: images, gpus, precisions"},
	}, {
		name: "unknown GPU", matrix: matrixText{GPUs: `["T44"]`},
		code: fault.Usage, says: []string{"fault.toml:10:15", "T44"}, fix: "T4",
	}, {
		name: "unknown key in the farm file", farm: faultStore + "bucket = \"x\"\n",
		code: fault.Usage, says: []string{"trtfarm.toml:5:1", "bucket", "allowed: url"},
	}, {
		name: "model missing", matrix: matrixText{ONNX: `"nowhere.onnx"`},
		code: fault.Usage, state: farm.Refused, cause: "file-missing", says: []string{"nowhere.onnx", "does not exist"}, fix: "correct the path",
	}, {
		name: "model that Git LFS did not bring", matrix: matrixText{ONNX: `"lfs.onnx"`}, files: map[string]string{"lfs.onnx": "../../internal/engine/testdata/lfs-pointer-yolov3-416.trt"},
		code: fault.Build, state: farm.Refused, cause: "onnx-invalid", says: []string{"Git LFS"}, fix: "git lfs pull",
	}, {
		name: "corrupt model", matrix: matrixText{ONNX: `"corrupt.onnx"`}, files: map[string]string{"corrupt.onnx": broken + "/corrupt/model.onnx"},
		code: fault.Build, state: farm.Refused, cause: "onnx-invalid", says: []string{"corrupt.onnx"}, fix: "export the model again",
	}, {
		name: "opset too new", matrix: matrixText{ONNX: `"new.onnx"`}, files: map[string]string{"new.onnx": broken + "/opset-too-new/model.onnx"},
		code: fault.Build, state: farm.Refused, cause: "unsupported-op", says: []string{"opset 314159"}, fix: "opset",
	}, {
		name: "external data missing", matrix: matrixText{ONNX: `"external.onnx"`}, files: map[string]string{"external.onnx": broken + "/missing-external-data/model.onnx"},
		code: fault.Usage, state: farm.Refused, cause: "onnx-invalid", says: []string{"Pads.bin"}, fix: "external weights",
	}, {
		name: "operator that TensorRT cannot take", matrix: matrixText{ONNX: `"sequence.onnx"`}, files: map[string]string{"sequence.onnx": broken + "/sequence-ops/model.onnx"},
		code: fault.Build, state: farm.Refused, cause: "unsupported-op", says: []string{"SequenceInsert", "10.3.0", "no plugin can help"}, fix: "without that",
	}, {
		name: "operator that needs a plugin", matrix: matrixText{ONNX: `"own.onnx"`, Model: ownData},
		before: ownOperator,
		code:   fault.Build, state: farm.Refused, cause: "plugin-missing", says: []string{"Sharpen_TRT", "10.3.0"}, fix: "plugins of [model.m]",
	}, {
		name: "operator that came with a later TensorRT", matrix: matrixText{ONNX: `"hardmax.onnx"`, Images: `["nvcr.io/nvidia/tensorrt:23.09-py3"]`},
		before: laterOperator,
		code:   fault.Build, state: farm.Refused, cause: "plugin-missing", says: []string{"Hardmax", "8.6.1", "9.2 does"}, fix: "exclude this image",
	}, {
		name: "operator that nobody has a reference for", matrix: matrixText{ONNX: `"plugin.onnx"`}, files: map[string]string{"plugin.onnx": broken + "/trt-plugin-domain/model.onnx"},
		code: fault.Usage, state: farm.Refused, cause: "reference-data", says: []string{"ONNX Runtime", "DisentangledAttention_TRT"}, fix: "give inputs and outputs",
	}, {
		name: "dynamic input without profile", matrix: matrixText{ONNX: `"bert.onnx"`}, files: map[string]string{"bert.onnx": "../../matrices/models/bert-toy/model.onnx"},
		code: fault.Usage, state: farm.Refused, cause: "profile-shape", says: []string{"input_ids", "dynamic"}, fix: "[model.m.profile.main]",
	}, {
		name: "plugin library missing", matrix: matrixText{Model: `plugins = ["libgone.so"]`},
		code: fault.Usage, state: farm.Refused, cause: "file-missing", says: []string{"libgone.so"}, fix: "correct the path",
	}, {
		name: "flag that this TensorRT does not know", matrix: matrixText{Build: `extra_args = ["--remoteAutoTuningConfig=x"]`},
		code: fault.Usage, state: farm.Refused, cause: "trtexec-usage", says: []string{"--remoteAutoTuningConfig", "10.3.0"}, fix: "remove it",
	}, {
		name: "flag that no TensorRT knows", matrix: matrixText{Build: `extra_args = ["--sparcity=force"]`},
		code: fault.Usage, state: farm.Refused, cause: "trtexec-usage", says: []string{"--sparcity"}, fix: "--sparsity",
	}, {
		name: "int8 without calibration", matrix: matrixText{Precisions: `["int8"]`},
		code: fault.Usage, state: farm.Refused, cause: "precision-unsupported", says: []string{"int8", "calibration"}, fix: "calibration",
	}, {
		name: "image of another TensorRT to verify with", matrix: matrixText{Verify: `image = "nvcr.io/nvidia/tensorrt:23.09-py3"`},
		code: fault.Usage, state: farm.Refused, cause: "version-mismatch", says: []string{"10.3.0", "8.6.1"}, fix: "one TensorRT",
	}, {
		name: "GPU that this TensorRT does not serve", matrix: matrixText{GPUs: `["V100"]`, Images: `["nvcr.io/nvidia/tensorrt:26.07-py3"]`},
		code: fault.Usage, state: farm.Refused, cause: "sm-mismatch", says: []string{"V100", "7.0"}, fix: "24.09",
	}, {
		name: "no runner has the GPU", farm: faultStore + "\n[runner.here]\nlocal = \"trtsim\"\nsimulate = true\ngpus = [\"A10\"]\n",
		code: fault.NoRunner, state: farm.Refused, cause: "no-runner", says: []string{"T4", "here has A10"}, fix: "add a runner",
	}, {
		name: "locked, and the lock file lacks the image", args: []string{"--locked"},
		before: func(_ *testing.T, s *site) { s.write("trtfarm.lock", "version = 1\n") },
		code:   fault.StaleLock, says: []string{"trtfarm.lock", "24.08-py3"}, fix: "trtfarm lock",
	}, {
		name: "locked, and there is no lock file", args: []string{"--locked"},
		code: fault.StaleLock, says: []string{"trtfarm.lock"}, fix: "trtfarm lock",
	},
}

var engineFailures = []failure{
	{
		name: "host out of memory while it builds", env: []string{"TRTSIM_FAULT=host-oom@build"},
		code: fault.Environment, state: farm.Failed, cause: "host-oom", says: []string{"build of", "killed"}, fix: "more host memory",
	}, {
		name: "trtexec crashes while it builds", env: []string{"TRTSIM_FAULT=crash@build"},
		code: fault.Build, state: farm.Failed, cause: "crash", says: []string{"build of", "SIGSEGV"}, fix: "plugin",
	}, {
		name: "trtexec crashes while it loads", env: []string{"TRTSIM_FAULT=crash@load"},
		code: fault.Load, state: farm.Failed, cause: "crash", says: []string{"verify of", "SIGSEGV"}, fix: "plugin",
	}, {
		name: "hang while it builds", matrix: matrixText{Build: `timeout = "2s"`}, env: []string{"TRTSIM_FAULT=hang@build"},
		code: fault.TimedOut, state: farm.Failed, cause: "timeout-or-hang", says: []string{"build", "2s"}, fix: "timeout",
	}, {
		name: "hang while it verifies", matrix: matrixText{Build: `timeout = "2s"`}, env: []string{"TRTSIM_FAULT=hang@load"},
		code: fault.TimedOut, state: farm.Failed, cause: "timeout-or-hang", says: []string{"verify", "2s"}, fix: "timeout",
	}, {
		name: "another GPU than the target", env: []string{"TRTSIM_FAULT=wrong-gpu:A10"},
		code: fault.Environment, state: farm.Failed, cause: "wrong-gpu", says: []string{"build", "NVIDIA A10", "T4"}, fix: "trtfarm.toml",
	}, {
		name: "another GPU in the verification", env: []string{"TRTSIM_FAULT=wrong-gpu@load:A10"},
		code: fault.Environment, state: farm.Failed, cause: "wrong-gpu", says: []string{"verify", "NVIDIA A10", "T4"}, fix: "trtfarm.toml",
	}, {
		name: "outputs that are no numbers", env: []string{"TRTSIM_FAULT=nan@load"},
		code: fault.Accuracy, state: farm.Failed, cause: "accuracy-mismatch", says: []string{"static", "NaN"}, fix: "in FP32",
	}, {
		name: "too slow", matrix: matrixText{Verify: `max_p99_ms = 0.001`},
		code: fault.Accuracy, state: farm.Failed, cause: "too-slow", says: []string{"static", "99 %", "0.001 ms allowed"}, fix: "max_p99_ms",
	}, {
		name: "no trtexec", farm: faultStore + "\n[runner.here]\nlocal = \"/nowhere/trtexec\"\ngpus = [\"T4\"]\n",
		code: fault.Environment, says: []string{"/nowhere/trtexec"}, fix: "local",
	}, {
		name: "store folder that is read-only", farm: "version = 1\n\n[store]\nurl = \"file:/proc/trtfarm\"\n",
		code: fault.Storage, says: []string{"/proc/trtfarm"}, fix: "[store]",
	},
}

// everywhere are failures that each generation of TensorRT shows in its own way,
// and that have to come out the same.
var everywhere = []failure{
	{
		name: "GPU out of memory", env: []string{"TRTSIM_FAULT=oom@build"},
		code: fault.Build, state: farm.Failed, cause: "gpu-oom", says: []string{"build of", "memory"}, fix: "nothing else uses the GPU",
	}, {
		name: "GPU out of memory while it verifies", env: []string{"TRTSIM_FAULT=oom@load"},
		code: fault.Load, state: farm.Failed, cause: "gpu-oom", says: []string{"verify of", "memory"}, fix: "nothing else uses the GPU",
	}, {
		name: "engine truncated after the build", env: []string{"TRTSIM_FAULT=truncate@build"},
		code: fault.Load, state: farm.Failed, cause: "file-truncated-or-corrupt", says: []string{"cut short"}, fix: "disk",
	}, {
		name: "engine of another TensorRT", env: []string{"TRTSIM_FAULT=wrong-version@build:10.1.0.27"},
		code: fault.Load, state: farm.Failed, cause: "version-mismatch", says: []string{"TensorRT 10.1.0.27", "declares"}, fix: "trtfarm lock",
	}, {
		name: "GPU that fails", env: []string{"TRTSIM_FAULT=flaky:9"},
		before: func(_ *testing.T, s *site) { s.env = append(s.env, "TRTSIM_STATE="+s.dir) },
		code:   fault.Environment, state: farm.Failed, cause: "gpu-fault", says: []string{"build of", "ECC"}, fix: "Xid",
	}, {
		name: "outputs wrong by 1 %", env: []string{"TRTSIM_FAULT=wrong-output@load:0.01"},
		code: fault.Accuracy, state: farm.Failed, cause: "accuracy-mismatch", says: []string{"static", "Plus214_Output_0"}, fix: "tolerance",
	}, {
		name: "precision that the engine does not keep", matrix: matrixText{ONNX: `"half.onnx"`, Precisions: `["fp16"]`}, env: []string{"TRTSIM_FAULT=precision@build"},
		before: halfModel,
		code:   fault.Build, state: farm.Failed, cause: "precision-not-kept", says: []string{"build of", "asked fp16", "1 in fp32"}, fix: "ask for fp32",
	}, {
		name: "operator that the given library lacks", matrix: matrixText{ONNX: `"own.onnx"`, Model: ownData + `plugins = ["libother.so"]`},
		before: ownOperator,
		code:   fault.Build, state: farm.Failed, cause: "plugin-missing", says: []string{"build of", "Sharpen_TRT"}, fix: "plugins of the model",
	},
}
