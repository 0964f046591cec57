package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/trtfarm/trtfarm/internal/farm"
)

// Events writes the events of a run as JSON lines. What trtexec prints is left
// out: it is kept with the record.
type Events struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewEvents returns Events that write to w.
func NewEvents(w io.Writer) *Events { return &Events{w: w} }

// Event writes e.
func (v *Events) Event(e farm.Event) {
	if e.Log != nil {
		return
	}
	line, err := json.Marshal(e)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		_, err = v.w.Write(append(line, '\n'))
	}
	if v.err == nil {
		v.err = err
	}
}

// Journal keeps the events of a run in a file. It is for people and reports,
// never for truth: losing it loses no record.
type Journal struct {
	Events
	file *os.File
}

// OpenJournal makes the journal file.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make journal: %w", err)
	}
	return &Journal{Events: Events{w: f}, file: f}, nil
}

// Close closes the file and returns the first error of writing it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.file.Close(); j.err == nil {
		j.err = err
	}
	return j.err
}
