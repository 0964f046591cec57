package cmdline

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Pools are memory limits by pool, in MiB.
type Pools map[string]float64

// PoolNames are the pools that a release knows, in the order of its echo.
func PoolNames(v catalog.Version) []string {
	names := []string{"workspace", "dlaSRAM", "dlaLocalDRAM", "dlaGlobalDRAM"}
	if v.AtLeast(10, 0) {
		names = append(names, "tacticSharedMem")
	}
	return names
}

// pools reads "workspace:64,dlaSRAM:1". Up to 9.3 every number is MiB and what
// follows it is dropped; from 10.0 the last character is the unit, so that
// "1GiB" is one byte.
func pools(s string, v catalog.Version) (Pools, error) {
	out := Pools{}
	for _, part := range strings.Split(s, ",") {
		i := strings.LastIndexByte(part, ':')
		if i < 0 {
			return nil, fmt.Errorf("Unknown memory pool: %s", part)
		}
		name, size := part[:i], part[i+1:]
		known := false
		for _, n := range PoolNames(v) {
			known = known || n == name
		}
		if !known {
			return nil, fmt.Errorf("Unknown memory pool: %s", name)
		}
		mib, err := poolSize(name, size, v)
		switch {
		case err != nil && v.AtLeast(10, 0):
			return nil, fmt.Errorf("%w conversion failure: failed to parse --memPoolSize. Please double check your input string.", err)
		case err != nil:
			return nil, err
		case mib < 0 && v.AtLeast(10, 0): // counted in bytes since
			return nil, fmt.Errorf("Negative memory pool size: %f", mib*(1<<20))
		case mib < 0:
			return nil, fmt.Errorf("Negative memory pool size: %f", mib)
		}
		out[name] = mib
	}
	return out, nil
}

func poolSize(name, s string, v catalog.Version) (float64, error) {
	n, err := real(s, "stod")
	if err != nil || !v.AtLeast(10, 0) {
		return n, err
	}
	switch s[len(s)-1] {
	case 'b', 'B':
		return n / (1 << 20), nil
	case 'k', 'K':
		return n / (1 << 10), nil
	case 'm', 'M':
		return n, nil
	case 'g', 'G':
		return n * (1 << 10), nil
	}
	if name == "tacticSharedMem" {
		return n / (1 << 10), nil
	}
	return n, nil
}
