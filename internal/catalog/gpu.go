package catalog

import (
	"slices"
	"strings"
	"sync"
)

// GPU is one kind of GPU, or a family of kinds that differ in memory or board.
// A field that is not known, or that differs within a family, is zero.
type GPU struct {
	Name         string
	Aliases      []string // what else people call it
	Products     []string // as the driver prints them
	SM           string   // compute capability, "7.5"
	MemoryGiB    int      // nominal size
	Architecture string   // as GPU feature discovery names it
	Class        string   // one of the classes below
	Members      []string // names of the kinds in a family; nil for a single kind
	Source       string
}

// Classes of GPUs, which NVIDIA's driver rules tell apart.
const (
	Datacenter  = "datacenter"
	Workstation = "workstation"
	GeForce     = "geforce"
	Embedded    = "embedded" // Jetson
)

// gpuTable is gpus.csv with its families. Every key of the maps is normal.
type gpuTable struct {
	gpus      []GPU
	byName    map[string]int // names and their short forms
	byProduct map[string]int
}

var gpuTables = embedded("gpus.csv", parseGPUs)

func parseGPUs(name string, text []byte) (gpuTable, error) {
	body, err := readRows(name, text, "name", "aliases", "product_names", "sm", "memory_gib",
		"architecture", "class", "family", "mig_capable", "source")
	if err != nil {
		return gpuTable{}, err
	}
	members := map[string][]GPU{}
	for _, r := range body {
		if f := r.text("family"); f != "" {
			members[f] = append(members[f], gpuRow(r))
		}
	}
	t := gpuTable{byName: map[string]int{}, byProduct: map[string]int{}}
	for _, r := range body {
		f := r.text("family")
		if kinds := members[f]; len(kinds) > 0 && kinds[0].Name == r.text("name") {
			t.add(r, "family", family(f, kinds))
		}
		t.add(r, "name", gpuRow(r))
		if *r.err != nil {
			return gpuTable{}, *r.err
		}
	}
	return t, nil
}

func gpuRow(r row) GPU {
	return GPU{
		Name: r.needed("name"), Aliases: r.list("aliases"), Products: r.list("product_names"),
		SM: r.capability("sm"), MemoryGiB: r.small("memory_gib"), Architecture: r.text("architecture"),
		Class:  r.choice("class", Datacenter, Workstation, GeForce, Embedded),
		Source: r.needed("source"),
	}
}

func family(name string, members []GPU) GPU {
	f := members[0]
	f.Name, f.Aliases, f.Products, f.Members = name, nil, nil, nil
	for _, m := range members {
		for _, p := range m.Products {
			if !slices.Contains(f.Products, p) {
				f.Products = append(f.Products, p)
			}
		}
		f.Members = append(f.Members, m.Name)
		if m.SM != f.SM {
			f.SM = ""
		}
		if m.MemoryGiB != f.MemoryGiB {
			f.MemoryGiB = 0
		}
		if m.Architecture != f.Architecture {
			f.Architecture = ""
		}
		if m.Class != f.Class {
			f.Class = ""
		}
	}
	f.Source = "family of " + strings.Join(f.Members, ", ")
	return f
}

// add enters a GPU that stands in row r, where a mistake is told of column.
func (t *gpuTable) add(r row, column string, g GPU) {
	i := len(t.gpus)
	t.gpus = append(t.gpus, g)
	for _, n := range g.names() {
		if other, taken := t.byName[packed(n)]; taken {
			r.wrong(column, "the name "+n+" means "+t.gpus[other].Name+" already")
		}
		t.byName[packed(n)] = i
	}
	if g.Members != nil {
		return // a product is one kind of GPU, not a family
	}
	for _, p := range g.Products {
		key := normal(p)
		other, taken := t.byProduct[key]
		switch {
		case !taken:
			t.byProduct[key] = i
		case t.gpus[other].Members == nil:
			// CUDA calls every Jetson Orin "Orin": that is their family.
			of := slices.IndexFunc(t.gpus, func(f GPU) bool {
				return slices.Contains(f.Members, g.Name) && slices.Contains(f.Members, t.gpus[other].Name)
			})
			if of < 0 {
				r.wrong("product_names", p+" is "+t.gpus[other].Name+" already")
				return
			}
			t.byProduct[key] = of
		case !slices.Contains(t.gpus[other].Members, g.Name):
			r.wrong("product_names", p+" is "+t.gpus[other].Name+" already")
		}
	}
}

// names lists what people call a GPU: its name, what is left of it without the
// words that nobody says, and its aliases.
func (g GPU) names() []string {
	list := []string{g.Name}
	short := g.Name
	for _, word := range []string{"GeForce ", "RTX ", "GTX "} {
		if cut, ok := strings.CutPrefix(short, word); ok && strings.HasPrefix(g.Name, "GeForce ") {
			short = cut
			list = append(list, short)
		}
	}
	if strings.HasPrefix(g.Name, "RTX A") || strings.HasPrefix(g.Name, "Jetson ") {
		_, short, _ := strings.Cut(g.Name, " ")
		list = append(list, short)
	}
	if short, ok := strings.CutSuffix(g.Name, " Blackwell"); ok {
		list = append(list, short)
	}
	return append(list, g.Aliases...)
}

// normal brings the spellings of a product name together: the driver's with and
// without the vendor, and Kubernetes' labels, where dashes stand for spaces.
func normal(product string) string {
	s := strings.ToLower(strings.Join(strings.Fields(product), "-"))
	return strings.TrimPrefix(s, "nvidia-")
}

// SameProduct reports whether two spellings name one product: as a driver prints
// it, with and without the vendor, or as a label of Kubernetes.
func SameProduct(a, b string) bool { return normal(a) == normal(b) }

// packed is normal without separators, since people write RTX4090 and rtx-4090,
// and without the brand of old data-center GPUs.
func packed(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.TrimPrefix(normal(name), "tesla-"))
}

// FindGPU finds a GPU by the name that a user gives it ("t4", "RTX 4090", "4090",
// "a100", "A100 80GB", "h100-sxm"), by the product name that a driver prints
// ("Tesla T4", "NVIDIA A100-SXM4-40GB") or by a Kubernetes label, in upper or
// lower case. A name means the family where there is one; a product name means
// the one kind, or the family where its kinds print the same. A slice or a share
// of a GPU ("...-MIG-1g.5gb", "...-SHARED") is not that GPU and is not found;
// SplitProduct takes such marks off.
func FindGPU(name string) (GPU, bool) {
	t := gpuTables()
	i, ok := t.byName[packed(name)]
	// "NVIDIA H100" is what a driver prints, "H100" is a family.
	product := strings.HasPrefix(strings.ToLower(strings.TrimSpace(name)), "nvidia")
	if p, found := t.byProduct[normal(name)]; found && (product || !ok) {
		i, ok = p, true
	}
	if !ok {
		return GPU{}, false
	}
	return t.gpus[i].clone(), true
}

// Matches reports whether the product name that the driver prints, or the label
// that Kubernetes makes of it, belongs to this target. It compares whole names:
// what the catalogue does not list does not match.
func (g GPU) Matches(product string) bool {
	return slices.ContainsFunc(g.Products, func(p string) bool { return SameProduct(p, product) })
}

func (g GPU) clone() GPU {
	g.Aliases, g.Products, g.Members = slices.Clone(g.Aliases), slices.Clone(g.Products), slices.Clone(g.Members)
	return g
}

// GPUs lists every GPU and family, each family before its members.
func GPUs() []GPU {
	list := slices.Clone(gpuTables().gpus)
	for i, g := range list {
		list[i] = g.clone()
	}
	return list
}

// GPUNames lists the names of GPUs, in the same order.
func GPUNames() []string {
	t := gpuTables()
	names := make([]string, len(t.gpus))
	for i, g := range t.gpus {
		names[i] = g.Name
	}
	return names
}

// OnlyJetsons reports whether all GPUs of a compute capability are Jetsons, whose
// TensorRT comes with JetPack.
func OnlyJetsons(sm string) bool { return jetsonCapabilities()[sm] }

var jetsonCapabilities = sync.OnceValue(func() map[string]bool {
	only := map[string]bool{}
	for _, g := range gpuTables().gpus {
		before, seen := only[g.SM]
		only[g.SM] = g.SM != "" && (!seen || before) && strings.HasPrefix(g.Name, "Jetson")
	}
	return only
})
