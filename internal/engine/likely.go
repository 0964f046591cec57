package engine

import (
	"slices"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// likely lists the GPUs of the catalogue with a board that fits a device. What
// is known to differ rules a board out. A capability alone never names a GPU:
// the number of SMs must be the same as well. Where several GPUs remain, those
// whose cache and clock agree go before those of which nothing is known.
func likely(sm string, d *Device) []string {
	kinds := map[string]catalog.GPU{}
	for _, g := range catalog.GPUs() {
		if g.Members == nil && g.SM == sm {
			kinds[g.Name] = g
		}
	}
	var fit []catalog.Board
	for _, b := range catalog.Boards() {
		if g, ok := kinds[b.GPU]; ok && fits(g, b, d) {
			fit = append(fit, b)
		}
	}
	for _, close := range []func(catalog.Board) bool{
		func(b catalog.Board) bool { return b.L2Bytes > 0 && near(d.L2Bytes, b.L2Bytes, 0) },
		func(b catalog.Board) bool { return b.CoreKHz > 0 && near(int64(d.CoreKHz), int64(b.CoreKHz), 3) },
	} {
		if closer := slices.DeleteFunc(slices.Clone(fit), func(b catalog.Board) bool { return !close(b) }); several(fit) && len(closer) > 0 {
			fit = closer
		}
	}
	names := []string{}
	for _, b := range fit {
		if !slices.Contains(names, b.GPU) {
			names = append(names, b.GPU)
		}
	}
	return names
}

// several reports whether boards are of more than one GPU.
func several(boards []catalog.Board) bool {
	return slices.ContainsFunc(boards, func(b catalog.Board) bool { return b.GPU != boards[0].GPU })
}

// fits reports whether nothing that is known of a board differs from the device.
func fits(g catalog.GPU, b catalog.Board, d *Device) bool {
	const mib, gib = 1 << 20, 1 << 30
	switch {
	case b.SMs == 0 || b.SMs != d.SMs:
	case b.BusBits > 0 && d.MemoryBusBits > 0 && b.BusBits != d.MemoryBusBits:
	case b.L2Bytes > 0 && d.L2Bytes > 0 && !near(d.L2Bytes, b.L2Bytes, 10):
	case d.MemoryBytes == 0:
		return true
	case b.MemoryMiB > 0:
		return roomy(b.MemoryMiB*mib, d.MemoryBytes)
	case g.MemoryGiB > 0:
		return roomy(int64(g.MemoryGiB)*gib, d.MemoryBytes)
	default:
		return true
	}
	return false
}

// roomy reports whether a GPU of that size may show so many bytes: drivers,
// error correction and firmware take up to an eighth and half a GiB; boards of
// one kind differ by a few percent.
func roomy(size, bytes int64) bool {
	return bytes <= size+size/12 && bytes >= size-size/8-1<<29
}

// near reports whether two numbers differ by no more than so many percent.
func near(a, b, percent int64) bool { return a <= b+b*percent/100 && a >= b-b*percent/100 }
