package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// precisionRow is a row of precision-support.csv.
type precisionRow struct {
	min    int   // ten times the compute capability it begins at
	lacks  []int // capabilities above min that are without
	below  Verdict
	why    string
	source string
}

var precisionRows = embedded("precision-support.csv", parsePrecisions)

func parsePrecisions(name string, text []byte) (map[string]precisionRow, error) {
	body, err := readRows(name, text, "precision", "min_sm", "lacks", "below", "why", "source")
	if err != nil {
		return nil, err
	}
	table := make(map[string]precisionRow, len(body))
	for _, r := range body {
		row := precisionRow{why: r.text("why"), source: r.needed("source")}
		row.below = Verdict(r.choice("below", string(Can), string(Cannot)))
		row.min, _ = Capability(r.capability("min_sm"))
		for sm := range strings.FieldsSeq(r.text("lacks")) {
			n, ok := Capability(sm)
			if !ok {
				r.wrong("lacks", "want compute capabilities, separated by spaces")
			}
			row.lacks = append(row.lacks, n)
		}
		table[r.needed("precision")] = row
		if *r.err != nil {
			return nil, *r.err
		}
	}
	return table, nil
}

// Computes says whether GPUs of a compute capability compute in a precision of
// the matrix, such as "bf16". A precision that is computed in the long way
// around, without gain, is a Can with a Why. Without a capability the answer is
// Uncertain.
func Computes(precision, sm string) Answer {
	have, ok := Capability(sm)
	if !ok {
		return Answer{Verdict: Uncertain, Why: "the compute capability is not known"}
	}
	row, ok := precisionRows()[precision]
	if !ok || have >= row.min && !slices.Contains(row.lacks, have) {
		return Answer{Verdict: Can}
	}
	return Answer{Verdict: row.below, Why: row.why, Source: row.source}
}

// Capability reads a compute capability as ten times its value: "8.6" is 86.
func Capability(sm string) (int, bool) {
	major, minor, ok := strings.Cut(sm, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || err != nil || err2 != nil || a < 1 || a > 99 || b < 0 || b > 9 || len(minor) != 1 {
		return 0, false
	}
	return a*10 + b, true
}
