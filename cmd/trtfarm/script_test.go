package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trtfarm/trtfarm/internal/testbed"
)

// TestScripts runs the stories in testdata/script with the built programs. Each
// script has a folder of its own as home, working directory and cache.
func TestScripts(t *testing.T) {
	bin := testbed.Bin(t)
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("TRTFARM_UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, ".tmp"))
			e.Setenv("TRTFARM_CACHE_DIR", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("MATRICES", filepath.Join(repo, "matrices"))
			e.Setenv("MODELS", filepath.Join(repo, "matrices", "models"))
			e.Setenv("TESTDATA", filepath.Join(repo, "cmd", "trtfarm", "testdata"))
			for _, name := range []string{"TRTFARM_TEST_DOCKER", "TRTFARM_TEST_REGISTRY", "TRTFARM_TEST_S3"} {
				e.Setenv(strings.TrimPrefix(name, "TRTFARM_TEST_"), os.Getenv(name))
			}
			return os.MkdirAll(filepath.Join(e.WorkDir, ".tmp"), 0o755)
		},
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": scriptExit,
		},
	})
}

// scriptCondition tells scripts which servers are running: [docker], [registry],
// [s3]. Where they must be, their absence is an error.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "docker", "registry", "s3":
		variable := "TRTFARM_TEST_" + strings.ToUpper(name)
		running := os.Getenv(variable) != ""
		if !running && os.Getenv("TRTFARM_TEST_REQUIRED") == "1" {
			return false, fmt.Errorf("%s is not set, and TRTFARM_TEST_REQUIRED is", variable)
		}
		return running, nil
	}
	return false, fmt.Errorf("unknown condition %s", name)
}

// scriptExit runs a program and wants an exact exit code: exit 2 trtfarm check x.
func scriptExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s: exit %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}
