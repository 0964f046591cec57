package catalog

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// precisionRow is a row of precision-support.csv.
type precisionRow struct {
	min    int   // ten times the compute capability it begins at
	lacks  []int // capabilities above min that are without
	below  Verdict
	why    string
	source string
}

var precisionRows = sync.OnceValue(func() map[string]precisionRow {
	_, body := rows("precision-support.csv")
	table := make(map[string]precisionRow, len(body))
	for _, r := range body {
		row := precisionRow{below: Verdict(r[3]), why: r[4], source: r[5]}
		row.min, _ = tenfold(r[1]) // a test holds the table to its form
		for sm := range strings.FieldsSeq(r[2]) {
			n, _ := tenfold(sm)
			row.lacks = append(row.lacks, n)
		}
		table[r[0]] = row
	}
	return table
})

// Computes says whether GPUs of a compute capability compute in a precision of
// the matrix, such as "bf16". A precision that is computed in the long way
// around, without gain, is a Can with a Why. Without a capability the answer is
// Uncertain.
func Computes(precision, sm string) Answer {
	have, ok := tenfold(sm)
	if !ok {
		return Answer{Verdict: Uncertain, Why: "the compute capability is not known"}
	}
	row, ok := precisionRows()[precision]
	if !ok || have >= row.min && !slices.Contains(row.lacks, have) {
		return Answer{Verdict: Can}
	}
	return Answer{Verdict: row.below, Why: row.why, Source: row.source}
}

// tenfold reads a compute capability as ten times its value: "8.6" is 86.
func tenfold(sm string) (int, bool) {
	major, minor, ok := strings.Cut(sm, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || err != nil || err2 != nil || a < 1 || a > 99 || b < 0 || b > 9 || len(minor) != 1 {
		return 0, false
	}
	return a*10 + b, true
}
