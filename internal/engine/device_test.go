package engine_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// Boards that plans were built on, and what CUDA says of them.
var (
	t4      = board{major: 7, minor: 5, sms: 40, bus: 256, core: 1590000, memory: 5001000, shared: 65536, total: 15835660288, l2: 4194304}
	gtx1060 = board{major: 6, minor: 1, sms: 9, bus: 192, core: 1733500, memory: 4004000, shared: 98304, l2: 1572864}
	gtx1650 = board{major: 7, minor: 5, sms: 16, bus: 128, core: 1485000, memory: 6001000, shared: 65536, total: 4100784128, l2: 1048576}
	rtx3060 = board{major: 8, minor: 6, sms: 28, bus: 192, core: 1852000, memory: 7501000, shared: 102400, total: 12622823424, l2: 2359296, persist: 1622016}
	rtx3080 = board{major: 8, minor: 6, sms: 68, bus: 320, core: 1740000, memory: 9501000, shared: 102400, total: 10504044544, l2: 5242880, persist: 3604480}
	rtx4070 = board{major: 8, minor: 9, sms: 46, bus: 192, core: 2505000, memory: 10501000, shared: 102400, total: 12556042240, l2: 37748736, persist: 25952256}
	rtx4090 = board{major: 8, minor: 9, sms: 128, bus: 384, core: 2520000, memory: 10501000, shared: 102400, total: 25756696576, l2: 75497472, persist: 56623104}
	orin    = board{major: 8, minor: 7, sms: 8, bus: 128, core: 1020000, memory: 1020000, shared: 167936, total: 7990116352, l2: 2097152, persist: 1441792, integrated: true}
	tx2     = board{major: 6, minor: 2, sms: 2, bus: 128, core: 1300500, memory: 1600000, shared: 65536, total: 8235577344, l2: 524288, integrated: true}
	xavier  = board{major: 7, minor: 2, sms: 8, bus: 256, core: 1377000, memory: 1377000, shared: 98304, total: 33471623168, l2: 524288, integrated: true}
	nano    = board{major: 5, minor: 3, sms: 1, bus: 64, core: 921600, memory: 12750, shared: 65536, total: 4156661760, l2: 262144, integrated: true}
)

func TestEveryOrderOfTheDeviceBlockIsRead(t *testing.T) {
	boards := map[string]struct {
		board  board
		sm     string
		likely string
	}{
		"T4": {t4, "7.5", "T4"}, "GTX 1060 3 GB": {gtx1060, "6.1", "GeForce GTX 1060 3GB"}, "GTX 1650 Ti": {gtx1650, "7.5", "GeForce GTX 1650 Ti"},
		"RTX 3060": {rtx3060, "8.6", "GeForce RTX 3060"}, "RTX 3080": {rtx3080, "8.6", "GeForce RTX 3080"}, "RTX 4070": {rtx4070, "8.9", "GeForce RTX 4070"},
		"RTX 4090": {rtx4090, "8.9", "GeForce RTX 4090"}, "Orin": {orin, "8.7", "Jetson Orin Nano"}, "TX2": {tx2, "6.2", "Jetson TX2"},
		"Xavier": {xavier, "7.2", "Jetson AGX Xavier"}, "Nano": {nano, "5.3", "Jetson Nano"},
	}
	for _, r := range releases {
		for name, tc := range boards {
			f := inspect(t, r.plan(tc.board))
			b := tc.board
			want := &engine.Device{SMs: b.sms, MemoryBytes: b.total, CoreKHz: b.core, MemoryKHz: b.memory, MemoryBusBits: b.bus, L2Bytes: b.l2, Likely: []string{tc.likely}}
			if r.version < "7.1" && r.version[0] != '1' {
				want.MemoryBytes = 0
			}
			if f.SM != tc.sm || !reflect.DeepEqual(f.Device, want) || f.Damaged || f.Truncated {
				t.Errorf("%s of %s: Inspect\n got %+v %+v\nwant %+v", name, r.version, f, f.Device, want)
			}
		}
	}
}

// TestOrdersAreToldByShape gives releases that were not seen the orders of others.
func TestOrdersAreToldByShape(t *testing.T) {
	for version, like := range map[string]string{
		"7.2.3.4": "7.1.3.4", "8.4.3.1": "8.2.1.8", "8.5.3.1": "8.5.1.7", "9.3.0.1": "10.0.1.6", "10.8.0.43": "10.6.0.26", "10.9.0.34": "10.15.1.29", "11.1.0.106": "10.15.1.29",
	} {
		r := releaseOf(t, like)
		r.version = version
		if f := inspect(t, r.plan(rtx3080)); f.TensorRT != version || f.SM != "8.6" || f.Device == nil || f.Device.SMs != 68 || f.Device.MemoryBytes != rtx3080.total {
			t.Errorf("%s: %+v %+v", version, f, f.Device)
		}
	}
	r := releaseOf(t, "10.3.0.26")
	r.tags = []uint16{0x99, 0x77} // structures of other numbers
	if f := inspect(t, r.plan(rtx3080)); f.SM != "8.6" || f.Device == nil {
		t.Errorf("behind other structures: %+v", f)
	}
}

func TestADeviceBlockThatDoesNotFitStaysUnknown(t *testing.T) {
	broken := func(change func(*board)) board { b := t4; change(&b); return b }
	for name, b := range map[string]board{
		"capability 2.5":        broken(func(b *board) { b.major = 2 }),
		"capability 13.5":       broken(func(b *board) { b.major = 13 }),
		"capability 7.10":       broken(func(b *board) { b.minor = 10 }),
		"capability 7.-1":       broken(func(b *board) { b.minor = -1 }),
		"no SMs":                broken(func(b *board) { b.sms = 0 }),
		"a number of SMs below": broken(func(b *board) { b.sms = -40 }),
		"millions of SMs":       broken(func(b *board) { b.sms = 40_000_000 }),
	} {
		for _, r := range releases {
			if f := inspect(t, r.around(archive(r, r.stream(b)))); f.Device != nil || f.SM != "" || f.TensorRT != r.version || !noted(f, "the GPU is described in a way that is not known: ") || !noted(f, "1590000") {
				t.Errorf("%s in %s: %+v %+v", name, r.version, f, f.Device)
			}
		}
	}
	for _, r := range releases {
		for name, number := range map[string]uint32{"49152": 49152, "1024": 1024, "65535": 65535, "2147483647": 2147483647} {
			stream := r.stream(t4)
			at := slices.Index(le32(stream), number)
			if at < 0 || r.variant == 'A' && number > 49152 {
				continue // what closes the oldest blocks is not sure
			}
			stream[at] ^= 1
			if f := inspect(t, r.around(archive(r, stream))); f.Device != nil || f.SM != "" || !noted(f, "not known: ") {
				t.Errorf("%s without %s: %+v %+v", r.version, name, f, f.Device)
			}
		}
	}
}

// le32 is the number that starts at each byte.
func le32(p []byte) []uint32 {
	var n []uint32
	for i := range len(p) - 3 {
		n = append(n, le.Uint32(p[i:]))
	}
	return n
}

func TestNumbersOfADeviceThatMakeNoSenseAreNotKnown(t *testing.T) {
	b := t4
	b.total, b.core, b.memory, b.bus, b.l2 = 1<<60, -5, 7, 1<<20, 12
	f := inspect(t, releaseOf(t, "10.3.0.26").plan(b))
	if f.SM != "7.5" || f.Device == nil || !reflect.DeepEqual(*f.Device, engine.Device{SMs: 40, Likely: []string{"T4"}}) ||
		!noted(f, "memory size of the GPU is given as 1152921504606846976") || !noted(f, "core clock of the GPU is given as -5") || len(f.Notes) != 5 {
		t.Errorf("Inspect gives %+v %+v", f, f.Device)
	}
}

func TestTheNumberBeforeTheDeviceBlockIsToldWhenItIsNew(t *testing.T) {
	r := releaseOf(t, "10.3.0.26")
	stream := r.stream(t4)
	stream[28] = 2 // the int32 behind four versions of 5 bytes, and two heads
	if f := inspect(t, r.around(archive(r, stream))); f.SM != "7.5" || !noted(f, "the number before the description of the GPU is [2]") {
		t.Errorf("Inspect gives %+v", f)
	}
}

func TestA70PlanHasNoMemoryWhateverFollows(t *testing.T) {
	r := releaseOf(t, "7.0.0.11")
	r.block = "wide limits memory" // a long value where 7.1 has the memory size
	if f := inspect(t, r.plan(t4)); f.SM != "7.5" || f.Device.MemoryBytes != 0 {
		t.Errorf("Inspect gives %+v %+v", f, f.Device)
	}
}

func TestAPlanOfTensorRT5IsAHint(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		product string
		board   board
		want    engine.Device
	}{
		"as seen": {"5.0.6.3", "NVIDIA Tegra X2", tx2, engine.Device{SMs: 2, MemoryBytes: 8235577344, CoreKHz: 1300500, MemoryKHz: 1600000, MemoryBusBits: 128, L2Bytes: 524288, Likely: []string{"Jetson TX2"}}},
		"5.1, of a GPU that the catalogue names": {"5.1.2.2", "Tesla T4", t4,
			engine.Device{SMs: 40, MemoryBytes: 15835660288, CoreKHz: 1590000, MemoryKHz: 5001000, MemoryBusBits: 256, L2Bytes: 4194304, Likely: []string{"T4"}}},
		"4.0, of an unknown GPU": {"4.0.1.6", "GeForce GTX 680", board{major: 3, sms: 8}, engine.Device{SMs: 8, Likely: []string{}}},
	} {
		f := inspect(t, flat(tc.version, tc.product, tc.board))
		if f.Kind != engine.Plan || f.Container != "flatbuffer" || f.TensorRT != tc.version || f.Device == nil || !reflect.DeepEqual(*f.Device, tc.want) || f.Truncated || f.Damaged ||
			!noted(f, "TensorRT 5 or older") || !noted(f, `built on "`+tc.product+`"`) {
			t.Errorf("%s: Inspect gives %+v %+v", name, f, f.Device)
		}
	}
	b := tx2
	b.minor = 12
	if f := inspect(t, flat("5.0.6.3", "", b)); f.TensorRT != "5.0.6.3" || f.SM != "" || f.Device != nil || !noted(f, "not known: 6 12 1300500 1600000 128 8235577344 524288 2") {
		t.Errorf("an impossible capability: %+v", f)
	}
	for _, version := range []string{"6.0.0.1", "0.1.0.0"} {
		if f := inspect(t, flat(version, "", tx2)); f.Kind != engine.Unknown {
			t.Errorf("a FlatBuffer of %s: %+v", version, f)
		}
	}
}
