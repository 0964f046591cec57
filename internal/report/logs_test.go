package report

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/farm"
)

const logged = "m/24.08-py3/t4/fp16"

func printed(attempt int, command, text string) farm.Event {
	return farm.Event{Cell: logged, Attempt: attempt, Log: &builder.LogLine{Command: command, Text: text}}
}

// tree reads every file below a folder.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(folder, p)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLogsOfAFailedCellStayOneFileForEachCommand(t *testing.T) {
	l := NewLogs(filepath.Join(t.TempDir(), "run"))
	for _, e := range []farm.Event{
		printed(1, "build", "a"), printed(1, "build", "b"), printed(1, "small/min", "c"), {Cell: logged, State: farm.Failed},
	} {
		l.Event(e)
	}
	l.Close()
	folder := l.Of(logged)
	if got := tree(t, folder); len(got) != 2 || got["build.log"] != "a\nb\n" || got["verify-small-min.log"] != "c\n" {
		t.Errorf("%s holds %q", folder, got)
	}
}

func TestLogsOfThePublishedGoAway(t *testing.T) {
	root := t.TempDir()
	l := NewLogs(filepath.Join(root, "run"))
	l.Event(printed(1, "build", "a"))
	l.Event(farm.Event{Cell: logged, State: farm.Published})
	l.Close()
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 || l.Of(logged) != "" {
		t.Errorf("%v is left (%v), logs are said to be in %q", left, err, l.Of(logged))
	}
}

func TestLogsOfTheLastTryStay(t *testing.T) {
	l := NewLogs(t.TempDir())
	l.Event(printed(1, "build", "first"))
	l.Event(printed(1, "small/min", "first"))
	l.Event(printed(2, "build", "second"))
	l.Event(farm.Event{Cell: logged, State: farm.Failed})
	if got := tree(t, l.Of(logged)); len(got) != 1 || got["build.log"] != "second\n" {
		t.Errorf("kept %q", got)
	}
}

func TestLogsThatTheDiskDoesNotTakeAreNotNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l := NewLogs(file)
	l.Event(printed(1, "build", "a"))
	l.Event(farm.Event{Cell: logged, State: farm.Failed})
	if of := l.Of(logged); of != "" {
		t.Errorf("logs are said to be in %s", of)
	}
}

func TestLogsStayBelowTheirFolder(t *testing.T) {
	root := t.TempDir()
	l := NewLogs(filepath.Join(root, "run"))
	l.Event(farm.Event{Cell: "../../x", Attempt: 1, Log: &builder.LogLine{Command: "../y", Text: "a"}})
	l.Event(farm.Event{Cell: logged, Attempt: 1, Log: &builder.LogLine{Command: "../../../../../../y", Text: "a"}})
	l.Close()
	for name := range tree(t, root) {
		if filepath.Dir(name) != filepath.Join("run", filepath.FromSlash(logged)) {
			t.Errorf("%s was written", name)
		}
	}
}
