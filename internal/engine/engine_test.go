package engine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

func inspect(t testing.TB, data []byte) engine.File {
	t.Helper()
	f, err := engine.Inspect(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// restored is a file of which only the head was kept: zeros follow, then tail.
func restored(t testing.TB, name string, size int, tail string) []byte {
	data := make([]byte, size)
	copy(data, load(t, name))
	copy(data[size-len(tail):], tail)
	return data
}

const endMark = "\x99\x8b\x8d\x8b"

func TestPublishedEnginesTellVersionAndGPU(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	for name, tc := range map[string]struct {
		data []byte
		want engine.File
	}{
		"8.6, whole": {load(t, "trt8.6.1.6-rtx4090-tiny.plan"), engine.File{
			TensorRT: "8.6.1.6", SM: "8.9", Container: "ftrt", Serialization: number(236), Sections: []engine.Section{{"ENGN", 56, 3167}}, Notes: []string{},
			Device: &engine.Device{SMs: 128, MemoryBytes: 25756696576, CoreKHz: 2520000, MemoryKHz: 10501000, MemoryBusBits: 384, L2Bytes: 75497472, Likely: []string{"GeForce RTX 4090"}}}},
		"10.3": {restored(t, "trt10.3.0.26-t4-cnn.trt.head", 862484, endMark), engine.File{
			TensorRT: "10.3.0.26", SM: "7.5", Container: "ftrt", Serialization: number(239), Sections: []engine.Section{{"ENGN", 56, 862417}}, Notes: []string{},
			Device: &engine.Device{SMs: 40, MemoryBytes: 15835660288, CoreKHz: 1590000, MemoryKHz: 5001000, MemoryBusBits: 256, L2Bytes: 4194304, Likely: []string{"T4"}}}},
		"10.15, new device block": {restored(t, "trt10.15.1.29-rtx3060-conv4.engine.head", 150780, endMark), engine.File{
			TensorRT: "10.15.1.29", SM: "8.6", Container: "ftrt", Serialization: number(240), Sections: []engine.Section{{"ENGN", 80, 125063}, {"WGHT", 125144, 25632}}, Notes: []string{},
			Device: &engine.Device{SMs: 28, MemoryBytes: 12496666624, CoreKHz: 1807000, MemoryKHz: 7501000, MemoryBusBits: 192, L2Bytes: 2359296, Likely: []string{"GeForce RTX 3060"}}}},
		"8.2, bare": {restored(t, "trt8.2.1.8-nano-tf2onnx-conv.engine.head", 1784649, ""), engine.File{
			TensorRT: "8.2.1.8", SM: "5.3", Container: "ptrt", Serialization: number(205), Notes: []string{},
			Device: &engine.Device{SMs: 1, MemoryBytes: 4156661760, CoreKHz: 921600, MemoryKHz: 12750, MemoryBusBits: 64, L2Bytes: 262144, Likely: []string{}}}},
		"8.0, with its body lost": {restored(t, "trt8.0.1.6-agxxavier-mtcnn-det2.engine.head", 531783, ""), engine.File{
			TensorRT: "8.0.1.6", SM: "7.2", Container: "ptrt", Damaged: true, Notes: []string{"serialization numbers 43 and 256", "the checksum of the engine is c2e834f3, its header says a8a8561e"},
			Device: &engine.Device{SMs: 8, MemoryBytes: 33471623168, CoreKHz: 1377000, MemoryKHz: 1377000, MemoryBusBits: 256, L2Bytes: 524288, Likely: []string{"Jetson Xavier"}}}},
		"7.1, with its body lost": {restored(t, "trt7.1.3.0-nano-mtcnn-det2.engine.head", 286654, ""), engine.File{
			TensorRT: "7.1.3.0", SM: "5.3", Container: "ptrt", Damaged: true, Notes: []string{"serialization numbers 97 and 211", "the checksum of the engine is 3b4db2fd, its header says 633ce363"},
			Device: &engine.Device{SMs: 1, MemoryBytes: 4155465728, CoreKHz: 921600, MemoryKHz: 12750, MemoryBusBits: 64, L2Bytes: 262144, Likely: []string{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Kind, tc.want.Size = engine.Plan, int64(len(tc.data))
			if got := inspect(t, tc.data); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Inspect\n got %+v %+v\nwant %+v %+v", got, got.Device, tc.want, tc.want.Device)
			}
		})
	}
}

// values makes tagged values: a type and its bytes take turns.
func values(pairs ...any) []byte {
	var p []byte
	for i := 0; i < len(pairs); i += 2 {
		p = binary.LittleEndian.AppendUint16(p, uint16(pairs[i].(int)))
		p = append(p, 1, 0)
		if b, ok := pairs[i+1].(string); ok {
			p = append(p, b...)
		}
	}
	return p
}

// payload starts an archive of the version; there is no device block.
func payload(major, minor, patch, build string) []byte {
	return values(2, major, 2, minor, 2, patch, 2, build, 0x21, nil)
}

// archive is a "ptrt" archive of variant A, B, C or D.
func archive(variant byte, payload []byte) []byte {
	le := binary.LittleEndian
	crc, size := crc32.ChecksumIEEE(payload), uint64(len(payload))
	p := []byte("ptrt")
	switch variant {
	case 'A':
		p = le.AppendUint32(le.AppendUint64(le.AppendUint32(le.AppendUint32(p, 97), 211), size), crc)
	case 'B':
		p = le.AppendUint64(le.AppendUint32(le.AppendUint32(le.AppendUint32(p, 43), 256), crc), size)
	case 'C':
		p = le.AppendUint64(le.AppendUint32(le.AppendUint32(le.AppendUint32(p, 0), 239), 0), size)
	case 'D':
		p = le.AppendUint32(le.AppendUint64(le.AppendUint32(p, 240), size), 0)
	}
	return append(p, payload...)
}

// container is an "ftrt" container; tags are four letters as their number is spelled.
func container(version string, sections ...any) []byte {
	le := binary.LittleEndian
	var table, body []byte
	start := 32 + 24*len(sections)/2
	for i := 0; i < len(sections); i += 2 {
		tag, data := []byte(sections[i].(string)), sections[i+1].([]byte)
		slices.Reverse(tag)
		table = append(append(table, tag...), 0, 0, 0, 0)
		table = le.AppendUint64(le.AppendUint64(table, uint64(start+len(body))), uint64(len(data)))
		body = append(body, data...)
		for (start+len(body))%8 != 0 {
			body = append(body, 0)
		}
	}
	p := le.AppendUint64([]byte("ftrt\x00\x00\x00\x00"), uint64(len(sections)/2))
	p = le.AppendUint64(p, uint64(start+len(body)+4))
	return slices.Concat(p, []byte(version), []byte("rtrt"), table, body, []byte(endMark))
}

func TestASimulatedEngineSaysSo(t *testing.T) {
	f := inspect(t, container("\x0b\x01\x00\x6a", "ENGN", archive('D', payload("\x0b", "\x01", "\x00", "\x6a")), engine.SimulatedTag, []byte(`{"simulated":true}`)))
	if !f.Simulated || f.Damaged || f.Truncated || f.TensorRT != "11.1.0.106" || len(f.Sections) != 2 || f.Sections[1].Tag != "SIMU" || f.Sections[1].Size != 18 {
		t.Errorf("Inspect gives %+v", f)
	}
	if f := inspect(t, load(t, "trt8.6.1.6-rtx4090-tiny.plan")); f.Simulated {
		t.Error("a real engine passes for a simulated one")
	}
}

func TestEveryCutOfAPlanIsSeen(t *testing.T) {
	for name, whole := range map[string][]byte{
		"ftrt":             load(t, "trt8.6.1.6-rtx4090-tiny.plan"),
		"variant A inside": container("\x07\x01\x03\x00", "ENGN", archive('A', payload("\x07", "\x01", "\x03", "\x00"))),
		"variant A":        archive('A', payload("\x07", "\x01", "\x03", "\x00")),
		"variant B":        archive('B', payload("\x08", "\x00", "\x01", "\x06")),
		"variant C":        archive('C', payload("\x08", "\x02", "\x01", "\x08")),
		"variant D":        archive('D', payload("\x0a", "\x06", "\x00", "\x1a")),
	} {
		if f := inspect(t, whole); f.Kind != engine.Plan || f.Truncated || f.Damaged {
			t.Errorf("%s: the whole file gives %+v", name, f)
		}
		for n := 1; n < len(whole); n++ {
			if f := inspect(t, whole[:n]); !f.Truncated || f.Damaged || n >= 4 && f.Kind != engine.Plan {
				t.Fatalf("%s: the first %d of %d bytes give %+v", name, n, len(whole), f)
			}
		}
		f := inspect(t, append(slices.Clone(whole), "trailing"...))
		if f.Truncated || f.Damaged || !slices.Contains(f.Notes, "8 bytes follow the end of the plan") {
			t.Errorf("%s: trailing bytes give %+v", name, f)
		}
	}
}

func TestAFlippedBitInAnOldEngineIsSeen(t *testing.T) {
	for _, variant := range []byte("AB") {
		whole := archive(variant, append(payload("\x08", "\x00", "\x01", "\x06"), make([]byte, 100_000)...))
		whole[70_000] ^= 4
		if f := inspect(t, whole); !f.Damaged || f.TensorRT != "8.0.1.6" {
			t.Errorf("variant %c: %+v", variant, f)
		}
	}
}

func TestABrokenContainerIsDamaged(t *testing.T) {
	inner := archive('C', payload("\x0a", "\x03", "\x00", "\x1a"))
	whole := container("\x0a\x03\x00\x1a", "ENGN", inner, "WGHT", make([]byte, 20))
	if f := inspect(t, whole); f.Damaged || len(f.Sections) != 2 {
		t.Fatalf("the whole file gives %+v", f)
	}
	for name, tc := range map[string]struct {
		at    int
		bytes string
		want  string
	}{
		"no sections":           {8, "\x00", "counts 0 sections"},
		"too many sections":     {8, "\xff\xff\xff", "counts 16777215 sections"},
		"a size below zero":     {16, "\xff\xff\xff\xff\xff\xff\xff\xff", "total size of 18446744073709551615 bytes"},
		"a section outside":     {40, "\xff\xff", "section ENGN of 48 bytes at 65535 overlaps another or does not fit"},
		"a section that grew":   {48, "\xff\xff", "section ENGN of 65535 bytes at 80 overlaps another or does not fit"},
		"a section over others": {40, "\x50", ""},
		"overlapping sections":  {64, "\x50", "section WGHT of 20 bytes at 80 overlaps"},
		"a lost end mark":       {len(whole) - 1, "\x00", "end mark of the plan is missing"},
		"no engine":             {32, "xxxx", "no ENGN section"},
		"another engine inside": {80, "xxxx", "does not start as an engine does"},
		"another version":       {24, "\x08", "the plan says TensorRT 8.3.0.26, the engine in it 10.3.0.26"},
		"an engine that shrank": {96, "\x01", "the engine says 25 bytes, its section has 48"},
		"an engine of no size":  {96, "\xf0\xff\xff\xff\xff\xff\xff\xff", "a size that makes no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			data := slices.Clone(whole)
			copy(data[tc.at:], tc.bytes)
			f := inspect(t, data)
			if f.Kind != engine.Plan || f.Damaged != (tc.want != "") || !strings.Contains(strings.Join(f.Notes, "\n"), tc.want) {
				t.Errorf("Inspect gives %+v, want the note %q", f, tc.want)
			}
		})
	}
}

func TestADeviceBlockThatDoesNotFitStaysUnknown(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"capability 2.9":      func(p []byte) { p[0x7c] = 2 },
		"no shared memory":    func(p []byte) { p[0xbd] = 0 },
		"no limit of threads": func(p []byte) { p[0xe2] = 0 },
		"no SMs":              func(p []byte) { p[0xd4] = 0 },
	} {
		data := load(t, "trt8.6.1.6-rtx4090-tiny.plan")
		change(data)
		if f := inspect(t, data); f.Device != nil || f.SM != "" || f.TensorRT != "8.6.1.6" {
			t.Errorf("%s: %+v %+v", name, f, f.Device)
		}
	}
}

func TestAPlanBehindAJSONHeaderIsFound(t *testing.T) {
	header := `{"task": "detect", "names": {"0": "person"}}`
	plan := load(t, "trt8.6.1.6-rtx4090-tiny.plan")
	wrap := func(n int) []byte {
		return slices.Concat(binary.LittleEndian.AppendUint32(nil, uint32(n)), []byte(header), plan)
	}
	f := inspect(t, wrap(len(header)))
	if f.Kind != engine.Plan || f.TensorRT != "8.6.1.6" || f.SM != "8.9" || f.Sections[0].Offset != 56 || f.Truncated || f.Damaged ||
		!strings.Contains(f.Notes[0], "a JSON header of 44 bytes") {
		t.Errorf("Inspect gives %+v", f)
	}
	if f := inspect(t, wrap(len(header))[:500]); !f.Truncated {
		t.Errorf("a plan cut short behind its header gives %+v", f)
	}
	for _, n := range []int{0, 1, 45, 1 << 30, -1} {
		if f := inspect(t, wrap(n)); f.Kind != engine.Unknown {
			t.Errorf("a header of %d bytes gives %+v", n, f)
		}
	}
}

func TestAPlanOfTensorRT5IsAHint(t *testing.T) {
	// A FlatBuffer by hand: vtables before their tables, offsets from their own place.
	le := binary.LittleEndian
	p := make([]byte, 120)
	le.PutUint64(p, uint64(len(p)))
	le.PutUint32(p[8:], 16) // the root table is at 24
	vtable := func(at, table int, fields ...uint16) {
		le.PutUint16(p[at:], uint16(4+2*len(fields)))
		for i, f := range fields {
			le.PutUint16(p[at+4+2*i:], f)
		}
		le.PutUint32(p[table:], uint32(table-at))
	}
	vtable(12, 24, 0, 4, 8)
	le.PutUint32(p[28:], 48-28) // the version
	le.PutUint32(p[32:], 80-32) // the device
	vtable(36, 48, 4, 0, 8, 12)
	p[52], p[56], p[60] = 5, 6, 3
	vtable(68, 80, 4, 8, 12)
	le.PutUint32(p[84:], 96-84)
	p[88], p[92] = 6, 2
	le.PutUint32(p[96:], 15)
	copy(p[100:], "NVIDIA Tegra X2")
	f := inspect(t, p)
	if f.Kind != engine.Plan || f.Container != "flatbuffer" || f.TensorRT != "5.0.6.3" || f.SM != "6.2" || f.Device != nil ||
		!strings.Contains(f.Notes[0], "TensorRT 5 or older") || f.Notes[1] != `built on "NVIDIA Tegra X2"` {
		t.Errorf("Inspect gives %+v", f)
	}
}

func TestWhatPeopleTakeForAPlanIsNamed(t *testing.T) {
	zip := func(name string) []byte {
		return []byte("PK\x03\x04" + strings.Repeat("\x00", 22) + string(rune(len(name))) + "\x00\x00\x00" + name)
	}
	for name, tc := range map[string]struct {
		data []byte
		kind engine.Kind
		want string
	}{
		"nothing":              {nil, engine.Empty, "the file is empty"},
		"a Git LFS pointer":    {load(t, "lfs-pointer-yolov3-416.trt"), engine.GitLFSPointer, "7ccdb36134d2c75e35c942e6eccd54256acc837611817194547d4323e65ccc8f of 302591311 bytes"},
		"a web page":           {[]byte("\ufeff\n<!doctype HTML><p>"), engine.HTML, "web page"},
		"a gzip file":          {[]byte("\x1f\x8b\x08"), engine.Gzip, "unpack"},
		"a TorchScript":        {zip("model/data.pkl"), engine.Zip, "PyTorch"},
		"a NumPy archive":      {zip("arr_0.npy"), engine.Zip, "NumPy"},
		"another zip":          {zip("readme"), engine.Zip, "unpack it first"},
		"an ONNX model":        {[]byte("\x08\x08\x12\x04test\x3a\x02\x0a\x00"), engine.ONNX, "an engine must be built from it"},
		"half an ONNX model":   {[]byte("\x08\x08\x12\x04test\x3a\x7f\x0a\x00"), engine.ONNX, "claims 127 bytes"},
		"zeros":                {make([]byte, 5000), engine.Unknown, "begins with 4096 zero bytes"},
		"other bytes":          {[]byte("plan B"), engine.Unknown, "70 6c 61 6e 20 42"},
		"a number and no plan": {[]byte("\x03\x00\x00\x00{x}nope"), engine.Unknown, "start no plan"},
	} {
		t.Run(name, func(t *testing.T) {
			f := inspect(t, tc.data)
			if f.Kind != tc.kind || f.TensorRT != "" || f.Device != nil || !strings.Contains(strings.Join(f.Notes, "\n"), tc.want) {
				t.Errorf("Inspect gives %+v, want %s with the note %q", f, tc.kind, tc.want)
			}
		})
	}
}

func TestFailuresOfReadingAreErrors(t *testing.T) {
	plan := load(t, "trt8.6.1.6-rtx4090-tiny.plan")
	if _, err := engine.Inspect(bytes.NewReader(plan[:1000]), int64(len(plan))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file shorter than it was gives %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := engine.Inspect(failing{broken}, 100); !errors.Is(err, broken) {
		t.Errorf("a broken disk gives %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// counting is a file that notices reads beyond its end and how much is read.
type counting struct {
	t    testing.TB
	data []byte
	read int64
}

func (c *counting) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset+int64(len(p)) > int64(len(c.data)) {
		c.t.Errorf("read of %d bytes at %d of %d", len(p), offset, len(c.data))
	}
	c.read += int64(len(p))
	return bytes.NewReader(c.data).ReadAt(p, offset)
}

func FuzzInspect(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*")
	if err != nil || len(seeds) < 2 {
		f.Fatal("no seeds", err)
	}
	for _, path := range seeds {
		if st, err := os.Stat(path); err != nil || st.IsDir() {
			continue
		}
		f.Add(load(f, filepath.Base(path)))
	}
	for _, variant := range []byte("ABCD") {
		f.Add(archive(variant, payload("\x08", "\x00", "\x01", "\x06")))
	}
	f.Add(container("\x0a\x03\x00\x1a", "ENGN", archive('C', payload("\x0a", "\x03", "\x00", "\x1a")), "SIMU", []byte("{}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &counting{t: t, data: data}
		got, err := engine.Inspect(r, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(256<<10 + len(data)); r.read > limit {
			t.Errorf("%d bytes were read of %d", r.read, len(data))
		}
		if again := inspect(t, data); !reflect.DeepEqual(got, again) {
			t.Errorf("two readings differ: %+v and %+v", got, again)
		}
		if (got.Truncated || got.Damaged || got.Simulated || got.Kind != engine.Plan) && len(got.Notes) == 0 {
			t.Errorf("no note says why: %+v", got)
		}
		for _, s := range got.Sections {
			if s.Offset < 0 || s.Size < 0 || !got.Truncated && s.Offset+s.Size > int64(len(data)) {
				t.Errorf("section %+v leaves a file of %d bytes", s, len(data))
			}
		}
		if (got.Device == nil) != (got.SM == "") && got.Container != "flatbuffer" {
			t.Errorf("a device without capability, or the reverse: %+v", got)
		}
	})
}
