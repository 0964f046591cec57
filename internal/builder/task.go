package builder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/diagnose"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// ErrRunner marks failures of the runner itself: an engine that does not answer,
// a full disk, a lost host. Another runner, or another try, may do better.
var ErrRunner = errors.New("runner failed")

// Task is what the agent does inside a step: first Fetch, then Commands and
// their comparisons, then Publish; each part may be empty. Paths are relative to
// the workspace.
type Task struct {
	Cell     string        `json:"cell"`
	Step     Step          `json:"step"`
	Timeout  time.Duration `json:"timeout"` // of the whole task
	Store    string        `json:"store,omitempty"`
	Fetch    []Download    `json:"fetch,omitempty"`
	Commands []Command     `json:"commands,omitempty"`
	Engine   string        `json:"engine,omitempty"` // plan to describe and hash once all commands have ended
	Publish  []Upload      `json:"publish,omitempty"`
}

// maxTask bounds the JSON of a task; that of a thousand cases is far below it.
const maxTask = 32 << 20

// ReadTask reads the task of a step. It refuses what no agent could carry out,
// and fields that this release does not know: an agent that passes over half of
// its task would report the other half as done.
func ReadTask(r io.Reader) (Task, error) {
	in := json.NewDecoder(io.LimitReader(r, maxTask))
	in.DisallowUnknownFields()
	var t Task
	if err := in.Decode(&t); err != nil {
		return Task{}, fmt.Errorf("read task: %w", err)
	}
	if t.Store == "" && len(t.Fetch)+len(t.Publish) > 0 {
		return Task{}, fmt.Errorf("read task: %s of %s moves files and names no store", t.Step, t.Cell)
	}
	for i, c := range t.Commands {
		if len(c.Args) == 0 || c.Args[0] == "" || c.Log == "" {
			return Task{}, fmt.Errorf("read task: command %d of %s of %s has no program or no log", i, t.Step, t.Cell)
		}
	}
	return t, nil
}

// Download brings one blob into the workspace.
type Download struct {
	Key    string `json:"key"`
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Command is one run of a program of the image.
type Command struct {
	Name  string       `json:"name"` // "build", or a case's name
	Args  []string     `json:"args"`
	Dir   string       `json:"dir,omitempty"` // working directory, made when missing
	Log   string       `json:"log"`           // file that keeps both streams
	Case  *verify.Case `json:"case,omitempty"`
	Cast  []Cast       `json:"cast,omitempty"` // inputs to convert beforehand
	Gates Gates        `json:"gates,omitzero"`
}

// Cast rewrites a raw input file for the engine's input type, which differs from
// the model's where TensorRT narrows it (int64 before TensorRT 10).
type Cast struct {
	From string `json:"from"`
	To   string `json:"to"`
	Type string `json:"type"` // "int64-int32" or "float64-float32"
}

// Gates are what a case's outputs are held to.
type Gates struct {
	Abs      float64 `json:"abs"`
	Rel      float64 `json:"rel"`
	MaxP99Ms float64 `json:"max_p99_ms,omitempty"` // 0: none
}

// Upload publishes one file of the workspace as a blob.
type Upload struct {
	Path        string            `json:"path"`
	Role        string            `json:"role"`
	ContentType string            `json:"content_type,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`   // what it must still be; "" when nobody looked yet
	Optional    bool              `json:"optional,omitempty"` // missing is fine
	Meta        map[string]string `json:"meta,omitempty"`
}

// Event is one line that the agent writes to its standard output, as JSON.
// Exactly one field is set.
type Event struct {
	Log    *LogLine `json:"log,omitempty"`
	Note   string   `json:"note,omitempty"` // progress in words
	Result *Result  `json:"result,omitempty"`
}

// LogLine is one line that a command printed.
type LogLine struct {
	Command string `json:"command"`
	Stream  string `json:"stream"` // "stdout" or "stderr"
	Text    string `json:"text"`
}

// Result is what the agent did. The agent exits with 0 whenever it could write
// one: judging it is the orchestrator's business.
type Result struct {
	Commands []CommandResult  `json:"commands,omitempty"`
	Engine   *engine.File     `json:"engine,omitempty"`
	Digest   *artifact.Digest `json:"digest,omitempty"` // of the engine
	Layers   map[string]int64 `json:"layers,omitempty"` // layers per precision, from the layer information
	Blobs    []artifact.Blob  `json:"blobs,omitempty"`
	Error    *TaskError       `json:"error,omitempty"` // why the task ended early
}

// CommandResult is the outcome of one command.
type CommandResult struct {
	Name    string            `json:"name"`
	Exit    int               `json:"exit"` // 128+signal when a signal ended it
	Seconds float64           `json:"seconds"`
	Log     trtexec.Log       `json:"log"`
	Verdict *diagnose.Verdict `json:"verdict,omitempty"` // only when the command failed
	Case    *verify.Result    `json:"case,omitempty"`
}

// TaskError is an error of the agent's own work.
type TaskError struct {
	Kind    string `json:"kind"` // "store", "workspace", "disk", "tool", "timeout", "changed", "input"
	Message string `json:"message"`
}
