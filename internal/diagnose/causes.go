package diagnose

// cause is what is said of a label when no signature knows better.
type cause struct {
	why string
	fix []string // in the order to try
}

// causes holds every label that a verdict may carry, except none.
var causes = map[string]cause{
	"version-mismatch": {"the engine was written by another TensorRT than the one that loads it", []string{
		"load it in the image whose TensorRT built it, or build it again with the image that has to load it",
		"`trtfarm inspect ENGINE` tells which TensorRT wrote it, and which image loads it",
		"if both seem equal, look for a second libnvinfer on LD_LIBRARY_PATH or in a Python wheel"}},
	"sm-mismatch": {"the engine, the kernels or TensorRT itself are for another GPU architecture than the one present", []string{
		"build the engine on the GPU that has to run it: add that GPU to gpus of the matrix",
		"`trtfarm inspect ENGINE` tells which GPU it was built on; with --against GPU,trt=VERSION, whether it runs there",
		"if TensorRT does not know the GPU, take an image with a newer TensorRT",
		"check which GPU was chosen: --device counts the devices that the container sees"}},
	"platform-mismatch": {"the engine belongs to another operating system or CPU architecture", []string{
		"build the engine on the platform that has to run it"}},
	"plugin-missing": {"a plugin that the model or the engine needs is not registered", []string{
		"name its library under plugins of the model in the matrix; outside of trtfarm, --staticPlugins=LIB, at build and at load",
		"in a program of your own, load the library and call initLibNvInferPlugins before deserializing",
		"a library built for another TensorRT major lacks the entry points that are looked up: build it again"}},
	"profile-shape": {"the shapes given do not fit the optimization profiles of the model or the engine", []string{
		"give every dynamic input min, opt and max shapes under [model.NAME.profile.NAME]",
		"run with shapes within min and max of one profile, or widen it and build again"}},
	"file-missing": {"a file is not where the program looks for it", []string{
		"correct the path, or make the file first; relative paths count from the working directory"}},
	"file-truncated-or-corrupt": {"the file is there, but it is not what it should be: cut short, empty, or another kind of file", []string{
		"`trtfarm inspect FILE` tells what it is",
		"for a Git LFS pointer: git lfs pull; otherwise fetch it again and compare size and SHA-256 with the record"}},
	"permission": {"the file or folder may not be read or written by this user", []string{
		"give the user of the process access to it, or run as the user that owns it",
		"in a container, mount the folder writable and watch out for user ids that differ from the host's"}},
	"no-gpu": {"no CUDA device can be seen", []string{
		"start the container with GPUs (--gpus all, or a device request) and the NVIDIA container toolkit set up for the engine",
		"nvidia-smi has to work on the host first, then in a container"}},
	"driver-too-old": {"the NVIDIA driver does not serve the CUDA version in use", []string{
		"update the host's driver, and restart so that the new one is loaded",
		"or take an image with an older CUDA: `trtfarm plan` shows what each image needs"}},
	"gpu-oom": {"the GPU had too little memory, or too little workspace was allowed", []string{
		"make sure that nothing else uses the GPU",
		"if workspace is set under [build], raise it or remove it",
		"lower the max shapes of the profile, or use a GPU with more memory"}},
	"host-oom": {"the process was ended for want of host memory", []string{
		"give the machine or the container more memory: a build needs a multiple of the model's size",
		"run fewer builds at a time on this host"}},
	"gpu-fault": {"the GPU stopped serving: an illegal access, a memory error, or a lost device", []string{
		"run it again; if it happens at the same place, suspect a plugin or a buffer that is too small",
		"look for Xid lines in dmesg: they tell a faulty program from faulty hardware"}},
	"unsupported-op": {"the ONNX parser of this TensorRT cannot take an operator, attribute or type of the model", []string{
		"fold constants first: polygraphy surgeon sanitize --fold-constants MODEL",
		"take an image with a newer TensorRT, or export with an opset that this one documents",
		"replace the operator in the model, or bring a plugin for it"}},
	"onnx-invalid": {"the ONNX model is broken, or its external weights cannot be found", []string{
		"keep external data beside the model under the names that it was exported with",
		"check the file: python -m onnx.checker MODEL, or `trtfarm check MATRIX`"}},
	"precision-unsupported": {"the precision or feature asked for is not there on this GPU, or INT8 has no usable calibration", []string{
		"exclude that precision for this GPU in the matrix",
		"for int8, give a calibration cache or a model with Q/DQ nodes"}},
	"no-tactic": {"the builder found no kernel for a part of the model", []string{
		"allow more workspace, or remove the limit",
		"try another TensorRT release: most such failures are defects of one release",
		"try another precision, or fold constants in the model first"}},
	"accuracy-mismatch": {"the outputs differ from the reference, or are not finite", []string{
		"find the layer where it begins: polygraphy run MODEL --trt --onnxrt with marked outputs",
		"keep overflowing layers, such as normalisations, in FP32",
		"if the difference is acceptable, widen tolerance under [verify]"}},
	"library-missing": {"a shared library is not found, or is of another version than the one asked for", []string{
		"install the library in the version named, or put its folder on LD_LIBRARY_PATH",
		"use an image that holds it: the NGC TensorRT images do"}},
	"lean-or-version-compat": {"a version-compatible, lean or safety plan was used in a way that it does not allow", []string{
		"load version-compatible plans with --versionCompatible, or allow host code with setEngineHostCodeAllowed(true)",
		"load safety plans with the safety runtime"}},
	"trtexec-usage": {"the tool does not take one of its flags, or a flag contradicts the model", []string{
		"correct extra_args under [build]; `trtfarm plan` checks flags against the image's TensorRT"}},
	"timeout-or-hang": {"a watchdog ended the work, or nothing moved on", []string{
		"raise timeout under [build] if the work is only slow",
		"look whether another process holds the GPU"}},
	other: {"something failed, and nothing in the log is known to be a cause", []string{
		"read the lines before the first error; run again with --verbose under extra_args"}},
}
