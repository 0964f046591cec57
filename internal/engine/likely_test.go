package engine

import (
	"slices"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func TestEveryKnownBoardIsLikelyItself(t *testing.T) {
	for _, b := range catalog.Boards() {
		g, ok := catalog.FindGPU(b.GPU)
		if !ok {
			t.Errorf("%s: not in the catalogue", b.GPU)
			continue
		}
		d := Device{SMs: b.SMs, MemoryBusBits: b.BusBits, MemoryBytes: b.MemoryMiB << 20, L2Bytes: b.L2Bytes, CoreKHz: b.CoreKHz}
		if got := likely(g.SM, &d); !slices.Contains(got, b.GPU) {
			t.Errorf("%s with %+v: likely is %q", b.GPU, d, got)
		}
	}
}

func TestLikelyGPUsFitEveryNumber(t *testing.T) {
	const gib = 1 << 30
	for name, tc := range map[string]struct {
		sm   string
		d    Device
		want []string
	}{
		"an A100 of 40 GB":           {"8.0", Device{SMs: 108, MemoryBusBits: 5120, MemoryBytes: 39 * gib}, []string{"A100-40GB"}},
		"an A100 of 80 GB":           {"8.0", Device{SMs: 108, MemoryBusBits: 5120, MemoryBytes: 79 * gib}, []string{"A100-80GB"}},
		"an A10":                     {"8.6", Device{SMs: 72, MemoryBusBits: 384, MemoryBytes: 22 * gib}, []string{"A10"}},
		"a small Orin":               {"8.7", Device{SMs: 8, MemoryBusBits: 128, MemoryBytes: 7 * gib}, []string{"Jetson Orin Nano"}},
		"a slice of an A100":         {"8.0", Device{SMs: 42, MemoryBusBits: 5120, MemoryBytes: 20 * gib}, []string{}},
		"a bus of another board":     {"7.5", Device{SMs: 40, MemoryBusBits: 128, MemoryBytes: 15 * gib}, []string{}},
		"memory of another board":    {"8.9", Device{SMs: 128, MemoryBusBits: 384, MemoryBytes: 48 * gib}, []string{}},
		"a cache of another board":   {"8.9", Device{SMs: 128, MemoryBusBits: 384, MemoryBytes: 24 * gib, L2Bytes: 48 << 20}, []string{}},
		"a capability and no memory": {"12.1", Device{SMs: 47}, []string{}},
		"only a capability":          {"7.5", Device{}, []string{}},
		"only a capability and SMs":  {"7.5", Device{SMs: 40}, []string{"T4"}},
		"an unknown capability":      {"3.0", Device{SMs: 8, MemoryBusBits: 256, MemoryBytes: 4 * gib}, []string{}},
		"two of one chip":            {"8.9", Device{SMs: 142, MemoryBusBits: 384, MemoryBytes: 45 * gib}, []string{"L40", "L40S", "RTX 6000 Ada"}},
		"told apart by their cache":  {"8.9", Device{SMs: 142, MemoryBusBits: 384, MemoryBytes: 45 * gib, L2Bytes: 100663296}, []string{"L40S", "RTX 6000 Ada"}},
		"told apart by their clock":  {"8.6", Device{SMs: 84, MemoryBusBits: 384, MemoryBytes: 45 * gib, CoreKHz: 1740000}, []string{"A40"}},
		"a clock of none of them":    {"8.9", Device{SMs: 142, MemoryBusBits: 384, MemoryBytes: 45 * gib, CoreKHz: 1000000}, []string{"L40", "L40S", "RTX 6000 Ada"}},
	} {
		if got := likely(tc.sm, &tc.d); !slices.Equal(got, tc.want) {
			t.Errorf("%s: likely is %q, want %q", name, got, tc.want)
		}
	}
}
