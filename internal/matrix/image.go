package matrix

import (
	"regexp"
	"strings"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// imageForm is the grammar of image references (github.com/distribution/reference):
// registry and repository, tag, digest.
var imageForm = regexp.MustCompile(`^(` +
	`(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?)/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

// maxImage is the greatest length of an image reference that is read.
const maxImage = 400

// image reads an image reference that names one image: a tag, a digest, or both.
func image(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	allowed := []string{"nvcr.io/nvidia/tensorrt:24.08-py3", "nvcr.io/nvidia/tensorrt@sha256:…"}
	parts := imageForm.FindStringSubmatch(s)
	switch {
	case len(s) > maxImage || parts == nil:
		m := v.Mistake("%s is not an image reference", tomlfile.Quote(s))
		m.Allowed = allowed
		if t := strings.TrimSpace(s); t != s && imageForm.MatchString(t) {
			m.Fix = "write \"" + t + "\""
		}
		return "", false
	case parts[2] == "" && parts[3] == "":
		v.Mistake("image %s has neither a tag nor a digest, so it means another image every month", tomlfile.Quote(s)).Allowed = allowed
		return "", false
	}
	return s, true
}

func tagLabel(image string) string {
	parts := imageForm.FindStringSubmatch(image)
	if parts == nil {
		return slug(image)
	}
	label := strings.ToLower(parts[2])
	if label == "" {
		label = "latest"
		if parts[3] != "" {
			label = "sha256-" + strings.TrimPrefix(parts[3], "sha256:")[:12]
		}
	}
	if repo := parts[1][strings.LastIndexByte(parts[1], '/')+1:]; repo != "tensorrt" {
		label = repo + "-" + label
	}
	return label
}

// slug turns any name into one that can stand in a path.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '_')
	})
	return strings.Trim(strings.Join(words, "-"), ".")
}
