package inventory

import (
	"fmt"
	"regexp"
	"strings"
)

// The table that nvidia-smi prints without arguments. Since driver 610 its head
// says "KMD Version" for the driver. A GPU takes two or three lines: its name,
// its memory, its MIG mode.
var (
	tableHead   = regexp.MustCompile(`^\| NVIDIA-SMI .*?(?:Driver|KMD) Version: *([0-9][0-9.]*)`)
	tableGPU    = regexp.MustCompile(`^\| +(\d+) +(\S.*?) +(?:On|Off|N/A|WDDM|TCC|MCDM|ERR!) *\|.*[0-9A-Fa-f]+:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.`)
	tableMemory = regexp.MustCompile(`^\|.*\| *\d+MiB */ *(\d+)MiB *\|`)
	tableMode   = regexp.MustCompile(`^\| +\| +\| +(Enabled|Disabled|N/A)\*? +\|$`)
	tableSlice  = regexp.MustCompile(`^\| +(\d+) +\d+ +\d+ +\d+ +\| *\d+MiB */ *(\d+)MiB *\|`)
)

// startsTable reports whether a line is the head of the table.
func startsTable(line string) bool { return tableHead.MatchString(line) }

// tableRow is a GPU of the table with the number by which its slices name it.
type tableRow struct {
	GPU
	index  string
	slices []GPU
}

// readTable reads nvidia-smi's table. Long names are cut there and end in "...".
func readTable(src source) ([]GPU, error) {
	var rows []*tableRow
	driver, slices := "", false
	for _, line := range src.lines {
		var last *tableRow
		if len(rows) > 0 {
			last = rows[len(rows)-1]
		}
		switch {
		case strings.HasPrefix(line, "| Processes:"):
			slices = true // and no more GPUs, until another head
		case strings.HasPrefix(line, "| MIG devices:"):
			slices = true
		case tableHead.MatchString(line):
			driver, slices = tableHead.FindStringSubmatch(line)[1], false
		case slices:
			if m := tableSlice.FindStringSubmatch(line); m != nil {
				addSlice(rows, m[1], mebibytes(m[2]))
			}
		case tableGPU.MatchString(line):
			m := tableGPU.FindStringSubmatch(line)
			rows = append(rows, &tableRow{GPU: GPU{Product: m[2], Driver: driver, Count: 1}, index: m[1]})
		case last == nil:
		case tableMode.MatchString(line):
			last.MIG = mode(tableMode.FindStringSubmatch(line)[1])
		case last.MemoryMiB == 0 && tableMemory.MatchString(line):
			last.MemoryMiB = mebibytes(tableMemory.FindStringSubmatch(line)[1])
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("line %d: the table of nvidia-smi names no GPU, or was cut off: save what %s prints", src.line, listCommand)
	}
	var gpus []GPU
	for _, r := range rows {
		if len(r.slices) == 0 {
			r.slices = []GPU{r.GPU}
		}
		gpus = append(gpus, r.slices...)
	}
	return gpus, nil
}

// addSlice adds a slice to the last GPU with that number.
func addSlice(rows []*tableRow, index string, memory int64) {
	for i := len(rows) - 1; i >= 0; i-- {
		if r := rows[i]; r.index == index && r.MIG != "" {
			slice := r.GPU
			slice.MemoryMiB = memory
			r.slices = append(r.slices, slice)
			return
		}
	}
}
