package matrix

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

// maxWorkspaceMiB is a pebibyte; a greater size is a slip of the pen.
const maxWorkspaceMiB = 1 << 30

// maxTimeout is the longest time that one build may be given.
const maxTimeout = 7 * 24 * time.Hour

// within makes a reader of integers from lo to hi.
func within(lo, hi int64) func(*tomlfile.Value) (int, bool) {
	return func(v *tomlfile.Value) (int, bool) {
		n, ok := v.Int()
		if ok && (n < lo || n > hi) {
			v.Mistake("%s is %d", v.Path(), n).Allowed = []string{fmt.Sprintf("%d to %d", lo, hi)}
			return 0, false
		}
		return int(n), ok
	}
}

// duration reads a length of time such as "1h30m".
func duration(v *tomlfile.Value) (time.Duration, bool) {
	allowed := []string{"a number with a unit, such as \"90s\", \"30m\" or \"1h30m\""}
	if !v.IsText() { // quoting a bare number would not make it a time
		v.Mistake("%s must be a string", v.Path()).Allowed = allowed
		return 0, false
	}
	s, ok := v.Text()
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		m := v.Mistake("%s is not a length of time", tomlfile.Quote(s))
		m.Allowed = allowed
		if tight := strings.ReplaceAll(s, " ", ""); tight != s && isDuration(tight) {
			m.Fix = fmt.Sprintf("write %q", tight)
		}
		return 0, false
	case d <= 0 || d > maxTimeout:
		v.Mistake("%s is %s", v.Path(), d).Allowed = []string{fmt.Sprintf("more than nothing, at most %dh", int(maxTimeout.Hours()))}
		return 0, false
	}
	return d, true
}

func isDuration(s string) bool {
	_, err := time.ParseDuration(s)
	return err == nil
}

// mebibytes says how many MiB a unit of workspace is.
var mebibytes = map[string]float64{"KiB": 1.0 / 1024, "MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}

// workspace reads a size of memory: "4GiB", or an integer of MiB.
func workspace(v *tomlfile.Value) (int, bool) {
	if v.IsText() {
		return workspaceText(v)
	}
	if n, ok := v.Int(); ok {
		return mebibyteCount(v, float64(n))
	}
	return 0, false
}

func workspaceText(v *tomlfile.Value) (int, bool) {
	s, _ := v.Text()
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := s[len(number):]
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	scale, known := mebibytes[unit]
	if err != nil || !known || number != strings.TrimSpace(number) || strings.ContainsAny(number, "+_") {
		m := v.Mistake("%s is not a size of memory", tomlfile.Quote(s))
		m.Allowed = []string{`a number with KiB, MiB, GiB or TiB, such as "4GiB"`, "an integer of MiB"}
		if unit != "" && err == nil && strings.Trim(strings.TrimSpace(number), "0123456789.") == "" {
			if u := strings.ToUpper(unit[:1]) + "iB"; mebibytes[u] > 0 && len(unit) <= 3 {
				m.Fix = fmt.Sprintf("write %q", strings.TrimSpace(number)+u)
			}
		}
		return 0, false
	}
	return mebibyteCount(v, x*scale)
}

func mebibyteCount(v *tomlfile.Value, mib float64) (int, bool) {
	switch {
	case mib < 0 || mib > maxWorkspaceMiB || math.IsNaN(mib):
		v.Mistake("%s is %v MiB", v.Path(), mib).Allowed = []string{fmt.Sprintf("0 to %d MiB; 0 means no limit", maxWorkspaceMiB)}
		return 0, false
	case mib != math.Trunc(mib):
		v.Mistake("%s is %v MiB; trtexec takes whole MiB", v.Path(), mib)
		return 0, false
	}
	return int(mib), true
}

// gpuKey reads a key that is the name of a GPU.
func gpuKey(v *tomlfile.Value) (string, bool) {
	if g, ok := catalog.FindGPU(v.Name); ok {
		return g.Name, true
	}
	m := v.MistakeAtKey("gpu %s is not known", tomlfile.Quote(v.Name))
	m.Allowed = catalog.GPUNames()
	fixNearest(m, v.Name, m.Allowed)
	return "", false
}
