package compat_test

import (
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/compat"
)

func version(t testing.TB, s string) catalog.Version {
	t.Helper()
	if s == "" {
		return catalog.Version{}
	}
	v, err := catalog.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersions(t *testing.T) {
	for name, tc := range map[string]struct {
		built, runtime string
		compatible     bool
		want           compat.Verdict
		why            string
	}{
		"equal":                             {"10.3.0.26", "10.3.0.26", false, compat.Valid, "written by TensorRT 10.3.0.26, and the same runs there"},
		"equal, whatever the mode":          {"10.3.0.26", "10.3.0.26", true, compat.Valid, "the same runs there"},
		"the build is not given":            {"8.6.1.6", "8.6.1", false, compat.Valid, "8.6.1 runs there: the same as far as the numbers go, the build is not given"},
		"the plan gives less":               {"8.6", "8.6.1.6", false, compat.Valid, "patch and build are not given"},
		"another build":                     {"10.3.0.26", "10.3.0.30", false, compat.Invalid, "only in the very TensorRT that wrote it"},
		"another patch":                     {"8.6.1.6", "8.6.0", false, compat.Invalid, "8.6.0 runs there"},
		"a newer one":                       {"8.6.1.6", "8.6.2", false, compat.Invalid, "only in the very"},
		"compatible, newer patch":           {"8.6.0.12", "8.6.1.6", true, compat.Valid, "newer TensorRT loads"},
		"compatible, older patch":           {"8.6.1.6", "8.6.0.12", true, compat.Invalid, "never loads"},
		"compatible, newer minor":           {"10.0.1.6", "10.16.1.11", true, compat.Valid, "newer TensorRT loads"},
		"compatible, older minor":           {"10.16.1.11", "10.0.1.6", true, compat.Invalid, "never loads"},
		"compatible, older major":           {"10.0.1.6", "8.6.1.6", true, compat.Invalid, "never loads"},
		"compatible, 8 to 10":               {"8.6.1.6", "10.3", true, compat.Valid, "TensorRT 10 loads version compatible plans of TensorRT 8"},
		"compatible, 10 to 11":              {"10.16.1", "11.0", true, compat.Valid, "TensorRT 11 loads version compatible plans of TensorRT 10"},
		"compatible, 8 to 11":               {"8.6.1.6", "11.0", true, compat.Invalid, "not from 8 to 11"},
		"compatible, 8 to 9, in older docs": {"8.6.1.6", "9.1", true, compat.Valid, "that of 11.4 no longer does"},
		"compatible, 9 to 10, likewise":     {"9.2.0", "10.0", true, compat.Valid, "that of 11.4 no longer does"},
		"compatible, 9 to 11":               {"9.2.0", "11.0", true, compat.Invalid, "not from 9 to 11"},
		"compatible, 11 to 12":              {"11.4", "12.0", true, compat.Invalid, "not from 11 to 12"},
		"compatible, before 8.6":            {"8.5.3.1", "8.6.1", true, compat.Invalid, "came with TensorRT 8.6"},
		"compatible, both before 8.6":       {"8.4.1", "8.5.3", true, compat.Invalid, "came with TensorRT 8.6"},
		"no runtime":                        {"10.3", "", true, compat.Unknown, "which TensorRT runs there is not given"},
		"no writer":                         {"", "10.3", false, compat.Unknown, "which TensorRT wrote the plan is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := compat.Versions(version(t, tc.built), version(t, tc.runtime), tc.compatible)
			if got != tc.want || !strings.Contains(why, tc.why) {
				t.Errorf("Versions(%s, %s, %v) = %s, %q, want %s with %q", tc.built, tc.runtime, tc.compatible, got, why, tc.want, tc.why)
			}
		})
	}
}

// The rules hold for every pair of releases that NGC ships, not for chosen ones.
func TestVersionsOfAllReleases(t *testing.T) {
	all := catalog.Releases()
	for _, built := range all {
		for _, runtime := range all {
			plain, _ := compat.Versions(built, runtime, false)
			compatible, _ := compat.Versions(built, runtime, true)
			same, older := built.Agrees(runtime), runtime.Compare(built) < 0
			switch {
			case plain != compat.Valid && plain != compat.Invalid || compatible != compat.Valid && compatible != compat.Invalid:
				t.Errorf("%s in %s: %s and %s, want an answer", built, runtime, plain, compatible)
			case same && plain != compat.Valid:
				t.Errorf("%s does not load what it wrote", built)
			case !same && plain != compat.Invalid:
				t.Errorf("%s loads a default plan of %s", runtime, built)
			case plain == compat.Valid && compatible != compat.Valid:
				t.Errorf("version compatibility takes %s away from a plan of %s", runtime, built)
			case older && !same && compatible == compat.Valid:
				t.Errorf("the older %s loads a plan of %s", runtime, built)
			case built.Major == runtime.Major && !older && built.AtLeast(8, 6) && compatible != compat.Valid:
				t.Errorf("%s does not load a version compatible plan of %s", runtime, built)
			}
		}
	}
}
