package inventory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// startsList reports whether a line is the first that nvidia-smi -L prints.
func startsList(line string) bool { return listGPU.MatchString(line) }

var (
	listGPU   = regexp.MustCompile(`^GPU \d+: (.+?)(?: \(UUID: ([^)]*)\))?$`)
	listSlice = regexp.MustCompile(`^MIG (\S+)\s+Device\s+\d+:(?: \(UUID: ([^)]*)\))?$`)
)

// readList reads what nvidia-smi -L prints: a line for each GPU, and under it
// one for each slice, when it is cut into slices.
func readList(src source) ([]GPU, error) {
	var gpus []GPU
	parent := ""   // the GPU above
	whole := false // the last of gpus is that GPU itself, and not a slice of it
	for n, line := range src.lines {
		if m := listGPU.FindStringSubmatch(line); m != nil {
			parent, whole = m[1], true
			gpus = append(gpus, GPU{Product: parent, UUID: told(m[2]), Count: 1})
			continue
		}
		if m := listSlice.FindStringSubmatch(line); m != nil {
			if whole { // a GPU that is cut into slices is not there as a whole
				gpus, whole = gpus[:len(gpus)-1], false
			}
			gpus = append(gpus, GPU{Product: parent, MIG: m[1], UUID: told(m[2]), Count: 1})
			continue
		}
		if err := complained(n, line); err != nil {
			return nil, err
		}
		if !aside(line) {
			return nil, fmt.Errorf("line %d: %q is no line of %s", n, shortened(line), listCommand)
		}
	}
	return gpus, nil
}

// told returns what nvidia-smi says of a property, "" when it says that there is
// nothing to say.
func told(text string) string {
	text = strings.TrimSpace(text)
	switch strings.ToLower(strings.Trim(text, "[]")) {
	case "n/a", "not supported", "unknown error", "insufficient permissions", "none":
		return ""
	}
	return text
}

// mebibytes reads "15360 MiB" or, without units, "15360". What is not a number
// is not told: integrated GPUs have no memory of their own.
func mebibytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(told(text), "MiB")), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
