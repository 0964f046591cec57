package farmfile

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// bucketForm is what S3 lets a bucket be called.
var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// storeForms lists what a store's address may look like.
var storeForms = []string{`"s3://bucket/prefix"`, `"file:PATH"`}

// storeURL reads the address of the store.
func (p *parser) storeURL(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	if rest, ok := strings.CutPrefix(s, "s3://"); ok {
		return p.bucketURL(v, strings.TrimRight(rest, "/"))
	}
	if path, ok := strings.CutPrefix(s, "file:"); ok {
		path, host := strings.CutPrefix(path, "//")
		if path == "" || host && !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\x00\n") {
			v.Mistake("the store's address %s names no folder", tomlfile.Quote(s)).Allowed = []string{`"file:PATH"`, `"file:///PATH"`}
			return "", false
		}
		return "file:" + p.abs(path), true
	}
	if strings.Contains(s, "@") {
		v.Secret()
		v.Mistake("the store's address is of an unknown kind").Allowed = storeForms
		return "", false
	}
	m := v.Mistake("the store's address %s is of an unknown kind", tomlfile.Quote(s))
	m.Allowed = storeForms
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		m.Fix = "write " + tomlfile.Quote("file:"+s)
	}
	return "", false
}

// bucketURL checks bucket/prefix.
func (p *parser) bucketURL(v *tomlfile.Value, rest string) (string, bool) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	parts := strings.Split(prefix, "/")
	switch {
	case strings.ContainsAny(rest, "@?"):
		v.Secret()
		v.Mistake("the store's address holds credentials or a query").Fix =
			"remove them: credentials come from AWS_ACCESS_KEY_ID, AWS_PROFILE and the like, another server from AWS_ENDPOINT_URL"
	case !bucketForm.MatchString(bucket):
		v.Mistake("%s cannot be the name of a bucket", tomlfile.Quote(bucket)).Allowed = []string{"3 to 63 small letters, digits, \".\" or \"-\""}
	case prefix != "" && (slices.Contains(parts, "") || slices.Contains(parts, ".") || slices.Contains(parts, "..")):
		v.Mistake("the prefix %s has an empty part, \".\" or \"..\"", tomlfile.Quote(prefix)).Fix = "remove that part"
	case strings.ContainsFunc(prefix, func(r rune) bool { return r < ' ' || r == 0x7f || r == '#' || r == '\\' }):
		v.Mistake("the prefix %s holds a character that no address can", tomlfile.Quote(prefix))
	case prefix == "":
		return "s3://" + bucket, true
	default:
		return "s3://" + bucket + "/" + prefix, true
	}
	return "", false
}

// abs makes a path that is relative to the farm file's folder absolute.
func (p *parser) abs(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(p.f.Path), path)
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return filepath.Clean(path) // the working directory is gone: the path stays relative
}
