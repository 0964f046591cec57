package farm

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// State is where a cell is.
type State string

// The states of a cell. Those from Published on are final.
const (
	Queued    State = "queued"
	Waiting   State = "waiting" // for a GPU
	Fetching  State = "fetch"
	Building  State = "build"
	Verifying State = "verify"
	Publish   State = "publish"
	Retrying  State = "retry"
	Published State = "published"
	Cached    State = "cached"
	Failed    State = "failed"
	Refused   State = "refused"
	Cancelled State = "cancelled"
)

// Final reports whether nothing follows this state.
func (s State) Final() bool {
	switch s {
	case Published, Cached, Failed, Refused, Cancelled:
		return true
	}
	return false
}

// Event is one change of a cell's state, or something that happened within one.
// Journals hold events, one JSON object a line; log lines are not kept there.
type Event struct {
	Time    time.Time        `json:"time"`
	Run     string           `json:"run"`
	Cell    string           `json:"cell,omitempty"` // "" concerns the run itself
	State   State            `json:"state,omitempty"`
	Runner  string           `json:"runner,omitempty"`
	Device  string           `json:"device,omitempty"`
	Attempt int              `json:"attempt,omitempty"`
	Seconds float64          `json:"seconds,omitempty"` // since the cell was started
	Note    string           `json:"note,omitempty"`
	Fault   *fault.Fault     `json:"error,omitempty"`
	Log     *builder.LogLine `json:"-"`
}

// Outcome is how one cell ended.
type Outcome struct {
	ID      string
	Key     string
	State   State // a final one
	Seconds float64
	Fault   *fault.Fault // set when Failed, Refused or Cancelled
	Record  *Record      // set when Published or Cached
	Log     string       // folder of this machine with what trtexec printed; "" when it was not kept
}
