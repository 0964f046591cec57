package cmdline

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Shape is the dimensions given for one input.
type Shape struct {
	Input string
	Dims  []int64
}

// Range is the dimensions given for one input of a profile.
type Range struct {
	Input         string
	Min, Opt, Max []int64
}

// String joins dimensions as trtexec prints them.
func String(dims []int64) string {
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = strconv.FormatInt(d, 10)
	}
	return strings.Join(parts, "x")
}

// shapes reads "name:1x3[,name:2x4...]". The name ends at the last colon and may
// be quoted.
func shapes(s string, v catalog.Version) ([]Shape, error) {
	if s == "" {
		return nil, nil
	}
	var out []Shape
	for _, part := range strings.Split(s, ",") {
		name, dims, err := nameAndValue(part)
		if err != nil {
			return nil, err
		}
		sh := Shape{Input: name, Dims: []int64{}}
		if v.AtLeast(10, 0) && (dims == "" || dims == "scalar") {
			out = append(out, sh)
			continue
		}
		for _, d := range strings.Split(dims, "x") {
			n, err := integer(d)
			if err != nil {
				return nil, err
			}
			if n < 0 {
				return nil, fmt.Errorf("invalid shape %q for input %s: negative dimension", dims, name)
			}
			sh.Dims = append(sh.Dims, int64(n))
		}
		out = append(out, sh)
	}
	return out, nil
}

// nameAndValue splits "name:value" at its last colon, and "'name':value" behind
// the quoted name, so that the value may hold colons of its own.
func nameAndValue(s string) (name, value string, err error) {
	if rest, ok := strings.CutPrefix(s, "'"); ok {
		name, value, ok = strings.Cut(rest, "':")
		if !ok {
			return "", "", fmt.Errorf("quotes around a tensor name do not match: %s", s)
		}
		return name, value, nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", fmt.Errorf("want NAME:VALUE, found %s", s)
	}
	return strings.ReplaceAll(s[:i], "'", ""), s[i+1:], nil
}

// partial refuses, in 8.4, a part of a profile other than the optimum alone.
func partial(minimum, optimum, maximum []Shape) error {
	if (optimum == nil) || (minimum == nil) != (maximum == nil) {
		return errors.New("Must specify only --optShapes or all of --minShapes, --optShapes, --maxShapes")
	}
	return nil
}

// triple merges the three shape flags of one profile, in the order in which
// inputs are first named. A missing member takes the place of its neighbour.
func triple(minimum, optimum, maximum []Shape) ([]Range, []string) {
	var out []Range
	var warnings []string
	at := map[string]int{}
	slot := func(name string) *Range {
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, Range{Input: name})
		}
		return &out[i]
	}
	for _, s := range minimum {
		slot(s.Input).Min = s.Dims
	}
	for _, s := range optimum {
		slot(s.Input).Opt = s.Dims
	}
	for _, s := range maximum {
		slot(s.Input).Max = s.Dims
	}
	for i := range out {
		r := &out[i]
		fill := func(to *[]int64, toName string, from []int64, fromName string) {
			if *to == nil && from != nil {
				*to = from
				warnings = append(warnings, fmt.Sprintf("%s is being broadcasted to %s for tensor %s", fromName, toName, r.Input))
			}
		}
		fill(&r.Opt, "optShapes", r.Min, "minShapes")
		fill(&r.Opt, "optShapes", r.Max, "maxShapes")
		fill(&r.Min, "minShapes", r.Opt, "optShapes")
		fill(&r.Max, "maxShapes", r.Opt, "optShapes")
	}
	return out, warnings
}

// profiles reads the shape flags. Several profiles need --profile=N before each
// group, with N counting from 0.
func (a *arguments) profiles() (out [][]Range, warnings []string, err error) {
	type group struct{ minimum, optimum, maximum []Shape }
	groups := map[int]*group{}
	index, grouped := 0, false
	for i := range a.tokens {
		t := &a.tokens[i]
		if t.used || !accepts(t.name, a.version) {
			continue
		}
		var target func(*group) *[]Shape
		switch t.name {
		case "--profile":
			if index, err = integer(t.value); err != nil {
				return nil, nil, err
			}
			t.used, grouped = true, true
			continue
		case "--minShapes":
			target = func(g *group) *[]Shape { return &g.minimum }
		case "--optShapes":
			target = func(g *group) *[]Shape { return &g.optimum }
		case "--maxShapes":
			target = func(g *group) *[]Shape { return &g.maximum }
		default:
			continue
		}
		g := groups[index]
		if g == nil {
			g = &group{}
			groups[index] = g
		}
		list := target(g)
		if *list != nil {
			if a.version.AtLeast(9, 0) && !grouped {
				return nil, nil, errors.New("Multiple --minShapes/--optShapes/--maxShapes without --profile are not allowed. ")
			}
			continue // left behind: an unknown option
		}
		t.used = true
		if *list, err = shapes(t.value, a.version); err != nil {
			if a.version.AtLeast(10, 0) {
				err = fmt.Errorf("%w conversion failure: failed to parse minShapes/optShapes/maxShapes. Please double check your input string.", err)
			}
			return nil, nil, err
		}
		if *list == nil {
			*list = []Shape{}
		}
	}
	for i := range len(groups) {
		g, ok := groups[i]
		if !ok {
			return nil, nil, fmt.Errorf("Found invalid or missing shape spec at profile index %d.", i)
		}
		if !a.version.AtLeast(8, 5) {
			if err := partial(g.minimum, g.optimum, g.maximum); err != nil {
				return nil, nil, err
			}
		}
		ranges, w := triple(g.minimum, g.optimum, g.maximum)
		out = append(out, ranges)
		warnings = append(warnings, w...)
	}
	return out, warnings, nil
}
