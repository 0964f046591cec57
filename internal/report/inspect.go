package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/engine"
)

// Inspected is what is known of one file. What nobody knows is "", 0 or nil. The
// names of its JSON are part of the command line's contract.
type Inspected struct {
	Path          string           `json:"path"` // or address, without what may be secret in it
	Kind          engine.Kind      `json:"kind"`
	Size          int64            `json:"size"`
	MD5           string           `json:"md5"` // "" for a file that was not read whole
	SHA256        string           `json:"sha256"`
	TensorRT      string           `json:"tensorrt"`
	SM            string           `json:"sm"`
	Device        *engine.Device   `json:"device"`
	Container     string           `json:"container"`
	Serialization *int64           `json:"serialization"`
	Truncated     bool             `json:"truncated"`
	Damaged       bool             `json:"damaged"`
	Simulated     bool             `json:"simulated"`
	Notes         []string         `json:"notes"`
	Sections      []engine.Section `json:"sections,omitempty"`
	Leading       int64            `json:"leading_bytes,omitempty"`
	Trailing      int64            `json:"trailing_bytes,omitempty"`
	LoadsIn       []string         `json:"loads_in,omitempty"` // NGC images with the very TensorRT of a plan
	ONNX          *Model           `json:"onnx,omitempty"`
	Against       []Judged         `json:"against,omitempty"` // in the order of what was asked, best first within a list
}

// Judged is the answer for one place.
type Judged struct {
	Place   string         `json:"place"`
	Verdict compat.Verdict `json:"verdict"`
	Reasons []string       `json:"reasons"`
	Fix     string         `json:"fix"`             // "" when there is none
	Count   int            `json:"count,omitempty"` // GPUs of this kind there, where a list told
	List    string         `json:"list,omitempty"`  // what was asked, where that is a list of places
}

// NewInspected takes what the bytes of a file tell.
func NewInspected(path string, f engine.File) *Inspected {
	notes := append([]string{}, f.Notes...)
	return &Inspected{
		Path: path, Kind: f.Kind, Size: f.Size, TensorRT: f.TensorRT, SM: f.SM, Device: f.Device,
		Container: f.Container, Serialization: f.Serialization, Sections: f.Sections, Leading: f.Leading, Trailing: f.Trailing,
		Truncated: f.Truncated, Damaged: f.Damaged, Simulated: f.Simulated, Notes: notes,
	}
}

// InspectJSON writes files as one JSON document.
func InspectJSON(w io.Writer, files []*Inspected) error {
	if files == nil {
		files = []*Inspected{}
	}
	encode := json.NewEncoder(w)
	encode.SetEscapeHTML(false)
	encode.SetIndent("", "  ")
	return encode.Encode(files)
}

// Inspect writes one block about a file for people: what it is and what is wrong
// with it, what is known of it, and where it runs.
func Inspect(w io.Writer, f *Inspected) error {
	p := &page{w: w}
	p.title(f.Path)
	is, notes := headline(f), f.Notes
	// A note that says the same and more takes its place.
	if i := slices.IndexFunc(notes, func(n string) bool { return strings.HasPrefix(n, is) }); i >= 0 {
		is, notes = notes[i], slices.Delete(slices.Clone(notes), i, i+1)
	}
	p.sentences("is", []string{is})
	wrong := f.wrong()
	if wrong {
		p.sentences("", notes)
	}
	if f.Kind == engine.Plan {
		p.plan(f)
	}
	if f.ONNX != nil {
		p.model(f.ONNX)
	}
	p.line("size", sized(f.Size))
	if f.SHA256 != "" {
		p.line("SHA-256", f.SHA256)
		p.line("MD5", f.MD5)
	} else {
		p.line("SHA-256", "unknown, and so is MD5: the file is far away and was not read whole")
	}
	if !wrong {
		p.sentences("note", notes)
	}
	p.judged(f.Against)
	return p.err
}

// wrong reports whether the file is not what somebody would want it to be.
func (f *Inspected) wrong() bool {
	if f.ONNX != nil && slices.ContainsFunc(f.ONNX.External, func(e External) bool { return e.Present != nil && !*e.Present }) {
		return true
	}
	return f.Kind != engine.Plan && f.ONNX == nil || f.Truncated || f.Damaged || f.Simulated || f.Leading > 0 || f.Trailing > 0
}

// sized tells a size to the byte.
func sized(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%s (%d bytes)", Size(n), n)
}

func headline(f *Inspected) string {
	text := kinds[f.Kind]
	if text == "" {
		text = string(f.Kind)
	}
	for _, mark := range []struct {
		is   bool
		word string
	}{{f.Truncated, "TRUNCATED"}, {f.Damaged, "DAMAGED"}, {f.Simulated, "SIMULATED"}} {
		if mark.is {
			text += ", " + mark.word
		}
	}
	return text
}

// lines writes values under one name, each on a line of its own.
func (p *page) lines(name string, values []string) {
	for _, v := range values {
		p.line(name, oneLine.Replace(v))
		name = ""
	}
}

// sentences writes sentences under one name, on as many lines as they need.
func (p *page) sentences(name string, list []string) {
	for _, s := range list {
		p.lines(name, wrapped(s, pageWidth-nameWidth))
		name = ""
	}
}

const (
	pageWidth = 110
	nameWidth = 17 // what page.line puts before a value
)

// wrapped breaks a text into lines of at most width characters, but for words
// that are longer; lines after the first are indented.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), "  "+word
		}
	}
	return append(lines, line)
}

// text is the table as lines.
func (t Table) text() []string {
	var b strings.Builder
	_ = t.Write(&b) // a Builder takes everything
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
