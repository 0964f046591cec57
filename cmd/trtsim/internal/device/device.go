// Package device holds the GPUs that trtsim can pretend to be, with the numbers
// that the CUDA runtime reports for each.
package device

import (
	"crypto/sha256"
	"fmt"
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

// row is a device of the table with the further names that mean it.
type row struct {
	Device
	also []string
}

const (
	dataSheet = "NVIDIA data sheet and whitepaper of the product; clocks and memory as deviceQuery listings show them"
	planFile  = "device block of a plan file that TensorRT built on this GPU"
)

var table = []row{
	{Device{Name: "T4", Product: "Tesla T4", SM: "7.5", SMs: 40, MemoryMiB: 15102, MemorySize: 15835660288, BusBits: 256, CoreKHz: 1590000, MemoryKHz: 5001000, L2Bytes: 4 << 20, SharedKiB: 64, ECC: true, Source: planFile}, nil},
	{Device{Name: "V100-32GB", Product: "Tesla V100-PCIE-32GB", SM: "7.0", SMs: 80, MemoryMiB: 32501, BusBits: 4096, CoreKHz: 1380000, MemoryKHz: 877000, L2Bytes: 6 << 20, SharedKiB: 96, ECC: true, Source: dataSheet}, []string{"V100"}},
	{Device{Name: "A100-40GB", Product: "NVIDIA A100-SXM4-40GB", SM: "8.0", SMs: 108, MemoryMiB: 40396, BusBits: 5120, CoreKHz: 1410000, MemoryKHz: 1215000, L2Bytes: 40 << 20, PersistL2: 26214400, SharedKiB: 164, ECC: true, Source: dataSheet}, []string{"A100"}},
	{Device{Name: "A100-80GB", Product: "NVIDIA A100-SXM4-80GB", SM: "8.0", SMs: 108, MemoryMiB: 81037, BusBits: 5120, CoreKHz: 1410000, MemoryKHz: 1593000, L2Bytes: 40 << 20, PersistL2: 26214400, SharedKiB: 164, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "A30", Product: "NVIDIA A30", SM: "8.0", SMs: 56, MemoryMiB: 24060, BusBits: 3072, CoreKHz: 1440000, MemoryKHz: 1215000, L2Bytes: 24 << 20, PersistL2: 15728640, SharedKiB: 164, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "A10", Product: "NVIDIA A10", SM: "8.6", SMs: 72, MemoryMiB: 22515, BusBits: 384, CoreKHz: 1695000, MemoryKHz: 6251000, L2Bytes: 6 << 20, PersistL2: 4325376, SharedKiB: 100, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "A10G", Product: "NVIDIA A10G", SM: "8.6", SMs: 80, MemoryMiB: 22515, BusBits: 384, CoreKHz: 1710000, MemoryKHz: 6251000, L2Bytes: 6 << 20, PersistL2: 4325376, SharedKiB: 100, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "L4", Product: "NVIDIA L4", SM: "8.9", SMs: 58, MemoryMiB: 22478, BusBits: 192, CoreKHz: 2040000, MemoryKHz: 6251000, L2Bytes: 48 << 20, PersistL2: 33030144, SharedKiB: 100, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "L40S", Product: "NVIDIA L40S", SM: "8.9", SMs: 142, MemoryMiB: 45373, BusBits: 384, CoreKHz: 2520000, MemoryKHz: 9001000, L2Bytes: 96 << 20, PersistL2: 66060288, SharedKiB: 100, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "GeForce RTX 4090", Product: "NVIDIA GeForce RTX 4090", SM: "8.9", SMs: 128, MemoryMiB: 24563, MemorySize: 25756696576, BusBits: 384, CoreKHz: 2520000, MemoryKHz: 10501000, L2Bytes: 75497472, PersistL2: 56623104, SharedKiB: 100, Source: planFile}, []string{"RTX 4090", "RTX4090", "4090"}},
	{Device{Name: "H100-80GB", Product: "NVIDIA H100 80GB HBM3", SM: "9.0", SMs: 132, MemoryMiB: 81079, BusBits: 5120, CoreKHz: 1980000, MemoryKHz: 2619000, L2Bytes: 50 << 20, PersistL2: 32768000, SharedKiB: 228, ECC: true, Source: dataSheet}, []string{"H100"}},
	{Device{Name: "H200", Product: "NVIDIA H200", SM: "9.0", SMs: 132, MemoryMiB: 143156, BusBits: 6144, CoreKHz: 1980000, MemoryKHz: 3201000, L2Bytes: 60 << 20, PersistL2: 39321600, SharedKiB: 228, ECC: true, Source: dataSheet}, nil},
	{Device{Name: "B200", Product: "NVIDIA B200", SM: "10.0", SMs: 148, MemoryMiB: 182642, BusBits: 8192, CoreKHz: 1965000, MemoryKHz: 3996000, L2Bytes: 126 << 20, PersistL2: 82575360, SharedKiB: 228, ECC: true, Source: dataSheet}, nil},
}

// Names are the devices of the table, by catalogue name.
func Names() []string {
	out := make([]string, len(table))
	for i, r := range table {
		out[i] = r.Name
	}
	return out
}

// Find returns the device for a catalogue name or a product string. A GPU that
// only the catalogue knows comes with the numbers that the catalogue has.
func Find(name string) (Device, error) {
	for _, r := range table {
		names := append([]string{r.Name, r.Product}, r.also...)
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return r.finish(r.Product), nil
			}
		}
	}
	g, ok := catalog.FindGPU(name)
	if !ok {
		return Device{}, fmt.Errorf("no GPU of the catalogue is called %q; trtsim knows the numbers of %s", name, strings.Join(Names(), ", "))
	}
	if g.SM == "" {
		return Device{}, fmt.Errorf("the catalogue does not know the compute capability of %s", g.Name)
	}
	product := g.Name
	if len(g.Products) > 0 {
		product = g.Products[0]
	}
	for _, p := range g.Products {
		if strings.EqualFold(p, name) {
			product = p
		}
	}
	for _, r := range table {
		if r.Name == g.Name {
			return r.finish(product), nil
		}
	}
	d := Device{Name: g.Name, Product: product, SM: g.SM, MemoryMiB: int64(g.MemoryGiB) << 10, Source: g.Source}
	return row{Device: d}.finish(product), nil
}

func (r row) finish(product string) Device {
	d := r.Device
	d.Product = product
	d.UUID = UUID(product)
	return d
}

// UUID derives the UUID of a simulated GPU from a name, so that the same GPU has
// the same one in every run.
func UUID(name string) string {
	h := sha256.Sum256([]byte("trtsim gpu " + name))
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
