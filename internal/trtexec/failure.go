package trtexec

import (
	"slices"
	"strings"
)

// failureTexts are beginnings of lines that prove that a run failed, whatever
// its trailer and exit code say: with --skipInference a failed deserialization
// can be followed by PASSED, and from 10.13 on a failed build logs success and
// leaves an empty file.
// Source: NVIDIA/TensorRT, samples/common and samples/trtexec, release/8.4 to
// release/11.1.
var failureTexts = []string{
	"Attempting to access an empty engine",
	"Building a TensorRT engine requires --useRuntime=full.",
	"Building engine failed",
	"Cannot create DLA engine",
	"Cannot find input tensor with name",
	"Cannot open file ",
	"Cannot write to FileStreamWriter",
	"Could not load library ",
	"Could not load plugin library:", // 8.4 and 8.5 carry on without it
	"Engine could not be created from network",
	"Engine deserialization failed",
	"Engine set up failed",
	"Error in set dimensions to profile",
	"Error in set shape values",
	"Error loading engine file:",
	"Error occurred during inference",
	"Error opening engine file:",
	"Failed to create engine from model or file.",
	"Failed to get plan file version.",
	"Failed to parse onnx file",
	"Found invalid or missing shape spec at profile index",
	"Got invalid engine!",
	"Incompatible load and save engine options selected",
	"Inference enqueue failed.",
	"Inference set up failed",
	"Invalid tensor names found in --",
	"Model missing or format not recognized",
	"Network And Config setup failed",
	"Parsing model failed",
	"Required optimization profile is invalid",
	"Safety is not supported because safety runtime library is unavailable.",
	"Saving engine to file failed.",
	"Selected profile index",
	"Set optimization profile failed.",
	"Static model does not take explicit shapes",
	"TRT-18412:",
	"The engine was built with static shapes for input tensor",
	"Unable to create execution context for ",
	"Unable to open library:",
	"Uncaught exception detected",
	"Unexpected file size for input file:",
	"Unknown option:",
}

// plainFailures prove the same, though trtexec prints them as information.
var plainFailures = []string{
	"Cannot find any available devices (GPUs)!",
	"Cannot find device ID",
	"Created engine with size: 0 MiB",
}

// bareFailures prove the same, and carry no severity at all.
var bareFailures = []string{
	"Assertion failure:",
	"CUDA error ",
	"Cuda failure",
	"terminate called after throwing",
}

// provesFailure reports whether a line proves that the run failed.
func provesFailure(severity byte, text string) bool {
	switch severity {
	case 'E', 'F':
		return hasPrefix(text, failureTexts) || hasPrefix(text, bareFailures)
	case 'I':
		return hasPrefix(text, plainFailures)
	case 0:
		return hasPrefix(text, bareFailures)
	}
	return false
}

func hasPrefix(text string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}
