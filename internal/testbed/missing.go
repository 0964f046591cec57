package testbed

import (
	"os"
	"testing"
)

// Missing ends a test that needs a part of the testbed which is not there: it is
// skipped, or fails when TRTFARM_TEST_REQUIRED is 1, so that a test run which
// has to prove everything cannot pass by skipping.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("TRTFARM_TEST_REQUIRED") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
