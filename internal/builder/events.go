package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxEvent bounds one event. Log lines are cut at 64 KiB; a result holds at most
// a hundred error lines per command.
const maxEvent = 16 << 20

// eventLines decodes the agent's standard output, one event for each line that
// is not blank. Lines that are no events, such as a crash message of the runtime,
// are passed on as log lines.
type eventLines struct {
	handle func(Event)
	part   []byte
	err    error
}

func (l *eventLines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		l.part = append(l.part, line...)
		if len(l.part) > maxEvent {
			l.err = fmt.Errorf("the step printed a line of more than %d MiB", maxEvent>>20)
			return 0, l.err
		}
		if whole {
			l.event(l.part)
			l.part = l.part[:0]
		}
		rest = after
	}
	return len(p), nil
}

func (l *eventLines) event(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	var e Event
	if err := json.Unmarshal(line, &e); err != nil || e == (Event{}) {
		e = Event{Log: &LogLine{Command: "agent", Stream: "stdout", Text: strings.ToValidUTF8(string(line), "\uFFFD")}}
	}
	l.handle(e)
}

// end takes a last line that was cut off before its end.
func (l *eventLines) end() {
	if l.err == nil {
		l.event(l.part)
	}
	l.part = nil
}

// tail keeps the last bytes that were written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(bytes.TrimSpace(t.kept)) }
