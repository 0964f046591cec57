package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// GPU is one kind of GPU, or a family of kinds that differ in memory or board.
// A field that is not known, or that differs within a family, is zero.
type GPU struct {
	Name         string
	Products     []string // as the driver prints them
	SM           string   // compute capability, "7.5"
	MemoryGiB    int      // nominal size
	Architecture string   // as GPU feature discovery names it
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

// familyName matches the names of kinds that belong to a family: "A100-80GB",
// "H100 (unlabelled memory)".
var familyName = regexp.MustCompile(`^(.+?)(?:-\d+GB| \(.*\))$`)

var gpuTables = sync.OnceValue(func() gpuTable {
	t := gpuTable{byName: map[string]int{}, byProduct: map[string]int{}}
	_, body := rows("gpus.csv")
	members := map[string][]GPU{}
	for _, row := range body {
		g := gpuRow(row)
		if m := familyName.FindStringSubmatch(g.Name); m != nil {
			members[m[1]] = append(members[m[1]], g)
		}
	}
	for _, row := range body {
		g := gpuRow(row)
		if m := familyName.FindStringSubmatch(g.Name); m != nil && members[m[1]] != nil {
			t.add(family(m[1], members[m[1]]))
			delete(members, m[1])
		}
		t.add(g)
	}
	return t
})

func gpuRow(row []string) GPU {
	g := GPU{Name: row[0], SM: row[2], Architecture: row[4], Source: row[6]}
	if row[3] != "" {
		n, err := strconv.Atoi(row[3])
		if err != nil {
			panic(fmt.Sprintf("catalog: gpus.csv: %s: memory: %v", g.Name, err))
		}
		g.MemoryGiB = n
	}
	// The table lists Kubernetes labels beside the names that they come from.
	for product := range strings.SplitSeq(row[1], ";") {
		same := func(p string) bool { return normal(p) == normal(product) }
		if product != "" && !slices.ContainsFunc(g.Products, same) {
			g.Products = append(g.Products, product)
		}
	}
	return g
}

func family(name string, members []GPU) GPU {
	f := members[0]
	f.Name, f.Products, f.Members = name, nil, nil
	for _, m := range members {
		f.Products = append(f.Products, m.Products...)
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
	}
	f.Source = "family of " + strings.Join(f.Members, ", ")
	return f
}

func (t *gpuTable) add(g GPU) {
	i := len(t.gpus)
	t.gpus = append(t.gpus, g)
	for _, n := range shortNames(g.Name) {
		t.byName[packed(n)] = i
	}
	if g.Members != nil {
		return // a product is one kind of GPU, not a family
	}
	for _, p := range g.Products {
		t.byProduct[normal(p)] = i
	}
}

// shortNames lists what people call a GPU: its name, and what is left of it
// without the words that nobody says.
func shortNames(name string) []string {
	if short, ok := strings.CutPrefix(name, "GeForce "); ok {
		return []string{name, short}
	}
	if strings.HasPrefix(name, "RTX A") {
		return []string{name, strings.TrimPrefix(name, "RTX ")}
	}
	return []string{name}
}

// normal brings the spellings of a product name together: the driver's with and
// without the vendor, and Kubernetes' labels, where dashes stand for spaces.
func normal(product string) string {
	s := strings.ToLower(strings.Join(strings.Fields(product), "-"))
	return strings.TrimPrefix(s, "nvidia-")
}

// packed is normal without separators, since people write RTX4090 and rtx-4090.
func packed(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(normal(name))
}

// FindGPU finds a GPU by the name that a user gives it ("t4", "RTX 4090",
// "a100"), by the product name that a driver prints ("Tesla T4", "NVIDIA
// A100-SXM4-40GB") or by a Kubernetes label, in upper or lower case. A name
// means the family where there is one; a product name means the one kind. A
// slice or a share of a GPU ("...-MIG-1g.5gb", "...-SHARED") is not that GPU
// and is not found.
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
	return slices.ContainsFunc(g.Products, func(p string) bool { return normal(p) == normal(product) })
}

func (g GPU) clone() GPU {
	g.Products, g.Members = slices.Clone(g.Products), slices.Clone(g.Members)
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
