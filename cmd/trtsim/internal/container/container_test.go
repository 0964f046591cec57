package container

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
	"github.com/trtfarm/trtfarm/internal/catalog"
)

func version(t testing.TB, s string) catalog.Version {
	t.Helper()
	v, err := catalog.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func gpu(t testing.TB, name string) device.Device {
	t.Helper()
	d, err := device.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// build writes an engine and returns its bytes.
func build(t testing.TB, v, name string, pad int64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e.plan")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e := Engine{Version: version(t, v), Device: gpu(t, name), Pad: pad, Meta: Meta{
		TensorRT: v, Precision: "fp16", ModelSize: 5,
		Inputs:   []Tensor{{Name: "x", Type: 1, ModelType: 1, Dims: []int64{-1, 3}}},
		Profiles: []Profile{{Shapes: []Range{{"x", []int64{1, 3}, []int64{2, 3}, []int64{4, 3}}}}},
	}}
	size, err := Write(f, e, strings.NewReader("model"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != size {
		t.Errorf("Write says %d bytes, the file has %d", size, len(data))
	}
	return data
}

// TestArchiveIsThatOfTensorRT compares our archive's header and device block
// with those of plans that TensorRT wrote and that their owners published:
// smile2game/nvidia-game model.plan (Apache-2.0), nttrung2406/COVID19_disease_detection
// model.trt (MIT), Mycoearthdome/camera model.engine (CC0-1.0).
func TestArchiveIsThatOfTensorRT(t *testing.T) {
	rtx3060 := device.Device{SM: "8.6", SMs: 28, MemorySize: 12496666624, BusBits: 192, CoreKHz: 1807000, MemoryKHz: 7501000, L2Bytes: 2359296, PersistL2: 1622016, SharedKiB: 100}
	for name, tc := range map[string]struct {
		version string
		device  device.Device
		want    string
	}{
		"8.6 on RTX 4090": {"8.6.1.6", gpu(t, "RTX 4090"), "7074727400000000ec00000000000000470c0000000000000280010008028001000602800100010280010006e5800100078001000000000012800100108001000780010008000000078001000900000007800100c073260007800100883ba00007800100800100000880010000008004000000000880010000006003000000000780010000c000000780010000900100078001000002000007800100800000000a80010000078001000004000007800100ffffff7f07800100ffff000007800100ffff000009800100000038ff050000000780010000000010ef7fed7f"},
		"10.3 on T4":      {"10.3.0.26", gpu(t, "T4"), "7074727400000000ef00000000000000b9280d0000000000028001000a02800100030280010000028001001ad2800100078001000000000012800100108001000780010007000000078001000500000007800100f042180007800100284f4c0007800100000100000880010000004000000000000880010000000000000000000780010000c000000780010000000100078001000002000007800100280000000a80010000078001000004000007800100ffffff7f07800100ffff000007800100ffff00000780010000000000098001000000e1af03000000ef7fed7f"},
		"10.15 on 3060":   {"10.15.1.29", rtx3060, "70747274f000000073e801000000000000000000028001000a028001000f0280010001028001001dd280010007800100000000001280010010800100098001000000dce8020000000880010000002400000000000880010000c01800000000000780010098921b0007800100c874720007800100c00000000780010000c000000780010000900100078001001c000000078001000000000007800100000400000780010000040000078001000800000007800100060000000780010000020000ef7fed7f"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := hex.DecodeString(tc.want)
			if err != nil {
				t.Fatal(err)
			}
			v := version(t, tc.version)
			got := archive(v, tc.device)
			// The real payload goes on; ours ends here, and its size says so.
			at := 16
			if layoutOf(v).short {
				at = 8
			}
			binary.LittleEndian.PutUint64(want[at:], binary.LittleEndian.Uint64(got[at:]))
			if !bytes.Equal(got, want) {
				t.Errorf("archive\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestWrittenEnginesAreReadBack(t *testing.T) {
	for _, v := range []string{"8.4.3.1", "8.5.1.7", "8.6.1.6", "9.3.0.1", "10.0.1.6", "10.3.0.26", "10.6.0.26", "10.13.2.6", "10.15.1.29", "11.1.0.106"} {
		t.Run(v, func(t *testing.T) {
			data := build(t, v, "A10", 0)
			p, err := Read(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			if p.Version != version(t, v) || p.Serialization != Serialization(p.Version) {
				t.Errorf("read version %s and serialization %d", p.Version, p.Serialization)
			}
			model, err := io.ReadAll(p.Model)
			if err != nil || string(model) != "model" {
				t.Errorf("model is %q, %v", model, err)
			}
			if got := p.Meta.Profiles[0].Shapes[0].Max; !reflect.DeepEqual(got, []int64{4, 3}) {
				t.Errorf("profile maximum is %v", got)
			}
			if !bytes.Contains(data, []byte("{\"simulated\": true,\n")) {
				t.Error("no line of the file says that it is simulated")
			}
			want := uint32(0x8b8d8b99)
			if p.Bare {
				want = 0xacb6b2aa // the complement of "SIMU"
			}
			if got := binary.LittleEndian.Uint32(data[len(data)-4:]); got != want {
				t.Errorf("trailer is %#x, want %#x", got, want)
			}
		})
	}
}

// TestBareArchive holds the archives of 8.4 and 8.5, which nothing surrounds, to
// what was read of the layout: 24 bytes of header, the whole file as payload,
// the version, two structures, and the device block of 8.5.
func TestBareArchive(t *testing.T) {
	for v, number := range map[string]uint32{"8.4.3.1": 213, "8.5.1.7": 232} {
		data := build(t, v, "T4", 0)
		le := binary.LittleEndian
		if string(data[:4]) != "ptrt" || le.Uint32(data[4:]) != 0 || le.Uint32(data[8:]) != number || le.Uint32(data[12:]) != 0 || le.Uint64(data[16:])+24 != uint64(len(data)) {
			t.Errorf("header of %s is %x of %d bytes", v, data[:24], len(data))
		}
		parsed := version(t, v)
		want := []byte{2, 0x80, 1, 0, byte(parsed.Major), 2, 0x80, 1, 0, byte(parsed.Minor), 2, 0x80, 1, 0, byte(parsed.Patch), 2, 0x80, 1, 0, byte(parsed.Build),
			0x12, 0x80, 1, 0, 0x10, 0x80, 1, 0, 7, 0x80, 1, 0, 7, 0, 0, 0, 7, 0x80, 1, 0, 5, 0, 0, 0}
		if got := data[24 : 24+len(want)]; !bytes.Equal(got, want) {
			t.Errorf("payload of %s starts\n got %x\nwant %x", v, got, want)
		}
		memory := le.AppendUint64([]byte{9, 0x80, 1, 0}, uint64(gpu(t, "T4").Bytes()))
		if !bytes.Contains(data, append(memory, 0xef, 0x7f, 0xed, 0x7f)) {
			t.Errorf("device block of %s does not end with the memory size", v)
		}
	}
}

func TestPaddingFillsTheFileToItsSize(t *testing.T) {
	const size = 1 << 20
	for _, v := range []string{"8.5.1.7", "10.3.0.26"} {
		data := build(t, v, "T4", size)
		if len(data) != size-4 && len(data) != size {
			t.Errorf("padded engine of %s has %d bytes, want about %d", v, len(data), size)
		}
		if _, err := Read(bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("padded engine of %s: %v", v, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := build(t, "10.3.0.26", "T4", 0)
	real := bytes.Replace(bytes.Clone(good), []byte("UMIS"), []byte("THGW"), 1)
	unmarked := bytes.Replace(bytes.Clone(good), []byte(`"simulated": true`), []byte(`"simulated":false`), 1)
	bare := build(t, "8.5.1.7", "T4", 0)
	end := func(at int, b byte) []byte {
		data := bytes.Clone(bare)
		data[len(data)-16+at] = b
		return data
	}
	foreign := bytes.Replace(bytes.Clone(good), []byte(`"model_type": 1,`), []byte(`"model_type": 8,`), 1)
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"a binding of strings":         {foreign, errDamaged},
		"an empty file":                {nil, ErrEmpty},
		"a file cut in its middle":     {good[:len(good)/2], ErrTruncated},
		"a file cut in its header":     {good[:20], ErrTruncated},
		"a file with something behind": {append(bytes.Clone(good), 0), ErrSize},
		"a plan without our section":   {real, ErrNotSimulated},
		"a bare archive cut":           {bare[:len(bare)-1], ErrTruncated},
		"a bare archive cut early":     {bare[:30], ErrTruncated},
		"something behind an archive":  {append(bytes.Clone(bare), 0), ErrSize},
		"an archive without our tag":   {end(8, 'X'), ErrNotSimulated},
		"a tag without its complement": {end(12, 'X'), ErrNotSimulated},
		"a mark behind the end":        {end(7, 0x7f), ErrNotSimulated},
		"a mark in the device block":   {end(0, 24), errDamaged},
		"a section that denies itself": {unmarked, errDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(bytes.NewReader(tc.data), int64(len(tc.data))); !errors.Is(err, tc.want) {
				t.Errorf("Read: %v, want %v", err, tc.want)
			}
		})
	}
	_, err := Read(strings.NewReader("version https://git-lfs"), 23)
	if m, ok := errors.AsType[*MagicError](err); !ok || m.Got != 0x73726576 {
		t.Errorf("Read of a text: %v, want its first word", err)
	}
}

// FuzzRead holds that a plan that is understood lies inside its file and says
// that it is simulated.
func FuzzRead(f *testing.F) {
	for _, v := range []string{"8.4.3.1", "8.5.1.7", "8.6.1.6", "10.3.0.26", "11.1.0.106"} {
		f.Add(build(f, v, "T4", 0))
	}
	f.Add([]byte("ftrt"))
	f.Add([]byte("ptrt"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if !p.Meta.Simulated {
			t.Error("plan does not say that it is simulated")
		}
		if n, err := io.Copy(io.Discard, p.Model); err != nil || n != p.Meta.ModelSize {
			t.Errorf("model of %d bytes could be read to byte %d: %v", p.Meta.ModelSize, n, err)
		}
	})
}
