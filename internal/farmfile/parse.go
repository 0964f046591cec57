package farmfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// Parse reads the text of a farm file. path is where the file lies: messages
// call it so, and relative paths in it are relative to its folder. The error
// lists every mistake of the text, as diag.All gives them; no message repeats a
// secret that stands in the file.
func Parse(path string, src []byte) (*File, error) {
	doc, err := tomlfile.Parse(path, src)
	if err != nil {
		return nil, err
	}
	p := &parser{doc: doc, f: &File{Path: path, Mirrors: map[string]string{}}}
	doc.Root.Fields(
		tomlfile.Field{Name: "version", Read: version},
		tomlfile.Field{Name: "store", Read: func(v *tomlfile.Value) {
			v.Fields(tomlfile.Field{Name: "url", Read: tomlfile.Into(&p.f.StoreURL, p.storeURL)})
			if v.IsTable() && v.Get("url") == nil {
				v.Missing("url", `add url = "s3://bucket/prefix" or url = "file:./trtfarm-store"`)
			}
		}},
		tomlfile.Field{Name: "registry", Read: func(v *tomlfile.Value) {
			v.Fields(tomlfile.Field{Name: "mirrors", Read: p.readMirrors})
		}},
		tomlfile.Field{Name: "sign", Read: func(v *tomlfile.Value) {
			v.Fields(tomlfile.Field{Name: "key", Read: tomlfile.Into(&p.f.SignKey, p.signKey)})
		}},
		tomlfile.Field{Name: "runner", Read: p.readRunners},
	)
	if doc.Root.Get("version") == nil {
		doc.Root.Missing("version", "write version = 1 at the top of the file")
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return p.f, nil
}

type parser struct {
	doc *tomlfile.Doc
	f   *File
}

func version(v *tomlfile.Value) {
	if n, ok := v.Int(); ok && n != 1 {
		v.Mistake("version %d is not known to this trtfarm", n).Allowed = []string{"1"}
	}
}

// hostForm matches a registry: a name or an address, with or without a port.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?$`)

func (p *parser) readMirrors(v *tomlfile.Value) {
	entries, _ := v.Entries()
	for _, e := range entries {
		if !hostForm.MatchString(e.Name) {
			e.MistakeAtKey("%s is not the host of a registry", tomlfile.Quote(e.Name)).Allowed = []string{`a host with or without a port, such as "nvcr.io"`}
		}
		host, ok := e.Text()
		switch {
		case !ok:
		case hostForm.MatchString(host):
			p.f.Mirrors[e.Name] = host
		case strings.Contains(host, "@"):
			e.Secret()
			e.Mistake("the mirror of %s holds credentials", tomlfile.Quote(e.Name)).Fix = "remove them, and log in to the mirror with docker login"
		default:
			m := e.Mistake("%s is not the host of a registry", tomlfile.Quote(host))
			m.Allowed = []string{`a host with or without a port, such as "127.0.0.1:5000"`}
			if _, plain, ok := strings.Cut(host, "://"); ok && hostForm.MatchString(strings.TrimSuffix(plain, "/")) {
				m.Fix = "write \"" + strings.TrimSuffix(plain, "/") + "\""
			}
		}
	}
}

// variableForm matches the name of an environment variable.
var variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// signKey reads where the signing key is, and refuses the key itself.
func (p *parser) signKey(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	name, fromEnvironment := strings.CutPrefix(s, "env:")
	switch {
	case isKeyMaterial(name):
		v.Secret()
		v.Mistake("sign.key holds what looks like the key itself; everyone who reads this file could sign").Fix =
			`put the key into a file or an environment variable, name that (key = "env:TRTFARM_SIGNING_KEY"), and make a new key: this one is no longer secret`
		return "", false
	case fromEnvironment && variableForm.MatchString(name):
		return s, true
	case fromEnvironment || s == "":
		v.Mistake("sign.key is %s", tomlfile.Quote(s)).Allowed = []string{`"env:" and the name of an environment variable`, "the path of a key file"}
		return "", false
	}
	return p.abs(s), true
}

// Keys in the forms in which people paste them: hexadecimal and base64.
var (
	hexKey    = regexp.MustCompile(`^[0-9A-Fa-f]{64,}$`)
	base64Key = regexp.MustCompile(`^[A-Za-z0-9+/_-]{40,}={0,2}$`)
)

// isKeyMaterial tells a key from a path or a name. Paths of forty characters
// exist too, so what looks like base64 must end as base64 does, or have a long
// part of mixed letters and digits as no file name has.
func isKeyMaterial(s string) bool {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "-----BEGIN") || strings.ContainsRune(s, '\n') || hexKey.MatchString(s) {
		return true
	}
	if !base64Key.MatchString(s) || strings.HasPrefix(s, "/") {
		return false
	}
	return strings.HasSuffix(s, "=") || slices.ContainsFunc(strings.Split(s, "/"), func(part string) bool {
		return len(part) >= 20 && strings.ContainsFunc(part, isUpper) && strings.ContainsFunc(part, isLower) && strings.ContainsFunc(part, isDigit)
	})
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }
func isLower(r rune) bool { return 'a' <= r && r <= 'z' }
func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// isSafeName reports whether a runner's name can stand in file names and
// container labels.
func isSafeName(s string) bool {
	return nameForm.MatchString(s)
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// names lists the keys of a table that are there, in the given order.
func names(v *tomlfile.Value, keys ...string) []string {
	return slices.DeleteFunc(keys, func(k string) bool { return v.Get(k) == nil })
}
