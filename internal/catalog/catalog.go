// Package catalog holds the facts that trtfarm knows by heart: NGC images, GPUs,
// which TensorRT serves which GPU, which driver serves which CUDA, and which
// flags each trtexec takes. The facts are tables embedded in the binary, each
// row with its source; the code only reads them.
package catalog
