package catalog

import (
	"embed"
	"encoding/csv"
	"fmt"
)

//go:embed data/*.csv
var data embed.FS

// rows returns the rows of an embedded table below its header. The tables are
// part of the program and checked by its tests, so a broken one is a bug.
func rows(name string) (header []string, body [][]string) {
	f, err := data.Open("data/" + name)
	if err != nil {
		panic(fmt.Sprintf("catalog: %v", err))
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll() // which wants every row as long as the header
	if err != nil {
		panic(fmt.Sprintf("catalog: %s: %v", name, err))
	}
	return all[0], all[1:]
}
