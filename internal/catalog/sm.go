package catalog

import (
	"fmt"
	"sync"
)

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

var smTables = sync.OnceValue(func() smTable {
	var t smTable
	_, body := rows("tensorrt-sm-support.csv")
	for _, r := range body {
		v, err := ParseVersion(r[0])
		if err != nil {
			panic(fmt.Sprintf("catalog: tensorrt-sm-support.csv: %v", err))
		}
		t.releases = append(t.releases, v)
		t.ranges = append(t.ranges, SMRange{Min: r[1], Max: r[2], Notes: r[3], Source: r[4]})
	}
	return t
})

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
