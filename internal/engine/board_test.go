package engine

import (
	"slices"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func TestEveryBoardIsAGPUOfTheCatalogue(t *testing.T) {
	for name, b := range boards {
		if g, ok := catalog.FindGPU(name); !ok || g.Name != name || g.SM == "" || len(b.sms) == 0 {
			t.Errorf("%s: the catalogue has %+v, %v", name, g, ok)
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
		"an A100 of 40 GB":           {"8.0", Device{SMs: 108, MemoryBusBits: 5120, MemoryBytes: 39 * gib}, []string{"A100-40GB", "A800-40GB"}},
		"an A100 of 80 GB":           {"8.0", Device{SMs: 108, MemoryBusBits: 5120, MemoryBytes: 79 * gib}, []string{"A100-80GB", "A800-80GB"}},
		"an A10":                     {"8.6", Device{SMs: 72, MemoryBusBits: 384, MemoryBytes: 22 * gib}, []string{"A10", "A10G"}},
		"a slice of an A100":         {"8.0", Device{SMs: 42, MemoryBusBits: 5120, MemoryBytes: 20 * gib}, []string{}},
		"a bus of another board":     {"7.5", Device{SMs: 40, MemoryBusBits: 128, MemoryBytes: 15 * gib}, []string{}},
		"memory of another board":    {"8.9", Device{SMs: 128, MemoryBusBits: 384, MemoryBytes: 48 * gib}, []string{}},
		"a capability and no memory": {"12.1", Device{SMs: 48}, []string{}},
		"an unknown capability":      {"5.3", Device{SMs: 1, MemoryBusBits: 64, MemoryBytes: 4 * gib}, []string{}},
	} {
		if got := likely(tc.sm, &tc.d); !slices.Equal(got, tc.want) {
			t.Errorf("%s: likely is %q, want %q", name, got, tc.want)
		}
	}
}
