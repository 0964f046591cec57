package diagnose

import (
	"strings"
	"testing"
)

func TestTheTableIsSound(t *testing.T) {
	special := map[string]bool{"": true, running: true, passed: true, despite: true, harmless: true, operator: true}
	seen := map[string]bool{}
	used := map[string]bool{}
	for _, s := range known().rows {
		if _, ok := causes[s.label]; !ok && !special[s.label] {
			t.Errorf("%q has label %q, which has no fix", s.phrase, s.label)
		}
		if _, ok := causes[s.with]; s.with != "" && !ok {
			t.Errorf("%q counts with %q, which is no label", s.phrase, s.with)
		}
		if s.phrase != strings.ToLower(s.phrase) || strings.Contains(s.phrase, "  ") || strings.TrimSpace(s.phrase) == "" {
			t.Errorf("phrase %q can never match: text is made lower case, with single blanks", s.phrase)
		}
		for _, p := range strings.Split(s.phrase, "…") {
			if strings.Contains(s.phrase, "…") && len(strings.TrimSpace(p)) < 3 {
				t.Errorf("phrase %q has a part that says nothing", s.phrase)
			}
		}
		if seen[s.label+s.phrase] {
			t.Errorf("%q stands twice", s.phrase)
		}
		if s.facts != nil && !strings.Contains(s.why, "$1") {
			t.Errorf("%q captures facts and does not tell them", s.phrase)
		}
		seen[s.label+s.phrase] = true
		used[s.label] = true
	}
	for label, c := range causes {
		if !used[label] || c.why == "" || len(c.fix) == 0 {
			t.Errorf("label %s: used %v, why %q, %d fixes", label, used[label], c.why, len(c.fix))
		}
	}
}

// TestEveryPhraseIsFound feeds each phrase alone, so that none is dead.
func TestEveryPhraseIsFound(t *testing.T) {
	for i, s := range known().rows {
		r := reader{m: known().matcher}
		found := false
		text := strings.ReplaceAll(s.phrase, " … ", " filler ")
		if err := r.read(strings.NewReader(text), func(_ int, _ []byte, rows []int) {
			for _, row := range rows {
				found = found || row == i
			}
		}); err != nil || !found {
			t.Errorf("%q is not found in %q: %v", s.phrase, text, err)
		}
	}
}
