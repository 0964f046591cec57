package catalog

import (
	"slices"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		given string
		want  Version
		text  string // "" means refused
	}{
		"two numbers":               {"10.3", Version{10, 3, -1, -1}, "10.3"},
		"three":                     {"8.6.1", Version{8, 6, 1, -1}, "8.6.1"},
		"four":                      {"10.3.0.26", Version{10, 3, 0, 26}, "10.3.0.26"},
		"with CUDA after a plus":    {"8.6.1.6+cuda12.0.1.011", Version{8, 6, 1, 6}, "8.6.1.6"},
		"as a Debian package":       {"8.5.2-1+cuda11.8", Version{8, 5, 2, -1}, "8.5.2"},
		"one number":                {"10", Version{}, ""},
		"five numbers":              {"1.2.3.4.5", Version{}, ""},
		"an empty part":             {"10..3", Version{}, ""},
		"a word":                    {"10.x", Version{}, ""},
		"a minus sign":              {"10.-3", Version{}, ""},
		"a number out of all sense": {"10.99999", Version{}, ""},
		"version zero":              {"0.0.0.0", Version{}, ""},
		"nothing":                   {"", Version{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseVersion(tc.given)
			if got != tc.want || (err != nil) != (tc.text == "") || got.String() != tc.text {
				t.Errorf("ParseVersion(%q) = %v (%q), %v, want %v (%q)", tc.given, got, got.String(), err, tc.want, tc.text)
			}
		})
	}
}

func TestVersionOrder(t *testing.T) {
	ordered := []string{"8.4", "8.6.1", "8.6.1.6", "9.0", "10.2.9", "10.3", "10.3.0.26", "10.13", "10.13.2", "11.0"}
	var list []Version
	for _, s := range ordered {
		list = append(list, version(t, s))
	}
	if !slices.IsSortedFunc(list, Version.Compare) {
		t.Errorf("%v is not in order", list)
	}
	for i := 1; i < len(list); i++ {
		if list[i].Compare(list[i-1]) <= 0 {
			t.Errorf("%s is not after %s", list[i], list[i-1])
		}
	}
	if version(t, "10.3").Compare(version(t, "10.3.0.0")) != 0 {
		t.Error("unknown fields do not count as 0")
	}
	v := version(t, "10.3")
	if !v.AtLeast(10, 3) || !v.AtLeast(8, 6) || v.AtLeast(10, 4) || v.AtLeast(11, 0) {
		t.Errorf("AtLeast of %s is wrong", v)
	}
}

func TestVersionAgrees(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b string
		want bool
	}{
		"equal":                   {"10.3.0.26", "10.3.0.26", true},
		"less known":              {"10.3", "10.3.0.26", true},
		"another build":           {"10.3.0.26", "10.3.0.30", false},
		"another patch":           {"8.6.1", "8.6.2", false},
		"another minor":           {"10.3", "10.4", false},
		"unknown patch, no build": {"10.3", "10.3.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := version(t, tc.a), version(t, tc.b)
			if a.Agrees(b) != tc.want || b.Agrees(a) != tc.want {
				t.Errorf("%s agrees with %s: %v and %v, want %v", a, b, a.Agrees(b), b.Agrees(a), tc.want)
			}
		})
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"10.3", "8.6.1.6+cuda12.0", "9.2.0", "", "10.-1", "1.2.3.4.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		if again, err := ParseVersion(v.String()); err != nil || again != v {
			t.Errorf("%q reads as %v, printed %q, reads again as %v, %v", s, v, v.String(), again, err)
		}
		if v.Compare(v) != 0 || !v.Agrees(v) {
			t.Errorf("%v is not itself", v)
		}
	})
}

func FuzzFindGPU(f *testing.F) {
	for _, s := range []string{"t4", "NVIDIA H100", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "rtx4090", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		g, ok := FindGPU(name)
		if ok != (g.Name != "") {
			t.Errorf("FindGPU(%q) = %q, %v", name, g.Name, ok)
		}
		if !ok {
			return
		}
		if again, ok := FindGPU(g.Name); !ok || again.Name != g.Name {
			t.Errorf("FindGPU(%q) found %q, which is not found by its own name", name, g.Name)
		}
	})
}
