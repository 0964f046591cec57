package artifact

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/verify"
)

// sample is a manifest with something in every field.
func sample() *Manifest {
	sha := strings.Repeat("0a", 32)
	blob := Blob{Path: BlobKey(sha), Size: 12, MD5: strings.Repeat("0b", 16), SHA256: sha, CRC64NVME: "rosUhgp5mIg="}
	log := blob
	log.Role = "build.log"
	return &Manifest{
		Version: 1, Cell: "resnet50/23.09-py3/t4/fp16", Key: strings.Repeat("cd", 32), Model: "resnet50", Release: "2026.11.0",
		Simulated: true, BuiltAt: time.Date(2026, 11, 23, 11, 0, 0, 5, time.FixedZone("CET", 3600)), Engine: blob,
		GPU:   GPU{Target: "T4", Product: "Tesla T4", SM: "7.5", SMs: 40, MemoryMiB: 15360, Driver: "535.54.03"},
		Image: Image{Ref: "nvcr.io/nvidia/tensorrt:23.09-py3", Digest: "sha256:" + sha}, TensorRT: Measured{"8.6.1.6", "8.6.1.6"},
		Precision: Precision{Asked: "fp16", Obtained: map[string]int64{"Half": 50, "Float": 2}},
		Argv:      []string{"trtexec", "--onnx=a&b<c>.onnx"}, VerifyArgv: [][]string{{"trtexec"}},
		Source: Source{Model: "m.onnx", SHA256: sha, Digest: sha}, Profiles: []Profile{{Name: "small", Shapes: []Shape{{"x", []int64{1}, []int64{2}, []int64{4}}}}},
		Inputs: []Input{{"image", "sha256:" + sha}}, Verified: []verify.Result{{Case: "static", Passed: true, Outputs: []verify.Errors{{Output: "y", Cosine: 1}}}},
		Blobs: []Blob{log}, Seconds: Durations{1, 2, 3, 4}, Runner: "gpu-a", Run: "r1",
	}
}

func encode(t testing.TB, m *Manifest) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAManifestComesBackAsItWas(t *testing.T) {
	m := sample()
	data := encode(t, m)
	got, err := ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	m.BuiltAt = m.BuiltAt.UTC()
	if !reflect.DeepEqual(got, m) {
		t.Errorf("got  %+v\nwant %+v", got, m)
	}
	for range 20 { // maps have no order of their own
		if again := encode(t, sample()); !bytes.Equal(again, data) {
			t.Fatalf("two encodings differ:\n%s\n%s", data, again)
		}
	}
	for _, want := range []string{`"built_at": "2026-11-23T10:00:00.000000005Z"`, `"--onnx=a&b<c>.onnx"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
}

func TestAManifestThatNobodyCouldReadIsNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*Manifest){
		"no cell": func(m *Manifest) { m.Cell = "" }, "NaN": func(m *Manifest) { m.Verified[0].Outputs[0].MaxAbs = math.NaN() },
		"blob elsewhere": func(m *Manifest) { m.Engine.Path = "blobs/x" }, "no time": func(m *Manifest) { m.BuiltAt = time.Time{} },
	} {
		m := sample()
		spoil(m)
		if _, err := m.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	good := string(encode(t, sample()))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in the sample", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                   {"", "unexpected end"},
		"half a manifest":           {good[:len(good)/2], ""},
		"something behind":          {good + "{}", ""},
		"an array":                  {"[]", "array"},
		"a newer version":           {replace(`"version": 1`, `"version": 2`), "newer trtfarm"},
		"version 0":                 {replace(`"version": 1`, `"version": 0`), "version is 0"},
		"a short key":               {replace(`"key": "cd`, `"key": "`), "64 lower-case hex"},
		"an upper-case key":         {replace(`"key": "cd`, `"key": "CD`), "64 lower-case hex"},
		"an engine elsewhere":       {replace(`"path": "blobs/sha256/0a`, `"path": "../sha256/0a`), "is not where"},
		"a negative size":           {replace(`"size": 12`, `"size": -1`), "size is -1"},
		"a name twice":              {replace(`"version": 1`, `"version": 1, "cell": "other/cell"`), "appears twice"},
		"a name twice but for case": {replace(`"version": 1`, `"version": 1, "CELL": "other/cell"`), "appears twice"},
		"a wrong type":              {replace(`"version": 1`, `"version": "1"`), "version"},
		"no time":                   {replace(`"built_at": "2026-11-23T10:00:00.000000005Z",`, ``), "built_at"},
		"bytes that are no text":    {replace("resnet50", "resnet\xff"), "UTF-8"},
		"endless nesting":           {`{"x":` + strings.Repeat("[", 1000), "nested"},
		"megabytes":                 {strings.Repeat(" ", maxManifest) + good, "more than"},
	} {
		m, err := ParseManifest([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, m, err, tc.want)
		}
	}
	if _, err := ParseManifest([]byte(replace(`"version": 1`, `"version": 1, "added_later": {"a": [1, {"a": 2}], "b": {"a": 3}}`))); err != nil {
		t.Errorf("a field added later: %v", err)
	}
}

// What is parsed can be written, and comes back as the same manifest.
func FuzzParseManifest(f *testing.F) {
	f.Add(encode(f, sample()))
	small := sample()
	*small = Manifest{Version: 1, Cell: "c", Key: small.Key, Model: "m", BuiltAt: small.BuiltAt, Engine: small.Engine}
	f.Add(encode(f, small))
	f.Add([]byte(`{"version":1,"version":2}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		if key := RecordKey(m.Model, m.Key); CheckKey(key) != nil {
			t.Errorf("record key %q", key)
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		same, err := ParseManifest(again)
		if err != nil {
			t.Fatalf("cannot be read again: %v", err)
		}
		if !m.BuiltAt.Equal(same.BuiltAt) || m.Cell != same.Cell || !reflect.DeepEqual(m.Blobs, same.Blobs) {
			t.Errorf("%+v\nbecame\n%+v", m, same)
		}
		if more, err := same.Encode(); err != nil || !bytes.Equal(more, again) {
			t.Errorf("%s\nthen\n%s, %v", again, more, err)
		}
	})
}

var update = flag.Bool("update", false, "rewrite the golden files")

// The names of a manifest's fields are a contract: scripts and signatures rely on them.
func TestTheFieldsOfAManifestKeepTheirNames(t *testing.T) {
	golden := filepath.Join("testdata", "manifest.golden")
	if *update {
		if err := os.WriteFile(golden, encode(t, sample()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := encode(t, sample()); !bytes.Equal(got, want) {
		t.Errorf("manifest differs from %s:\n%s", golden, got)
	}
}
