package main

import (
	"os"
	"slices"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// TestTrtfarmReadsTheEngine inspects our engines as trtfarm does, which knows
// nothing of trtsim but its mark.
func TestTrtfarmReadsTheEngine(t *testing.T) {
	for _, tc := range []struct{ release, gpu, sm, likely string }{
		{"8.4.3.1", "A100", "8.0", "A100-40GB"},
		{"8.5.1.7", "T4", "7.5", "T4"},
		{"8.6.1.6", "T4", "7.5", "T4"},
		{"9.2.0.5", "A10", "8.6", "A10"},
		{"10.3.0.26", "A100", "8.0", "A100-40GB"},
		{"10.6.0.26", "H100", "9.0", "H100-80GB"},
		{"10.15.1.29", "L4", "8.9", "L4"},
		{"11.1.0.106", "T4", "7.5", "T4"},
	} {
		inFolder(t)
		for _, size := range []string{"", "1MiB"} {
			builds(t, tc.release, []string{"TRTSIM_GPU=" + tc.gpu, "TRTSIM_ENGINE_SIZE=" + size}, "--onnx=static.onnx", "--saveEngine=e.plan")
			f, err := os.Open("e.plan")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			e, err := engine.Inspect(f, info.Size())
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != engine.Plan || e.TensorRT != tc.release || e.SM != tc.sm || !e.Simulated || e.Truncated || e.Damaged || (e.Container == "ptrt") != (tc.release < "8.6" && tc.release[0] == '8') {
				t.Errorf("%s on %s: %+v", tc.release, tc.gpu, e)
			}
			if e.Device == nil || !slices.Contains(e.Device.Likely, tc.likely) {
				t.Errorf("%s on %s: device %+v", tc.release, tc.gpu, e.Device)
			}
		}
	}
}
