package catalog

import "slices"

// SMRange bounds the compute capabilities that a TensorRT release serves. A
// bound that was not read is "". Capabilities between the bounds may still be
// missing: Notes says which.
type SMRange struct {
	Min, Max, Notes, Source string
}

// smTable is tensorrt-sm-support.csv.
type smTable struct {
	releases []Version
	ranges   []SMRange
}

var smTables = embedded("tensorrt-sm-support.csv", parseSMTable)

func parseSMTable(name string, text []byte) (smTable, error) {
	body, err := readRows(name, text, "tensorrt_version", "min_sm", "max_sm", "notes", "source")
	if err != nil {
		return smTable{}, err
	}
	var t smTable
	for _, r := range body {
		v := r.release("tensorrt_version")
		if n := len(t.releases); n > 0 && t.releases[n-1].Compare(v) >= 0 {
			r.wrong("tensorrt_version", "want a newer release than in the row above")
		}
		t.releases = append(t.releases, v)
		t.ranges = append(t.ranges, SMRange{
			Min: r.capability("min_sm"), Max: r.capability("max_sm"), Notes: r.text("notes"), Source: r.needed("source"),
		})
		if *r.err != nil {
			return smTable{}, *r.err
		}
	}
	return t, nil
}

// SMSupport returns what is known of the GPUs that TensorRT v serves. Releases
// between two rows of the table are read as the older one; those outside it are
// not known.
func SMSupport(v Version) (SMRange, bool) {
	t := smTables()
	i, known := column(t.releases, v)
	if !known {
		return SMRange{}, false
	}
	return t.ranges[i], true
}

// A bound is what is known of the least or the greatest capability of a release:
// it lies from lo to hi, ten times the capability. 0 is an end that is not known.
type bound struct {
	lo, hi           int
	loSource, source string // where each end was read
}

// bounds finds what the table says of one side of the range of v. It relies on
// NVIDIA's habit: from release to release, neither the least nor the greatest
// capability falls. So a release without a number of its own has one between
// those of the releases around it.
func (t smTable) bounds(v Version, side func(SMRange) string) bound {
	var b bound
	at, exact := slices.BinarySearchFunc(t.releases, Version{v.Major, v.Minor, -1, -1}, Version.Compare)
	for i := at; i >= 0; i-- {
		if i == at && !exact {
			continue
		}
		if n, ok := Capability(side(t.ranges[i])); ok {
			b.lo, b.loSource = n, t.ranges[i].Source
			break
		}
	}
	for i := at; i < len(t.ranges); i++ {
		if n, ok := Capability(side(t.ranges[i])); ok {
			b.hi, b.source = n, t.ranges[i].Source
			break
		}
	}
	return b
}
