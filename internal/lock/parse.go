package lock

import (
	"regexp"
	"strings"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// Parse reads the text of a lock file. path is how messages call it. The error
// lists every mistake of the text, as diag.All gives them.
func Parse(path string, src []byte) (*File, error) {
	doc, err := tomlfile.Parse(path, src)
	if err != nil {
		return nil, err
	}
	f := &File{}
	doc.Root.Fields(
		tomlfile.Field{Name: "version", Read: func(v *tomlfile.Value) {
			if n, ok := v.Int(); ok && n != 1 {
				v.Mistake("version %d of the lock file is not known to this trtfarm", n).Allowed = []string{"1"}
			}
		}},
		tomlfile.Field{Name: "image", Read: func(v *tomlfile.Value) {
			entries, _ := v.Entries()
			for _, e := range entries {
				f.Put(readImage(e))
			}
		}},
	)
	if doc.Root.Get("version") == nil {
		doc.Root.Missing("version", "run trtfarm lock --update to write the file anew")
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

func readImage(v *tomlfile.Value) Image {
	img := Image{Ref: v.Name}
	if !refForm.MatchString(v.Name) {
		v.MistakeAtKey("%s is not an image reference", tomlfile.Quote(v.Name)).Fix = "remove the table"
	}
	if _, ok := v.Entries(); !ok {
		return img
	}
	v.Fields(
		tomlfile.Field{Name: "digest", Read: tomlfile.Into(&img.Digest, digest)},
		tomlfile.Field{Name: "manifest", Read: tomlfile.Into(&img.Manifest, digest)},
		tomlfile.Field{Name: "tensorrt", Read: tomlfile.Into(&img.TensorRT, (*tomlfile.Value).Text)},
		tomlfile.Field{Name: "cuda", Read: tomlfile.Into(&img.CUDA, (*tomlfile.Value).Text)},
		tomlfile.Field{Name: "driver", Read: tomlfile.Into(&img.Driver, (*tomlfile.Value).Text)},
		tomlfile.Field{Name: "labels", Read: func(v *tomlfile.Value) {
			entries, _ := v.Entries()
			for _, e := range entries {
				if text, ok := e.Text(); ok {
					img.Labels = append(img.Labels, Label{e.Name, text})
				}
			}
		}},
	)
	if v.Get("digest") == nil {
		v.Missing("digest", "run trtfarm lock --update to write the file anew")
	}
	if v.Get("manifest") == nil {
		img.Manifest = img.Digest
	}
	return img
}

// refForm holds the characters of an image reference; the matrix checks the rest.
var refForm = regexp.MustCompile(`^[A-Za-z0-9._:/@\[\]-]{1,400}$`)

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func digest(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok || digestForm.MatchString(s) {
		return s, ok
	}
	m := v.Mistake("%s is not a digest", tomlfile.Quote(s))
	m.Allowed = []string{"sha256: and 64 hexadecimal digits in lower case"}
	if lower := strings.ToLower(s); digestForm.MatchString(lower) {
		m.Fix = "write \"" + lower + "\""
	}
	return "", false
}
