package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// Summary writes the table that ends a run, then each failure with its remedy,
// then where everything is.
func Summary(w io.Writer, run, store string, outcomes []farm.Outcome) error {
	t := Table{Head: []string{"CELL", "STATUS", "SECONDS", "SIZE", "WORST ERROR", "P99", "SHA-256"}}
	count := map[farm.State]int{}
	simulated := false
	for _, o := range outcomes {
		count[o.State]++
		row := []string{o.ID, string(o.State), "-", "-", "-", "-", "-"}
		if o.State != farm.Cached && o.Seconds > 0 {
			row[2] = fmt.Sprintf("%.1f", o.Seconds)
		}
		if r := o.Record; r != nil {
			simulated = simulated || r.Simulated
			row[3], row[6] = Size(r.Engine.Size), short(r.Engine.SHA256)
			row[4], row[5] = worst(r), p99(r)
		}
		t.Rows = append(t.Rows, row)
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for _, t := range troubles(outcomes) {
		if err := t.write(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d published, %d cached, %d failed, %d refused, %d cancelled  (run %s)\nstore: %s\n",
		count[farm.Published], count[farm.Cached], count[farm.Failed], count[farm.Refused], count[farm.Cancelled], run, store)
	if err == nil && simulated {
		_, err = fmt.Fprintln(w, "simulated: no GPU and no TensorRT took part; these engines are for trying trtfarm out")
	}
	return err
}

// trouble is one thing that went wrong, for one cell or many.
type trouble struct {
	state farm.State
	fault fault.Fault // of the first cell
	what  string      // its message without the cell's ID
	log   string      // folder with what trtexec printed for it; "" when nothing was kept
	cells []string
}

// troubles gathers what went wrong, in the order of the cells: what happened to
// many cells alike is told once.
func troubles(outcomes []farm.Outcome) []*trouble {
	var list []*trouble
	for _, o := range outcomes {
		if o.Fault == nil || o.State == farm.Cancelled {
			continue
		}
		what := strings.ReplaceAll(o.Fault.Message, o.ID, "")
		same := slices.IndexFunc(list, func(t *trouble) bool {
			return t.state == o.State && t.fault.Cause == o.Fault.Cause && t.fault.Fix == o.Fault.Fix && t.what == what
		})
		if same < 0 {
			same = len(list)
			list = append(list, &trouble{state: o.State, fault: *o.Fault, what: what, log: o.Log})
		}
		list[same].cells = append(list[same].cells, o.ID)
	}
	return list
}

func (t *trouble) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s: %s\n", strings.ToUpper(string(t.state)), t.cells[0], t.fault.Cause)
	fmt.Fprintf(&b, "  %s\n", indented(t.fault.Message))
	if t.fault.Fix != "" {
		fmt.Fprintf(&b, "  fix: %s\n", indented(t.fault.Fix))
	}
	if t.log != "" {
		fmt.Fprintf(&b, "  log: %s\n", t.log)
	}
	if more := t.cells[1:]; len(more) > 0 {
		fmt.Fprintf(&b, "  the same happened to %d more:\n    %s\n", len(more), strings.Join(more, "\n    "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// indented keeps the further lines of a text under its first.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12]
	}
	return digest
}

// worst is the greatest absolute error of any output in any case.
func worst(r *artifact.Manifest) string {
	most := 0.0
	for _, c := range r.Verified {
		for _, o := range c.Outputs {
			most = max(most, o.MaxAbs)
		}
	}
	return fmt.Sprintf("%.2g", most)
}

// p99 is the greatest p99 latency of any case.
func p99(r *artifact.Manifest) string {
	most := 0.0
	for _, c := range r.Verified {
		most = max(most, c.LatencyMs.P99)
	}
	return fmt.Sprintf("%.3g ms", most)
}
