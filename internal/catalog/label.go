package catalog

import (
	"regexp"
	"strings"
)

// migMark is the end that GPU Feature Discovery gives the label of a slice, and
// CUDA the name of one: the profile, whose "+" a label cannot hold.
var migMark = regexp.MustCompile(`^(.+)[- ]MIG[- ]((?:\d+c\.)?\d+g\.\d+gb(?:[.+-][a-z]+)*)$`)

// SplitProduct takes the marks of slices and sharing off a product name or the
// label that GPU Feature Discovery makes of it: "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED"
// is "NVIDIA-A100-SXM4-80GB", the profile "1g.10gb", and shared. What is no mark
// stays part of the product.
func SplitProduct(label string) (product, mig string, shared bool) {
	product, shared = strings.CutSuffix(label, "-SHARED")
	if m := migMark.FindStringSubmatch(product); m != nil {
		product, mig = m[1], m[2]
	}
	return product, mig, shared
}
