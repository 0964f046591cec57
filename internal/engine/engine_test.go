package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
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

// noted reports whether one of the notes has the text in it.
func noted(f engine.File, text string) bool {
	return strings.Contains(strings.Join(f.Notes, "\n"), text)
}

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
			Device: &engine.Device{SMs: 1, MemoryBytes: 4156661760, CoreKHz: 921600, MemoryKHz: 12750, MemoryBusBits: 64, L2Bytes: 262144, Likely: []string{"Jetson Nano"}}}},
		"8.0, with its body lost": {restored(t, "trt8.0.1.6-agxxavier-mtcnn-det2.engine.head", 531783, ""), engine.File{
			TensorRT: "8.0.1.6", SM: "7.2", Container: "ptrt", Serialization: number(43), Damaged: true, Notes: []string{"the checksum of the engine is c2e834f3, its header says a8a8561e", "the second serialization number is 256"},
			Device: &engine.Device{SMs: 8, MemoryBytes: 33471623168, CoreKHz: 1377000, MemoryKHz: 1377000, MemoryBusBits: 256, L2Bytes: 524288, Likely: []string{"Jetson AGX Xavier"}}}},
		"7.1, with its body lost": {restored(t, "trt7.1.3.0-nano-mtcnn-det2.engine.head", 286654, ""), engine.File{
			TensorRT: "7.1.3.0", SM: "5.3", Container: "ptrt", Serialization: number(97), Damaged: true, Notes: []string{"the checksum of the engine is 3b4db2fd, its header says 633ce363", "the second serialization number is 211"},
			Device: &engine.Device{SMs: 1, MemoryBytes: 4155465728, CoreKHz: 921600, MemoryKHz: 12750, MemoryBusBits: 64, L2Bytes: 262144, Likely: []string{"Jetson Nano"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Kind, tc.want.Size = engine.Plan, int64(len(tc.data))
			if got := inspect(t, tc.data); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Inspect\n got %+v %+v\nwant %+v %+v", got, got.Device, tc.want, tc.want.Device)
			}
		})
	}
}

func TestWhatIsNotKnownIsNullInJSON(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"a plan without memory size": {releaseOf(t, "7.0.0.11").plan(gtx1060),
			`{"kind":"tensorrt-plan","size":403,"tensorrt":"7.0.0.11","sm":"6.1","device":{"sms":9,"memory_bytes":null,"core_khz":1733500,"memory_khz":4004000,"memory_bus_bits":192,"l2_bytes":1572864,"likely":["GeForce GTX 1060 3GB"]},"container":"ptrt","serialization":89,"truncated":false,"damaged":false,"simulated":false,"notes":["the second serialization number is 194"]}`},
		"a GPU of no board": {releaseOf(t, "8.2.1.8").plan(board{major: 9, minor: 9, sms: 1}),
			`{"kind":"tensorrt-plan","size":401,"tensorrt":"8.2.1.8","sm":"9.9","device":{"sms":1,"memory_bytes":null,"core_khz":null,"memory_khz":null,"memory_bus_bits":null,"l2_bytes":null,"likely":[]},"container":"ptrt","serialization":205,"truncated":false,"damaged":false,"simulated":false,"notes":[]}`},
		"no plan": {[]byte("?\x00"),
			`{"kind":"unknown","size":2,"tensorrt":"","sm":"","device":null,"container":"","serialization":null,"truncated":false,"damaged":false,"simulated":false,"notes":["the file begins with the bytes 3f 00, which start no plan that is known"]}`},
	} {
		f := inspect(t, tc.data)
		got, err := json.Marshal(f)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: Marshal\n got %s, %v\nwant %s", name, got, err, tc.want)
		}
		var again engine.File
		if err := json.Unmarshal(got, &again); err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%s: Unmarshal gives %+v, %v", name, again, err)
		}
	}
	if text, err := json.Marshal(engine.Device{SMs: 3}); err != nil || !strings.Contains(string(text), `"likely":[]`) {
		t.Errorf("a device of nobody: %s, %v", text, err)
	}
}

func TestASimulatedEngineSaysSo(t *testing.T) {
	r := releaseOf(t, "10.6.0.26")
	f := inspect(t, container("10.6.0.26", "rtrt", "ENGN", archive(r, r.stream(t4)), engine.SimulatedTag, []byte(`{"simulated":true}`)))
	if !f.Simulated || f.Damaged || f.Truncated || len(f.Sections) != 2 || f.Sections[1].Tag != "SIMU" || f.Sections[1].Size != 18 || !noted(f, "written by trtsim") {
		t.Errorf("Inspect gives %+v", f)
	}
	if f := inspect(t, load(t, "trt8.6.1.6-rtx4090-tiny.plan")); f.Simulated {
		t.Error("a real engine passes for a simulated one")
	}
}

func TestASimulatedEngineWithoutSectionsEndsWithItsMark(t *testing.T) {
	r := releaseOf(t, "8.5.1.7")
	marked := func(offset uint64) []byte {
		trailer := engine.MarkTrailer(offset)
		return archive(r, append(append(r.stream(t4), "{}"...), trailer[:]...))
	}
	whole := marked(400)
	if tail := whole[len(whole)-16:]; string(tail) != "\x90\x01\x00\x00\x00\x00\x00\x00UMIS\xaa\xb2\xb6\xac" {
		t.Errorf("the trailer is % x", tail)
	}
	if at, ok := engine.MarkOffset(whole); at != 400 || !ok {
		t.Errorf("MarkOffset gives %d, %v", at, ok)
	}
	for name, tc := range map[string]struct {
		data []byte
		want bool
	}{
		"with its mark":                 {whole, true},
		"behind a JSON header":          {behind(`{"a":1}`, whole), true},
		"followed by something":         {append(bytes.Clone(whole), "tail"...), true},
		"a mark that points nowhere":    {marked(1 << 40), false},
		"a mark that is cut off":        {whole[:len(whole)-1], false},
		"a mark whose complement fails": {append(whole[:len(whole)-1:len(whole)-1], 0), false},
		"an engine without a mark":      {r.plan(t4), false},
		"a marked one in a container":   {container("8.5.1.7", "", "ENGN", whole), false}, // sections have a mark of their own
	} {
		f := inspect(t, tc.data)
		if f.Kind != engine.Plan || f.Simulated != tc.want || noted(f, "written by trtsim") != tc.want || f.TensorRT != "8.5.1.7" {
			t.Errorf("%s: Inspect gives %+v", name, f)
		}
	}
	if _, ok := engine.MarkOffset(whole[:15]); ok {
		t.Error("15 bytes are a mark")
	}
}

func TestFailuresOfReadingAreErrors(t *testing.T) {
	plan := load(t, "trt8.6.1.6-rtx4090-tiny.plan")
	if _, err := engine.Inspect(bytes.NewReader(plan[:1000]), int64(len(plan))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file shorter than it was gives %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := engine.Inspect(failing{nil, broken, 0}, 100); !errors.Is(err, broken) {
		t.Errorf("a broken disk gives %v", err)
	}
	// The body of an old engine is read for its checksum only: a failure there is
	// no damage.
	r := releaseOf(t, "7.1.3.4")
	old := archive(r, append(r.stream(t4), make([]byte, 1<<20)...))
	for _, want := range []error{broken, nil, io.EOF} {
		f, err := engine.Inspect(failing{old, want, 600_000}, int64(len(old)))
		if want != broken {
			want = io.ErrUnexpectedEOF
		}
		if !errors.Is(err, want) || f.TensorRT != "7.1.3.4" || f.Damaged || f.Truncated || noted(f, "checksum") {
			t.Errorf("a reader that fails in the middle gives %+v, %v", f, err)
		}
	}
}

// TestNothingIsWrongWithBytesThatWereNotRead lets every layout be read up to any place.
func TestNothingIsWrongWithBytesThatWereNotRead(t *testing.T) {
	gone := errors.New("gone")
	for name, data := range everyLayout(t) {
		data = append(bytes.Clone(data), make([]byte, 8000)...)
		for bad := int64(0); bad < int64(len(data)); bad += 50 {
			whole := inspect(t, data)
			f, err := engine.Skim(failing{data, gone, bad}, int64(len(data)))
			if err != nil && !errors.Is(err, gone) || f.Damaged || f.Truncated || f.Kind != engine.Plan && f.Kind != engine.Unknown {
				t.Fatalf("%s, of which %d bytes can be read: %+v, %v", name, bad, f, err)
			}
			for _, note := range f.Notes {
				if err != nil && !slices.Contains(whole.Notes, note) {
					t.Fatalf("%s, of which %d bytes can be read: note %q", name, bad, note)
				}
			}
		}
	}
}

// failing is a file of which the bytes from bad on cannot be read.
type failing struct {
	data []byte
	err  error
	bad  int64
}

func (f failing) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > f.bad {
		n := 0
		if offset < f.bad {
			n = copy(p, f.data[offset:f.bad])
		}
		return n, f.err
	}
	return copy(p, f.data[offset:]), nil
}
