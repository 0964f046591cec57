// Package lock knows trtfarm.lock: which digest each image tag meant when it was
// locked, and what that image contains.
package lock

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Image is one locked image.
type Image struct {
	Ref      string // as the matrix writes it
	Digest   string // "sha256:…": what the tag meant, an index or a manifest
	Manifest string // the linux/amd64 manifest, when Digest is an index; else equal to Digest
	TensorRT string // as the image declares it; "" when it does not
	CUDA     string // likewise
	Driver   string // that its CUDA was released with, as the image declares it
	Labels   []Label
}

// Label is one label of an image's configuration.
type Label struct {
	Name, Value string
}

// Labels picks what a lock file keeps of an image's labels: those by which NVIDIA
// and the OCI name its contents and origin, ordered by name. Long values say how
// to read an image, not what is in it, and are left out.
func Labels(all map[string]string) []Label {
	const most, longest = 50, 200
	var kept []Label
	for name, value := range all {
		if labelForm.MatchString(name) && len(value) <= longest && utf8.ValidString(value) {
			kept = append(kept, Label{name, value})
		}
	}
	slices.SortFunc(kept, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return kept[:min(len(kept), most)]
}

// labelForm holds the names of labels that say what an image is made of.
var labelForm = regexp.MustCompile(`^(com\.nvidia|org\.opencontainers\.image)\.[A-Za-z0-9._-]{1,100}$`)

// File is a lock file. Put keeps Images in order; Find relies on it.
type File struct {
	Images []Image // ordered by Ref
}
