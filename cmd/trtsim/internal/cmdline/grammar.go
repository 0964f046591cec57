// Package cmdline reads trtexec's command line as one TensorRT release reads it:
// which flags exist, what their values mean, and what is said about mistakes.
package cmdline

import (
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// token is one argument, split at its first '='.
type token struct {
	name, value string
	used        bool
}

func split(args []string) []token {
	out := make([]token, len(args))
	for i, a := range args {
		name, value, _ := strings.Cut(a, "=")
		out[i] = token{name: name, value: value}
	}
	return out
}

// accepts reports whether a release's trtexec knows a flag.
func accepts(flag string, v catalog.Version) bool {
	s, _ := catalog.FlagSupport(flag, v)
	return s == catalog.Yes || s == catalog.Deprecated
}

// arguments hands out the tokens of one command line. What nobody asked for
// stays behind and is an unknown option.
type arguments struct {
	version catalog.Version
	tokens  []token
}

// take removes the first occurrence of a flag that the release knows.
func (a *arguments) take(flag string) (string, bool) {
	if !accepts(flag, a.version) {
		return "", false
	}
	for i := range a.tokens {
		t := &a.tokens[i]
		if !t.used && t.name == flag {
			t.used = true
			return t.value, true
		}
	}
	return "", false
}

// takeAll removes every occurrence of a repeatable flag.
func (a *arguments) takeAll(flags ...string) []string {
	var out []string
	for i := range a.tokens {
		t := &a.tokens[i]
		if !t.used && slices.Contains(flags, t.name) && accepts(t.name, a.version) {
			t.used = true
			out = append(out, t.value)
		}
	}
	return out
}

// count is how often a flag that the release knows is still there.
func (a *arguments) count(flag string) int {
	n := 0
	for _, t := range a.tokens {
		if !t.used && t.name == flag && accepts(flag, a.version) {
			n++
		}
	}
	return n
}

// given reports whether a flag that the release knows is on the command line,
// taken or not.
func (a *arguments) given(flag string) bool {
	return accepts(flag, a.version) && slices.ContainsFunc(a.tokens, func(t token) bool { return t.name == flag })
}

// rest removes the first occurrence of every other flag that the release knows,
// and returns the tokens that nobody wanted, as trtexec prints them.
func (a *arguments) rest() (unknown []string) {
	seen := map[string]bool{}
	for i := range a.tokens {
		t := &a.tokens[i]
		switch {
		case t.used:
			seen[t.name] = true
		case accepts(t.name, a.version) && !seen[t.name]:
			t.used, seen[t.name] = true, true
		default:
			unknown = append(unknown, t.name+" "+t.value)
		}
	}
	return unknown
}
