// Package lock knows trtfarm.lock: which digest each image tag meant when it was
// locked, and what that image contains.
package lock

// Image is one locked image.
type Image struct {
	Ref      string // as the matrix writes it
	Digest   string // "sha256:…": what the tag meant, an index or a manifest
	Manifest string // the linux/amd64 manifest, when Digest is an index; else equal to Digest
	TensorRT string // as the image declares it; "" when it does not
	CUDA     string // likewise
}

// File is a lock file. Put keeps Images in order; Find relies on it.
type File struct {
	Images []Image // ordered by Ref
}
