package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// columns are the properties of nvidia-smi --query-gpu that are read, by every
// name that nvidia-smi takes and prints for them.
var columns = map[string]func(g *GPU, text string){
	"name":             func(g *GPU, text string) { g.Product = text },
	"gpu_name":         func(g *GPU, text string) { g.Product = text },
	"uuid":             func(g *GPU, text string) { g.UUID = text },
	"gpu_uuid":         func(g *GPU, text string) { g.UUID = text },
	"compute_cap":      func(g *GPU, text string) { g.SM = text },
	"memory.total":     func(g *GPU, text string) { g.MemoryMiB = mebibytes(text) },
	"driver_version":   func(g *GPU, text string) { g.Driver = text },
	"mig.mode.current": func(g *GPU, text string) { g.MIG = mode(text) },
}

// mode returns the profile of what is there when a GPU's MIG mode is text: a GPU
// in that mode gives out slices only.
func mode(text string) string {
	if strings.EqualFold(text, "Enabled") {
		return UnknownSlice
	}
	return ""
}

// columnName matches the name of any property, with its unit.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*( \[[^\]]*\])?$`)

// startsCSV reports whether a line is a header that nvidia-smi --query-gpu prints.
func startsCSV(line string) bool {
	known := false
	for _, name := range fields(line) {
		if !columnName.MatchString(name) {
			return false
		}
		_, ok := columns[property(name)]
		known = known || ok
	}
	return known
}

// fields splits a line. nvidia-smi quotes nothing; spreadsheets do.
func fields(line string) []string {
	parts := strings.Split(line, ",")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"`)
	}
	return parts
}

// property is a column's name without its unit.
func property(column string) string {
	name, _, _ := strings.Cut(column, " [")
	return name
}

// readCSV reads what nvidia-smi --query-gpu=... --format=csv prints, with the
// columns in any order, with or without units.
func readCSV(src source) ([]GPU, error) {
	var gpus []GPU
	var header []string
	for n, line := range src.lines {
		if header == nil {
			if header = fields(line); !slices.ContainsFunc(header, func(c string) bool { return property(c) == "name" || property(c) == "gpu_name" }) {
				return nil, fmt.Errorf("line %d: no column name among %s: run %s", n, shortened(line), csvCommand)
			}
			continue
		}
		if err := complained(n, line); err != nil {
			return nil, err
		}
		if aside(line) || line == strings.Join(header, ", ") { // a header again where lists were joined
			continue
		}
		values := fields(line)
		if len(values) != len(header) {
			return nil, fmt.Errorf("line %d: %d values for the %d columns of line %d: %q", n, len(values), len(header), src.line, shortened(line))
		}
		g := GPU{Count: 1}
		for i, c := range header {
			if set := columns[property(c)]; set != nil {
				set(&g, told(values[i]))
			}
		}
		gpus = append(gpus, g)
	}
	if len(gpus) == 0 {
		return nil, fmt.Errorf("line %d: the header is there, and no GPU below it: nvidia-smi found none, or the list was cut off", src.line)
	}
	return gpus, nil
}
