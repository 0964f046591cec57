//go:build cgo

#include "runtime.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// OrtApi is a table of functions whose order is part of ONNX Runtime's binary
// interface: entries are only ever appended. These are the places of those used
// here, from struct OrtApi in onnxruntime_c_api.h; all are in version 1 of the table.
enum {
	API_VERSION = 1,
	GetErrorMessage = 2,
	CreateEnv = 3,
	CreateSession = 7,
	Run = 9,
	CreateSessionOptions = 10,
	SetGraphOptimizationLevel = 23,
	SetIntraOpNumThreads = 24,
	GetInputCount = 30,
	GetOutputCount = 31,
	GetInputTypeInfo = 33,
	GetOutputTypeInfo = 34,
	GetInputName = 36,
	GetOutputName = 37,
	CreateTensorWithData = 49,
	IsTensor = 50,
	GetTensorMutableData = 51,
	CastTypeInfoToTensorInfo = 55,
	GetTensorElementType = 60,
	GetDimensionsCount = 61,
	GetDimensions = 62,
	GetTensorTypeAndShape = 65,
	CreateCpuMemoryInfo = 69,
	GetAllocator = 78,
	ReleaseStatus = 93,
	ReleaseTypeInfo = 98,
	ReleaseTensorInfo = 99,
};

enum { LOG_FATAL = 4, OPTIMIZE_ALL = 99, DEVICE_ALLOCATOR = 0, MEMORY_DEFAULT = 0 };

struct runtime {
	void *const *api;
	const char *version;
	void *env, *memory, *allocator, *session;
	size_t inputs, outputs;
	char **input_names, **output_names;
	void **input_values, **output_values;
};

// CALL calls an entry that returns a status; its arguments follow the types.
#define CALL(r, entry, types, ...) text((r), ((void *(*) types)(r)->api[entry])(__VA_ARGS__))
#define RELEASE(r, entry, value) ((void (*)(void *))(r)->api[entry])(value)
#define TRY(expression) do { char *failed = (expression); if (failed) return failed; } while (0)

// text turns a status into an error text, or NULL.
static char *text(const runtime *r, void *status) {
	if (!status) return NULL;
	char *message = strdup(((const char *(*)(const void *))r->api[GetErrorMessage])(status));
	RELEASE(r, ReleaseStatus, status);
	return message ? message : strdup("out of memory");
}

char *runtime_open(const char *path, runtime **out) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) return strdup(dlerror());
	struct base { const void *(*api)(uint32_t); const char *(*version)(void); };
	const struct base *(*entry)(void) = (const struct base *(*)(void))dlsym(library, "OrtGetApiBase");
	if (!entry) return strdup("this is not the ONNX Runtime library: it has no OrtGetApiBase");
	const struct base *base = entry();
	runtime *r = calloc(1, sizeof *r);
	if (!r) return strdup("out of memory");
	r->api = (void *const *)base->api(API_VERSION);
	r->version = base->version();
	if (!r->api) return strdup("this ONNX Runtime library does not serve its first interface any more");
	*out = r;
	return NULL;
}

const char *runtime_version(const runtime *r) { return r->version; }
size_t runtime_inputs(const runtime *r) { return r->inputs; }
size_t runtime_outputs(const runtime *r) { return r->outputs; }

static char *names(runtime *r, size_t count, int entry, char **into) {
	for (size_t i = 0; i < count; i++)
		TRY(CALL(r, entry, (const void *, size_t, void *, char **), r->session, i, r->allocator, &into[i]));
	return NULL;
}

char *runtime_load(runtime *r, const char *path, int threads) {
	void *options = NULL;
	TRY(CALL(r, CreateEnv, (int, const char *, void **), LOG_FATAL, "ortrun", &r->env));
	TRY(CALL(r, CreateSessionOptions, (void **), &options));
	TRY(CALL(r, SetGraphOptimizationLevel, (void *, int), options, OPTIMIZE_ALL));
	TRY(CALL(r, SetIntraOpNumThreads, (void *, int), options, threads));
	TRY(CALL(r, CreateSession, (const void *, const char *, const void *, void **), r->env, path, options, &r->session));
	TRY(CALL(r, GetAllocator, (void **), &r->allocator));
	TRY(CALL(r, CreateCpuMemoryInfo, (int, int, void **), DEVICE_ALLOCATOR, MEMORY_DEFAULT, &r->memory));
	TRY(CALL(r, GetInputCount, (const void *, size_t *), r->session, &r->inputs));
	TRY(CALL(r, GetOutputCount, (const void *, size_t *), r->session, &r->outputs));
	r->input_names = calloc(r->inputs + 1, sizeof *r->input_names);
	r->output_names = calloc(r->outputs + 1, sizeof *r->output_names);
	r->input_values = calloc(r->inputs + 1, sizeof *r->input_values);
	r->output_values = calloc(r->outputs + 1, sizeof *r->output_values);
	if (!r->input_names || !r->output_names || !r->input_values || !r->output_values) return strdup("out of memory");
	TRY(names(r, r->inputs, GetInputName, r->input_names));
	return names(r, r->outputs, GetOutputName, r->output_names);
}

char *runtime_describe(const runtime *r, int output, size_t i, char **name, int *type) {
	void *info = NULL;
	const void *tensor = NULL;
	TRY(CALL(r, output ? GetOutputTypeInfo : GetInputTypeInfo, (const void *, size_t, void **), r->session, i, &info));
	TRY(CALL(r, CastTypeInfoToTensorInfo, (const void *, const void **), info, &tensor));
	*type = 0;
	if (tensor) TRY(CALL(r, GetTensorElementType, (const void *, int *), tensor, type));
	RELEASE(r, ReleaseTypeInfo, info);
	*name = strdup(output ? r->output_names[i] : r->input_names[i]);
	return *name ? NULL : strdup("out of memory");
}

char *runtime_set(runtime *r, size_t i, void *data, size_t size, const int64_t *shape, size_t rank, int type) {
	return CALL(r, CreateTensorWithData, (const void *, void *, size_t, const int64_t *, size_t, int, void **),
		r->memory, data, size, shape, rank, type, &r->input_values[i]);
}

char *runtime_run(runtime *r) {
	return CALL(r, Run, (void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t, void **),
		r->session, NULL, (const char *const *)r->input_names, (const void *const *)r->input_values, r->inputs,
		(const char *const *)r->output_names, r->outputs, r->output_values);
}

char *runtime_get(runtime *r, size_t i, void **data, int64_t *shape, size_t max, size_t *rank, int *type) {
	void *value = r->output_values[i], *info = NULL;
	int tensor = 0;
	if (!value) return strdup("ONNX Runtime gave no value");
	TRY(CALL(r, IsTensor, (const void *, int *), value, &tensor));
	if (!tensor) return strdup("it is not a tensor");
	TRY(CALL(r, GetTensorTypeAndShape, (const void *, void **), value, &info));
	TRY(CALL(r, GetTensorElementType, (const void *, int *), info, type));
	TRY(CALL(r, GetDimensionsCount, (const void *, size_t *), info, rank));
	if (*rank > max) return strdup("it has too many dimensions");
	TRY(CALL(r, GetDimensions, (const void *, int64_t *, size_t), info, shape, *rank));
	RELEASE(r, ReleaseTensorInfo, info);
	return CALL(r, GetTensorMutableData, (void *, void **), value, data);
}
