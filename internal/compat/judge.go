package compat

import (
	"cmp"
	"slices"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// ranks orders the verdicts from best to worst. A fact that is missing weighs
// more than speed, and less than a rule that is broken.
var ranks = map[Verdict]int{Valid: 0, Suboptimal: 1, Unknown: 2, Invalid: 3}

// Compare orders verdicts from best to worst.
func (v Verdict) Compare(o Verdict) int { return cmp.Compare(ranks[v], ranks[o]) }

// A finding is what one rule says.
type finding struct {
	verdict Verdict
	reason  string
	fix     string
}

// A question is an engine held against a place, with what is derived of both.
type question struct {
	e              Engine
	p              Place
	modes          trtexec.Modes
	asked          bool            // the modes are known
	built, runtime catalog.Version // zero when not known
	kinds          []string        // of GPU that the place's may be, as the catalogue calls them
	sm             string          // of the place
	class          string          // of its GPU, as drivers tell classes apart
}

func newQuestion(e Engine, p Place) *question {
	q := &question{e: e, p: p, asked: e.Modes != nil, sm: p.SM}
	if q.asked {
		q.modes = *e.Modes
	}
	// A version that is none is as good as not given.
	q.built, _ = catalog.ParseVersion(e.TensorRT)
	q.runtime, _ = catalog.ParseVersion(p.TensorRT)
	if g, ok := catalog.FindGPU(p.GPU); ok {
		q.sm, q.class = cmp.Or(q.sm, g.SM), g.Class
		q.kinds = g.Members
		if g.Members == nil {
			q.kinds = []string{g.Name}
		}
	}
	return q
}

func judge(e Engine, p Place) Answer {
	if e.Trouble != "" {
		return Answer{Invalid, []string{e.Trouble}, e.Remedy}
	}
	q := newQuestion(e, p)
	version, gpu, support := q.version(), q.gpu(), q.support()
	if worst(version) == Invalid || worst(gpu) == Invalid {
		// What is not known of the place matters no more.
		support = slices.DeleteFunc(support, func(f finding) bool { return f.verdict == Unknown })
	}
	all := slices.Concat(version, gpu, support, q.driver(), q.platform(), q.weights(), q.doubt())
	slices.SortStableFunc(all, func(a, b finding) int { return b.verdict.Compare(a.verdict) })
	answer := Answer{Verdict: all[0].verdict, Reasons: []string{}}
	for _, f := range all {
		answer.Reasons = append(answer.Reasons, f.reason)
	}
	answer.Reasons = append(answer.Reasons, p.Notes...)
	answer.Fix = q.fix(answer.Verdict, all, worst(version), worst(gpu), worst(support))
	return answer
}

// worst returns the worst verdict of some findings.
func worst(list []finding) Verdict {
	v := Valid
	for _, f := range list {
		if f.verdict.Compare(v) > 0 {
			v = f.verdict
		}
	}
	return v
}
