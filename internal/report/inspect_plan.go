package report

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/engine"
)

// plan writes what is known of an engine.
func (p *page) plan(f *Inspected) {
	p.line("TensorRT", known(f.TensorRT))
	gpu := "unknown"
	if f.SM != "" {
		gpu = "compute capability " + f.SM
	}
	if f.Device != nil && len(f.Device.Likely) > 0 {
		gpu += ", likely " + strings.Join(f.Device.Likely, " or ")
	}
	p.line("built on", gpu)
	if f.Device != nil {
		p.line("", device(f.Device))
	}
	p.line("loads in", sameRepository(f.LoadsIn))
	p.line("container", container(f))
}

// sameRepository lists images of one repository: the first whole, of the others
// the tags.
func sameRepository(images []string) string {
	if len(images) < 2 {
		return strings.Join(images, "")
	}
	var tags []string
	for _, image := range images[1:] {
		tags = append(tags, image[strings.LastIndex(image, ":")+1:])
	}
	return images[0] + "; also " + strings.Join(tags, ", ")
}

// device describes a GPU by its numbers, as far as they are known.
func device(d *engine.Device) string {
	var parts []string
	add := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	at := func(kHz int) string {
		if kHz <= 0 {
			return ""
		}
		return fmt.Sprintf(" at %d MHz", kHz/1000)
	}
	add(d.SMs > 0, "%s%s", counted(d.SMs, "SM"), at(d.CoreKHz))
	add(d.MemoryBytes > 0, "%s of memory", Size(d.MemoryBytes))
	add(d.MemoryBusBits > 0, "%d-bit bus%s", d.MemoryBusBits, at(d.MemoryKHz))
	add(d.L2Bytes > 0, "%s of L2", Size(d.L2Bytes))
	return strings.Join(parts, ", ")
}

func container(f *Inspected) string {
	text := known(f.Container)
	if f.Serialization != nil {
		text += fmt.Sprintf(", serialization %d", *f.Serialization)
	}
	for i, s := range f.Sections {
		text += []string{"; sections ", ", "}[min(i, 1)] + fmt.Sprintf("%s %s", s.Tag, Size(s.Size))
	}
	return text
}

// folded joins values with commas, some on a line.
func folded(values []string, each int) []string {
	var lines []string
	for len(values) > 0 {
		n := min(each, len(values))
		lines, values = append(lines, strings.Join(values[:n], ", ")), values[n:]
	}
	return lines
}

// judged writes where a file runs: everything about a place that was named, a
// line for each place of a list and its sum.
func (p *page) judged(answers []Judged) {
	for len(answers) > 0 {
		n := 1
		for n < len(answers) && answers[n].List == answers[0].List && answers[0].List != "" {
			n++
		}
		if answers[0].List != "" {
			p.listed(answers[:n])
		} else {
			p.place(answers[0])
		}
		answers = answers[n:]
	}
}

func (p *page) place(a Judged) {
	p.line(strings.ToUpper(string(a.Verdict)), "on "+oneLine.Replace(a.Place))
	p.sentences("", a.Reasons)
	if a.Fix != "" {
		p.sentences("", []string{"fix: " + a.Fix})
	}
}

func (p *page) listed(answers []Judged) {
	p.line("against", oneLine.Replace(answers[0].List)+": "+tally(answers))
	t := Table{}
	for _, a := range answers {
		why := ""
		if len(a.Reasons) > 0 {
			why = a.Reasons[0]
		}
		t.Rows = append(t.Rows, []string{string(a.Verdict), fmt.Sprintf("%dx", a.Count), a.Place, why})
	}
	p.lines("", t.text())
}

// tally counts GPUs by verdict: "valid on 8 GPUs, invalid on 2".
func tally(answers []Judged) string {
	count := map[compat.Verdict]int{}
	for _, a := range answers {
		count[a.Verdict] += max(a.Count, 1)
	}
	var parts []string
	for _, v := range []compat.Verdict{compat.Valid, compat.Suboptimal, compat.Invalid, compat.Unknown} {
		if n := count[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s on %d", v, n))
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case count[compat.Valid]+count[compat.Suboptimal] > 0:
		return text
	case count[compat.Unknown] > 0:
		return "not known to run on any of them: " + text
	}
	return "runs on none of them: " + text
}
