package builder

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/trtexec"
)

const (
	maxLine = 64 << 10  // longer lines are cut into several
	maxLog  = 256 << 20 // a log beyond this is cut: it is a runaway program, not information
)

// capture takes both streams of a program line by line, in the order of their
// arrival, to a log file, to events, and to trtexec's reader.
type capture struct {
	name    string
	emit    func(Event)
	mu      sync.Mutex
	log     *os.File
	written int64
	err     error // the first error of writing the log
	reader  *io.PipeWriter
	parsed  chan trtexec.Log
	streams []*lines
}

func newCapture(name string, log *os.File, emit func(Event)) *capture {
	pr, pw := io.Pipe()
	c := &capture{name: name, emit: emit, log: log, reader: pw, parsed: make(chan trtexec.Log, 1)}
	go func() {
		parsed, _ := trtexec.ReadLog(bufio.NewReader(pr)) // a pipe of ours: reading it does not fail
		_, _ = io.Copy(io.Discard, pr)
		c.parsed <- parsed
	}()
	return c
}

func (c *capture) stream(name string) io.Writer {
	l := &lines{capture: c, stream: name}
	c.streams = append(c.streams, l)
	return l
}

func (c *capture) line(stream, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text = strings.ToValidUTF8(strings.TrimSuffix(text, "\r"), "\uFFFD")
	fmt.Fprintln(c.reader, text) // of a log that is too long, too: its end says how it ended
	if c.written > maxLog {
		return
	}
	if c.written += int64(len(text)) + 1; c.written > maxLog {
		text = fmt.Sprintf("trtfarm: the log is longer than %d MiB; the rest is not kept", maxLog>>20)
	}
	if _, err := fmt.Fprintln(c.log, text); c.err == nil {
		c.err = err
	}
	c.emit(Event{Log: &LogLine{Command: c.name, Stream: stream, Text: text}})
}

// close ends unfinished lines and returns what trtexec's reader understood.
func (c *capture) close() trtexec.Log {
	for _, l := range c.streams {
		l.flush()
	}
	c.reader.Close()
	return <-c.parsed
}

// lines splits one stream into lines.
type lines struct {
	capture *capture
	stream  string
	mu      sync.Mutex
	part    []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range p {
		if b == '\n' {
			l.capture.line(l.stream, string(l.part))
			l.part = l.part[:0]
			continue
		}
		if l.part = append(l.part, b); len(l.part) >= maxLine {
			whole := len(l.part) - unfinished(l.part)
			l.capture.line(l.stream, string(l.part[:whole]))
			l.part = append(l.part[:0], l.part[whole:]...)
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.capture.line(l.stream, string(l.part))
		l.part = nil
	}
}

// unfinished is how many bytes at the end of b begin a character that b does not
// hold whole.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
