package lock

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/diag"
)

var (
	one = "sha256:" + strings.Repeat("1", 64)
	two = "sha256:" + strings.Repeat("2", 64)
)

func TestEncodeWritesAStableText(t *testing.T) {
	f := &File{}
	f.Put(Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", Digest: one, Manifest: two, TensorRT: "10.3.0.26", CUDA: "12.6.0.022"})
	f.Put(Image{Ref: "nvcr.io/nvidia/tensorrt:23.09-py3", Digest: two, Manifest: two})
	f.Put(Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", Digest: one, Manifest: two, TensorRT: "10.3.0.26", Driver: "560.35.03",
		Labels: []Label{{"com.nvidia.tensorrt.version", "10.3.0.26+cuda12.6"}, {"org.opencontainers.image.version", `"24.08"`}}})
	want := header + `
[image."nvcr.io/nvidia/tensorrt:23.09-py3"]
digest   = "` + two + `"
manifest = "` + two + `"

[image."nvcr.io/nvidia/tensorrt:24.08-py3"]
digest   = "` + one + `"
manifest = "` + two + `"
tensorrt = "10.3.0.26"
driver   = "560.35.03"

[image."nvcr.io/nvidia/tensorrt:24.08-py3".labels]
"com.nvidia.tensorrt.version" = "10.3.0.26+cuda12.6"
"org.opencontainers.image.version" = "\"24.08\""
`
	if got := string(f.Encode()); got != want {
		t.Errorf("Encode()\n got %s\nwant %s", got, want)
	}
	back, err := Parse("trtfarm.lock", f.Encode())
	if err != nil || !reflect.DeepEqual(back, f) {
		t.Errorf("Parse(Encode()) = %+v, %v; want %+v", back, err, f)
	}
}

func TestLabelsKeepsWhatSaysWhatAnImageIsMadeOf(t *testing.T) {
	all := map[string]string{
		"org.opencontainers.image.version": "22.04",
		"com.nvidia.tensorrt.version":      "10.3.0.26",
		"com.nvidia.volumes.needed":        strings.Repeat("x", 201),
		"com.nvidia.broken":                "\xff",
		"com.nvidia.bad name":              "x",
		"maintainer":                       "somebody",
	}
	want := []Label{{"com.nvidia.tensorrt.version", "10.3.0.26"}, {"org.opencontainers.image.version", "22.04"}}
	if got := Labels(all); !reflect.DeepEqual(got, want) {
		t.Errorf("Labels() = %v, want %v", got, want)
	}
	many := map[string]string{}
	for i := range 100 {
		many[fmt.Sprintf("com.nvidia.n%d", i)] = "x"
	}
	if got := Labels(many); len(got) != 50 {
		t.Errorf("Labels() keeps %d of 100, want 50", len(got))
	}
}

func TestFind(t *testing.T) {
	f := &File{}
	for _, ref := range []string{"c:1", "a:1", "b:1"} {
		f.Put(Image{Ref: ref, Digest: one})
	}
	for _, ref := range []string{"a:1", "b:1", "c:1"} {
		if img, ok := f.Find(ref); !ok || img.Ref != ref {
			t.Errorf("Find(%q) = %+v, %v", ref, img, ok)
		}
	}
	if img, ok := f.Find("b:2"); ok {
		t.Errorf("Find(b:2) = %+v", img)
	}
}

func TestParseRefuses(t *testing.T) {
	src := `# a merge gone wrong
[image."a:1"]
digest = "SHA256:` + strings.Repeat("A", 64) + `"
tensorrt = 10.3
[image."b:1"]
manifest = "latest"
digets = "x"
[images]
[image.'"b" 2']
`
	want := `l:1:1: version is missing
l:3:10: "SHA256:` + strings.Repeat("A", 64) + `" is not a digest
l:4:12: image."a:1".tensorrt must be a string, found a float
l:5:8: digest is missing in image."b:1"
l:6:12: "latest" is not a digest
l:7:1: key "digets" is not known in image."b:1"
l:8:2: key "images" is not known
l:9:8: "\"b\" 2" is not an image reference
l:9:8: digest is missing in image."\"b\" 2"`
	f, err := Parse("l", []byte(src))
	var got []string
	for _, d := range diag.All(err) {
		got = append(got, d.Error())
	}
	if f != nil || strings.Join(got, "\n") != want {
		t.Errorf("Parse reports\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestAManifestThatIsNotNamedIsTheDigest(t *testing.T) {
	f, err := Parse("l", []byte("version = 1\n[image.\"a:1\"]\ndigest = \""+one+"\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if img, _ := f.Find("a:1"); img.Manifest != one {
		t.Errorf("manifest is %q, want %q", img.Manifest, one)
	}
}

func FuzzParse(f *testing.F) {
	good := &File{}
	good.Put(Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", Digest: one, Manifest: two, TensorRT: "10.3.0.26", CUDA: "12.6", Driver: "560.35.03", Labels: []Label{{"com.nvidia.x", "y"}}})
	f.Add(good.Encode())
	f.Add([]byte("version = 1\n[image.\"\\u0001\\\"é\"]\ndigest = \"" + one + "\"\ncuda = '''\n\\'''\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := Parse("l", src)
		if err != nil {
			if len(diag.All(err)) == 0 {
				t.Fatalf("%v is not a list of mistakes", err)
			}
			return
		}
		text := l.Encode()
		back, err := Parse("l", text)
		if err != nil {
			t.Fatalf("what Encode wrote cannot be read: %v\n%s", err, text)
		}
		if !reflect.DeepEqual(back, l) || !bytes.Equal(back.Encode(), text) {
			t.Errorf("read %+v, wrote and read %+v", l, back)
		}
	})
}
