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
	"At least one plugin (",
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
	"Failed to read plan file",
	"Failed to verify a plan tag.",
	"Found invalid or missing shape spec at profile index",
	"Got invalid engine!",
	"Incompatible load and save engine options selected",
	"Inference enqueue failed.",
	"Inference set up failed",
	"Invalid IOFormat ",
	"Invalid TensorFormat ",
	"Invalid tensor names found in --",
	"Invalid usage, fp8 and int8",
	"Model missing or format not recognized",
	"Multiple --minShapes/",
	"Must specify only --optShapes",
	"Negative memory pool size:",
	"Network And Config setup failed",
	"Parsing model failed",
	"Plan file is empty",
	"Plan file is incorrect",
	"Required optimization profile is invalid",
	"Safety is not supported because safety runtime library is unavailable.",
	"Saving engine to file failed.",
	"Selected profile index",
	"Serialization version is not supported.",
	"Set optimization profile failed.",
	"Static model does not take explicit shapes",
	"TRT-18412:",
	"The engine was built with static shapes for input tensor",
	"The weight streaming budget can only be set",
	"Unable to create execution context for ",
	"Unable to open library:",
	"Uncaught exception detected",
	"Unexpected file size for input file:",
	"Unknown memory pool:",
	"Unknown option:",
	"Unknown tactic source:",
}

// plainFailures prove the same, though trtexec prints them as information.
var plainFailures = []string{
	"Cannot find any available devices (GPUs)!",
	"Cannot find device ID",
	"Created engine with size: 0 MiB",
}

// bareFailures prove the same, and carry no severity at all.
var bareFailures = []string{
	"  what():  ",        // what an exception that nobody caught says
	"Assertion failed: ", // of a plugin, which then ends the program
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
