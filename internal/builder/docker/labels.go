package docker

import (
	"time"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/owner"
)

// Labels of everything that trtfarm makes on an engine.
const (
	labelRun     = "org.trtfarm.run"
	labelCell    = "org.trtfarm.cell"
	labelStep    = "org.trtfarm.step"
	labelRunner  = "org.trtfarm.runner"
	labelOwner   = "org.trtfarm.owner"   // as package owner writes it
	labelExpires = "org.trtfarm.expires" // RFC 3339: when others may take it for abandoned
)

// How long things may stay that belong to an orchestrator on another host, of
// which this one cannot know whether it lives. A step's container stays for its
// timeout besides.
const (
	containerLife = time.Hour
	volumeLife    = 48 * time.Hour
)

// labels are what a thing of a cell and step carries; either may be empty.
func (e *Executor) labels(o builder.WorkspaceOptions, step builder.Step, life time.Duration) map[string]string {
	run := o.Run
	if run == "" {
		run = e.o.Run
	}
	l := map[string]string{
		labelOwner:   e.self.String(),
		labelExpires: time.Now().Add(life).UTC().Format(time.RFC3339),
	}
	for name, value := range map[string]string{labelRun: run, labelCell: o.Cell, labelStep: string(step), labelRunner: e.o.Runner} {
		if value != "" {
			l[name] = value
		}
	}
	return l
}

// abandoned says whether what carries these labels may be removed at time now.
func abandoned(labels map[string]string, now time.Time) bool {
	id, err := owner.Parse(labels[labelOwner])
	if err != nil {
		return false
	}
	switch id.Life() {
	case owner.Alive:
		return false
	case owner.Dead:
		return true
	}
	expires, err := time.Parse(time.RFC3339, labels[labelExpires])
	return err == nil && now.After(expires)
}
