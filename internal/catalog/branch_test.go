package catalog

import (
	"strconv"
	"strings"
	"testing"
)

func TestDriverServes(t *testing.T) {
	for name, tc := range map[string]struct {
		cuda, driver, class string
		want                Verdict
		why                 string
	}{
		"the toolkit's own driver":                       {"12.6.1.006", "560.35.03", GeForce, Can, "CUDA 12.6 came with 560.35.03"},
		"a newer branch":                                 {"12.6.1.006", "570.86.10", GeForce, Can, "came with"},
		"a driver of the next CUDA major":                {"12.6.1", "580.65.06", Datacenter, Can, "came with"},
		"a patch is compared as a number":                {"12.2.0", "535.161.08", GeForce, Can, "came with 535.54.03"},
		"an older driver of the same major":              {"12.6.1.006", "535.161.08", GeForce, Can, "minor-version compatibility, from 525.60.13"},
		"it names the driver that PTX needs":             {"12.6.1.006", "535.161.08", Datacenter, Can, "may need 560.35.03"},
		"a CUDA whose own driver is not known":           {"13.9.1", "580.95.05", GeForce, Can, "may need a newer one"},
		"just below the floor":                           {"12.6.1", "525.60.12", GeForce, Cannot, "CUDA 12.6 needs 525.60.13 or newer"},
		"a workstation has no way around either":         {"13.0.0", "575.57.08", Workstation, Cannot, "CUDA 13.0 needs 580.65.06"},
		"a data center has, on some branches":            {"12.6.1", "470.161.03", Datacenter, Can, "branch R470"},
		"from a driver of the branch on":                 {"12.6.1", "470.42.01", Datacenter, Cannot, "from 470.57 on"},
		"and not on others":                              {"12.6.1", "510.47.03", Datacenter, Cannot, "does not take branch R510"},
		"what a note says holds until the next":          {"12.3.2", "450.80.02", Datacenter, Can, "branch R450"},
		"the next may not speak of it any more":          {"12.4.1", "450.80.02", Datacenter, Uncertain, "branch R450 is not known"},
		"on both lists":                                  {"13.0.2", "545.23.08", Datacenter, Uncertain, "branch R545"},
		"on no list":                                     {"13.0.2", "570.86.10", Datacenter, Uncertain, "branch R570"},
		"a note of a later CUDA says nothing of earlier": {"11.1.1", "450.51.05", Datacenter, Uncertain, "branch R450"},
		"within the floor no package is needed":          {"12.9.1", "545.23.08", Datacenter, Can, "minor-version compatibility"},
		"CUDA 10 has no floor but its own driver":        {"10.2.89", "440.31", GeForce, Cannot, "CUDA 10.2 needs 440.33"},
		"CUDA 10 in a data center":                       {"10.2.89", "418.87.00", Datacenter, Can, "branch R418"},
		"a Jetson":                                       {"12.6.1", "470.57.02", Embedded, Uncertain, "data-center GPUs"},
		"an unknown class":                               {"12.6.1", "470.57.02", "", Uncertain, "data-center GPUs"},
		"an unknown CUDA":                                {"", "535.161.08", GeForce, Uncertain, "CUDA of the image"},
		"a CUDA that nobody listed":                      {"9.0.176", "384.81", GeForce, Uncertain, "is not known"},
		"an unknown driver":                              {"12.6", "", GeForce, Uncertain, "the driver is not known"},
		"a driver that is none":                          {"12.6", "[N/A]", GeForce, Uncertain, "the driver is not known"},
		"a branch alone says too little":                 {"12.6", "535", GeForce, Uncertain, "the driver is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			got := DriverServes(tc.cuda, tc.driver, tc.class)
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) {
				t.Errorf("DriverServes(%q, %q, %q) = %+v, want %s with %q", tc.cuda, tc.driver, tc.class, got, tc.want, tc.why)
			}
			if got.Verdict != Uncertain && got.Source == "" {
				t.Errorf("DriverServes(%q, %q, %q) = %+v has no source", tc.cuda, tc.driver, tc.class, got)
			}
		})
	}
}

func TestANewerDriverNeverServesLess(t *testing.T) {
	drivers := []string{"418.40", "450.80.02", "470.57.02", "525.60.13", "535.54.03", "550.54.14", "560.28.03", "580.65.06", "610.43.02"}
	for _, cuda := range []string{"11.8.0", "12.4.1", "13.0.2"} {
		can := false
		for _, d := range drivers {
			now := DriverServes(cuda, d, GeForce).Verdict == Can
			if can && !now {
				t.Errorf("CUDA %s stops running at driver %s", cuda, d)
			}
			can = can || now
		}
		if !can {
			t.Errorf("no driver runs CUDA %s", cuda)
		}
	}
}

func TestEveryFloorIsADriverOfItsMajor(t *testing.T) {
	for major, f := range cudaFloors() {
		if a := DriverServes(plain(major*10), f.driver, GeForce); a.Verdict != Can {
			t.Errorf("CUDA %d on its floor %s: %+v", major, f.driver, a)
		}
	}
	last := driverBranch{}
	for _, b := range driverBranches() {
		if b.cuda[0] < last.cuda[0] || b.cuda[0] == last.cuda[0] && b.cuda[1] < last.cuda[1] {
			t.Errorf("driver-branches.csv: CUDA %v comes after %v", b.cuda, last.cuda)
		}
		if b.driver != "" && !strings.HasPrefix(b.driver, strconv.Itoa(b.branch)+".") {
			t.Errorf("driver-branches.csv: %s is not of branch %d", b.driver, b.branch)
		}
		last = b
	}
}

func FuzzDriverServes(f *testing.F) {
	f.Add("12.6.0.022", "535.161.08", Datacenter)
	f.Add("13.4.1", "545.23.08", GeForce)
	f.Add("10.2", "418.87", "")
	f.Add("12", "R535", Embedded)
	f.Fuzz(func(t *testing.T, cuda, driver, class string) {
		a := DriverServes(cuda, driver, class)
		if a.Why == "" || a.Verdict != Can && a.Verdict != Cannot && a.Verdict != Uncertain {
			t.Errorf("DriverServes(%q, %q, %q) = %+v", cuda, driver, class, a)
		}
		if _, ok := parseNumbers(driver, 2); !ok && a.Verdict != Uncertain {
			t.Errorf("DriverServes(%q, %q, %q) = %+v without a driver", cuda, driver, class, a)
		}
	})
}

func TestHasOwnDriver(t *testing.T) {
	for name, tc := range map[string]struct {
		cuda, driver string
		want         bool
	}{
		"the very driver":          {"12.6.1", "560.35.03", true},
		"a newer one":              {"12.6.1", "570.10", true},
		"an older one":             {"12.6.1", "560.28.03", false},
		"a CUDA that is not known": {"99.1", "560.35.03", false},
		"a driver that is none":    {"12.6.1", "new", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HasOwnDriver(tc.cuda, tc.driver); got != tc.want {
				t.Errorf("HasOwnDriver(%s, %s) = %v", tc.cuda, tc.driver, got)
			}
		})
	}
}
