package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// node is what is read of a Kubernetes node.
type node struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string           `json:"name"`
		Labels map[string]value `json:"labels"`
	} `json:"metadata"`
	Status struct {
		Capacity map[string]value `json:"capacity"`
	} `json:"status"`
}

// value is a label or a quantity. Both are strings in what kubectl prints; a
// number is let through, as other tools write one.
type value string

func (v *value) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*v = value(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	*v = value(n)
	return nil
}

// gpuResource is the resource of whole GPUs, and of slices under the strategy
// "single"; the labels of GPU feature discovery begin with it.
const gpuResource = "nvidia.com/gpu"

// cloudProducts are labels by which clouds name the GPU of a node where GPU
// feature discovery does not run: GKE, Karpenter on AWS, EKS Auto Mode.
// https://cloud.google.com/kubernetes-engine/docs/how-to/gpus,
// https://karpenter.sh/docs/reference/instance-types/,
// https://docs.aws.amazon.com/eks/latest/userguide/ml-workload-placement.html
var cloudProducts = []string{
	"cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name", "eks.amazonaws.com/instance-gpu-name",
}

// sliceResource matches the resource of slices under the strategy "mixed".
// https://github.com/NVIDIA/k8s-device-plugin, docs/gpu-feature-discovery
var sliceResource = regexp.MustCompile(`^nvidia\.com/mig-((?:\d+c\.)?\d+g\.\d+gb(?:[.-]me(?:\.all)?)?)(?:\.(count|product))?$`)

// gpus lists the GPUs of a node, none when it has none.
func (n node) gpus() ([]GPU, error) {
	list, err := n.slices()
	if err != nil {
		return nil, err
	}
	whole, err := n.whole(len(list) > 0)
	if err != nil || whole.Count == 0 {
		return list, err
	}
	return append([]GPU{whole}, list...), nil
}

// whole returns the GPUs that are given out whole, or the slices of the strategy
// "single", which have the same labels. Its count is 0 when there are none.
func (n node) whole(sliced bool) (GPU, error) {
	g := n.common()
	var broken bool
	g.Product, g.MIG, broken = n.product(gpuResource)
	count, err := n.number(n.Metadata.Labels, gpuResource+".count")
	if err != nil {
		return g, err
	}
	capacity, err := n.number(n.Status.Capacity, gpuResource)
	if err != nil {
		return g, err
	}
	_, labelled := n.Metadata.Labels[gpuResource+".count"]
	switch {
	case broken:
		g.Count = 1
	case sliced:
		// The label counts the GPUs that are cut into slices, too.
		g.Count = capacity
	case labelled:
		g.Count = count // the capacity counts each share of a shared GPU
	case capacity > 0:
		g.Count = capacity
	case g.Product != "":
		g.Count = 1
	}
	g.Shared, err = n.shared(gpuResource)
	if err != nil {
		return g, err
	}
	g.MemoryMiB, err = n.memory(gpuResource)
	return g, err
}

// slices returns the slices of the strategy "mixed".
func (n node) slices() ([]GPU, error) {
	profiles := map[string]bool{}
	for _, names := range []map[string]value{n.Metadata.Labels, n.Status.Capacity} {
		for name := range names {
			if m := sliceResource.FindStringSubmatch(name); m != nil {
				profiles[m[1]] = true
			}
		}
	}
	var list []GPU
	for _, profile := range slices.Sorted(maps.Keys(profiles)) {
		resource := "nvidia.com/mig-" + profile
		g := n.common()
		g.Product, _, _ = n.product(resource)
		if g.Product == "" {
			g.Product, _, _ = n.product(gpuResource)
		}
		// A resource name holds no "+", which profiles with media engines have.
		g.MIG = strings.Replace(profile, ".me", "+me", 1)
		count, err := n.number(n.Metadata.Labels, resource+".count")
		if err != nil {
			return nil, err
		}
		capacity, err := n.number(n.Status.Capacity, resource)
		if err != nil {
			return nil, err
		}
		if g.Shared, err = n.shared(resource); err != nil {
			return nil, err
		}
		if g.MemoryMiB, err = n.memory(resource); err != nil {
			return nil, err
		}
		if g.Count = cmp.Or(count, capacity); g.Count > 0 {
			list = append(list, g)
		}
	}
	return list, nil
}

// common returns what all GPUs of the node share.
func (n node) common() GPU {
	label := func(name string) string { return string(n.Metadata.Labels[name]) }
	g := GPU{
		Where: "node " + n.Metadata.Name, Driver: label("nvidia.com/cuda.driver-version.full"),
		OS: label("kubernetes.io/os"), Arch: label("kubernetes.io/arch"),
	}
	if g.Driver == "" { // older GPU feature discovery writes the parts alone
		g.Driver = joined(label("nvidia.com/cuda.driver.major"), label("nvidia.com/cuda.driver.minor"), label("nvidia.com/cuda.driver.rev"))
	}
	if major, minor := label(gpuResource+".compute.major"), label(gpuResource+".compute.minor"); minor != "" {
		g.SM = joined(major, minor)
	}
	return g
}

// joined joins the parts of a version up to the first that is missing.
func joined(parts ...string) string {
	if i := slices.Index(parts, ""); i >= 0 {
		parts = parts[:i]
	}
	return strings.Join(parts, ".")
}

// product reads the label that names the product of a resource. broken says that
// the slices of the node do not fit their strategy.
func (n node) product(resource string) (product, mig string, broken bool) {
	product, mig, _ = catalog.SplitProduct(string(n.Metadata.Labels[resource+".product"]))
	if product, broken = strings.CutSuffix(product, "-MIG-INVALID"); broken {
		return product, BrokenSlices, true
	}
	mig = strings.Replace(mig, ".me", "+me", 1)
	if _, offered := n.Status.Capacity[gpuResource]; resource != gpuResource || product != "" || !offered {
		return product, mig, false // clouds put the same labels on GPUs of other makers
	}
	for _, cloud := range cloudProducts {
		product = cmp.Or(product, string(n.Metadata.Labels[cloud]))
	}
	return product, string(n.Metadata.Labels["cloud.google.com/gke-gpu-partition-size"]), false
}

// shared reports whether several containers get the same GPU.
func (n node) shared(resource string) (bool, error) {
	replicas, err := n.number(n.Metadata.Labels, resource+".replicas")
	gke := n.Metadata.Labels["cloud.google.com/gke-gpu-sharing-strategy"]
	_, _, marked := catalog.SplitProduct(string(n.Metadata.Labels[resource+".product"]))
	return replicas > 1 || gke != "" || marked, err
}

func (n node) memory(resource string) (int64, error) {
	mib, err := n.number(n.Metadata.Labels, resource+".memory")
	return int64(mib), err
}

// number reads a count or MiB, 0 when the entry is missing.
func (n node) number(from map[string]value, name string) (int, error) {
	text, ok := from[name]
	if !ok {
		return 0, nil
	}
	v, err := strconv.ParseUint(strings.TrimSuffix(string(text), " MiB"), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, want a whole number", name, shortened(string(text)))
	}
	return int(v), nil
}
