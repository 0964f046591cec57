package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farm"
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
	for _, o := range outcomes {
		if o.Fault == nil || o.State == farm.Cancelled {
			continue
		}
		fmt.Fprintf(w, "\n%s %s: %s\n  %s\n", strings.ToUpper(string(o.State)), o.ID, o.Fault.Cause, o.Fault.Message)
		if o.Fault.Fix != "" {
			fmt.Fprintf(w, "  fix: %s\n", o.Fault.Fix)
		}
		if o.Log != "" {
			fmt.Fprintf(w, "  log: %s\n", o.Log)
		}
	}
	fmt.Fprintf(w, "\n%d published, %d cached, %d failed, %d refused, %d cancelled  (run %s)\nstore: %s\n",
		count[farm.Published], count[farm.Cached], count[farm.Failed], count[farm.Refused], count[farm.Cancelled], run, store)
	if simulated {
		fmt.Fprintln(w, "simulated: no GPU and no TensorRT took part; these engines are for trying trtfarm out")
	}
	return nil
}

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
