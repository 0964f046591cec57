package compat

import (
	"fmt"
	"slices"
	"sync"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// support is the rule of the place itself: whether the TensorRT there serves the
// GPU there. That the same TensorRT built the plan on the same compute capability
// is proof enough.
func (q *question) support() []finding {
	if q.sm == "" || q.runtime.Major == 0 || q.sm == q.e.SM && q.built.Agrees(q.runtime) {
		return nil
	}
	there := q.there()
	if q.sm == q.e.SM {
		there += " (" + q.sm + ")"
	}
	switch a := catalog.Serves(q.runtime, q.sm); a.Verdict {
	case catalog.Cannot:
		return []finding{{Invalid, fmt.Sprintf("%s is there, and TensorRT %s, which runs there, runs no plan on it: %s", there, q.runtime, a.Why), ""}}
	case catalog.Uncertain:
		return []finding{{Unknown, fmt.Sprintf("whether TensorRT %s, which runs there, runs plans on %s is not known: %s", q.runtime, there, a.Why), ""}}
	}
	return nil
}

// serving says which image there is for the GPU there, when the TensorRT there
// does not serve it.
func (q *question) serving() string {
	for _, i := range images() {
		if catalog.OnlyJetsons(q.sm) || catalog.Serves(i.tensorRT, q.sm).Verdict != catalog.Can {
			continue
		}
		fix := fmt.Sprintf("run a TensorRT there that serves that GPU (%s is the newest image that does), and build the plan again with it", i.ref)
		if q.p.GPU != "" {
			fix += fmt.Sprintf(": add images = [%q] and gpus = [%q]", i.ref, q.p.GPU)
		}
		return fix
	}
	return "run a TensorRT there that serves that GPU, and build the plan again with it"
}

// An ngcImage is an image of NGC with its reference.
type ngcImage struct {
	ref      string
	tensorRT catalog.Version
	catalog.NGCImage
}

// images lists the images of NGC whose TensorRT the catalogue tells, the newest
// first.
var images = sync.OnceValue(func() []ngcImage {
	var list []ngcImage
	for _, row := range slices.Backward(catalog.NGCImages()) {
		if v, err := catalog.ParseVersion(row.TensorRT); err == nil {
			list = append(list, ngcImage{row.Ref(), v, row})
		}
	}
	return list
})

// newer reports whether a GPU came after a TensorRT, as far as is known.
func (q *question) newer() bool {
	return q.built.Major > 0 && atLeast(q.sm, q.e.SM) && catalog.Serves(q.built, q.sm).Verdict == catalog.Cannot
}

// driver is the rule of drivers: whether the one there serves the CUDA of the
// image there. The bytes of a plan tell no CUDA. What is known of drivers is known
// of those for Linux, and a Jetson's comes with its JetPack.
func (q *question) driver() []finding {
	switch {
	case q.p.Driver == "" || q.p.OS == "windows" || catalog.OnlyJetsons(q.sm):
		return nil
	case q.p.CUDA == "":
		return []finding{{verdict: Valid, reason: fmt.Sprintf("driver %s is there, and whether it serves what runs there was not judged: say image=, or cuda=", q.p.Driver)}}
	}
	a := catalog.DriverServes(q.p.CUDA, q.p.Driver, q.class)
	reason := fmt.Sprintf("driver %s is there, and %s", q.p.Driver, a.Why)
	switch a.Verdict {
	case catalog.Can:
		return []finding{{verdict: Valid, reason: reason}}
	case catalog.Cannot:
		return []finding{{Invalid, reason, "update the driver there, or run an image with an older CUDA"}}
	}
	return []finding{{Unknown, reason, "update the driver there, or try it"}}
}
