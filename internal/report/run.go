package report

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// Run is the document of `run --json` and of --metadata-file.
type Run struct {
	Run        string    `json:"run"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Simulated  bool      `json:"simulated"`
	Store      string    `json:"store"`
	Cells      []RunCell `json:"cells"`
}

// RunCell is one cell of a Run.
type RunCell struct {
	ID      string         `json:"id"`
	Key     string         `json:"key"`
	Status  farm.State     `json:"status"`
	Seconds float64        `json:"seconds"`
	Engine  *artifact.Blob `json:"engine"`
	Error   *fault.Fault   `json:"error"`
	Log     string         `json:"log,omitempty"` // folder with what trtexec printed, when it was kept on this machine
}

// NewRun makes the document of a run from its outcomes. simulated says that a
// runner of the run was; a record that is simulated makes it so, too.
func NewRun(run, store string, started, finished time.Time, simulated bool, outcomes []farm.Outcome) Run {
	doc := Run{Run: run, StartedAt: started.UTC(), FinishedAt: finished.UTC(), Simulated: simulated, Store: store, Cells: []RunCell{}}
	for _, o := range outcomes {
		cell := RunCell{ID: o.ID, Key: o.Key, Status: o.State, Seconds: o.Seconds, Error: o.Fault, Log: o.Log}
		if o.Record != nil {
			cell.Engine = &o.Record.Engine
			doc.Simulated = doc.Simulated || o.Record.Simulated
		}
		doc.Cells = append(doc.Cells, cell)
	}
	return doc
}

// Code is the exit code of a run with these outcomes.
func Code(outcomes []farm.Outcome) fault.Code {
	codes := make([]fault.Code, len(outcomes))
	for i, o := range outcomes {
		if o.Fault != nil {
			codes[i] = o.Fault.Code
		}
	}
	return fault.Combine(codes)
}
