package owner_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/owner"
)

// makerVariable turns the test binary into a process that makes a folder and
// lives until its standard input ends.
const makerVariable = "OWNER_TEST_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(makerVariable); root != "" {
		dir, err := owner.MakeFolder(root, "work")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(dir)
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestOnlyFoldersOfTheDeadAreListed(t *testing.T) {
	root := t.TempDir()
	maker := exec.Command("/proc/self/exe")
	maker.Env = append(os.Environ(), makerVariable+"="+root)
	maker.Stderr = os.Stderr
	end, err := maker.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := maker.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := maker.Start(); err != nil {
		t.Fatal(err)
	}
	theirs, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	theirs = strings.TrimSpace(theirs)
	if _, err := owner.MakeFolder(root, "work"); err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(theirs)
	for _, name := range []string{
		"trtfarm-work", "trtfarm-work-", "trtfarm-work-1-2-3-4", "trtfarm-workshop", "other",
		strings.Replace(base, "work", "stage", 1),   // of another use
		strings.Replace(base, "work-", "work-0", 1), // of another boot
		base + "-1", // not a name of ours
		strings.Join(slices.Insert(strings.Split(base, "-"), 3, "x"), "-"), // nor this
	} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if dead, err := owner.DeadFolders(root, "work"); err != nil || len(dead) > 0 {
		t.Errorf("while its maker lives: %q, %v; want none", dead, err)
	}
	end.Close()
	if err := maker.Wait(); err != nil {
		t.Fatal(err)
	}
	if dead, err := owner.DeadFolders(root, "work"); err != nil || !slices.Equal(dead, []string{theirs}) {
		t.Errorf("once its maker is dead: %q, %v; want %s", dead, err, theirs)
	}
}
