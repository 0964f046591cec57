package catalog

import (
	"fmt"
	"slices"
)

// Support says how one release of trtexec treats a flag.
type Support string

// What a release of trtexec can do with a flag.
const (
	Yes        Support = "yes"
	No         Support = "no"         // refused as an unknown option
	Deprecated Support = "deprecated" // accepted, with a warning or without effect
)

// flagTable is trtexec-flags.csv.
type flagTable struct {
	releases []Version
	flags    []string // in table order
	support  map[string][]Support
}

var flagTables = embedded("trtexec-flags.csv", parseFlagTable)

func parseFlagTable(name string, text []byte) (flagTable, error) {
	header, body, err := readTable(name, text)
	if err != nil {
		return flagTable{}, err
	}
	if len(header) < 2 || header[0] != "flag" {
		return flagTable{}, fmt.Errorf("%s:1: want a column flag, and one for each release", name)
	}
	t := flagTable{support: make(map[string][]Support, len(body))}
	for _, column := range header[1:] {
		v, err := ParseVersion(column)
		if err != nil {
			return flagTable{}, fmt.Errorf("%s:1: %w", name, err)
		}
		if n := len(t.releases); n > 0 && t.releases[n-1].Compare(v) >= 0 {
			return flagTable{}, fmt.Errorf("%s:1: column %s: want a newer release than in the column before", name, column)
		}
		t.releases = append(t.releases, v)
	}
	for _, r := range body {
		flag := r.needed("flag")
		if _, twice := t.support[flag]; twice {
			r.wrong("flag", "stands in a row above, too")
		}
		cells := make([]Support, 0, len(t.releases))
		for _, column := range header[1:] {
			r.needed(column)
			cells = append(cells, Support(r.choice(column, string(Yes), string(No), string(Deprecated))))
		}
		if *r.err != nil {
			return flagTable{}, *r.err
		}
		t.flags = append(t.flags, flag)
		t.support[flag] = cells
	}
	return t, nil
}

// column returns the index of the newest release in sorted that is not newer
// than v. known is false when v lies outside the table: older than its first
// release, or of a later major.minor than its last.
func column(sorted []Version, v Version) (i int, known bool) {
	last := sorted[len(sorted)-1]
	i, found := slices.BinarySearchFunc(sorted, v, Version.Compare)
	if !found {
		i--
	}
	return max(i, 0), i >= 0 && (v.Major < last.Major || v.Major == last.Major && v.Minor <= last.Minor)
}

// FlagSupport says how trtexec of TensorRT v treats a flag, such as "--fp16".
// Releases between two columns of the table are read as the older one. known is
// false for releases older or newer than the table: then the answer is that of
// the nearest column.
func FlagSupport(flag string, v Version) (s Support, known bool) {
	t := flagTables()
	i, known := column(t.releases, v)
	if cells, ok := t.support[flag]; ok {
		return cells[i], known
	}
	return No, known
}

// Flags lists every flag that some release of trtexec takes.
func Flags() []string { return slices.Clone(flagTables().flags) }

// Releases lists the releases of trtexec whose flags are known, oldest first.
func Releases() []Version { return slices.Clone(flagTables().releases) }

// FlagReleases lists the releases that take a flag, oldest first.
func FlagReleases(flag string) []Version {
	t := flagTables()
	var list []Version
	for i, s := range t.support[flag] {
		if s != No {
			list = append(list, t.releases[i])
		}
	}
	return list
}
