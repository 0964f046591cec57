package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/owner"
)

// kind is what folders of this package are made for, as package owner names it.
const kind = "local"

// aboutName is the file in a folder that tells people what it is for.
const aboutName = "about.json"

// folder is a temporary folder with an owner. What its user works with lies one
// level down, apart from what is said about it.
type folder struct {
	dir  string
	work string
}

// about says what a folder is for.
type about struct {
	Run  string `json:"run,omitempty"`
	Cell string `json:"cell,omitempty"`
}

func makeFolder(root string, o builder.WorkspaceOptions) (*folder, error) {
	dir, err := owner.MakeFolder(root, kind)
	if err != nil {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	f := &folder{dir: dir, work: filepath.Join(dir, "work")}
	text, err := json.Marshal(about(o))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, aboutName), text, 0o600)
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

// remove deletes the folder.
func (f *folder) remove() error {
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("remove workspace: %w", err)
	}
	return nil
}
