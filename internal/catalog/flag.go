package catalog

import (
	"fmt"
	"slices"
	"sync"
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

var flagTables = sync.OnceValue(func() flagTable {
	header, body := rows("trtexec-flags.csv")
	t := flagTable{support: make(map[string][]Support, len(body))}
	for _, column := range header[1:] {
		v, err := ParseVersion(column)
		if err != nil {
			panic(fmt.Sprintf("catalog: trtexec-flags.csv: %v", err))
		}
		t.releases = append(t.releases, v)
	}
	for _, row := range body {
		cells := make([]Support, 0, len(t.releases))
		for _, c := range row[1:] {
			cells = append(cells, Support(c))
		}
		t.flags = append(t.flags, row[0])
		t.support[row[0]] = cells
	}
	return t
})

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
