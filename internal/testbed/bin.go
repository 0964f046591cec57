package testbed

import (
	"os"
	"path/filepath"
	"testing"
)

// Bin returns the folder with the built programs and the ONNX Runtime library,
// from TRTFARM_TEST_BIN. Without it the test is skipped, or fails when
// TRTFARM_TEST_REQUIRED is 1.
func Bin(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TRTFARM_TEST_BIN")
	if dir == "" {
		const why = "TRTFARM_TEST_BIN is not set; it names the folder with trtfarm, trtsim, ortrun and libonnxruntime.so.1"
		if os.Getenv("TRTFARM_TEST_REQUIRED") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	for _, name := range []string{"ortrun", "libonnxruntime.so.1"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatalf("TRTFARM_TEST_BIN: %v; build it with make", err)
		}
	}
	return dir
}
