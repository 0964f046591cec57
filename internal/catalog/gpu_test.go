package catalog

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFindGPU(t *testing.T) {
	for name, tc := range map[string]struct{ given, want string }{
		"a table name":                             {"T4", "T4"},
		"in lower case":                            {"t4", "T4"},
		"the driver's name":                        {"Tesla T4", "T4"},
		"the driver's name with the vendor":        {"NVIDIA A10", "A10"},
		"its label":                                {"Tesla-T4", "T4"},
		"a label of another kind":                  {"NVIDIA-A100-SXM4-40GB", "A100-40GB"},
		"a label from before the vendor's name":    {"A100-SXM4-40GB", "A100-40GB"},
		"PCIe writes its memory elsewhere":         {"NVIDIA A100 80GB PCIe", "A100-80GB"},
		"a family":                                 {"a100", "A100"},
		"a family of one":                          {"V100", "V100"},
		"a member of it":                           {"V100-32GB", "V100-32GB"},
		"a bare name means the family":             {"H100", "H100"},
		"a driver's name means the kind":           {"NVIDIA H100", "H100-94GB"},
		"a board of its own is no family member":   {"NVIDIA H100 NVL", "H100-NVL"},
		"a family whose kind has the bare name":    {"h800", "H800"},
		"the kind behind it":                       {"NVIDIA H800", "H800-80GB"},
		"short for GeForce":                        {"RTX 4090", "GeForce RTX 4090"},
		"shorter still":                            {"rtx4090", "GeForce RTX 4090"},
		"with a dash":                              {"rtx-4090", "GeForce RTX 4090"},
		"the label of a GeForce":                   {"NVIDIA-GeForce-RTX-4090", "GeForce RTX 4090"},
		"Ti is another GPU":                        {"RTX 4070 Ti", "GeForce RTX 4070 Ti"},
		"a workstation card by its number":         {"A6000", "RTX A6000"},
		"a workstation card in full":               {"NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"},
		"a short name that is the start of more":   {"A10", "A10"},
		"the longer one":                           {"a10g", "A10G"},
		"two spaces and a newline are still it":    {" NVIDIA  A30\n", "A30"},
		"a Jetson by its module":                   {"agx orin", "Jetson AGX Orin"},
		"what CUDA calls several is their family":  {"Orin", "Jetson Orin"},
		"what CUDA calls one is that one":          {"NVIDIA Tegra X2", "Jetson TX2"},
		"Grace Hopper by its memory":               {"GH200", "GH200"},
		"a slice is not the GPU":                   {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", ""},
		"a shared GPU is not the GPU":              {"Tesla-T4-SHARED", ""},
		"a shared slice is not the GPU":            {"NVIDIA-A30-MIG-1g.6gb-SHARED", ""},
		"a virtual GPU is not the GPU":             {"NVIDIA A10-24Q", ""},
		"a laptop's GPU is another":                {"NVIDIA GeForce RTX 4090 Laptop GPU", "GeForce RTX 4090 Laptop"},
		"a number alone":                           {"4090", "GeForce RTX 4090"},
		"a number with its Ti":                     {"1080 ti", "GeForce GTX 1080 Ti"},
		"memory after a space":                     {"A100 80GB", "A100-80GB"},
		"the driver's name in lower case":          {"a100-sxm4-80gb", "A100-80GB"},
		"a card of its own in a kind":              {"h100-pcie", "H100-80GB"},
		"a module that the driver calls otherwise": {"h100-sxm", "H100-80GB"},
		"Ada without spaces":                       {"RTX6000Ada", "RTX 6000 Ada"},
		"a driver from before the vendor's name":   {"GeForce RTX 3090", "GeForce RTX 3090"},
		"Tesla is said of what it is not":          {"Tesla A100", "A100"},
		"a label of a cloud":                       {"nvidia-tesla-v100", "V100"},
		"another label of a cloud":                 {"nvidia-h100-80gb", "H100-80GB"},
		"a family without its last word":           {"RTX PRO 6000", "RTX PRO 6000 Blackwell"},
		"a compute capability is not a GPU":        {"sm_75", ""},
		"nor as a number":                          {"7.5", ""},
		"a SUPER is another":                       {"RTX 4070 Super", "GeForce RTX 4070 SUPER"},
		"a misconfigured slice":                    {"NVIDIA-A100-SXM4-40GB-MIG-INVALID", ""},
		"a part of a name":                         {"A1", ""},
		"a vendor alone":                           {"NVIDIA", ""},
		"nothing":                                  {"", ""},
		"an unknown one":                           {"MI300X", ""},
		"Quadro and Ada share a number: say which": {"RTX 4000", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, ok := FindGPU(tc.given)
			if g.Name != tc.want || ok != (tc.want != "") {
				t.Errorf("FindGPU(%q) = %q, %v, want %q", tc.given, g.Name, ok, tc.want)
			}
		})
	}
}

func TestEveryGPUIsFoundByItsNameAndProducts(t *testing.T) {
	for _, g := range GPUs() {
		for _, n := range append(g.names(), strings.ToLower(g.Name), strings.ToUpper(g.Name)) {
			if found, ok := FindGPU(n); !ok || found.Name != g.Name {
				t.Errorf("FindGPU(%q) = %q, want %q", n, found.Name, g.Name)
			}
		}
		if g.Members != nil {
			continue
		}
		for _, p := range g.Products {
			found, ok := FindGPU("NVIDIA " + strings.TrimPrefix(p, "NVIDIA "))
			if !ok || found.Name != g.Name && !slices.Contains(found.Members, g.Name) {
				t.Errorf("FindGPU of product %q = %q, want %q or its family", p, found.Name, g.Name)
			}
			if !g.Matches(p) || !g.Matches(strings.ReplaceAll(p, " ", "-")) {
				t.Errorf("%s does not match its own product %q", g.Name, p)
			}
		}
	}
}

func TestAmbiguousTablesAreRefused(t *testing.T) {
	const header = "name,aliases,product_names,sm,memory_gib,architecture,class,family,mig_capable,source\n"
	for name, tc := range map[string]struct{ rows, want string }{
		"one name twice":                     {"T4,,,,,,,,,s\nt-4,,,,,,,,,s\n", "x.csv:3: column name"},
		"an alias that is a name":            {"T4,,,,,,,,,s\nX,t4,,,,,,,,s\n", "means T4 already"},
		"a short name that is a name":        {"A10,,,,,,,,,s\nRTX A10,,,,,,,,,s\n", "means A10 already"},
		"a family that is a name":            {"A,,,,,,,,,s\nA-1,,,,,,,A,,s\n", "x.csv:3: column family"},
		"a product twice":                    {"T4,,NVIDIA T,,,,,,,s\nX,,t,,,,,,,s\n", "x.csv:3: column product_names"},
		"a product of two families":          {"A-1,,P,,,,,A,,s\nA-2,,P,,,,,A,,s\nB-1,,P,,,,,B,,s\n", "x.csv:4: column product_names"},
		"a capability that is none":          {"T4,,,75,,,,,,s\n", "x.csv:2: column sm"},
		"a class that is none":               {"T4,,,7.5,,,laptop,,,s\n", "x.csv:2: column class"},
		"a product that is missing":          {"T4,,a;;b,,,,,,,s\n", "x.csv:2: column product_names"},
		"a row without a source":             {"T4,,,7.5,,,,,,\n", "x.csv:2: column source"},
		"a product shared in a family is it": {"A-1,,P,,,,,A,,s\nA-2,,P,,,,,A,,s\nA-3,,P,,,,,A,,s\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseGPUs("x.csv", []byte(header+tc.rows))
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("parseGPUs: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("parseGPUs: %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestFamilies(t *testing.T) {
	members := map[string]string{
		"V100": "V100-32GB,V100-16GB", "P100": "P100-12GB,P100-16GB", "A100": "A100-40GB,A100-80GB,A100-64GB",
		"A800": "A800-40GB,A800-80GB", "H100": "H100-80GB,H100-94GB",
		"H800": "H800-80GB", "GH200": "GH200-96GB,GH200-144GB", "GeForce GTX 1060": "GeForce GTX 1060 6GB,GeForce GTX 1060 3GB",
		"RTX PRO 6000 Blackwell": "RTX PRO 6000 Blackwell Server,RTX PRO 6000 Blackwell Workstation",
		"Jetson Orin":            "Jetson AGX Orin,Jetson Orin NX,Jetson Orin Nano",
		"Jetson Xavier":          "Jetson AGX Xavier,Jetson Xavier NX",
	}
	for _, g := range GPUs() {
		if g.Members == nil {
			continue
		}
		if got := strings.Join(g.Members, ","); got != members[g.Name] {
			t.Errorf("family %s has members %q, want %q", g.Name, got, members[g.Name])
		}
		delete(members, g.Name)
		for _, m := range g.Members {
			kind, ok := FindGPU(m)
			if !ok || kind.Members != nil {
				t.Errorf("member %q of %s is not a kind", m, g.Name)
			}
			for _, p := range kind.Products {
				if !g.Matches(p) {
					t.Errorf("%s does not match %q of its member %s", g.Name, p, m)
				}
			}
		}
	}
	if len(members) > 0 {
		t.Errorf("families missing: %v", members)
	}
	a100, _ := FindGPU("A100")
	if a100.SM != "8.0" || a100.MemoryGiB != 0 || a100.Architecture != "ampere" || a100.Class != Datacenter || a100.Aliases != nil {
		t.Errorf("A100 = %+v, want what its members agree on and nothing else", a100)
	}
	if pro, _ := FindGPU("RTX PRO 6000"); pro.Class != "" || pro.MemoryGiB != 96 {
		t.Errorf("RTX PRO 6000 = %+v, want no class, since its members differ", pro)
	}
}

func TestMatches(t *testing.T) {
	for name, tc := range map[string]struct {
		target, product string
		want            bool
	}{
		"itself":                               {"A10", "NVIDIA A10", true},
		"its label":                            {"A10", "NVIDIA-A10", true},
		"without the vendor":                   {"A10", "A10", true},
		"not a longer name":                    {"A10", "NVIDIA A100-PCIE-40GB", false},
		"not the cloud's variant":              {"A10", "NVIDIA A10G", false},
		"not the other way round":              {"A10G", "NVIDIA A10", false},
		"a family takes every kind":            {"A100", "NVIDIA A100 80GB PCIe", true},
		"a kind takes no other of its family":  {"A100-40GB", "NVIDIA A100-SXM4-80GB", false},
		"memory in the name is not the family": {"H100", "NVIDIA H100 NVL", false},
		"a slice is not the GPU":               {"A100", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", false},
		"a shared GPU is not the GPU":          {"T4", "Tesla-T4-SHARED", false},
		"nothing matches nothing":              {"A100-64GB", "", false},
		"CUDA's name of a family":              {"Jetson Orin", "Orin", true},
		"CUDA does not tell one from another":  {"Jetson AGX Orin", "Orin", true},
	} {
		t.Run(name, func(t *testing.T) {
			g, ok := FindGPU(tc.target)
			if !ok {
				t.Fatalf("no GPU %q", tc.target)
			}
			if got := g.Matches(tc.product); got != tc.want {
				t.Errorf("%s.Matches(%q) = %v, want %v", tc.target, tc.product, got, tc.want)
			}
		})
	}
}

func TestEveryGPUHasAClassAndMostACapability(t *testing.T) {
	without := 0
	for _, g := range GPUs() {
		if g.Members == nil && g.Class == "" {
			t.Errorf("%s has no class", g.Name)
		}
		if g.Members == nil && g.SM == "" {
			without++
		}
	}
	if without > 2 {
		t.Errorf("%d GPUs have no capability", without)
	}
	for name, want := range map[string]string{"T4": Datacenter, "RTX A6000": Workstation, "4090": GeForce, "Jetson Nano": Embedded} {
		if g, _ := FindGPU(name); g.Class != want {
			t.Errorf("%s is of class %q, want %q", name, g.Class, want)
		}
	}
}

func TestGPUsCannotBeChangedByCallers(t *testing.T) {
	g, _ := FindGPU("A100")
	g.Products[0], g.Members[0] = "x", "x"
	kind, _ := FindGPU("H100-80GB")
	kind.Aliases[0] = "x"
	GPUs()[0].Products[0] = "x"
	again, _ := FindGPU("A100")
	kind, _ = FindGPU("H100-80GB")
	if again.Products[0] == "x" || again.Members[0] == "x" || kind.Aliases[0] == "x" || GPUs()[0].Products[0] == "x" {
		t.Error("the catalogue was changed through what it returned")
	}
	if names := GPUNames(); len(names) != len(GPUs()) || names[0] != GPUs()[0].Name {
		t.Errorf("GPUNames does not follow GPUs: %d and %d", len(names), len(GPUs()))
	}
}
