package builder

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// decode feeds data in pieces of n bytes and returns the events.
func decode(data []byte, n int) ([]Event, error) {
	var events []Event
	l := &eventLines{handle: func(e Event) { events = append(events, e) }}
	for len(data) > 0 {
		k := min(n, len(data))
		if _, err := l.Write(data[:k]); err != nil {
			return events, err
		}
		data = data[k:]
	}
	l.end()
	return events, l.err
}

func TestEventLines(t *testing.T) {
	agent := func(text string) Event { return Event{Log: &LogLine{Command: "agent", Stream: "stdout", Text: text}} }
	for name, tc := range map[string]struct {
		data string
		want []Event
	}{
		"a note":                     {`{"note":"n"}` + "\n", []Event{{Note: "n"}}},
		"a line of a log":            {`{"log":{"command":"build","stream":"stderr","text":"t"}}` + "\n", []Event{{Log: &LogLine{"build", "stderr", "t"}}}},
		"a result":                   {`{"result":{"error":{"kind":"store","message":"m"}}}` + "\n", []Event{{Result: &Result{Error: &TaskError{"store", "m"}}}}},
		"blank lines between":        {"\n \r\n" + `{"note":"n"}` + "\n\n", []Event{{Note: "n"}}},
		"what is no event is a line": {"panic: oh\n" + `{"note":"n"}` + "\n", []Event{agent("panic: oh"), {Note: "n"}}},
		"an event that says nothing": {"{}\nnull\n", []Event{agent("{}"), agent("null")}},
		"a line without its end":     {`{"note":"n"}`, []Event{{Note: "n"}}},
		"an event cut short":         {`{"note":"n`, []Event{agent(`{"note":"n`)}},
		"bytes that are no text":     {"\xff\n", []Event{agent("\uFFFD")}},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= len(tc.data); n++ {
				got, err := decode([]byte(tc.data), n)
				if err != nil || !reflect.DeepEqual(got, tc.want) {
					t.Fatalf("in pieces of %d: %+v, %v\nwant %+v", n, got, err, tc.want)
				}
			}
		})
	}
}

func TestALineWithoutEndIsCutOff(t *testing.T) {
	var events int
	l := &eventLines{handle: func(Event) { events++ }}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = l.Write(piece)
	}
	l.end()
	if err == nil || l.err == nil || !strings.Contains(l.err.Error(), "16 MiB") || events > 0 || len(l.part) > maxEvent+len(piece) {
		t.Errorf("%v, %d events, %d bytes held", err, events, len(l.part))
	}
}

func TestTheLastBytesOfStderrAreKept(t *testing.T) {
	k := &tail{limit: 8}
	for _, s := range []string{"abc", "defghijk", "lm\n"} {
		if n, err := k.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if k.String() != "ghijklm" {
		t.Errorf("kept %q", k.String())
	}
}

func FuzzEventLines(f *testing.F) {
	f.Add([]byte(`{"log":{"command":"build","stream":"stdout","text":"[I] x"}}`+"\n"+`{"note":"fetch"}`+"\n"+`{"result":{"commands":[{"name":"build","exit":0,"seconds":1}]}}`+"\n"), 3)
	f.Add([]byte("panic: runtime error\n\ngoroutine 1 [running]:\n{}"), 1)
	f.Add([]byte(`{"note":"`), 2)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 1 {
			n = 1
		}
		whole, err := decode(data, len(data)+1)
		if err != nil {
			t.Skip("a line that is too long")
		}
		pieces, err := decode(data, n)
		if err != nil || !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("in pieces of %d: %+v, %v\nat once %+v", n, pieces, err, whole)
		}
		lines := 0
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if len(whole) != lines {
			t.Errorf("%d events of %d lines", len(whole), lines)
		}
		for _, e := range whole {
			if _, err := json.Marshal(e); err != nil || e == (Event{}) {
				t.Errorf("event %+v: %v", e, err)
			}
		}
	})
}
