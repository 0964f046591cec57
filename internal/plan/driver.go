package plan

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// driven splits the runners that have the cell's GPU into those whose driver
// serves every image of the cell, or is not known, and the reasons against the
// others. warning says what the first of the runners that are left relies on.
func (p *planner) driven(c *Cell, gpu gpuFacts) (left []Runner, against []string, warning string) {
	for _, r := range gpu.takers {
		cannot, note := "", ""
		for _, ref := range c.images() {
			cuda := p.facts.Images[ref].CUDA
			if r.Driver == "" || cuda == "" || cannot != "" {
				continue
			}
			switch a := catalog.DriverServes(cuda, r.Driver, gpu.Class); {
			case a.Verdict == catalog.Cannot:
				cannot = fmt.Sprintf("runner %s has driver %s, and %s holds CUDA %s: %s", r.Name, r.Driver, ref, cuda, a.Why)
			case !catalog.HasOwnDriver(cuda, r.Driver):
				note = fmt.Sprintf("runner %s has driver %s, and %s holds CUDA %s: %s", r.Name, r.Driver, ref, cuda, a.Why)
			}
		}
		if cannot != "" {
			against = append(against, cannot)
			continue
		}
		if len(left) == 0 {
			warning = note
		}
		left = append(left, r)
	}
	return left, against, warning
}

// driverTooOld refuses a cell because no driver serves it.
func driverTooOld(against []string) problem {
	return problem{fault.Environment, DriverTooOld, strings.Join(against, "; "),
		"install a newer driver on the runner, or take an image with an older CUDA"}
}
