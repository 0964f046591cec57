package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// logger prints as trtexec does: information to stdout, warnings and errors to
// stderr, each line behind local time and severity.
type logger struct {
	out, errs io.Writer
	now       func() time.Time
	verbose   bool
}

func (l *logger) line(w io.Writer, severity, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(w, "[%s] [%s] %s\n", l.now().Format("01/02/2006-15:04:05"), severity, text)
}

func (l *logger) info(format string, args ...any) { l.line(l.out, "I", format, args...) }
func (l *logger) warn(format string, args ...any) { l.line(l.errs, "W", format, args...) }
func (l *logger) fail(format string, args ...any) { l.line(l.errs, "E", format, args...) }

func (l *logger) detail(format string, args ...any) {
	if l.verbose {
		l.line(l.out, "V", format, args...)
	}
}

// The library's own messages carry a mark.

func (l *logger) libInfo(format string, args ...any) { l.info("[TRT] "+format, args...) }
func (l *logger) libWarn(format string, args ...any) { l.warn("[TRT] "+format, args...) }
func (l *logger) libFail(format string, args ...any) { l.fail("[TRT] "+format, args...) }

// record prints an error as the recorder does: its code, then the message.
func (l *logger) record(code int, format string, args ...any) {
	l.fail("Error[%d]: %s", code, fmt.Sprintf(format, args...))
}

// bare prints a line without a prefix to stderr, as CUDA checks and assertions do.
func (l *logger) bare(format string, args ...any) { fmt.Fprintf(l.errs, format+"\n", args...) }

// number prints a float as C++ streams do: six significant digits.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

// seconds prints a duration in seconds.
func seconds(d time.Duration) string { return number(d.Seconds()) }

// mib prints a size in MiB.
func mib(bytes int64) string { return number(float64(bytes) / (1 << 20)) }

// banner prints the line that opens or closes a run.
func (l *logger) banner(status string, v catalog.Version, args []string) {
	n := v.Major*1000 + v.Minor*100 + max(v.Patch, 0)
	if v.Major >= 10 {
		n = v.Major*10000 + v.Minor*100 + max(v.Patch, 0)
	}
	build := ""
	if v.AtLeast(10, 4) {
		build = fmt.Sprintf(" [b%d]", max(v.Build, 0))
	}
	fmt.Fprintf(l.out, "&&&& %s TensorRT.trtexec [TensorRT v%d]%s # %s\n", status, n, build, strings.Join(args, " "))
}

// shortVersion is a version as trtexec prints it: three numbers.
func shortVersion(v catalog.Version) string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, max(v.Patch, 0))
}
