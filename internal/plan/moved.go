package plan

import (
	"fmt"
	"slices"
	"strings"
)

// moved says, one line each, which ingredients differ between a published
// record and what the matrix asks for now, in the order of now.
func moved(was, now []Input) []string {
	before, after := byName(was), byName(now)
	var lines []string
	seen := map[string]bool{}
	for _, in := range slices.Concat(now, was) {
		if seen[in.Name] {
			continue
		}
		seen[in.Name] = true
		old, had := before[in.Name]
		cur, has := after[in.Name]
		if had && has && old == cur {
			continue
		}
		lines = append(lines, movedLine(in.Name, old, cur, had, has))
	}
	if len(lines) > 0 {
		return lines
	}
	if !slices.Equal(was, now) {
		return []string{"order of the profiles moved"}
	}
	return []string{"format of the key moved: the record was made by another trtfarm"}
}

// byName joins the values of each name; a flag may occur more than once.
func byName(list []Input) map[string]string {
	m := make(map[string]string, len(list))
	for _, in := range list {
		if old, ok := m[in.Name]; ok {
			m[in.Name] = old + " " + in.Value
		} else {
			m[in.Name] = in.Value
		}
	}
	return m
}

func movedLine(name, old, cur string, had, has bool) string {
	label := strings.Replace(name, "profile.", "profile ", 1)
	label = strings.Replace(label, "plugin.", "plugin ", 1)
	switch {
	case name == "model":
		return "model content moved: " + short(old) + " -> " + short(cur)
	case !had && cur == "":
		return label + " added"
	case !had:
		return fmt.Sprintf("%s added: %s", label, short(cur))
	case !has && old == "":
		return label + " dropped"
	case !has:
		return fmt.Sprintf("%s dropped, it was %s", label, short(old))
	}
	return fmt.Sprintf("%s moved: %s -> %s", label, short(old), short(cur))
}

// short cuts digests to what a person compares; other values stay whole.
func short(value string) string {
	at := strings.LastIndex(value, ":") + 1 // "sha256:", or what stands for an image on a local runner
	algorithm, digits := value[:at], value[at:]
	if len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == "" {
		return algorithm + digits[:12] + "…"
	}
	return value
}
