package diagnose_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/trtfarm/trtfarm/internal/diagnose"
)

// logs returns the known logs by "label: what it shows".
func logs(t testing.TB) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "logs.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) < 40 {
		t.Fatalf("only %d logs in testdata", len(archive.Files))
	}
	m := map[string]string{}
	for _, f := range archive.Files {
		if m[f.Name] != "" {
			t.Fatalf("two logs are called %q", f.Name)
		}
		m[f.Name] = string(f.Data)
	}
	return m
}

func verdict(t testing.TB, log string) diagnose.Verdict {
	t.Helper()
	v, err := diagnose.Log(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// disguises are what programs do to the lines of a log on its way to a person.
var disguises = map[string]func(string) string{
	"as it is":               func(s string) string { return s },
	"with CRLF":              func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"without a last newline": func(s string) string { return strings.TrimSuffix(s, "\n") },
	"in colour":              func(s string) string { return eachLine(s, "\x1b[1;31m", "\x1b[0m") },
	"in odd colours": func(s string) string {
		return strings.ReplaceAll(s, "i", "\x1b[38;5;9mi\x1b[0m")
	},
	"with a title sequence": func(s string) string { return "\x1b]0;build\a" + s },
	"from docker compose":   func(s string) string { return eachLine(s, "build-1  | ", "") },
	"from Kubernetes":       func(s string) string { return eachLine(s, "2026-11-23T09:00:00.123456789Z stderr F ", "") },
	"in UTF-16":             func(s string) string { return "\xff\xfe" + utf16le(s) },
	"after an hour of output": func(s string) string {
		return strings.Repeat("[11/23/2026-08:00:00] [V] [TRT] Tactic: 0x1 Time: 0.1\n", 20000) + s
	},
}

func eachLine(s, before, after string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := range lines {
		lines[i] = before + lines[i] + after
	}
	return strings.Join(lines, "\n") + "\n"
}

func utf16le(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

func TestKnownLogs(t *testing.T) {
	for name, log := range logs(t) {
		t.Run(name, func(t *testing.T) {
			want, _, _ := strings.Cut(name, ":")
			v := verdict(t, log)
			if v.Cause != want {
				t.Fatalf("cause %s (also %v), want %s\nevidence %v", v.Cause, v.Also, want, v.Evidence)
			}
			if v.Why == "" || v.Evidence == nil || v.Fix == nil || v.Also == nil {
				t.Errorf("verdict %+v has a gap", v)
			}
			if want != "none" && (len(v.Evidence) == 0 || len(v.Fix) == 0) {
				t.Errorf("verdict %+v has no evidence or no fix", v)
			}
			if v.Confidence <= 0 || v.Confidence > 1 || slices.Contains(v.Also, v.Cause) {
				t.Errorf("confidence %v, also %v", v.Confidence, v.Also)
			}
		})
	}
}

func TestDisguisesChangeNothing(t *testing.T) {
	for name, log := range logs(t) {
		if strings.Contains(name, "Docker") || strings.Contains(name, "wrapped") || strings.ContainsFunc(log, func(c rune) bool { return c > 127 }) {
			continue // prefixes would part what the log itself wraps
		}
		for how, disguise := range disguises {
			want, _, _ := strings.Cut(name, ":")
			if v := verdict(t, disguise(log)); v.Cause != want {
				t.Errorf("%s, %s: cause %s (also %v)", name, how, v.Cause, v.Also)
			}
		}
	}
}

func TestBothSidesOfAMismatchAreNamed(t *testing.T) {
	for log, want := range map[string]string{
		"expecting library version 10.3.0.26 got 8.6.1.6, please rebuild.":                         "written by TensorRT 8.6.1.6, and TensorRT 10.3.0.26 loads it",
		"Note: Current Version: 213, Serialized Engine Version: 205) Version tag does not match":   "has serialization version 205, and the TensorRT that loads it has 213",
		"generated on an incompatible device, expecting compute 5.3 got compute 6.1, please redo.": "built for compute capability 6.1, and the GPU present has 5.3",
	} {
		if v := verdict(t, log); !strings.Contains(v.Why, want) {
			t.Errorf("why %q, want %q in it", v.Why, want)
		}
	}
}

func TestTheFirstOfEqualCausesWins(t *testing.T) {
	a, b := "[E] Unknown option: --workspace\n", "permission denied: /out\n"
	if v := verdict(t, a+b); v.Cause != "trtexec-usage" || !slices.Equal(v.Also, []string{"permission"}) {
		t.Errorf("cause %s, also %v", v.Cause, v.Also)
	}
	if v := verdict(t, b+a); v.Cause != "permission" || !slices.Equal(v.Also, []string{"trtexec-usage"}) {
		t.Errorf("cause %s, also %v", v.Cause, v.Also)
	}
}

func TestALaterSuccessDoesNotHideAFailure(t *testing.T) {
	log := "&&&& RUNNING a\n[E] Unknown option: --x\n&&&& FAILED a\n&&&& RUNNING b\n[E] permission denied\n&&&& PASSED b\n"
	if v := verdict(t, log); v.Cause != "trtexec-usage" || len(v.Also) != 0 {
		t.Errorf("cause %s, also %v, want trtexec-usage alone", v.Cause, v.Also)
	}
}

func TestPartsOfAPhraseStandTogether(t *testing.T) {
	for filler, want := range map[string]string{"\n[TRT]   the network has ": "other", strings.Repeat("\nanother line", 60): "none"} {
		if v := verdict(t, "module tensorrt"+filler+"has no attribute"); v.Cause != want || want == "other" && v.Confidence < 0.5 {
			t.Errorf("with %d characters between: %s, %v, want %s", len(filler), v.Cause, v.Confidence, want)
		}
	}
}

func TestEvidenceIsWhereItSays(t *testing.T) {
	log := "fine\n\n\x1b[31m[E] Unknown option: --x\x1b[0m\r\nlast"
	v := verdict(t, log)
	want := []diagnose.Evidence{{Line: 3, Text: "\x1b[31m[E] Unknown option: --x\x1b[0m"}}
	if !slices.Equal(v.Evidence, want) {
		t.Errorf("evidence %v, want %v", v.Evidence, want)
	}
}

func TestLongLinesAreSearchedAndCut(t *testing.T) {
	long := "é" + strings.Repeat("x", 200<<10) + " Unknown option: --x " + strings.Repeat("é", 100<<10)
	v := verdict(t, "first\n"+long+"\nthird\n")
	if v.Cause != "trtexec-usage" || len(v.Evidence) != 1 || v.Evidence[0].Line != 2 {
		t.Fatalf("%s %v", v.Cause, len(v.Evidence))
	}
	if text := v.Evidence[0].Text; len(text) > 4<<10 || !utf8.ValidString(text) || !strings.HasPrefix(long, text) {
		t.Errorf("evidence of %d bytes is no beginning of its line", len(text))
	}
}

func TestErrorsOfReadingAreReturned(t *testing.T) {
	broken := errors.New("disk")
	if _, err := diagnose.Log(io.MultiReader(strings.NewReader("x\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestReadsOfAnySizeAgree(t *testing.T) {
	for name, log := range logs(t) {
		v, err := diagnose.Log(iotest.OneByteReader(strings.NewReader(log)))
		if want, _, _ := strings.Cut(name, ":"); err != nil || v.Cause != want {
			t.Errorf("%s, byte by byte: %s, %v", name, v.Cause, err)
		}
	}
}

func FuzzLog(f *testing.F) {
	for _, log := range logs(f) {
		f.Add(log)
	}
	f.Add("\x1b[31mUnknown option: --x\x1b")
	f.Add("&&&& PASSED\n&&&& RUNNING\n&&&& PASSED")
	f.Fuzz(func(t *testing.T, log string) {
		v, err := diagnose.Log(strings.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(log, "\n")
		for i, e := range v.Evidence {
			if e.Line < 1 || e.Line > len(lines) || !strings.HasPrefix(lines[e.Line-1], e.Text) {
				t.Errorf("evidence %q is not line %d of the log", e.Text, e.Line)
			}
			if i > 0 && v.Evidence[i-1].Line > e.Line {
				t.Errorf("evidence is out of order: %v", v.Evidence)
			}
		}
		if (v.Cause == "none") != (len(v.Evidence) == 0) || len(v.Evidence) > 5 || v.Why == "" || slices.Contains(v.Also, v.Cause) {
			t.Errorf("verdict %+v", v)
		}
		again, err := diagnose.Log(strings.NewReader(strings.ReplaceAll(log, "\n", "\r\n")))
		if err != nil || again.Cause != v.Cause {
			t.Errorf("cause %s with LF, %s with CRLF, %v", v.Cause, again.Cause, err)
		}
	})
}

func BenchmarkLog(b *testing.B) {
	src, err := os.ReadFile(filepath.Join("testdata", "logs.txtar"))
	if err != nil {
		b.Fatal(err)
	}
	noise := strings.Repeat("[11/23/2026-08:00:00] [V] [TRT] Tactic: 0x0000000000000001 Time: 0.0123456\n", 100)
	log := strings.Repeat(noise+string(src), 50)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		if _, err := diagnose.Log(strings.NewReader(log)); err != nil {
			b.Fatal(err)
		}
	}
}
