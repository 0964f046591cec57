package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// toolkitDriver is the driver that a CUDA toolkit was shipped with.
type toolkitDriver struct{ driver, source string }

var cudaDrivers = embedded("cuda-drivers.csv", parseCUDADrivers)

// parseCUDADrivers reads the driver of every toolkit, by patch release and by
// minor.
func parseCUDADrivers(name string, text []byte) (map[string]toolkitDriver, error) {
	body, err := readRows(name, text, "cuda", "min_linux_driver", "source")
	if err != nil {
		return nil, err
	}
	drivers := make(map[string]toolkitDriver, 2*len(body))
	for _, r := range body {
		cuda, driver := r.numbers("cuda", 3), toolkitDriver{r.driver("min_linux_driver"), r.needed("source")}
		if *r.err != nil {
			return nil, *r.err
		}
		drivers[cuda] = driver
		minor := cuda[:strings.LastIndex(cuda, ".")]
		if _, ok := drivers[minor]; !ok {
			drivers[minor] = driver // the first of a minor asks for the least
		}
	}
	return drivers, nil
}

// MinDriver returns the Linux driver that was shipped with a CUDA toolkit, given
// as "12.6", "12.6.1" or with its build, "12.6.1.006". It is more than enough: a
// driver of the same CUDA major may serve, and so may the compatibility package
// of the image on data-center GPUs: DriverServes knows. A patch release that is
// not listed is read as the first of its minor.
func MinDriver(cuda string) (string, bool) {
	d, ok := driverOf(cuda)
	return d.driver, ok
}

func driverOf(cuda string) (toolkitDriver, bool) {
	parts := strings.SplitN(cuda, ".", 4)
	if len(parts) < 2 {
		return toolkitDriver{}, false
	}
	drivers := cudaDrivers()
	if len(parts) > 2 {
		if d, ok := drivers[strings.Join(parts[:3], ".")]; ok {
			return d, true
		}
	}
	d, ok := drivers[strings.Join(parts[:2], ".")]
	return d, ok
}

// HasOwnDriver reports whether a driver ("535.161.08") is the one that a CUDA
// toolkit came with, or a newer one: then nothing has to make up for its age.
func HasOwnDriver(cuda, driver string) bool {
	_, ok := parseNumbers(driver, 2)
	own, known := driverOf(cuda)
	return ok && known && !olderDriver(driver, own.driver)
}

// parseNumbers reads at least that many numbers, separated by dots: "535.161.08".
func parseNumbers(s string, least int) ([]int, bool) {
	var list []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, false
		}
		list = append(list, int(n))
	}
	return list, len(list) >= least
}

// olderDriver reports whether driver a is older than b; both are known to be
// numbers.
func olderDriver(a, b string) bool {
	x, _ := parseNumbers(a, 1)
	y, _ := parseNumbers(b, 1)
	return slices.Compare(x, y) < 0
}
