package catalog

import (
	"strings"
	"sync"
)

// NGCImage is what one tag of nvcr.io/nvidia/tensorrt contains. Fields that were
// not read are "".
type NGCImage struct {
	Tag        string // "23.09"
	TensorRT   string // with two to four numbers, as far as it was read
	CUDA       string
	MinDriver  string // of the release note, or shipped with the CUDA toolkit: an upper estimate
	Ubuntu     string
	Python     string
	Source     string
	Confidence string // of the weakest field: verified, verified-sibling, third-party, inferred, conflict
}

var ngcImages = sync.OnceValue(func() map[string]NGCImage {
	_, body := rows("ngc-tensorrt-images.csv")
	images := make(map[string]NGCImage, len(body))
	for _, r := range body {
		images[r[0]] = NGCImage{
			Tag: r[0], TensorRT: r[1], CUDA: r[2], MinDriver: r[3],
			Ubuntu: r[4], Python: r[5], Source: r[6], Confidence: r[7],
		}
	}
	return images
})

// NGC returns what is known of a tag, "23.09" or "23.09-py3". Tags with another
// ending name images with other contents and are not known.
func NGC(tag string) (NGCImage, bool) {
	image, ok := ngcImages()[strings.TrimSuffix(tag, "-py3")]
	return image, ok
}
