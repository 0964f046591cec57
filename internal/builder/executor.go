// Package builder makes one engine: it runs the steps of a cell (fetch, build,
// verify, publish) over a workspace and judges what came out. It declares
// Executor; the executors themselves live below it.
package builder

import (
	"context"
	"io"
	"time"
)

// An Executor runs steps on one runner. All methods may be called concurrently.
type Executor interface {
	// Prepare makes an image ready to run, by digest; concurrent calls for one
	// image do the work once. It reports progress in words now and then.
	Prepare(ctx context.Context, image Image, progress func(string)) error

	// Open makes a new, empty workspace for a cell.
	Open(ctx context.Context, o WorkspaceOptions) (Workspace, error)

	// Sweep removes what orchestrators that no longer live left behind on this
	// runner: containers first, then workspaces. It never touches what belongs
	// to a living one. It returns the names of what it removed.
	Sweep(ctx context.Context) ([]string, error)

	// Close frees the executor's own resources; it does not end running steps.
	Close() error
}

// WorkspaceOptions describe a workspace.
type WorkspaceOptions struct {
	Run  string // run ID, for labels
	Cell string // cell ID, for labels
}

// A Workspace is a directory that the steps of one cell share, and nothing else.
type Workspace interface {
	// Run runs one step to its end and returns the exit code of trtfarm's agent
	// in it. Whatever the agent writes to its standard output reaches out
	// completely and in order before Run returns; its standard error reaches
	// errs. When ctx is done, Run kills everything that the step started and
	// returns within 5 seconds with ctx's cause. An error means that the step
	// could not be run; the exit code then means nothing. Errors of the runner
	// itself wrap ErrRunner.
	Run(ctx context.Context, s Sandbox, out, errs io.Writer) (exit int, err error)

	// Close removes the workspace and all that it holds.
	Close(ctx context.Context) error
}

// Image is a container image to run a step in.
type Image struct {
	Ref      string // as the matrix writes it: registry/name:tag
	Digest   string // "sha256:…"; what is pulled
	TensorRT string // as the image declares it; local executors hand it to the tool as TRT_VERSION
	CUDA     string
}

// Sandbox says what one step may use. The zero value may use nothing.
type Sandbox struct {
	Step    Step
	Image   Image             // zero: trtfarm's own binary alone, no foreign code
	Task    []byte            // JSON of a Task, given to the agent
	GPU     string            // device of the runner (index or UUID) that the step may see; "" for none
	Target  string            // catalogue name of that GPU
	Online  bool              // may use the network
	Secrets map[string]string // environment of the agent; only ever set when Online is
	Env     map[string]string // further environment, of no secrecy
	Mounts  []Mount           // folders of the orchestrator's host; only for directory stores
	Timeout time.Duration     // after which the step ends itself, even when nobody watches it any more
}

// Mount is a folder of the host that a step may use at the same path.
type Mount struct {
	Path     string
	ReadOnly bool
}

// Step is a part of a cell's pipeline.
type Step string

// The steps, in their order.
const (
	Fetch   Step = "fetch"
	Build   Step = "build"
	Verify  Step = "verify"
	Publish Step = "publish"
)
