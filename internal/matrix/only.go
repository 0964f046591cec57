package matrix

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
)

// Selector chooses cells by what they are made of; all its conditions hold.
type Selector struct {
	conditions []condition
}

type condition struct {
	key, pattern string
}

// conditionKeys are what a selector may speak of, and how a cell answers: by the
// spellings that a pattern is held against.
var conditionKeys = []struct {
	key   string
	forms func(*Cell) []string
}{
	{"model", func(c *Cell) []string { return []string{c.Model.Name} }},
	{"image", func(c *Cell) []string { return []string{c.Image, tagLabel(c.Image)} }},
	{"gpu", func(c *Cell) []string { return []string{strings.ToLower(c.GPU)} }},
	{"precision", func(c *Cell) []string { return []string{string(c.Precision)} }},
	{"variant", func(c *Cell) []string { return []string{c.Variant} }},
	{"id", func(c *Cell) []string { return []string{c.ID} }},
}

// ParseSelector reads "gpu=T4,image=24.*": comma-separated conditions, whose
// patterns may hold * and ?.
func ParseSelector(text string) (Selector, error) {
	var names []string
	for _, k := range conditionKeys {
		names = append(names, k.key)
	}
	var s Selector
	for part := range strings.SplitSeq(text, ",") {
		key, pattern, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || pattern == "" || len(pattern) > maxPattern {
			return s, fmt.Errorf("%q is not KEY=PATTERN", part)
		}
		known := false
		for _, n := range names {
			known = known || n == key
		}
		if !known {
			hint := ""
			if near := diag.Nearest(key, names); near != "" {
				hint = fmt.Sprintf("; do you mean %s?", near)
			}
			return s, fmt.Errorf("%q is not one of %s%s", key, strings.Join(names, ", "), hint)
		}
		if key == "gpu" {
			if g, found := catalog.FindGPU(pattern); found {
				pattern = g.Name
			}
			pattern = strings.ToLower(pattern)
		}
		s.conditions = append(s.conditions, condition{key, pattern})
	}
	return s, nil
}

// Matches reports whether every condition holds for c.
func (s Selector) Matches(c *Cell) bool {
	for _, cond := range s.conditions {
		held := false
		for _, k := range conditionKeys {
			if k.key != cond.key {
				continue
			}
			for _, form := range k.forms(c) {
				held = held || glob(cond.pattern, form)
			}
		}
		if !held {
			return false
		}
	}
	return true
}

// Tag returns the tag of an image reference, or "" when it has none.
func Tag(image string) string {
	parts := imageForm.FindStringSubmatch(image)
	if parts == nil {
		return ""
	}
	return parts[2]
}
