// Package report shows what a run does and did: lines while it works, a table
// when it is over, documents for machines, and the journal.
package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/trtfarm/trtfarm/internal/farm"
)

// Plain writes one line per change of a cell's state, each with the time that the
// run has taken so far.
type Plain struct {
	W     io.Writer
	Start time.Time // of the run
	Total int       // cells
	Width int       // of the longest cell ID

	mu   sync.Mutex
	done int
}

// Event writes e, if it is a change that people care about.
func (p *Plain) Event(e farm.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.text(e)
	if text == "" {
		return
	}
	if e.Cell != "" {
		text = fmt.Sprintf("%-*s  %s", p.Width, e.Cell, text)
	}
	fmt.Fprintf(p.W, "%s  %s\n", clock(e.Time.Sub(p.Start)), strings.ReplaceAll(text, "\n", "; "))
}

// text says what e means; "" when it means nothing to people.
func (p *Plain) text(e farm.Event) string {
	switch {
	case e.State == farm.Queued, e.State == farm.Waiting:
		return ""
	case e.State == "":
		return e.Note
	case e.State.Final():
		p.done++
		text := fmt.Sprintf("%-9s  [%d/%d]", e.State, p.done, p.Total)
		if e.Seconds > 0 {
			text += fmt.Sprintf("  after %.1f s", e.Seconds)
		}
		if e.Fault != nil && e.State != farm.Cancelled {
			text += "  " + e.Fault.Cause
		}
		return text
	case e.State == farm.Retrying:
		return fmt.Sprintf("%-9s  %s: %s", e.State, e.Fault.Cause, e.Note)
	}
	text := fmt.Sprintf("%-9s  on %s", e.State, e.Runner)
	if e.Device != "" {
		text += ", GPU " + e.Device
	}
	return text
}

// clock prints a time as m:ss.t.
func clock(d time.Duration) string {
	d = max(d, 0).Truncate(100 * time.Millisecond)
	return fmt.Sprintf("%3d:%04.1f", int(d.Minutes()), (d % time.Minute).Seconds())
}
