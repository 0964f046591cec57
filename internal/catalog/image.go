package catalog

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// NGCImage is what one tag of nvcr.io/nvidia/tensorrt contains. Fields that were
// not read are "".
//
// MinDriver is what was told of the tag: to 2023 the branch that its release
// note asks for ("525"), later the driver that was shipped with its CUDA. Either
// is enough, and neither is the least: DriverServes tells that from CUDA.
type NGCImage struct {
	Tag        string // "23.09"
	TensorRT   string // with two to four numbers, as far as it was read
	CUDA       string
	MinDriver  string
	Ubuntu     string
	Python     string
	Source     string
	Confidence string // of the weakest field: verified, verified-sibling, third-party, inferred, conflict
}

var ngcImages = embedded("ngc-tensorrt-images.csv", parseNGCImages)

func parseNGCImages(name string, text []byte) (map[string]NGCImage, error) {
	body, err := readRows(name, text, "tag", "tensorrt", "cuda", "min_driver", "ubuntu", "python", "source", "confidence")
	if err != nil {
		return nil, err
	}
	images := make(map[string]NGCImage, len(body))
	for _, r := range body {
		image := NGCImage{
			Tag: r.needed("tag"), TensorRT: r.text("tensorrt"), CUDA: r.text("cuda"), MinDriver: r.text("min_driver"),
			Ubuntu: r.text("ubuntu"), Python: r.text("python"), Source: r.needed("source"),
			Confidence: r.choice("confidence", "verified", "verified-sibling", "third-party", "inferred", "conflict"),
		}
		if image.TensorRT != "" {
			r.release("tensorrt")
		}
		if _, ok := parseNumbers(image.CUDA, 2); image.CUDA != "" && !ok {
			r.wrong("cuda", "want a CUDA version such as 12.6.1")
		}
		if _, twice := images[image.Tag]; twice {
			r.wrong("tag", "stands in a row above, too")
		}
		r.needed("confidence")
		if *r.err != nil {
			return nil, *r.err
		}
		images[image.Tag] = image
	}
	return images, nil
}

// NGC returns what is known of a tag, "23.09" or "23.09-py3". Tags with another
// ending name images with other contents and are not known.
func NGC(tag string) (NGCImage, bool) {
	image, ok := ngcImages()[strings.TrimSuffix(tag, "-py3")]
	return image, ok
}

// NGCImages lists what is known of every tag, oldest first.
func NGCImages() []NGCImage { return slices.Clone(ngcByTag()) }

var ngcByTag = sync.OnceValue(func() []NGCImage {
	return slices.SortedFunc(maps.Values(ngcImages()), func(a, b NGCImage) int { return strings.Compare(a.Tag, b.Tag) })
})

// Ref is how the image is called.
func (i NGCImage) Ref() string { return "nvcr.io/nvidia/tensorrt:" + i.Tag + "-py3" }

// Certain reports whether the TensorRT of the image is known so well that it may
// be relied on without asking the image: NVIDIA names it, for this tag or for
// another image of the same month, with at least three numbers.
func (i NGCImage) Certain() bool {
	if i.Confidence != "verified" && i.Confidence != "verified-sibling" {
		return false
	}
	v, err := ParseVersion(i.TensorRT)
	return err == nil && v.Patch >= 0
}
