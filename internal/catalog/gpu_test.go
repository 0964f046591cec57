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
		"a driver's name means the kind":           {"NVIDIA H100", "H100 (unlabelled memory)"},
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
		"without a product, an own name":           {"jetson orin", "Jetson Orin"},
		"Grace Hopper by its memory":               {"GH200", "GH200"},
		"a slice is not the GPU":                   {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", ""},
		"a shared GPU is not the GPU":              {"Tesla-T4-SHARED", ""},
		"a shared slice is not the GPU":            {"NVIDIA-A30-MIG-1g.6gb-SHARED", ""},
		"a virtual GPU is not the GPU":             {"NVIDIA A10-24Q", ""},
		"a laptop's GPU is another":                {"NVIDIA GeForce RTX 4090 Laptop GPU", ""},
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
		for _, n := range append(shortNames(g.Name), strings.ToLower(g.Name), strings.ToUpper(g.Name)) {
			if found, ok := FindGPU(n); !ok || found.Name != g.Name {
				t.Errorf("FindGPU(%q) = %q, want %q", n, found.Name, g.Name)
			}
		}
		if g.Members != nil {
			continue
		}
		for _, p := range g.Products {
			if p == "A100-SXM4-40GB" {
				t.Errorf("%s keeps %q, a spelling of another product", g.Name, p)
			}
			found, ok := FindGPU("NVIDIA " + strings.TrimPrefix(p, "NVIDIA "))
			if !ok || found.Name != g.Name {
				t.Errorf("FindGPU of product %q = %q, want %q", p, found.Name, g.Name)
			}
			if !g.Matches(p) || !g.Matches(strings.ReplaceAll(p, " ", "-")) {
				t.Errorf("%s does not match its own product %q", g.Name, p)
			}
		}
	}
}

func TestNoNameOrProductIsAmbiguous(t *testing.T) {
	names, products := map[string]string{}, map[string]string{}
	for _, g := range GPUs() {
		for _, n := range shortNames(g.Name) {
			if other, ok := names[packed(n)]; ok {
				t.Errorf("name %q means %s and %s", n, other, g.Name)
			}
			names[packed(n)] = g.Name
		}
		if g.Members != nil {
			continue
		}
		for _, p := range g.Products {
			if other, ok := products[normal(p)]; ok {
				t.Errorf("product %q is of %s and %s", p, other, g.Name)
			}
			products[normal(p)] = g.Name
		}
	}
}

func TestFamilies(t *testing.T) {
	members := map[string]string{
		"V100": "V100-32GB", "P100": "P100-12GB", "A100": "A100-40GB A100-80GB A100-64GB",
		"A800": "A800-40GB A800-80GB", "H100": "H100-80GB|H100 (unlabelled memory)",
		"H800": "H800-80GB", "GH200": "GH200-96GB GH200-144GB",
	}
	for _, g := range GPUs() {
		if g.Members == nil {
			continue
		}
		want := strings.FieldsFunc(members[g.Name], func(r rune) bool { return r == ' ' || r == '|' })
		if strings.Contains(members[g.Name], "|") {
			want = strings.Split(members[g.Name], "|")
		}
		if !slices.Equal(g.Members, want) {
			t.Errorf("family %s has members %q, want %q", g.Name, g.Members, want)
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
	if a100.SM != "8.0" || a100.MemoryGiB != 0 || a100.Architecture != "ampere" {
		t.Errorf("A100 = %+v, want what its members agree on and nothing else", a100)
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
		"nothing matches nothing":              {"Jetson Orin", "", false},
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

func TestGPUsCannotBeChangedByCallers(t *testing.T) {
	g, _ := FindGPU("A100")
	g.Products[0], g.Members[0] = "x", "x"
	GPUs()[0].Products[0] = "x"
	again, _ := FindGPU("A100")
	if again.Products[0] == "x" || again.Members[0] == "x" || GPUs()[0].Products[0] == "x" {
		t.Error("the catalogue was changed through what it returned")
	}
	if names := GPUNames(); len(names) != len(GPUs()) || names[0] != GPUs()[0].Name {
		t.Errorf("GPUNames does not follow GPUs: %d and %d", len(names), len(GPUs()))
	}
}
