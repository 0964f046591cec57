package catalog

import "testing"

func TestComputes(t *testing.T) {
	for name, tc := range map[string]struct {
		precision, sm string
		want          Verdict
		says          bool
	}{
		"a precision that begins later":           {"bf16", "7.5", Cannot, true},
		"where it begins":                         {"bf16", "8.0", Can, false},
		"two digits before the point":             {"fp8", "12.0", Can, false},
		"just below":                              {"fp8", "8.7", Cannot, true},
		"a capability in between that is without": {"int8", "6.2", Cannot, true},
		"its neighbours":                          {"int8", "6.1", Can, false},
		"computed the long way around":            {"tf32", "7.5", Can, true},
		"slow in one capability only":             {"fp16", "6.1", Can, true},
		"and fast in its neighbour":               {"fp16", "6.0", Can, false},
		"a precision that every GPU has":          {"fp32", "5.0", Can, false},
		"a GPU that is not known":                 {"fp32", "", Uncertain, true},
		"a capability that is none":               {"fp8", "8.10", Uncertain, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := Computes(tc.precision, tc.sm)
			if got.Verdict != tc.want || (got.Why != "") != tc.says {
				t.Errorf("Computes(%s, %s) = %+v, want %s", tc.precision, tc.sm, got, tc.want)
			}
		})
	}
}
