package inventory

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

var logHead = regexp.MustCompile(`^=+NVSMI LOG=+$`)

// startsLog reports whether a line is the head of what nvidia-smi -q prints.
func startsLog(line string) bool { return logHead.MatchString(line) }

// logIndent is how far each level of the log stands to the right of the one above.
const logIndent = 4

// loggedGPU is a GPU of the log with its slices.
type loggedGPU struct {
	GPU
	slices []int64 // their memory in MiB
}

// set takes one property, named by the headings above it.
func (g *loggedGPU) set(path, value string) {
	const fb = "FB Memory Usage/Total"
	switch path {
	case "Product Name":
		g.Product = value
	case "GPU UUID":
		g.UUID = value
	case "MIG Mode/Current":
		g.MIG = mode(value)
	case fb:
		g.MemoryMiB = mebibytes(value)
	case "MIG Device/Index":
		g.slices = append(g.slices, 0)
	case "MIG Device/" + fb:
		if last := len(g.slices) - 1; last >= 0 {
			g.slices[last] = mebibytes(value)
		}
	}
}

// list returns the GPU, or its slices.
func (g *loggedGPU) list() []GPU {
	if g.MIG == "" || len(g.slices) == 0 {
		return []GPU{g.GPU}
	}
	var list []GPU
	for _, memory := range g.slices {
		slice := g.GPU
		slice.UUID, slice.MemoryMiB = "", memory
		list = append(list, slice)
	}
	return list
}

// readLog reads what nvidia-smi -q prints: properties below headings, which are
// told apart by how far they stand to the right. Profiles of slices are not there.
func readLog(src source) ([]GPU, error) {
	var found []*loggedGPU
	var path []string // the headings above, and the property at hand
	driver, n := "", src.line-1
	for raw := range bytes.Lines(src.text) {
		n++
		text := strings.TrimRight(string(raw), " \t\r\n")
		line := strings.TrimLeft(text, " ")
		if err := complained(n, line); err != nil {
			return nil, err
		}
		if line == "" {
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		key, value = strings.TrimSpace(key), told(value)
		depth := min((len(text)-len(line))/logIndent, len(path))
		path = append(path[:depth], key)
		switch {
		case depth > 0 && len(found) > 0:
			found[len(found)-1].set(strings.Join(path[1:], "/"), value)
		case key == "Driver Version":
			driver = value
		case strings.HasPrefix(key, "GPU "):
			found = append(found, &loggedGPU{GPU: GPU{Driver: driver, Count: 1}})
		}
	}
	var gpus []GPU
	for _, g := range found {
		if g.Product == "" {
			return nil, fmt.Errorf("line %d: this log of nvidia-smi -q does not name the product of every GPU: save what %s prints", src.line, xmlCommand)
		}
		gpus = append(gpus, g.list()...)
	}
	if len(gpus) == 0 {
		return nil, fmt.Errorf("line %d: this log of nvidia-smi -q names no GPU: the driver found none, or it was cut off", src.line)
	}
	return gpus, nil
}
