package artifact

import (
	"path"
	"strings"
	"testing"
)

func TestKeysOfTheLayout(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	for got, want := range map[string]string{
		BlobKey(sha):               "blobs/sha256/ab/" + sha,
		RecordKey("resnet50", sha): "records/resnet50/" + sha + ".json",
		RecordPrefix("resnet50"):   "records/resnet50/",
		RunKey("2026-11-23-a1b2"):  "runs/2026-11-23-a1b2.jsonl",
		ReferenceKey(sha):          "references/" + sha + ".json",
		RecordPrefix("team/model"): "records/team%2Fmodel/",
		RecordPrefix(".."):         "records/%2E./",
		RecordPrefix(""):           "records/%/",
		BlobKey(""):                "blobs/sha256/%/%",
		RunKey("größe"):            "runs/gr%C3%B6%C3%9Fe.jsonl",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Whatever a name is, its key is one that every store takes, and stays in its folder.
func FuzzLayout(f *testing.F) {
	for _, name := range []string{"", ".", "..", "../../etc/passwd", "a/b", "resnet50", "x\x00", strings.Repeat("é", 300), "%", "%%", "a%2Fb", "\xff"} {
		f.Add(name, "other")
	}
	f.Add("a/b", "a%2Fb")
	f.Fuzz(func(t *testing.T, a, b string) {
		for folder, key := range map[string]string{
			"blobs/sha256/": BlobKey(a), "records/": RecordKey(a, b), "runs/": RunKey(a), "references/": ReferenceKey(a),
		} {
			if err := CheckKey(key); err != nil {
				t.Errorf("%q gives %q: %v", a, key, err)
			}
			if path.Clean(key) != key || !strings.HasPrefix(key, folder) {
				t.Errorf("%q leaves %s: %q", a, folder, key)
			}
		}
		if !strings.HasPrefix(RecordKey(a, b), RecordPrefix(a)) || strings.Count(RecordKey(a, b), "/") != 2 {
			t.Errorf("RecordKey(%q, %q) = %q", a, b, RecordKey(a, b))
		}
		if a != b && segment(a) == segment(b) {
			t.Errorf("%q and %q have the same segment %q", a, b, segment(a))
		}
	})
}

// A key that CheckKey takes means the same place to everybody.
func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"", "a", "a/b", "/a", "a/", "a//b", "..", "a/../b", "a/.b", ".a", "a\x00b", "a\nb", "\xff", strings.Repeat("a/", 600), "ü/模型"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if CheckKey(key) != nil {
			return
		}
		clean := path.Clean("/root/" + key)
		if clean != "/root/"+key {
			t.Errorf("%q is %q as a path", key, clean)
		}
		if strings.ContainsAny(key, "\x00\n\r") || key[0] == '.' || len(key) > maxKey {
			t.Errorf("%q was taken", key)
		}
		if CheckPrefix(key) != nil && len(key) < 250 {
			t.Errorf("key %q is no prefix", key)
		}
	})
}

func TestMetadataTakesAnyTextOncePlain(t *testing.T) {
	for in, want := range map[string]string{"NVIDIA A10": "NVIDIA A10", "größe\n": "gr??e?", " x ": "x", "": ""} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
		if err := CheckMeta(map[string]string{"a": plain(in)}); err != nil {
			t.Error(err)
		}
	}
}
