package tomlfile

import (
	"regexp"
	"strings"
)

// userinfo matches the name and password in an address.
var userinfo = regexp.MustCompile(`//([^/\s@]*:[^\s@]+)@`)

// Secret says that a value must not be seen: no quoted line shows it.
func (v *Value) Secret() { v.doc.hide = append(v.doc.hide, v.span) }

// shown returns a line as a message may quote it: passwords and secrets are
// covered, character by character, so that places stay right.
func (d *Doc) shown(line int) string {
	text := d.text.line(line)
	if text == "" {
		return ""
	}
	start := d.text.lines[line-1]
	hide := d.hide
	for _, m := range userinfo.FindAllStringSubmatchIndex(text, -1) {
		hide = append(hide[:len(hide):len(hide)], span{start + m[2], start + m[3]})
	}
	if len(hide) == 0 {
		return text
	}
	covered := make([]bool, len(text))
	for _, h := range hide {
		for i := max(h.start, start); i < min(h.end, start+len(text)); i++ {
			covered[i-start] = true
		}
	}
	var b strings.Builder
	for i, r := range text {
		if covered[i] {
			r = '*'
		}
		b.WriteRune(r)
	}
	return b.String()
}
