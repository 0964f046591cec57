package engine

import (
	"fmt"
	"slices"
	"strings"
)

// field is a number of the device block. The names are ours; they fit the data
// sheets of every board that plans were read from.
type field int

const (
	unnamed field = iota
	major
	minor
	coreKHz
	memoryKHz
	busBits
	l2Bytes
	persistL2
	blockShared // shared memory per block: 49152 on every GPU
	sharedPerSM
	texture // alignment of textures
	smCount
	integrated
	threads // the most threads of a block: 1024 on every GPU
	gridX   // the largest grid: 2147483647 x 65535 x 65535 on every GPU
	gridY
	gridZ
	totalMemory
	fields
)

// slot is where a field lies in an order: the kind of value there.
type slot struct {
	field field
	kind  byte // 'i' 4 bytes, 'l' 8 bytes, 'b' a boolean
}

// order is one layout of the device block.
type order []slot

// The parts that orders share.
var (
	capability = order{{major, 'i'}, {minor, 'i'}, {coreKHz, 'i'}, {memoryKHz, 'i'}, {busBits, 'i'}, {l2Bytes, 'l'}}
	limits     = order{{threads, 'i'}, {gridX, 'i'}, {gridY, 'i'}, {gridZ, 'i'}}
	memory     = order{{totalMemory, 'l'}}
	wide       = slices.Concat(capability, order{{blockShared, 'l'}, {sharedPerSM, 'l'}, {texture, 'l'}, {smCount, 'i'}, {integrated, 'b'}})
	narrow     = slices.Concat(capability, order{{persistL2, 'l'}, {blockShared, 'i'}, {sharedPerSM, 'i'}, {texture, 'i'}, {smCount, 'i'}, {integrated, 'b'}})
)

// orders are the layouts seen, as read from plans, those with more numbers first.
// The kinds of values tell them apart. Only in the first layouts do they not
// suffice, since what follows the block there is not closed off: from and before
// then bound the releases, as major times 100 plus minor.
var orders = []struct {
	slots        order
	from, before int64
}{
	{slots: order{ // 10.15
		{totalMemory, 'l'}, {l2Bytes, 'l'}, {persistL2, 'l'}, {coreKHz, 'i'}, {memoryKHz, 'i'}, {busBits, 'i'}, {blockShared, 'i'}, {sharedPerSM, 'i'},
		{smCount, 'i'}, {unnamed, 'i'}, {threads, 'i'}, {unnamed, 'i'}, {major, 'i'}, {minor, 'i'}, {texture, 'i'}}},
	{slots: slices.Concat(narrow, limits, order{{unnamed, 'i'}}, memory)}, // 10.0 to 10.6
	{slots: slices.Concat(narrow, limits, memory)},                        // 8.5, 8.6
	{slots: slices.Concat(wide, limits, memory), from: 701},               // 7.1 to 8.2
	{slots: slices.Concat(narrow, limits)},
	{slots: slices.Concat(wide, limits)}, // 7.0
	{slots: slices.Concat(wide, limits[:1]), before: 701},
	{slots: wide, before: 700}, // 6.0
}

// maxValues bounds how many values behind the version are looked at.
const maxValues = 64

// device reads the device block that follows the version: the first run of
// values, behind the mark of a structure, that is of a known order.
func (x *inspection) device(s stream, version [4]int64) {
	var run, longest []value
	var lead []int64 // what stands between the structures before the block
	for range maxValues {
		v, ok := s.next()
		if ok && !v.structure() {
			run = append(run, v)
			continue
		}
		if x.described(run, version) {
			if slices.ContainsFunc(lead, func(n int64) bool { return n != 0 }) {
				x.aside("the number before the description of the GPU is %d, and 0 in every plan that is known", lead)
			}
			return
		}
		if len(run) > len(longest) {
			longest = run
		}
		for _, v := range run {
			lead = append(lead, v.n)
		}
		run = nil
		if !ok {
			break
		}
	}
	text := ""
	if len(longest) > 0 {
		var numbers []string
		for _, v := range longest[:min(len(longest), 24)] {
			numbers = append(numbers, fmt.Sprint(v.n))
		}
		text = ": " + strings.Join(numbers, " ")
	}
	x.note("the GPU is described in a way that is not known%s", text)
}

// described takes the device from a run of values, if it is of a known order.
func (x *inspection) described(run []value, version [4]int64) bool {
	release := version[0]*100 + version[1]
	for _, o := range orders {
		if release < o.from || o.before > 0 && release >= o.before {
			continue
		}
		if n, ok := o.slots.read(run); ok {
			x.f.SM = fmt.Sprintf("%d.%d", n[major], n[minor])
			x.f.Device = x.measured(n)
			x.f.Device.Likely = likely(x.f.SM, x.f.Device)
			return true
		}
	}
	return false
}

// read gives the fields of a run of values that has the order's kinds and, where
// they are the same on every GPU, its numbers.
func (o order) read(run []value) (n [fields]int64, ok bool) {
	if len(run) < len(o) {
		return n, false
	}
	// What is not stored shall not speak against it.
	n[threads], n[gridX], n[gridY], n[gridZ] = 1024, 2147483647, 65535, 65535
	for i, s := range o {
		if kind(run[i].typ) != s.kind {
			return n, false
		}
		n[s.field] = run[i].n
	}
	return n, plausible(n[major], n[minor]) && n[smCount] > 0 && n[smCount] < 4096 && n[blockShared] == 49152 &&
		n[threads] == 1024 && n[gridX] == 2147483647 && n[gridY] == 65535 && n[gridZ] == 65535
}

func kind(typ uint16) byte {
	switch typ {
	case typeInt:
		return 'i'
	case typeLong, typeSize:
		return 'l'
	case typeBool:
		return 'b'
	}
	return 0
}

// plausible reports whether a compute capability is one that a GPU may have.
func plausible(major, minor int64) bool { return major >= 3 && major <= 12 && minor >= 0 && minor <= 9 }

// measured makes a device of the fields; numbers out of bounds are not known.
func (x *inspection) measured(n [fields]int64) *Device {
	within := func(what string, f field, least, most int64) int64 {
		switch v := n[f]; {
		case v >= least && v <= most:
			return v
		case v != 0:
			x.note("the %s of the GPU is given as %d, which makes no sense", what, v)
		}
		return 0
	}
	return &Device{
		SMs:           int(n[smCount]),
		MemoryBytes:   within("memory size", totalMemory, 1<<28, 1<<44),
		CoreKHz:       int(within("core clock", coreKHz, 1000, 100e6)),
		MemoryKHz:     int(within("memory clock", memoryKHz, 1000, 100e6)),
		MemoryBusBits: int(within("memory bus", busBits, 8, 1<<16)),
		L2Bytes:       within("second-level cache", l2Bytes, 1<<12, 1<<36),
	}
}
