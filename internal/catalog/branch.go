package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// cudaFloor is the oldest driver on which every release of a CUDA major runs.
type cudaFloor struct{ driver, source string }

var cudaFloors = embedded("cuda-floors.csv", parseCUDAFloors)

func parseCUDAFloors(name string, text []byte) (map[int]cudaFloor, error) {
	body, err := readRows(name, text, "cuda_major", "min_driver", "source")
	if err != nil {
		return nil, err
	}
	floors := make(map[int]cudaFloor, len(body))
	for _, r := range body {
		major := r.small("cuda_major")
		floors[major] = cudaFloor{r.driver("min_driver"), r.needed("source")}
		if *r.err != nil {
			return nil, *r.err
		}
	}
	return floors, nil
}

// driverBranch says what a release note tells of running a CUDA below its floor:
// with the compatibility package of the image, on one branch of drivers.
type driverBranch struct {
	cuda       [2]int // major and minor
	branch     int
	driver     string // the oldest of the branch, or "" when any
	compatible Verdict
	source     string
}

var driverBranches = embedded("driver-branches.csv", parseDriverBranches)

func parseDriverBranches(name string, text []byte) ([]driverBranch, error) {
	body, err := readRows(name, text, "cuda", "branch", "min_driver", "compatible", "source")
	if err != nil {
		return nil, err
	}
	list := make([]driverBranch, 0, len(body))
	for _, r := range body {
		cuda, _ := parseNumbers(r.numbers("cuda", 2), 2)
		b := driverBranch{
			branch: r.small("branch"), source: r.needed("source"),
			compatible: Verdict(r.choice("compatible", string(Can), string(Cannot), string(Uncertain))),
		}
		if r.needed("compatible"); r.text("min_driver") != "" {
			b.driver = r.driver("min_driver")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		b.cuda = [2]int{cuda[0], cuda[1]}
		list = append(list, b)
	}
	return list, nil
}

// DriverServes says whether a host's driver ("535.161.08") runs the CUDA of an
// image ("12.6.0.022") on a GPU of a class. Its Why ends a sentence such as
// "gpu-a has driver 535.161.08, and ...". The rules are NVIDIA's, from "CUDA
// Compatibility": the driver that the toolkit came with, or a newer one; from
// CUDA 11 on, an older one that is still of that CUDA major; below that, on
// data-center GPUs, the compatibility package that images carry, on the branches
// that release notes name.
func DriverServes(cuda, driver, class string) Answer {
	version, ok := parseNumbers(cuda, 2)
	if !ok {
		return Answer{Uncertain, "the CUDA of the image is not known", ""}
	}
	have, ok := parseNumbers(driver, 2)
	if !ok {
		return Answer{Uncertain, "the driver is not known", ""}
	}
	name := fmt.Sprintf("CUDA %d.%d", version[0], version[1])
	own, _ := driverOf(cuda)
	if HasOwnDriver(cuda, driver) {
		return Answer{Can, fmt.Sprintf("%s came with %s", name, own.driver), own.source}
	}
	floor, ok := cudaFloors()[version[0]]
	if ok && !olderDriver(driver, floor.driver) {
		full := cmp.Or(own.driver, "a newer one")
		return Answer{Can, fmt.Sprintf("%s runs on it by minor-version compatibility, from %s on; kernels that are compiled from PTX of %s may need %s",
			name, floor.driver, name, full), floor.source}
	}
	need, source := cmp.Or(floor.driver, own.driver), cmp.Or(floor.source, own.source)
	if need == "" {
		return Answer{Uncertain, fmt.Sprintf("which driver %s needs is not known", name), ""}
	}
	switch class {
	case GeForce, Workstation:
		return Answer{Cannot, fmt.Sprintf("%s needs %s or newer; only data-center GPUs have a way around", name, need), source}
	case Datacenter:
		return compatPackage([2]int{version[0], version[1]}, have, driver, name, need)
	}
	return Answer{Uncertain, fmt.Sprintf("%s needs %s or newer, but for data-center GPUs with the image's compatibility package", name, need), source}
}

// compatPackage says whether the compatibility package of an image bridges the
// gap between its CUDA and a driver below the floor. What a note says of a
// branch holds for later CUDAs until another note speaks of it.
func compatPackage(cuda [2]int, have []int, driver, name, need string) Answer {
	var last *driverBranch
	for _, b := range driverBranches() {
		if b.branch == have[0] && slices.Compare(b.cuda[:], cuda[:]) <= 0 {
			last = &b
		}
	}
	branch := "R" + strconv.Itoa(have[0])
	switch {
	case last == nil || last.compatible == Uncertain:
		a := Answer{Uncertain, fmt.Sprintf("%s needs %s or newer, and whether its compatibility package takes branch %s is not known", name, need, branch), ""}
		if last != nil {
			a.Source = last.source
		}
		return a
	case last.compatible == Cannot:
		return Answer{Cannot, fmt.Sprintf("%s needs %s or newer, and its compatibility package does not take branch %s", name, need, branch), last.source}
	case last.driver != "" && olderDriver(driver, last.driver):
		return Answer{Cannot, fmt.Sprintf("the compatibility package of %s takes branch %s from %s on", name, branch, last.driver), last.source}
	}
	return Answer{Can, fmt.Sprintf("the compatibility package in images with %s takes branch %s on data-center GPUs", name, branch), last.source}
}
