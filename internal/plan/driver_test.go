package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
)

func TestDriversOfRunners(t *testing.T) {
	runner := func(name, driver string) plan.Runner {
		return plan.Runner{Name: name, GPUs: []string{"T4"}, Driver: driver}
	}
	for name, tc := range map[string]struct {
		cuda    string
		runners []plan.Runner
		takes   string // the runner; "" when the cell is refused
		says    string // part of the warning or the reason
	}{
		"the driver that the toolkit came with":           {"12.6.0.022", []plan.Runner{runner("a", "560.28.03")}, "a", ""},
		"an older one of the same CUDA major":             {"12.6.0.022", []plan.Runner{runner("a", "535.161.08")}, "a", "runner a has driver 535.161.08, and nvcr.io/nvidia/tensorrt:24.08-py3 holds CUDA 12.6.0.022: CUDA 12.6 runs on it by minor-version compatibility"},
		"one too old for any of its images":               {"13.0.1.012", []plan.Runner{runner("a", "450.51.06")}, "", "runner a has driver 450.51.06, and nvcr.io/nvidia/tensorrt:24.08-py3 holds CUDA 13.0.1.012: CUDA 13.0 needs 580"},
		"another runner whose driver is newer takes it":   {"13.0.1.012", []plan.Runner{runner("a", "450.51.06"), runner("b", "580.95.05")}, "b", ""},
		"every runner's reason is told":                   {"13.0.1.012", []plan.Runner{runner("a", "450.51.06"), runner("b", "450.80.02")}, "", "; runner b has driver 450.80.02"},
		"a driver that nobody told":                       {"13.0.1.012", []plan.Runner{runner("a", "")}, "a", ""},
		"an image whose CUDA nobody told":                 {"", []plan.Runner{runner("a", "450.51.06")}, "a", ""},
		"a runner without the GPU has no say, old driver": {"13.0.1.012", []plan.Runner{{Name: "a", GPUs: []string{"A10"}, Driver: "450.51.06"}, runner("b", "580.95.05")}, "b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := staticWorld()
			w.image.CUDA, w.runners = tc.cuda, tc.runners
			c := only(t, w)
			if c.Runner != tc.takes || (c.Status == plan.Build) != (tc.takes != "") {
				t.Fatalf("%s on %q: %q", c.Status, c.Runner, c.Reasons)
			}
			if tc.takes == "" {
				if f := c.Fault(); f.Code != fault.Environment || f.Cause != plan.DriverTooOld || !strings.Contains(f.Message, tc.says) || f.Fix == "" {
					t.Errorf("fault %+v, want %q", f, tc.says)
				}
				return
			}
			if tc.says == "" && len(c.Warnings) > 0 || tc.says != "" && !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, tc.says) }) {
				t.Errorf("warnings %q, want %q", c.Warnings, tc.says)
			}
		})
	}
}

func TestTheDriverHasToServeTheImageThatVerifiesToo(t *testing.T) {
	w := staticWorld()
	w.image.CUDA, w.runners = "11.4.0", []plan.Runner{{Name: "a", GPUs: []string{"T4"}, Driver: "450.51.06"}}
	w.cell.Verify.Image = "deploy:1"
	w.facts = func(f *plan.Facts) {
		f.Images["deploy:1"] = plan.Image{TensorRT: w.image.TensorRT, Digest: "sha256:f", CUDA: "13.0.1"}
	}
	if c := only(t, w); c.Cause != plan.DriverTooOld || !strings.Contains(c.Reasons[0], "deploy:1 holds CUDA 13.0.1") {
		t.Errorf("%s: %q", c.Status, c.Reasons)
	}
}
