package diagnose

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Bounds of what is kept of a log, whatever its size.
const (
	maxEvidence     = 5       // lines of the verdict
	maxEvidenceLine = 2 << 10 // bytes of each
)

// hit is what is remembered of one signature's matches.
type hit struct {
	row   int
	label string // differs from the row's where the operator says so
	why   string
	lines []Evidence // the first few
	order int
}

// judgement gathers hits while a log is read.
type judgement struct {
	k         knowledge
	hits      []hit
	operator  string // the operator that the parser was last at
	calm      int    // last line whose alarms mean nothing
	finished  bool   // the tool said that it passed
	stubborn  bool   // what was seen since the tool began stands, even if it says that it passed
	began     int    // hits before the tool's present run
	evidenced Evidence
	alarms    int
}

func judge(src io.Reader) (Verdict, error) {
	j := judgement{k: known()}
	r := reader{m: j.k.matcher}
	if err := r.read(src, j.line); err != nil {
		return Verdict{}, err
	}
	return j.verdict(), nil
}

// operatorName finds the operator that a parser's message is about.
var operatorName = regexp.MustCompile(`While parsing node number \d+ \[(\w+)|op_type: "(\w+)"|and operator: ?(\w+)|(?i:registered for op:|find plugin:|plugin creator for) *"?(\w+)|Searching for plugin: (\w+)`)

// line takes in one line in which something matched.
func (j *judgement) line(number int, text []byte, rows []int) {
	text = bytes.TrimRight(text, "\r\n")
	clean := plain(text)
	if slices.ContainsFunc(rows, func(row int) bool { return j.k.rows[row].label == harmless }) {
		j.calm = number + 2 // the crash that may follow it at exit included
	}
	for _, row := range rows {
		s := j.k.rows[row]
		if s.line != nil && !s.line.Match(clean) {
			continue
		}
		switch s.label {
		case running:
			j.began, j.stubborn, j.finished = len(j.hits), false, false
		case passed:
			if !j.stubborn {
				j.hits, j.alarms = j.hits[:min(j.began, len(j.hits))], 0
				j.finished = true
			}
		case despite:
			j.stubborn = true
			j.add(row, other, Evidence{number, keep(text)}, clean)
		case harmless:
		case operator:
			if m := operatorName.FindSubmatch(clean); m != nil {
				j.operator = string(bytes.Join(m[1:], nil))
			}
		case "":
			if number > j.calm {
				j.alarm(number, text)
			}
		default:
			j.finished = false
			j.add(row, s.label, Evidence{number, keep(text)}, clean)
		}
	}
}

func (j *judgement) alarm(number int, text []byte) {
	if j.alarms++; j.alarms == 1 {
		j.evidenced = Evidence{number, keep(text)}
	}
	j.finished = false
}

func (j *judgement) add(row int, label string, e Evidence, clean []byte) {
	s := j.k.rows[row]
	if s.custom {
		name := j.operator
		if m := operatorName.FindSubmatch(clean); m != nil {
			name = string(bytes.Join(m[1:], nil))
		}
		if onnxOperators()[name] {
			label = "unsupported-op"
		}
	}
	i := slices.IndexFunc(j.hits, func(h hit) bool { return h.row == row && h.label == label })
	if i < 0 || i < j.began {
		i = len(j.hits)
		j.hits = append(j.hits, hit{row: row, label: label, order: e.Line})
	}
	h := &j.hits[i]
	if h.why == "" && s.facts != nil {
		if m := s.facts.FindSubmatchIndex(clean); m != nil {
			h.why = string(s.facts.Expand(nil, []byte(s.why), clean, m))
		}
	}
	if len(h.lines) < maxEvidence {
		h.lines = append(h.lines, e)
	}
}

// keep copies what is shown of a line, without half a character at its end.
func keep(text []byte) string {
	if len(text) <= maxEvidenceLine {
		return string(text)
	}
	text = text[:maxEvidenceLine]
	for range utf8.UTFMax - 1 {
		if last, size := utf8.DecodeLastRune(text); last != utf8.RuneError || size != 1 {
			break
		}
		text = text[:len(text)-1]
	}
	return string(text)
}

// verdict weighs what was found.
func (j *judgement) verdict() Verdict {
	hits := slices.DeleteFunc(slices.Clone(j.hits), func(h hit) bool {
		with := j.k.rows[h.row].with
		return with != "" && !slices.ContainsFunc(j.hits, func(o hit) bool { return o.label == with })
	})
	slices.SortStableFunc(hits, func(a, b hit) int {
		if d := j.k.rows[b.row].rank - j.k.rows[a.row].rank; d != 0 {
			return d
		}
		return a.order - b.order
	})
	if len(hits) == 0 {
		return j.unproven()
	}
	best := hits[0]
	v := Verdict{Cause: best.label, Also: []string{}}
	rank := j.k.rows[best.row].rank
	v.Confidence = confidence(rank)
	c := causes[best.label]
	v.Why = c.why
	for _, h := range hits {
		if h.label == best.label && h.why != "" {
			v.Why = h.why
			break
		}
	}
	v.Fix = append([]string{}, c.fix...)
	for _, h := range hits {
		r := j.k.rows[h.row].rank
		if h.label == best.label {
			v.Evidence = append(v.Evidence, h.lines...)
			continue
		}
		if r >= symptom && h.label != other && !slices.Contains(v.Also, h.label) {
			v.Also = append(v.Also, h.label)
			if r == rank {
				v.Confidence = confidence(rank) - 0.15
			}
		}
	}
	v.Evidence = v.Evidence[:min(len(v.Evidence), maxEvidence)]
	slices.SortStableFunc(v.Evidence, func(a, b Evidence) int { return a.Line - b.Line })
	v.Evidence = slices.Compact(v.Evidence)
	return v
}

// unproven judges a log in which no cause was found.
func (j *judgement) unproven() Verdict {
	v := Verdict{Cause: none, Confidence: 0.6, Evidence: []Evidence{}, Fix: []string{}, Also: []string{}}
	switch {
	case j.finished:
		v.Confidence, v.Why = 0.95, "the tool says that it passed, and nothing in the log speaks against it"
	case j.alarms > 0:
		v.Cause, v.Confidence = other, 0.3
		v.Evidence = append(v.Evidence, j.evidenced)
		v.Why, v.Fix = causes[other].why, append(v.Fix, causes[other].fix...)
	default:
		v.Why = "nothing in the log is known to be a failure"
	}
	return v
}

func confidence(rank int) float64 {
	switch {
	case rank >= explicit:
		return 0.95
	case rank >= strong:
		return 0.9
	case rank >= usual:
		return 0.75
	case rank >= symptom:
		return 0.55
	}
	return 0.35
}
