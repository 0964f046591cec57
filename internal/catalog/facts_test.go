package catalog

import (
	"slices"
	"strings"
	"testing"
)

func version(t *testing.T, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFlagSupport(t *testing.T) {
	for name, tc := range map[string]struct {
		flag, release string
		want          Support
		known         bool
	}{
		"a column of its own":                          {"--fp16", "10.14", Deprecated, true},
		"gone":                                         {"--fp16", "11.0", No, true},
		"a patch release reads its minor":              {"--skipInference", "8.6.1.6", Yes, true},
		"a patch release with a column":                {"--consistency", "10.13.3.9", Yes, true},
		"a patch release before the next column":       {"--consistency", "10.13.1", Yes, true},
		"a gap in the middle":                          {"--consistency", "10.4.0", No, true},
		"a release between two majors reads the older": {"--stronglyTyped", "8.9", No, true},
		"a patch of the last column":                   {"--fp8", "11.1.9", No, true},
		"newer than the table reads the last column":   {"--noSpinWait", "11.4.1", Yes, false},
		"a later major reads the last column":          {"--noSpinWait", "12.0", Yes, false},
		"older than the table is not known":            {"--fp16", "8.2.1", Yes, false},
		"a flag that never was":                        {"--fp17", "10.3", No, true},
		"a flag without its dashes":                    {"fp16", "10.3", No, true},
		"flags are case sensitive":                     {"--warmup", "10.3", No, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := FlagSupport(tc.flag, version(t, tc.release))
			if got != tc.want || known != tc.known {
				t.Errorf("FlagSupport(%s, %s) = %s, %v, want %s, %v", tc.flag, tc.release, got, known, tc.want, tc.known)
			}
		})
	}
}

func TestFlagReleases(t *testing.T) {
	got := FlagReleases("--buildOnly")
	if len(got) != 7 || got[0] != version(t, "8.4") || got[6] != version(t, "9.3") {
		t.Errorf("FlagReleases(--buildOnly) = %v, want 8.4 to 9.3", got)
	}
	if got := FlagReleases("--no-such"); got != nil {
		t.Errorf("FlagReleases of an unknown flag = %v", got)
	}
}

func TestSMSupport(t *testing.T) {
	for name, tc := range map[string]struct {
		release, min, max string
		ok                bool
	}{
		"the last release with Volta":        {"10.4.0", "7.0", "9.0", true},
		"the first without":                  {"10.5.0.18", "7.5", "9.0", true},
		"a patch release reads its minor":    {"10.13.3", "7.5", "12.0", true},
		"a release between rows":             {"9.2", "6.0", "9.0", true},
		"a bound that was not read is empty": {"8.2.1", "", "8.6", true},
		"older than the table":               {"6.0.1", "", "", false},
		"newer than the table":               {"11.5", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, ok := SMSupport(version(t, tc.release))
			if r.Min != tc.min || r.Max != tc.max || ok != tc.ok {
				t.Errorf("SMSupport(%s) = %q to %q, %v, want %q to %q, %v", tc.release, r.Min, r.Max, ok, tc.min, tc.max, tc.ok)
			}
			if ok && r.Source == "" {
				t.Errorf("SMSupport(%s) has no source", tc.release)
			}
		})
	}
}

func TestMinDriver(t *testing.T) {
	for name, tc := range map[string]struct{ cuda, want string }{
		"exact":                                {"12.6.1", "560.35.03"},
		"with a build, as images say it":       {"12.6.1.006", "560.35.03"},
		"a minor means its first release":      {"12.6", "560.28.03"},
		"a patch that is not listed, likewise": {"12.6.9", "560.28.03"},
		"a minor that is not listed":           {"13.9", ""},
		"a major alone says too little":        {"12", ""},
		"nothing":                              {"", ""},
		"11.1 is not 11.10":                    {"11.10", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := MinDriver(tc.cuda); got != tc.want || ok != (tc.want != "") {
				t.Errorf("MinDriver(%q) = %q, %v, want %q", tc.cuda, got, ok, tc.want)
			}
		})
	}
}

func TestNGC(t *testing.T) {
	for name, tc := range map[string]struct {
		tag, tensorrt string
		ok            bool
	}{
		"a tag":                           {"23.10-py3", "8.6.1.6", true},
		"without the ending":              {"23.10", "8.6.1.6", true},
		"known, but not its TensorRT":     {"26.10-py3", "", true},
		"a month that ends as the ending": {"23.03", "8.5.3", true},
		"another image of the same month": {"23.10-trtllm-python-py3", "", false},
		"a month without an image":        {"21.01-py3", "", false},
		"nothing":                         {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := NGC(tc.tag)
			if got.TensorRT != tc.tensorrt || ok != tc.ok {
				t.Errorf("NGC(%q) = %q, %v, want %q, %v", tc.tag, got.TensorRT, ok, tc.tensorrt, tc.ok)
			}
		})
	}
	for tag, image := range ngcImages() {
		if image.TensorRT == "" {
			continue
		}
		if _, err := ParseVersion(image.TensorRT); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
		if d, ok := MinDriver(image.CUDA); image.CUDA != "" && image.CUDA != "13.3" && (!ok || d == "") {
			t.Errorf("%s: no driver is known for its CUDA %s", tag, image.CUDA)
		}
	}
}

func TestOnlyWhatNVIDIASaysIsCertain(t *testing.T) {
	for name, tc := range map[string]struct {
		tag  string
		want bool
	}{
		"its own note":                  {"21.10", true},
		"another image of the month":    {"24.08", true},
		"three numbers are enough":      {"23.03", true},
		"inferred, with two numbers":    {"24.02", false},
		"a stranger's note":             {"24.03", false},
		"read from the months around":   {"24.06", false},
		"sources that disagree":         {"21.11", false},
		"a certain tag with no version": {"26.10", false},
	} {
		if image, ok := NGC(tc.tag); !ok || image.Certain() != tc.want {
			t.Errorf("%s: Certain() of %+v, %v, want %v", name, image, ok, tc.want)
		}
	}
	if (NGCImage{TensorRT: "10.3", Confidence: "verified"}).Certain() {
		t.Error("two numbers are not enough, whoever says them")
	}
}

func TestNGCImagesAreInOrder(t *testing.T) {
	list := NGCImages()
	if len(list) != len(ngcImages()) || !slices.IsSortedFunc(list, func(a, b NGCImage) int { return strings.Compare(a.Tag, b.Tag) }) {
		t.Errorf("%d of %d images, or not in order", len(list), len(ngcImages()))
	}
	if ref := list[0].Ref(); !strings.HasSuffix(ref, ":"+list[0].Tag+"-py3") {
		t.Errorf("the first is called %s", ref)
	}
}
