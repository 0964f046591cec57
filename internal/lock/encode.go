package lock

import (
	"fmt"
	"slices"
	"strings"
)

const header = `# What the image tags of the matrix beside this file meant when it was locked.
# Written by "trtfarm lock"; "trtfarm lock --update" asks the registry again.
# Commit it: "trtfarm run --locked" builds with these digests and no others.

version = 1
`

// Encode writes the text that Parse reads. Equal files give equal bytes.
func (f *File) Encode() []byte {
	var b strings.Builder
	b.WriteString(header)
	for _, img := range f.Images {
		fmt.Fprintf(&b, "\n[image.%s]\n", quote(img.Ref))
		for _, field := range []struct{ key, value string }{
			{"digest", img.Digest}, {"manifest", img.Manifest}, {"tensorrt", img.TensorRT}, {"cuda", img.CUDA},
			{"driver", img.Driver},
		} {
			if field.value != "" {
				fmt.Fprintf(&b, "%-8s = %s\n", field.key, quote(field.value))
			}
		}
		if len(img.Labels) > 0 {
			fmt.Fprintf(&b, "\n[image.%s.labels]\n", quote(img.Ref))
		}
		for _, l := range img.Labels {
			fmt.Fprintf(&b, "%s = %s\n", quote(l.Name), quote(l.Value))
		}
	}
	return []byte(b.String())
}

// Find returns the locked image of a reference as the matrix writes it.
func (f *File) Find(ref string) (Image, bool) {
	i, ok := slices.BinarySearchFunc(f.Images, Image{Ref: ref}, byRef)
	if !ok {
		return Image{}, false
	}
	return f.Images[i], true
}

// Put locks an image, in place of what its reference meant before.
func (f *File) Put(img Image) {
	i, ok := slices.BinarySearchFunc(f.Images, img, byRef)
	if ok {
		f.Images[i] = img
		return
	}
	f.Images = slices.Insert(f.Images, i, img)
}

func byRef(a, b Image) int { return strings.Compare(a.Ref, b.Ref) }

// quote writes a TOML string. A byte that is no UTF-8 cannot be written and
// becomes U+FFFD.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
