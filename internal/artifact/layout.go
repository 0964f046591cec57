package artifact

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxKey     = 900 // bytes; S3 allows 1,024 and the store's own prefix needs room
	maxSegment = 255 // bytes; what file systems, and S3 servers that sit on one, allow
	maxName    = 200 // bytes of an escaped name, so that an extension still fits
)

// The folders of a store.
const (
	recordsFolder    = "records/"
	runsFolder       = "runs/"
	referencesFolder = "references/"
)

// BlobKey returns where the blob with this SHA-256 lies.
func BlobKey(sha256 string) string {
	return "blobs/sha256/" + segment(sha256[:min(2, len(sha256))]) + "/" + segment(sha256)
}

// RecordKey returns where the manifest of a model's key lies.
func RecordKey(model, key string) string { return RecordPrefix(model) + segment(key) + ".json" }

// RecordPrefix returns what the keys of all records of a model begin with.
func RecordPrefix(model string) string { return recordsFolder + segment(model) + "/" }

// RunKey returns where the journal of a run lies.
func RunKey(run string) string { return runsFolder + segment(run) + ".jsonl" }

// ReferenceKey returns where the index of the reference tensors with this key lies.
func ReferenceKey(key string) string { return referencesFolder + segment(key) + ".json" }

// segment makes any name one segment of a key that stays where it was put: bytes
// other than ASCII letters, digits, "_", "-" and inner dots become "%XX".
// Different names give different segments, save those that are too long to be
// kept apart by more than a digest.
func segment(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	switch {
	case b.Len() == 0:
		return "%"
	case b.Len() > maxName:
		h := NewHasher()
		h.Write([]byte(name))
		return "%%" + h.Digest().SHA256
	}
	return b.String()
}

// CheckKey says whether every store can keep an object under key, and refuses
// any that could mean another place: empty, "." and ".." segments, control
// characters, and first segments that begin with a dot, which belong to the
// stores themselves.
func CheckKey(key string) error {
	bad := func(why string) error { return fmt.Errorf("key %.80q cannot be used: it %s", key, why) }
	switch {
	case key == "":
		return bad("is empty")
	case len(key) > maxKey:
		return bad(fmt.Sprintf("has %d bytes, more than %d", len(key), maxKey))
	case !utf8.ValidString(key):
		return bad("is not UTF-8")
	case key[0] == '.':
		return bad("begins with a dot")
	}
	for _, r := range key {
		if r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff { // XML, which S3 lists keys in, cannot hold these
			return bad(fmt.Sprintf("holds the character %U", r))
		}
	}
	for s := range strings.SplitSeq(key, "/") {
		switch {
		case s == "":
			return bad("has an empty segment")
		case s == "." || s == "..":
			return bad(fmt.Sprintf("has the segment %q", s))
		case len(s) > maxSegment:
			return bad(fmt.Sprintf("has a segment of %d bytes, more than %d", len(s), maxSegment))
		}
	}
	return nil
}

// CheckPrefix says whether prefix may begin a key. It may be empty, and may end
// in the middle of a segment or after a slash.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(prefix + "x")
}

// CheckMeta says whether every store can keep meta: lower-case names and values
// of printable ASCII, 2,048 bytes together, as S3 limits them.
func CheckMeta(meta map[string]string) error {
	total := 0
	for name, value := range meta {
		total += len(name) + len(value)
		for i := range len(name) {
			if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return fmt.Errorf("metadata name %q holds %q; only a-z, 0-9 and - are allowed", name, c)
			}
		}
		if name == "" {
			return fmt.Errorf("metadata with value %q has no name", value)
		}
		for i := range len(value) {
			if value[i] < ' ' || value[i] > '~' {
				return fmt.Errorf("metadata %s: %q is not printable ASCII", name, value)
			}
		}
		if strings.TrimSpace(value) != value {
			return fmt.Errorf("metadata %s: %q begins or ends with a space", name, value)
		}
	}
	if total > 2048 {
		return fmt.Errorf("metadata takes %d bytes, more than 2048", total)
	}
	return nil
}

// plain makes any text a metadata value: what is not printable ASCII becomes "?".
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// isDigest says whether s is n bytes in lower-case hex.
func isDigest(s string, n int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == n && strings.ToLower(s) == s
}
