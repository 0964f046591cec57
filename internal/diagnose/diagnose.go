// Package diagnose reads the log of a failed build, load or run and says which
// of the known causes it is, with the lines that prove it and the fix. What it
// knows is a table of signatures; it starts nothing and opens nothing.
package diagnose

import "io"

// Verdict is the answer to "why did this fail".
type Verdict struct {
	Cause      string     `json:"cause"` // label, "other" when nothing is proven, "none" for a log that is fine
	Confidence float64    `json:"confidence"`
	Evidence   []Evidence `json:"evidence"`
	Why        string     `json:"why"`
	Fix        []string   `json:"fix"`
	Also       []string   `json:"also"`
}

// Evidence is one line of the log; Line starts at 1.
type Evidence struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Log reads r to its end, in constant memory, and gives the verdict. The error
// is that of reading alone.
func Log(r io.Reader) (Verdict, error) { return judge(r) }
