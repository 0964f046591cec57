package catalog

import (
	"strings"
	"testing"
)

func TestSplitProduct(t *testing.T) {
	for name, tc := range map[string]struct {
		label, product, mig string
		shared              bool
	}{
		"a whole GPU":                       {"NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-SXM4-80GB", "", false},
		"a slice":                           {"NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "NVIDIA-A100-SXM4-80GB", "1g.10gb", false},
		"a shared GPU":                      {"Tesla-T4-SHARED", "Tesla-T4", "", true},
		"a shared slice":                    {"NVIDIA-A30-MIG-1g.6gb-SHARED", "NVIDIA-A30", "1g.6gb", true},
		"a slice with media engines":        {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me", "NVIDIA-A100-SXM4-40GB", "1g.5gb.me", false},
		"as the driver writes those":        {"NVIDIA H100 80GB HBM3 MIG 1g.10gb+me", "NVIDIA H100 80GB HBM3", "1g.10gb+me", false},
		"a compute instance of a slice":     {"NVIDIA-A100-SXM4-40GB-MIG-1c.3g.20gb", "NVIDIA-A100-SXM4-40GB", "1c.3g.20gb", false},
		"as CUDA names a slice":             {"NVIDIA A100-SXM4-40GB MIG 3g.20gb", "NVIDIA A100-SXM4-40GB", "3g.20gb", false},
		"a misconfigured node is no slice":  {"NVIDIA-A100-SXM4-40GB-MIG-INVALID", "NVIDIA-A100-SXM4-40GB-MIG-INVALID", "", false},
		"marks in the wrong order":          {"NVIDIA-A30-SHARED-MIG-1g.6gb", "NVIDIA-A30-SHARED", "1g.6gb", false},
		"a mark alone is no product's mark": {"-MIG-1g.5gb", "-MIG-1g.5gb", "", false},
		"nothing":                           {"", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			product, mig, shared := SplitProduct(tc.label)
			if product != tc.product || mig != tc.mig || shared != tc.shared {
				t.Errorf("SplitProduct(%q) = %q, %q, %v, want %q, %q, %v", tc.label, product, mig, shared, tc.product, tc.mig, tc.shared)
			}
		})
	}
	product, _, _ := SplitProduct("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb-SHARED")
	if g, ok := FindGPU(product); !ok || g.Name != "A100-80GB" {
		t.Errorf("what is left of a label, %q, is %q", product, g.Name)
	}
}

func FuzzSplitProduct(f *testing.F) {
	for _, s := range []string{"Tesla-T4", "NVIDIA-A30-MIG-1g.6gb-SHARED", "NVIDIA A100-SXM4-40GB MIG 3g.20gb", "-SHARED", "-MIG-1g.5gb", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, label string) {
		product, mig, shared := SplitProduct(label)
		if !strings.HasPrefix(label, product) {
			t.Errorf("the product %q is not how %q begins", product, label)
		}
		marks := strings.TrimPrefix(label, product)
		for _, want := range map[bool][]string{true: {"-SHARED"}, false: nil}[shared] {
			if !strings.HasSuffix(marks, want) {
				t.Errorf("%q is told to be shared", label)
			}
			marks = strings.TrimSuffix(marks, want)
		}
		if mig == "" && marks != "" || mig != "" && marks[5:] != mig {
			t.Errorf("%q is split into %q, %q, %v: %q is lost", label, product, mig, shared, marks)
		}
	})
}
