package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Judge is the outcome of a case whose engine loaded and ran. It passes when
// every output of the case was compared and is within its tolerance, and, with
// maxP99 above 0, when the 99th percentile latency is at most that many
// milliseconds; a latency that was not measured proves nothing and fails.
func Judge(c Case, outputs []Errors, lat Latency, maxP99 float64) Result {
	r := Result{
		Case: c.Name, Profile: c.Profile, Loaded: true,
		Outputs: outputs, LatencyMs: lat, MaxP99Ms: maxP99,
	}
	for _, want := range c.Outputs {
		if !slices.ContainsFunc(outputs, func(e Errors) bool { return e.Output == want.Name }) {
			r.Outputs = append(slices.Clip(r.Outputs), Errors{Output: want.Name, Worst: Worst{Index: []int64{}}})
		}
	}
	r.Passed = len(r.Outputs) > 0 && !r.slow() &&
		!slices.ContainsFunc(r.Outputs, func(e Errors) bool { return !e.Passed })
	return r
}

// slow reports whether the speed gate refuses the case.
func (r Result) slow() bool {
	return r.MaxP99Ms > 0 && !(r.LatencyMs.P99 > 0 && r.LatencyMs.P99 <= r.MaxP99Ms)
}

// Explain says in one sentence what became of the case and, when it failed, what
// was wrong, where, and by how much: the worst of several reasons.
func (r Result) Explain() string {
	if !r.Loaded {
		return fmt.Sprintf("%s: the engine did not load or run", r.Case)
	}
	bad := slices.DeleteFunc(slices.Clone(r.Outputs), func(e Errors) bool { return e.Passed })
	switch {
	case len(bad) > 0:
		text := fmt.Sprintf("%s: output %s %s", r.Case, bad[0].Output, bad[0].explain())
		for i, e := range bad[1:] {
			if i == 0 {
				text += "; also wrong: "
			} else {
				text += ", "
			}
			text += e.Output
		}
		return text
	case r.slow() && r.LatencyMs.P99 == 0:
		return fmt.Sprintf("%s: no latency was measured, so the limit of %s ms cannot be held", r.Case, short6(r.MaxP99Ms))
	case r.slow():
		return fmt.Sprintf("%s: 99 %% of runs take up to %s ms, more than the %s ms allowed",
			r.Case, short6(r.LatencyMs.P99), short6(r.MaxP99Ms))
	case len(r.Outputs) == 0:
		return fmt.Sprintf("%s: no output was compared", r.Case)
	case !r.Passed:
		return fmt.Sprintf("%s: failed for a reason outside its outputs", r.Case)
	}
	worst := slices.MaxFunc(r.Outputs, func(a, b Errors) int {
		switch {
		case a.MaxAbs < b.MaxAbs:
			return -1
		case a.MaxAbs > b.MaxAbs:
			return 1
		}
		return 0
	})
	return fmt.Sprintf("%s: all outputs are within tolerance; the largest error is %s, in %s",
		r.Case, short6(worst.MaxAbs), worst.Output)
}

// explain says what is wrong with an output that did not pass.
func (e Errors) explain() string {
	if e.Elements == 0 {
		return "was not written by the engine, or not in the shape of the reference"
	}
	at := fmt.Sprintf("element %s is %s where the reference is %s",
		shapeText(e.Worst.Index), short6(e.Worst.Got), short6(e.Worst.Want))
	if len(e.Worst.Index) == 0 {
		at = fmt.Sprintf("it is %s where the reference is %s", short6(e.Worst.Got), short6(e.Worst.Want))
	}
	switch {
	case e.NaN > 0 && e.Inf > 0:
		return fmt.Sprintf("holds %d NaN and %d infinite values among %d that the reference does not have: %s", e.NaN, e.Inf, e.Elements, at)
	case e.NaN > 0:
		return fmt.Sprintf("holds NaN in %d of %d elements where the reference does not: %s", e.NaN, e.Elements, at)
	case e.Inf > 0:
		return fmt.Sprintf("is infinite in %d of %d elements where the reference is not: %s", e.Inf, e.Elements, at)
	case math.IsNaN(e.Worst.Want) || math.IsInf(e.Worst.Want, 0):
		return fmt.Sprintf("is finite where the reference is not: %s, in %d of %d elements", at, e.Over, e.Elements)
	}
	return fmt.Sprintf("is off: %s, %s apart with %s allowed (abs %s + rel %s); %d of %d elements are beyond tolerance, cosine %s",
		at, short6(math.Abs(e.Worst.Got-e.Worst.Want)), short6(e.Abs+e.Rel*math.Abs(e.Worst.Want)),
		short6(e.Abs), short6(e.Rel), e.Over, e.Elements, short6(e.Cosine))
}

// short6 writes a number with at most six digits.
func short6(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// worstJSON is Worst with numbers that may be "NaN", "Infinity" or "-Infinity",
// for which JSON has no number. The names are those of protobuf's JSON mapping.
type worstJSON struct {
	Index []int64 `json:"index"`
	Got   number  `json:"got"`
	Want  number  `json:"want"`
}

// MarshalJSON writes a value that is not finite as a string.
func (w Worst) MarshalJSON() ([]byte, error) {
	return json.Marshal(worstJSON{w.Index, number(w.Got), number(w.Want)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Worst) UnmarshalJSON(data []byte) error {
	var j worstJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*w = Worst{j.Index, float64(j.Got), float64(j.Want)}
	return nil
}

type number float64

func (n number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(v)
}

func (n *number) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*n = number(math.NaN())
		return nil
	case `"Infinity"`:
		*n = number(math.Inf(1))
		return nil
	case `"-Infinity"`:
		*n = number(math.Inf(-1))
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}
