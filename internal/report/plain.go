// Package report shows what a run does and did: lines while it works, a table
// when it is over, documents for machines, and the journal.
package report

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/trtfarm/trtfarm/internal/farm"
)

// Plain writes one line per change of a cell's state, with the time that the
// cell has taken so far.
type Plain struct {
	W     io.Writer
	Total int

	mu   sync.Mutex
	done int
}

// Event writes e, if it is a change that people care about.
func (p *Plain) Event(e farm.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Log != nil {
		return
	}
	if e.Cell == "" {
		fmt.Fprintf(p.W, "%s  %s\n", clock(e.Seconds), e.Note)
		return
	}
	text := string(e.State)
	switch {
	case e.State.Final():
		p.done++
		text = fmt.Sprintf("%-9s [%d/%d]", e.State, p.done, p.Total)
		if e.Fault != nil && e.State == farm.Failed {
			text += "  " + e.Fault.Cause
		}
	case e.State == "" && e.Note != "":
		text = e.Note
	case e.State == "", e.State == farm.Queued, e.State == farm.Waiting:
		return
	case e.State == farm.Retrying:
		text = fmt.Sprintf("retry      %s: %s", e.Fault.Cause, e.Note)
	default:
		text = string(e.State)
		if e.Runner != "" {
			text = fmt.Sprintf("%-9s on %s", e.State, e.Runner)
			if e.Device != "" {
				text += ", GPU " + e.Device
			}
		}
	}
	fmt.Fprintf(p.W, "%s  %-48s %s\n", clock(e.Seconds), e.Cell, text)
}

// clock prints seconds as m:ss.t.
func clock(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	return fmt.Sprintf("%3d:%04.1f", int(d.Minutes()), (d % time.Minute).Seconds())
}
