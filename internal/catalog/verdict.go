package catalog

// Verdict is an answer of the catalogue.
type Verdict string

// What the catalogue can answer.
const (
	Can       Verdict = "yes"
	Cannot    Verdict = "no"
	Uncertain Verdict = "unknown" // the tables do not say
)

// Answer is a verdict with the reason for it, in words that end a sentence such
// as "T4 is compute capability 7.5, and ...".
type Answer struct {
	Verdict Verdict
	Why     string
	Source  string // where the fact was read
}
