package diag

import "strings"

// longestName bounds what Nearest compares; nobody misspells a longer name.
const longestName = 100

// Nearest returns the one of names that is most likely meant by got, or "" when
// none is near or several are equally near: at most a third of its characters
// may differ. A name that differs in case alone is always the one.
func Nearest(got string, names []string) string {
	if len(got) > longestName {
		return ""
	}
	for _, n := range names {
		if strings.EqualFold(n, got) {
			return n
		}
	}
	best, bestDistance, tie := "", len([]rune(got))/3+1, false
	for _, n := range names {
		switch d := distance(strings.ToLower(got), strings.ToLower(n)); {
		case d < bestDistance:
			best, bestDistance, tie = n, d, false
		case d == bestDistance && best != "" && n != best:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each cost one.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
