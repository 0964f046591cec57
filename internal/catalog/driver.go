package catalog

import (
	"strings"
	"sync"
)

var cudaDrivers = sync.OnceValue(func() map[string]string {
	_, body := rows("cuda-drivers.csv")
	drivers := make(map[string]string, 2*len(body))
	for _, r := range body {
		drivers[r[0]] = r[1]
		minor := r[0][:strings.LastIndex(r[0], ".")]
		if _, ok := drivers[minor]; !ok {
			drivers[minor] = r[1] // the first of a minor asks for the least
		}
	}
	return drivers
})

// MinDriver returns the Linux driver that was shipped with a CUDA toolkit, given
// as "12.6", "12.6.1" or with its build, "12.6.1.006". It is more than enough: a
// driver of the same CUDA major may serve, and so may the compatibility package
// of the image on data-center GPUs. A patch release that is not listed is read
// as the first of its minor.
func MinDriver(cuda string) (string, bool) {
	parts := strings.SplitN(cuda, ".", 4)
	if len(parts) < 2 {
		return "", false
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
