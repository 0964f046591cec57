package device

import (
	"regexp"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func TestFind(t *testing.T) {
	for name, want := range map[string]struct{ product, sm string }{
		"T4":                    {"Tesla T4", "7.5"},
		"tesla t4":              {"Tesla T4", "7.5"},
		"A100":                  {"NVIDIA A100-SXM4-40GB", "8.0"},
		"NVIDIA A100-PCIE-40GB": {"NVIDIA A100-PCIE-40GB", "8.0"},
		"a100-80gb":             {"NVIDIA A100-SXM4-80GB", "8.0"},
		"H100":                  {"NVIDIA H100 80GB HBM3", "9.0"},
		"RTX 4090":              {"NVIDIA GeForce RTX 4090", "8.9"},
		"A40":                   {"NVIDIA A40", "8.6"}, // only the catalogue knows it
	} {
		d, err := Find(name)
		if err != nil || d.Product != want.product || d.SM != want.sm {
			t.Errorf("Find(%q) = %s, %s, %v, want %s, %s", name, d.Product, d.SM, err, want.product, want.sm)
		}
	}
	if d, err := Find("Voodoo 2"); err == nil {
		t.Errorf("Find(Voodoo 2) = %s", d.Product)
	}
}

func TestTableAgreesWithTheCatalogue(t *testing.T) {
	for _, r := range table {
		g, ok := catalog.FindGPU(r.Product)
		if !ok || g.Name != r.Name || g.SM != r.SM {
			t.Errorf("%s of %s: the catalogue has %s of %s (%v)", r.Product, r.SM, g.Name, g.SM, ok)
		}
		if g.MemoryGiB > 0 && (r.MemoryMiB > int64(g.MemoryGiB)<<10 || r.MemoryMiB < int64(g.MemoryGiB)*900) {
			t.Errorf("%s: %d MiB do not fit %d GiB", r.Name, r.MemoryMiB, g.MemoryGiB)
		}
		if r.Source == "" || r.SMs == 0 || r.BusBits == 0 || r.CoreKHz == 0 {
			t.Errorf("%s has holes", r.Name)
		}
	}
}

func TestUUIDIsStable(t *testing.T) {
	a, b := UUID("Tesla T4"), UUID("NVIDIA A10")
	if a == b || a != UUID("Tesla T4") || !regexp.MustCompile(`^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(a) {
		t.Errorf("UUIDs are %s and %s", a, b)
	}
}
