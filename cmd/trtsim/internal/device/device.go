// Package device holds the GPUs that trtsim can pretend to be, with the numbers
// that the CUDA runtime reports for each.
package device

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Device is one simulated GPU. A zero number is one that trtsim does not know.
type Device struct {
	Name       string // catalogue name
	Product    string // as the driver prints it
	SM         string // compute capability
	SMs        int
	MemoryMiB  int64 // as CUDA reports it, below the nominal size
	BusBits    int
	CoreKHz    int
	MemoryKHz  int
	L2Bytes    int64
	PersistL2  int64 // largest L2 set-aside
	SharedKiB  int   // shared memory per SM
	ECC        bool
	UUID       string
	Source     string // where the numbers come from
	MemorySize int64  // bytes, where they are known exactly; else 0
}

// Bytes is the device's global memory in bytes.
func (d Device) Bytes() int64 {
	if d.MemorySize > 0 {
		return d.MemorySize
	}
	return d.MemoryMiB << 20
}

// Capability splits the compute capability into its two numbers.
func (d Device) Capability() (major, minor int) {
	a, b, _ := strings.Cut(d.SM, ".")
	major, _ = strconv.Atoi(a)
	minor, _ = strconv.Atoi(b)
	return major, minor
}

// AtLeast reports whether the compute capability is major.minor or newer.
func (d Device) AtLeast(major, minor int) bool {
	a, b := d.Capability()
	return a > major || a == major && b >= minor
}

// complete reports whether every number of a board is known that trtexec prints.
func complete(b catalog.Board) bool {
	return b.SMs > 0 && b.BusBits > 0 && b.MemoryMiB > 0 && b.CoreKHz > 0 && b.MemoryKHz > 0 && b.L2Bytes > 0 && b.SharedKiB > 0
}

// Names are the GPUs whose numbers the catalogue has, by catalogue name.
func Names() []string {
	var names []string
	for _, b := range catalog.Boards() {
		if complete(b) && !slices.Contains(names, b.GPU) {
			names = append(names, b.GPU)
		}
	}
	return names
}

// Find returns the device for a catalogue name or a product string. A family
// means the first of its members whose board is known, and a name the first of
// its boards. A GPU without a board comes with the numbers that the catalogue has.
func Find(name string) (Device, error) {
	g, ok := catalog.FindGPU(name)
	if !ok {
		return Device{}, fmt.Errorf("no GPU of the catalogue is called %q; trtsim knows the numbers of %s", name, strings.Join(Names(), ", "))
	}
	b := board(g, name)
	if b.GPU != g.Name && b.GPU != "" {
		g, _ = catalog.FindGPU(b.GPU) // the member of a family
	}
	if g.SM == "" {
		return Device{}, fmt.Errorf("the catalogue does not know the compute capability of %s", g.Name)
	}
	product := b.Product
	if i := slices.IndexFunc(g.Products, func(p string) bool { return strings.EqualFold(p, name) }); i >= 0 {
		product = g.Products[i]
	}
	if product == "" {
		product = append(slices.Clone(g.Products), g.Name)[0]
	}
	d := Device{
		Name: g.Name, Product: product, SM: g.SM, SMs: b.SMs, BusBits: b.BusBits,
		MemoryMiB: b.MemoryMiB, MemorySize: b.MemoryBytes, CoreKHz: b.CoreKHz, MemoryKHz: b.MemoryKHz,
		L2Bytes: b.L2Bytes, PersistL2: b.PersistL2, SharedKiB: b.SharedKiB, ECC: b.ECC,
		UUID: UUID(product), Source: b.Source,
	}
	if d.MemoryMiB == 0 {
		d.MemoryMiB = int64(g.MemoryGiB) << 10
	}
	if d.Source == "" {
		d.Source = g.Source
	}
	return d, nil
}

// board is the board that a product name means, or the first of the GPU or of
// its family; preferably one whose numbers are complete.
func board(g catalog.GPU, name string) catalog.Board {
	var found catalog.Board
	for _, b := range catalog.Boards() {
		if b.GPU != g.Name && !slices.Contains(g.Members, b.GPU) {
			continue
		}
		if strings.EqualFold(b.Product, name) {
			return b
		}
		if found.GPU == "" || complete(b) && !complete(found) {
			found = b
		}
	}
	return found
}

// UUID derives the UUID of a simulated GPU from a name, so that the same GPU has
// the same one in every run.
func UUID(name string) string {
	h := sha256.Sum256([]byte("trtsim gpu " + name))
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
