package device

import (
	"regexp"
	"testing"
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

func TestEveryDeviceByNameIsWhole(t *testing.T) {
	if names := Names(); len(names) < 13 || names[0] != "T4" {
		t.Errorf("trtsim knows the numbers of %q", names)
	}
	for _, name := range Names() {
		d, err := Find(name)
		if err != nil || d.Name != name || d.SMs == 0 || d.BusBits == 0 || d.CoreKHz == 0 || d.Bytes() == 0 || d.Source == "" {
			t.Errorf("Find(%s) = %+v, %v", name, d, err)
		}
	}
}

func TestAGPUHasTheNumbersOfItsBoard(t *testing.T) {
	for name, want := range map[string]int{
		"NVIDIA H100 80GB HBM3": 132, "NVIDIA H100 PCIe": 114, "H100": 132, "NVIDIA A100-PCIE-40GB": 108, "B300": 0,
	} {
		if d, err := Find(name); err != nil || d.SMs != want {
			t.Errorf("Find(%q) has %d SMs, %v, want %d", name, d.SMs, err, want)
		}
	}
}

func TestUUIDIsStable(t *testing.T) {
	a, b := UUID("Tesla T4"), UUID("NVIDIA A10")
	if a == b || a != UUID("Tesla T4") || !regexp.MustCompile(`^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(a) {
		t.Errorf("UUIDs are %s and %s", a, b)
	}
}
