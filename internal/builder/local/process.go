package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stepVariable marks the processes of a step: children inherit it. Its value is
// the workspace's folder, "#", and the step's number in it.
const stepVariable = "TRTFARM_STEP"

// target says which processes to look for.
type target struct {
	root int    // a process and all its descendants; 0 for none
	step string // value of stepVariable: whatever was started with it
	dir  string // whatever works in this folder, or was started for a step in it
}

// endProcesses kills what t describes. New processes may be born while it looks,
// so it looks until it finds none.
func endProcesses(t target) {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		found := t.find()
		if len(found) == 0 {
			return
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
		time.Sleep(5 * time.Millisecond) // for the kernel to end them
	}
}

// find lists the processes that t describes and that still run.
func (t target) find() []int {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil // only for a malformed pattern
	}
	parent := map[int]int{}
	belongs := map[int]bool{}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil || pid == os.Getpid() {
			continue
		}
		up, running := parentOf(pid)
		if !running {
			continue
		}
		parent[pid] = up
		belongs[pid] = t.root != 0 && pid == t.root || t.marked(name)
	}
	for grown := true; grown; {
		grown = false
		for pid, up := range parent {
			if !belongs[pid] && belongs[up] {
				belongs[pid], grown = true, true
			}
		}
	}
	var found []int
	for pid, yes := range belongs {
		if yes {
			found = append(found, pid)
		}
	}
	return found
}

// marked says whether a process bears the mark of t's step or folder.
func (t target) marked(proc string) bool {
	if t.dir != "" {
		if cwd, err := os.Readlink(proc + "/cwd"); err == nil && (cwd == t.dir || strings.HasPrefix(cwd, t.dir+"/")) {
			return true
		}
	}
	env, err := os.ReadFile(proc + "/environ")
	if err != nil {
		return false // another user's, or gone
	}
	env = append([]byte{0}, env...)
	return t.step != "" && bytes.Contains(env, []byte("\x00"+stepVariable+"="+t.step+"\x00")) ||
		t.dir != "" && bytes.Contains(env, []byte("\x00"+stepVariable+"="+t.dir+"#"))
}

// parentOf returns a process's parent, and whether it runs: a zombie does not.
func parentOf(pid int) (int, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	field := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // the name before it may hold anything
	if len(field) < 2 || field[0][0] == 'Z' || field[0][0] == 'X' {
		return 0, false
	}
	up, err := strconv.Atoi(string(field[1]))
	return up, err == nil
}
