package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/trtfarm/trtfarm/internal/owner"
)

const (
	prefix   = "trtfarm-"
	markName = "owner.json"
)

// folder is a temporary folder with an owner. What its user works with lies one
// level down, so that a step cannot touch the mark by accident.
type folder struct {
	dir  string
	work string
	mark mark
}

// mark says whose a folder is. It is a file of its own in the folder.
type mark struct {
	Owner string `json:"owner"` // as package owner writes it
	Kind  string `json:"kind"`  // "workspace" or "tools"
	Run   string `json:"run,omitempty"`
	Cell  string `json:"cell,omitempty"`
}

func makeFolder(root string, m mark) (*folder, error) {
	dir, err := os.MkdirTemp(root, prefix)
	if err != nil {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	f := &folder{dir: dir, work: filepath.Join(dir, "work"), mark: m}
	text, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, markName), text, 0o600)
	}
	if err == nil {
		err = os.Mkdir(f.work, 0o700)
	}
	if err != nil {
		_ = f.remove() // the first error tells more
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	return f, nil
}

// findFolders lists those folders below root that trtfarm made for this user.
// The name alone proves nothing: without a mark of ours, a folder is not ours.
func findFolders(root string) ([]*folder, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var all []*folder
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		dir := filepath.Join(root, entry.Name())
		text, err := os.ReadFile(filepath.Join(dir, markName))
		if err != nil {
			continue
		}
		f := &folder{dir: dir, work: filepath.Join(dir, "work")}
		if json.Unmarshal(text, &f.mark) == nil {
			all = append(all, f)
		}
	}
	return all, nil
}

// life says whether the folder's owner lives.
func (f *folder) life() owner.Life {
	id, err := owner.Parse(f.mark.Owner)
	if err != nil {
		return owner.Elsewhere
	}
	return id.Life()
}

// remove deletes the folder, the mark last: a removal that is cut short leaves a
// folder that the next sweep still knows.
func (f *folder) remove() error {
	if err := os.RemoveAll(f.work); err != nil {
		return fmt.Errorf("remove workspace: %w", err)
	}
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("remove workspace: %w", err)
	}
	return nil
}
