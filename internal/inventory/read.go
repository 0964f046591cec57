package inventory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// A format is one kind of list. Its reader gets the text from the line on that
// starts says is its first.
type format struct {
	starts func(line string) bool
	read   func(source) ([]GPU, error)
}

var formats = []format{
	{startsJSON, readNodes},
	{startsXML, readXML},
	{startsList, readList},
	{startsLog, readLog},
	{startsCSV, readCSV},
	{startsTable, readTable},
}

// maxLead bounds how many lines may stand before a list: warnings of kubectl,
// the date that nvidia-smi prints, a shell's greeting.
const maxLead = 100

// A source is text from some line of a file on.
type source struct {
	text []byte
	line int // number of its first line in the file
}

// at returns the number of the line in which byte offset lies.
func (s source) at(offset int64) int {
	end := min(max(offset, 0), int64(len(s.text)))
	return s.line + bytes.Count(s.text[:end], []byte("\n"))
}

// lines calls yield with each line and its number, without line ends and
// without space around it.
func (s source) lines(yield func(n int, line string) bool) {
	n := s.line
	for raw := range bytes.Lines(s.text) {
		if !yield(n, strings.TrimSpace(string(raw))) {
			return
		}
		n++
	}
}

func read(text []byte) ([]GPU, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the list is larger than %d MiB: %s", MaxBytes>>20, wanted)
	}
	text = decode(text)
	src := source{text, 1}
	offset := 0
	for raw := range bytes.Lines(text) {
		line := strings.TrimSpace(string(raw[:min(len(raw), maxLine)]))
		for _, f := range formats {
			if f.starts(line) {
				gpus, err := f.read(source{text[offset:], src.line})
				return merged(gpus), err
			}
		}
		if err := mistaken(src.line, line); err != nil {
			return nil, err
		}
		if src.line++; src.line > maxLead {
			break
		}
		offset += len(raw)
	}
	return nil, foreign(text)
}

// maxLine bounds how much of a line is looked at to tell what it is.
const maxLine = 4096

// decode returns text as UTF-8 without a byte order mark. PowerShell writes
// UTF-16 when output goes to a file.
func decode(text []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	units := make([]uint16, 0, len(text)/2)
	for i := 2; i+1 < len(text); i += 2 {
		units = append(units, order.Uint16(text[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// merged joins GPUs that differ in nothing but their UUID.
func merged(gpus []GPU) []GPU {
	var list []GPU
	index := map[GPU]int{}
	for _, g := range gpus {
		kind := g
		kind.UUID, kind.Count = "", 0
		if i, seen := index[kind]; seen {
			list[i].Count += g.Count
			list[i].UUID = ""
			continue
		}
		index[kind] = len(list)
		list = append(list, g)
	}
	return list
}

// foreign says what a text that is no list of GPUs is instead.
func foreign(text []byte) error {
	for n, line := range (source{text, 1}).lines {
		if line != "" {
			return fmt.Errorf("line %d: %q starts no list of GPUs: %s", n, shortened(line), wanted)
		}
	}
	return errors.New("the list is empty: " + wanted)
}

// shortened cuts what a message quotes.
func shortened(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
