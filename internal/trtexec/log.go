package trtexec

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// Bounds of what ReadLog keeps.
const (
	longestLine = 64 << 10 // bytes that are looked at
	longestText = 4 << 10  // bytes of a kept line
	mostLines   = 100      // of each list
)

// ReadLog reads what one run of trtexec printed, both streams together, in
// constant memory. Of lines over 64 KiB it sees the beginning. What it does not
// know it passes over; it returns an error, and what it has seen so far, only
// when reading fails.
func ReadLog(r io.Reader) (Log, error) {
	in := bufio.NewReaderSize(r, longestLine)
	reader := logReader{}
	for {
		bytes, more, err := in.ReadLine()
		line := string(bytes) // before the next read takes its place
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
		if line != "" || err == nil {
			reader.line(line)
		}
		switch err {
		case nil:
		case io.EOF:
			return reader.log, nil
		default:
			return reader.log, fmt.Errorf("read log: %w", err)
		}
	}
}

// logReader takes a log line by line.
type logReader struct {
	log Log
	n   int // lines so far
}

// line takes one line. A carriage return begins it anew, as progress bars do; what
// stood there before counts, too.
func (l *logReader) line(line string) {
	l.n++
	for part := range strings.SplitSeq(withoutColour(line), "\r") {
		l.part(part)
	}
}

// withoutColour takes the control sequences of terminals (ECMA-48: CSI, parameters
// and one final byte) out of a line.
func withoutColour(line string) string {
	const csi = "\x1b["
	before, rest, found := strings.Cut(line, csi)
	if !found {
		return line
	}
	var b strings.Builder
	for ; found; before, rest, found = strings.Cut(rest, csi) {
		b.WriteString(before)
		end := strings.IndexFunc(rest, func(r rune) bool { return r < ' ' || r > '?' })
		if end < 0 {
			return b.String()
		}
		if final := rest[end]; final >= '@' && final <= '~' {
			end++
		}
		rest = rest[end:]
	}
	b.WriteString(before)
	return b.String()
}

func (l *logReader) part(line string) {
	if status, ok := strings.CutPrefix(line, "&&&& "); ok {
		l.banner(status)
		return
	}
	severity, text := splitLine(line)
	if strings.Contains(text, simulatedMark) {
		l.log.Simulated = true
	}
	if provesFailure(severity, text) {
		l.keep(&l.log.Failures, text)
	}
	switch {
	case severity == 'E' || severity == 'F' || severity == 0 && hasPrefix(text, bareFailures):
		l.keep(&l.log.Errors, text)
	case severity == 'W':
		l.forced(text)
	case severity == 'I':
		l.fact(text)
	}
}

// simulatedMark is in a line of every run of the simulator.
const simulatedMark = "simulated: true"

func (l *logReader) keep(list *[]Line, text string) {
	if len(*list) < mostLines {
		*list = append(*list, Line{N: l.n, Text: clean(text)})
	}
}

// clean makes a text of a log fit for JSON and short enough to keep.
func clean(text string) string {
	if len(text) > longestText {
		text = text[:longestText]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// banner reads "RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec ...", to which
// TensorRT 7 gives no version. What follows the "#" is not escaped and may hold
// anything.
func (l *logReader) banner(line string) {
	status, rest, ok := strings.Cut(line, " TensorRT.trtexec ")
	if !ok || !strings.HasPrefix(rest, "[") && !strings.HasPrefix(rest, "# ") {
		return
	}
	switch status {
	case "PASSED", "FAILED", "WAIVED":
		l.log.Status = status
	case "RUNNING":
		l.log.Status = ""
	default:
		return
	}
	text, _, _ := strings.Cut(rest, "] #")
	if v, ok := ParseBanner(strings.TrimPrefix(text, "[")); ok {
		l.version(v)
	}
}

// version keeps the more telling one of two sources that agree, and the later
// one of two that do not.
func (l *logReader) version(v catalog.Version) {
	known, err := catalog.ParseVersion(l.log.TensorRT)
	if err == nil && known.Agrees(v) && known.Build >= 0 {
		return
	}
	l.log.TensorRT = v.String()
}

// splitLine takes the time, the severity (V, I, W, E, F, or 0) and the
// library's mark off a line. The Python logger writes the mark first.
func splitLine(line string) (severity byte, text string) {
	const stamp = "[01/02/2006-15:04:05] "
	if len(line) >= len(stamp) && line[0] == '[' {
		if _, err := time.Parse(stamp, line[:len(stamp)]); err == nil {
			line = line[len(stamp):]
		}
	}
	line = strings.TrimPrefix(line, "[TRT] ")
	if len(line) >= 3 && line[0] == '[' && line[2] == ']' && strings.IndexByte("VIWEF", line[1]) >= 0 {
		severity, line = line[1], strings.TrimPrefix(line[3:], " ")
	}
	return severity, strings.TrimPrefix(line, "[TRT] ")
}

// forced notes inputs whose dimensions trtexec made up. The second text runs
// into the next one without a space.
func (l *logReader) forced(text string) {
	name, ok := strings.CutPrefix(text, "Dynamic dimensions required for input: ")
	if ok {
		name, _, ok = strings.Cut(name, ", but no shapes were provided")
	} else if name, ok = strings.CutPrefix(text, "Shape missing for input with dynamic shape: "); ok {
		name, _, ok = strings.Cut(name, "Automatically setting shape to:")
	}
	name = clean(strings.TrimSpace(name))
	if ok && len(l.log.Forced) < mostLines && !slices.Contains(l.log.Forced, name) {
		l.log.Forced = append(l.log.Forced, name)
	}
}

// OK says whether a run did what it was started for, and if not, why: it ended
// with exit code 0 and a PASSED line, said nothing that proves failure whatever
// the trailer, and, for a run of inference, loaded its engine. A build that is
// OK may still have written no engine: look at the file as well.
func (l Log) OK(exit int, inference bool) (bool, string) {
	switch {
	case len(l.Failures) > 0:
		return false, fmt.Sprintf("trtexec reported %q (%s)", l.Failures[0].Text, exitText(exit))
	case exit != 0 && len(l.Errors) > 0:
		return false, fmt.Sprintf("trtexec reported %q (%s)", l.Errors[0].Text, exitText(exit))
	case exit != 0:
		return false, "trtexec ended with " + exitText(exit)
	case l.Status == "":
		return false, "trtexec ended with exit code 0 but without a PASSED line"
	case l.Status != "PASSED":
		return false, "trtexec ended with exit code 0 but said " + l.Status
	case inference && l.Skipped:
		return false, "trtexec loaded the engine and skipped the inference"
	case inference && !l.Deserialized:
		return false, "trtexec never said that it loaded the engine"
	}
	return true, ""
}

// exitText names the exit codes that say more than their number: 128 and the
// number of the signal that ended the program.
func exitText(exit int) string {
	text := "exit code " + strconv.Itoa(exit)
	switch exit {
	case 132:
		return text + ", it crashed (SIGILL)"
	case 134:
		return text + ", it aborted (SIGABRT)"
	case 135:
		return text + ", it crashed (SIGBUS)"
	case 136:
		return text + ", it crashed (SIGFPE)"
	case 137:
		return text + ", it was killed from outside (SIGKILL)"
	case 139:
		return text + ", it crashed (SIGSEGV)"
	case 143:
		return text + ", it was told to stop (SIGTERM)"
	}
	return text
}
