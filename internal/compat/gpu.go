package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/inventory"
)

// The compute capabilities at which rules begin.
const (
	volta  = "7.0"
	turing = "7.5"
	ampere = "8.0"
)

// levels are the hardware compatibility levels: where they may be built, and
// since when.
// Source: NVIDIA/TensorRT, include/NvInfer.h of release/8.6 and release/10.9.
var levels = map[string]struct {
	from         string // compute capability of the GPU that builds
	major, minor int
	of           string
}{
	ampereLevel: {ampere, 8, 6, "Ampere"},
	sameLevel:   {turing, 10, 9, "Turing"},
}

const (
	ampereLevel = "ampere+"
	sameLevel   = "sameComputeCapability"
	levelFlag   = "--hardwareCompatibilityLevel="
)

// gpu is the rule of the GPU: whether the one there runs what another built.
func (q *question) gpu() []finding {
	list := []finding{q.capability()}
	if q.p.Shared && list[0].verdict != Invalid {
		list = append(list, finding{verdict: Valid, reason: "the GPU there is shared with other work, so latencies vary"})
	}
	return list
}

func (q *question) capability() finding {
	level, leveled := levels[q.modes.Hardware]
	switch {
	case q.e.SM == "":
		return finding{verdict: Unknown, reason: "on which GPU the plan was built its bytes do not tell"}
	case q.sm == "":
		return q.unnamed()
	case leveled && !atLeast(q.e.SM, level.from):
		return finding{verdict: Unknown, reason: fmt.Sprintf("the plan was built on compute capability %s, and %s%s needs %s (%s) or newer: it cannot be the plan that those flags made",
			q.e.SM, levelFlag, q.modes.Hardware, level.of, level.from)}
	case leveled && q.built.Major > 0 && !q.built.AtLeast(level.major, level.minor):
		return finding{verdict: Unknown, reason: fmt.Sprintf("the plan was written by TensorRT %s, and %s%s came with %d.%d: it cannot be the plan that those flags made",
			q.built, levelFlag, q.modes.Hardware, level.major, level.minor)}
	case q.e.SM != q.sm:
		return q.otherCapability()
	case q.p.MIG != "":
		return q.slice()
	}
	return q.sameCapability()
}

// unnamed says why the GPU there is not known.
func (q *question) unnamed() finding {
	built := "the plan was built on " + q.maker() + ", and "
	switch {
	case q.p.GPU != "":
		return finding{Unknown, built + fmt.Sprintf("the compute capability of %s is not known to trtfarm", named(q.p.GPU)), "say it, as in sm=8.9"}
	case strings.HasSuffix(q.p.Product, "..."):
		return finding{Unknown, built + fmt.Sprintf("which GPU is there is not known: the list cuts its name to %q", q.p.Product), "list the GPUs with nvidia-smi -L, which cuts no names"}
	case q.p.Product != "":
		return finding{Unknown, built + fmt.Sprintf("%q, which is there, is not known to trtfarm", q.p.Product), "say its compute capability, as in sm=8.9"}
	}
	return finding{Unknown, built + "which GPU is there is not given", "say it, as in t4 or sm=7.5"}
}

// otherCapability answers where the compute capabilities differ.
func (q *question) otherCapability() finding {
	reason := fmt.Sprintf("the plan was built on %s, and %s is there: ", q.maker(), q.there())
	switch {
	case q.modes.Hardware == ampereLevel && !atLeast(q.sm, ampere):
		return finding{verdict: Invalid, reason: reason + "an ampere+ plan runs on Ampere (8.0) and newer"}
	case q.modes.Hardware == ampereLevel && q.newer():
		return finding{verdict: Unknown, reason: reason + fmt.Sprintf(
			"an ampere+ plan is meant to run on what comes after Ampere, but that GPU is newer than TensorRT %s knew, and NVIDIA does not promise that its kernels run", q.built)}
	case q.modes.Hardware == ampereLevel:
		return finding{verdict: Suboptimal, reason: reason + "an ampere+ plan runs on Ampere and newer, but gives speed away"}
	case q.modes.Hardware == sameLevel:
		return finding{verdict: Invalid, reason: reason + "a sameComputeCapability plan runs on the very same compute capability only"}
	}
	reason += "a plan runs only on the kind of GPU that built it"
	if q.rescuedByLevel() {
		reason += ", unless it was built with " + levelFlag + ampereLevel + ", which its bytes do not tell"
	}
	return finding{verdict: Invalid, reason: reason}
}

// rescuedByLevel reports whether the GPU there would run the plan if it had been
// built for Ampere and newer, and nobody knows whether it was.
func (q *question) rescuedByLevel() bool {
	l := levels[ampereLevel]
	return !q.asked && q.e.SM != "" && q.sm != "" && atLeast(q.e.SM, l.from) && atLeast(q.sm, l.from) &&
		(q.built.Major == 0 || q.built.AtLeast(l.major, l.minor))
}

// slice answers for a slice of a GPU with the right compute capability.
func (q *question) slice() finding {
	f := finding{verdict: Unknown, fix: "build it on a slice of the same profile"}
	switch q.p.MIG {
	case inventory.BrokenSlices:
		f.reason = "the slices of the GPU there do not fit the strategy of its node, which offers none of them"
		f.fix = "see to the label nvidia.com/mig.config of the node"
	case inventory.UnknownSlice:
		f.reason = fmt.Sprintf("the plan was built on %s, and a slice of %s is there, whose profile the list does not name: that a plan runs well on another part of a GPU than built it is documented nowhere", q.maker(), q.there())
	default:
		f.reason = fmt.Sprintf("the plan was built on %s, and a slice %s of %s is there: that a plan runs well on another part of a GPU than built it is documented nowhere", q.maker(), q.p.MIG, q.there())
	}
	return f
}

// sameCapability answers where the compute capabilities agree.
func (q *question) sameCapability() finding {
	same, doubt, fix := q.product()
	reason := fmt.Sprintf("the plan was built on %s, and %s is there", q.maker(), q.there())
	verdict := Suboptimal
	if same {
		verdict = Valid
	}
	switch {
	case same && q.modes.Hardware != "":
		reason += fmt.Sprintf(": it runs, though %s gives speed away", q.modes.Hardware)
	case same && doubt != "":
		reason += ": " + doubt
	case same:
	case q.modes.Hardware == ampereLevel:
		reason += ": an ampere+ plan runs on Ampere and newer, but gives speed away"
	case q.modes.Hardware == sameLevel:
		reason += ": a sameComputeCapability plan runs there, but it was tuned for another GPU and gives speed away"
	default:
		reason += ": the compute capability is the same, but " + doubt + "; NVIDIA promises only the kind of GPU that built a plan, for which it was tuned"
		if !q.asked && q.built.AtLeast(levels[sameLevel].major, levels[sameLevel].minor) && atLeast(q.e.SM, turing) {
			reason += ", unless it was built with " + levelFlag + sameLevel + ", which its bytes do not tell"
		}
	}
	return finding{verdict, reason, fix}
}

// product reports whether the GPU there is the product that built the plan. The
// doubt is what keeps that from being certain, the fix what a user can say more.
func (q *question) product() (same bool, doubt, fix string) {
	switch {
	case len(q.kinds) == 0 && q.p.Product == "":
		return false, "which product is there is not given", "say which GPU it is, as in t4"
	case len(q.kinds) == 0:
		return false, "that product is not known to trtfarm", ""
	case q.e.SMs == 0 && len(q.e.Likely) == 0:
		return false, "which product built it its bytes do not tell", ""
	}
	boards := q.boards()
	fits := func(b catalog.Board) bool { return q.chip(b) && q.memory(b) }
	differs := func(b catalog.Board) bool { return !q.chip(b) }
	likely := func(name string) bool { return slices.Contains(q.e.Likely, name) }
	switch {
	case !slices.ContainsFunc(q.kinds, likely) && !slices.ContainsFunc(boards, fits):
		if larger(boards, q.e.SMs) {
			return false, "the product is another, or only a slice of it built the plan", ""
		}
		return false, "the product is another", ""
	case len(boards) > 0 && !slices.ContainsFunc(boards, q.chip):
		return false, fmt.Sprintf("the board is another, with %s SMs", counts(boards)), ""
	case slices.ContainsFunc(boards, differs):
		if names := products(boards); len(names) > 1 {
			fix = "say which it is, as its driver calls it: " + enumerated(names, "or")
		}
		return false, fmt.Sprintf("%s names boards that differ, with %s SMs", q.p.GPU, counts(boards)), fix
	case len(q.kinds) > 1:
		return true, fmt.Sprintf("that names %s, which have the same chip, as far as is known, but not the same memory", enumerated(q.kinds, "and")), ""
	}
	return true, "", ""
}

// products lists what drivers call the boards.
func products(boards []catalog.Board) []string {
	var list []string
	for _, b := range boards {
		if b.Product != "" && !slices.Contains(list, b.Product) {
			list = append(list, b.Product)
		}
	}
	return list
}

// larger reports whether all boards have more SMs than the plan was built on, as
// slices of one have.
func larger(boards []catalog.Board, sms int) bool {
	return sms > 0 && len(boards) > 0 && !slices.ContainsFunc(boards, func(b catalog.Board) bool { return b.SMs <= sms })
}

// boards lists the boards that the GPU there may be.
func (q *question) boards() []catalog.Board {
	var list, exact []catalog.Board
	for _, b := range catalog.Boards() {
		if slices.Contains(q.kinds, b.GPU) {
			list = append(list, b)
			if q.p.Product != "" && catalog.SameProduct(b.Product, q.p.Product) {
				exact = append(exact, b)
			}
		}
	}
	if exact != nil {
		return exact
	}
	return list
}

// chip reports whether a board has the SMs and the memory bus that the plan was
// built on, as far as both are known.
func (q *question) chip(b catalog.Board) bool {
	differ := func(x, y int) bool { return x > 0 && y > 0 && x != y }
	return !differ(b.SMs, q.e.SMs) && !differ(b.BusBits, q.e.BusBits)
}

// memory reports whether a board is known to have the memory that the plan was
// built on. Drivers keep a few MiB to themselves, and not always the same.
func (q *question) memory(b catalog.Board) bool {
	const mib = 1 << 20
	have := q.e.MemoryBytes / mib
	return q.e.SMs > 0 && q.e.SMs == b.SMs && have > 0 && b.MemoryMiB > 0 && max(have, b.MemoryMiB)-min(have, b.MemoryMiB) <= b.MemoryMiB/50
}
