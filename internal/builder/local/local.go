// Package local runs the steps of a cell as child processes of the orchestrator,
// on its own machine: for workstations, for machines without docker, and for
// tests. A step that runs foreign code is kept from the network by a system call
// filter, not by a container, and it can read what the user can read.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/owner"
)

// Options say how a local executor works.
type Options struct {
	Agent    string   // path of the trtfarm binary, which has the verbs agent and confine
	Trtexec  string   // program that steps find as trtexec: a path, or a name on the PATH; "" when none is there
	Root     string   // folder for workspaces; "" for the system's temporary folder
	Simulate bool     // Trtexec is trtsim
	PassEnv  []string // variables of the orchestrator that foreign steps may see too, such as LD_LIBRARY_PATH
}

// Executor runs steps as child processes.
type Executor struct {
	agent string
	root  string
	tools *folder // holds trtexec, and is put in front of the PATH; nil when there is none
	o     Options
}

var _ builder.Executor = (*Executor)(nil)

// New makes an executor. It fails with a fault when the tool is not there.
func New(o Options) (*Executor, error) {
	agent, err := filepath.Abs(o.Agent)
	if err != nil {
		return nil, fmt.Errorf("find trtfarm's own binary: %w", err)
	}
	if o.Root == "" {
		o.Root = os.TempDir()
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("find the folder for workspaces: %w", err)
	}
	e := &Executor{agent: agent, root: root, o: o}
	if o.Trtexec == "" {
		return e, nil
	}
	tool, err := exec.LookPath(o.Trtexec)
	if err == nil {
		tool, err = filepath.Abs(tool)
	}
	if err != nil {
		return nil, fault.New(fault.Environment, "tool-missing",
			"install TensorRT and give the path of its trtexec as local = \"…\" in trtfarm.toml",
			"no trtexec on this machine: %w", err)
	}
	if e.tools, err = makeFolder(root, builder.WorkspaceOptions{}); err != nil {
		return nil, err
	}
	if err := os.Symlink(tool, filepath.Join(e.tools.work, "trtexec")); err != nil {
		return nil, errors.Join(fmt.Errorf("make trtexec known to the steps: %w", err), e.tools.remove())
	}
	return e, nil
}

// Prepare does nothing: the tool is on this machine, whatever image is meant.
func (e *Executor) Prepare(ctx context.Context, _ builder.Image, _ func(string)) error {
	return context.Cause(ctx)
}

// Open makes a workspace: a temporary folder.
func (e *Executor) Open(ctx context.Context, o builder.WorkspaceOptions) (builder.Workspace, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f, err := makeFolder(e.root, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", builder.ErrRunner, err)
	}
	if err := os.Mkdir(filepath.Join(f.work, "tmp"), 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: make workspace: %w", builder.ErrRunner, err), f.remove())
	}
	return &workspace{executor: e, folder: f}, nil
}

// Sweep ends the processes and removes the folders of orchestrators that died.
func (e *Executor) Sweep(ctx context.Context) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	dead, err := owner.DeadFolders(e.root, kind)
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", e.root, err)
	}
	var removed []string
	var errs []error
	for _, dir := range dead {
		f := folder{dir: dir}
		endProcesses(target{dir: f.dir})
		if err := f.remove(); err != nil {
			errs = append(errs, fmt.Errorf("sweep: %w", err))
			continue
		}
		removed = append(removed, f.dir)
	}
	return removed, errors.Join(errs...)
}

// Close removes what the executor made for itself. Workspaces stay.
func (e *Executor) Close() error {
	if e.tools == nil {
		return nil
	}
	return e.tools.remove()
}
