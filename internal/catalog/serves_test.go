package catalog

import (
	"strings"
	"testing"
)

func TestServes(t *testing.T) {
	for name, tc := range map[string]struct {
		release, sm string
		want        Verdict
		why         string
	}{
		"in the middle":                                  {"8.6.1.6", "7.5", Can, "TensorRT 8.6 serves 6.0 to 9.0"},
		"the least of a release":                         {"10.5", "7.5", Can, "TensorRT 10.5 serves 7.5 to 9.0"},
		"just below the least":                           {"10.5.0.18", "7.0", Cannot, "TensorRT 10.5 begins at 7.5"},
		"the release before still had it":                {"10.4", "7.0", Can, "TensorRT 10.4 serves 7.0 to 9.0"},
		"the greatest of a release":                      {"10.8", "12.0", Can, "TensorRT 10.8 serves 7.5 to 12.0"},
		"newer than the release":                         {"8.6", "12.0", Cannot, "TensorRT 8.6 ends at 9.0"},
		"a new GPU on the first release of the table":    {"7.0.0.11", "8.6", Cannot, "TensorRT 7.0 ends at 7.5"},
		"Ampere for data centers came before the others": {"7.1.3", "8.0", Can, "TensorRT 7.1 serves 3.0 to 8.0"},
		"and the others after":                           {"7.1.3", "8.6", Cannot, "TensorRT 7.1 ends at 8.0"},
		"a bound that was not read lies between others":  {"8.2.1", "3.7", Can, "TensorRT 8.2 serves 3.5 to 8.6"},
		"below what lies between others":                 {"8.2.1", "3.0", Uncertain, "may begin above it"},
		"a release between rows":                         {"9.2", "6.1", Uncertain, "may begin above it"},
		"a release between rows that agree":              {"9.2", "7.0", Can, "TensorRT 9.2 serves 7.0 to 9.0"},
		"above both its neighbours":                      {"9.3", "10.0", Cannot, "too old"},
		"Blackwell of a data center came with 10.8":      {"10.8", "10.0", Can, "B200"},
		"its Ultra was not served at once":               {"10.9", "10.3", Uncertain, "TensorRT 10.13 does"},
		"and then was":                                   {"10.13.2", "10.3", Can, "GB300"},
		"between the bounds, and still not served":       {"11.2", "10.7", Cannot, "TensorRT 11.3 is the first"},
		"DGX Spark after the other Blackwells":           {"10.12", "12.1", Cannot, "TensorRT 10.14 is the first"},
		"DGX Spark where nothing was read":               {"10.13", "12.1", Uncertain, "TensorRT 10.14 does"},
		"a Jetson whose JetPack ended":                   {"8.6.1", "5.3", Cannot, "JetPack (4.6)"},
		"a Jetson in its time":                           {"8.2.1.8", "5.3", Can, "Jetson Nano"},
		"a Jetson inside the bounds of a later release":  {"8.6.1", "7.2", Cannot, "JetPack (5.1)"},
		"a Jetson that goes on":                          {"10.3.0.30", "8.7", Can, "Jetson Orin"},
		"newer than the table, for an old GPU":           {"12.0", "7.0", Cannot, "TensorRT 12.0 begins at 7.5"},
		"newer than the table, for another":              {"12.0", "9.0", Uncertain, "newer than what the catalogue knows"},
		"newer than the table, for an exception":         {"12.0", "10.3", Uncertain, "newer than what the catalogue knows"},
		"a patch of the last release is known":           {"11.4.9", "9.0", Can, "TensorRT 11.4 serves"},
		"older than the table, for a newer GPU":          {"6.0.1", "8.0", Cannot, "TensorRT 6.0 ends at 7.5 at most"},
		"older than the table, for another":              {"6.0.1", "7.0", Uncertain, "older than what the catalogue knows"},
		"no capability":                                  {"10.3", "", Uncertain, "no compute capability"},
		"a capability as a build flag":                   {"10.3", "sm_75", Uncertain, "no compute capability"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Serves(version(t, tc.release), tc.sm)
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) {
				t.Errorf("Serves(%s, %s) = %+v, want %s with %q", tc.release, tc.sm, got, tc.want, tc.why)
			}
			if got.Verdict != Uncertain && got.Source == "" {
				t.Errorf("Serves(%s, %s) = %+v has no source", tc.release, tc.sm, got)
			}
		})
	}
	if got := Serves(Version{}, "7.5"); got.Verdict != Uncertain {
		t.Errorf("Serves of no version = %+v", got)
	}
}

// The reading of gaps stands on this.
func TestBoundsOfSupportNeverFall(t *testing.T) {
	table := smTables()
	for _, side := range []func(SMRange) string{
		func(r SMRange) string { return r.Min }, func(r SMRange) string { return r.Max },
	} {
		last := 0
		for i, r := range table.ranges {
			n, ok := Capability(side(r))
			if ok && n < last {
				t.Errorf("TensorRT %s: %s is below the release before", table.releases[i], side(r))
			}
			last = max(last, n)
		}
	}
}

func TestSupportAgreesWithTheTable(t *testing.T) {
	table := smTables()
	for i, v := range table.releases {
		for _, sm := range []string{table.ranges[i].Min, table.ranges[i].Max} {
			if got := Serves(v, sm); sm != "" && got.Verdict != Can {
				t.Errorf("Serves(%s, %s) = %+v, want what the table says", v, sm, got)
			}
		}
	}
	for sm, e := range smExceptions() {
		if got := Serves(e.servedFrom, sm); got.Verdict != Can {
			t.Errorf("Serves(%s, %s) = %+v, want what the exception says", e.servedFrom, sm, got)
		}
	}
}

func TestEveryGPUGetsAnAnswerFromEveryImage(t *testing.T) {
	for tag, image := range ngcImages() {
		v, err := ParseVersion(image.TensorRT)
		if err != nil {
			continue
		}
		for _, g := range GPUs() {
			if a := Serves(v, g.SM); g.SM != "" && a.Why == "" {
				t.Errorf("%s with TensorRT %s on %s: %+v", tag, v, g.Name, a)
			}
		}
	}
}

func FuzzServes(f *testing.F) {
	f.Add("10.3", "7.5")
	f.Add("8.6.1.6", "10.0")
	f.Add("12.0", "5.3")
	f.Add("9.2", "")
	f.Fuzz(func(t *testing.T, release, sm string) {
		v, err := ParseVersion(release)
		if err != nil {
			return
		}
		a := Serves(v, sm)
		switch a.Verdict {
		case Can, Cannot, Uncertain:
		default:
			t.Errorf("Serves(%s, %s) = %+v", release, sm, a)
		}
		if _, ok := Capability(sm); a.Why == "" || !ok && a.Verdict != Uncertain {
			t.Errorf("Serves(%s, %s) = %+v", release, sm, a)
		}
	})
}
