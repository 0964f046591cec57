// The part of ONNX Runtime's C interface that ortrun needs. Every function
// returns NULL, or an error text that the caller frees.
#include <stddef.h>
#include <stdint.h>

// runtime is a loaded library with one session.
typedef struct runtime runtime;

// runtime_open loads the shared library at path. It is never unloaded.
char *runtime_open(const char *path, runtime **out);
const char *runtime_version(const runtime *r);

// runtime_load reads the model at path. threads is 0 for as many as there are cores.
char *runtime_load(runtime *r, const char *path, int threads);

size_t runtime_inputs(const runtime *r);
size_t runtime_outputs(const runtime *r);

// runtime_describe tells the name of input or output i, and its element type, or
// 0 when it is not a tensor. The name is freed by the caller.
char *runtime_describe(const runtime *r, int output, size_t i, char **name, int *type);

// runtime_set gives input i its value. The data stays the caller's, and must
// outlive runtime_run.
char *runtime_set(runtime *r, size_t i, void *data, size_t size, const int64_t *shape, size_t rank, int type);
char *runtime_run(runtime *r);

// runtime_get tells where output i lies; rank is at most max, the length of shape.
char *runtime_get(runtime *r, size_t i, void **data, int64_t *shape, size_t max, size_t *rank, int *type);
