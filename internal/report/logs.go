package report

import (
	"bufio"
	"os"
	"path/filepath"
	"sync"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// Logs keeps what trtexec prints, one file for each command of a cell, until the
// cell is published: from then on the logs are with its record. Of a cell that
// was tried several times, the last try stays. Keeping logs is a courtesy, so an
// error of the disk ends the keeping and nothing else.
type Logs struct {
	folder string

	mu    sync.Mutex
	cells map[string]*cellLogs
}

// cellLogs are the logs of one try of a cell.
type cellLogs struct {
	root    string // of all logs
	folder  string // below root
	attempt int
	command string // whose log is open
	file    *os.File
	w       *bufio.Writer
	lost    bool // the disk does not take them
}

// NewLogs returns Logs that keep everything below folder, which is made when
// there is something to keep.
func NewLogs(folder string) *Logs { return &Logs{folder: folder, cells: map[string]*cellLogs{}} }

// Event keeps the line in e, and takes note of how cells end.
func (l *Logs) Event(e farm.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cells[e.Cell]
	switch {
	case e.Log != nil && filepath.IsLocal(filepath.FromSlash(e.Cell)):
		if c == nil {
			c = &cellLogs{root: l.folder, folder: filepath.Join(l.folder, filepath.FromSlash(e.Cell)), attempt: e.Attempt}
			l.cells[e.Cell] = c
		}
		c.line(e.Attempt, e.Log.Command, e.Log.Text)
	case c == nil:
	case e.State == farm.Published:
		c.remove()
		delete(l.cells, e.Cell)
	case e.State.Final():
		c.end()
	}
}

// Of returns the folder with the logs of a cell that has ended, or "" when there
// are none.
func (l *Logs) Of(cell string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.cells[cell]; c != nil && !c.lost {
		return c.folder
	}
	return ""
}

// Close removes the folder when nothing was kept.
func (l *Logs) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cells {
		c.end()
	}
	_ = os.Remove(l.folder) // refused when something is in it, or when it was never made
}

// line writes one line of a command of a try.
func (c *cellLogs) line(attempt int, command, text string) {
	if attempt != c.attempt {
		c.remove()
		*c = cellLogs{root: c.root, folder: c.folder, attempt: attempt}
	}
	if c.lost {
		return
	}
	if command != c.command || c.file == nil {
		c.end()
		c.command = command
		c.open()
	}
	if c.lost {
		return
	}
	if _, err := c.w.WriteString(text + "\n"); err != nil {
		c.lost = true
	}
}

// open makes the file for the command's log.
func (c *cellLogs) open() {
	name := c.command
	if name != "build" {
		name = "verify-" + plan.CaseFolder(name)
	}
	err := os.MkdirAll(c.folder, 0o755)
	if err == nil {
		c.file, err = os.Create(filepath.Join(c.folder, name+".log"))
	}
	if err != nil {
		c.lost = true
		return
	}
	c.w = bufio.NewWriter(c.file)
}

// end closes the open file.
func (c *cellLogs) end() {
	if c.file == nil {
		return
	}
	if c.w.Flush() != nil {
		c.lost = true
	}
	if c.file.Close() != nil {
		c.lost = true
	}
	c.file = nil
}

// remove deletes what was kept, and the folders above that are empty now.
func (c *cellLogs) remove() {
	c.end()
	_ = os.RemoveAll(c.folder)
	for dir := filepath.Dir(c.folder); dir != c.root && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
}
