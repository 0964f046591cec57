package catalog

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/*.csv
var data embed.FS

// embedded reads one of the tables that are part of the program, when it is
// first asked for. The tests read every table, so a broken one is a bug.
func embedded[T any](name string, parse func(name string, text []byte) (T, error)) func() T {
	return sync.OnceValue(func() T {
		text, err := data.ReadFile("data/" + name)
		if err != nil {
			panic("catalog: " + err.Error())
		}
		table, err := parse(name, text)
		if err != nil {
			panic("catalog: " + err.Error())
		}
		return table
	})
}

// row is one row of a table. Its readers keep the first mistake they meet, with
// the line and the column where it stands.
type row struct {
	table  string
	line   int
	header []string
	cells  []string
	err    *error // shared by the rows of a table
}

// readTable reads a table. Every row must be as long as the header, whose
// columns have different names.
func readTable(name string, text []byte) (header []string, body []row, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	header, err = r.Read()
	if err == io.EOF {
		return nil, nil, fmt.Errorf("%s:1: no header", name)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, column := range header {
		if slices.Contains(header[:i], column) {
			return nil, nil, fmt.Errorf("%s:1: column %s stands there twice", name, column)
		}
	}
	wrong := new(error)
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return header, body, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		body = append(body, row{name, line, header, cells, wrong})
	}
}

// readRows reads a table whose columns are the given ones.
func readRows(name string, text []byte, columns ...string) ([]row, error) {
	header, body, err := readTable(name, text)
	if err == nil && !slices.Equal(header, columns) {
		err = fmt.Errorf("%s:1: header is %q, want %q", name, strings.Join(header, ","), strings.Join(columns, ","))
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

// text is the cell of a column, which the header must have.
func (r row) text(column string) string {
	return r.cells[slices.Index(r.header, column)]
}

// number is the number in a column; an empty cell is 0.
func (r row) number(column string) int64 {
	s := r.text(column)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		r.wrong(column, "want a number above 0")
	}
	return n
}

// small is number for columns whose numbers fit an int of any machine.
func (r row) small(column string) int {
	n := r.number(column)
	if n > 1<<31-1 {
		r.wrong(column, "the number is too large")
	}
	return int(n)
}

// choice is the cell of a column that holds one of a few words, or nothing.
func (r row) choice(column string, words ...string) string {
	s := r.text(column)
	if s != "" && !slices.Contains(words, s) {
		r.wrong(column, "want one of "+strings.Join(words, ", "))
	}
	return s
}

// needed is the cell of a column that may not be empty.
func (r row) needed(column string) string {
	s := r.text(column)
	if s == "" {
		r.wrong(column, "want something")
	}
	return s
}

// list is the cell of a column that holds several things, separated by ";".
func (r row) list(column string) []string {
	s := r.text(column)
	if s == "" {
		return nil
	}
	list := strings.Split(s, ";")
	if slices.Contains(list, "") {
		r.wrong(column, "something is missing beside a semicolon")
	}
	return list
}

// capability is the cell of a column that holds a compute capability, or nothing.
func (r row) capability(column string) string {
	s := r.text(column)
	if _, ok := Capability(s); s != "" && !ok {
		r.wrong(column, "want a compute capability such as 8.6")
	}
	return s
}

// release is the version of TensorRT in a column.
func (r row) release(column string) Version {
	v, err := ParseVersion(r.text(column))
	if err != nil {
		r.wrong(column, "want a TensorRT version such as 10.3")
	}
	return v
}

// numbers is the cell of a column that holds so many numbers, separated by dots.
func (r row) numbers(column string, count int) string {
	s := r.text(column)
	if list, ok := parseNumbers(s, count); !ok || len(list) != count {
		r.wrong(column, fmt.Sprintf("want %d numbers, separated by dots", count))
	}
	return s
}

// driver is the cell of a column that holds a driver such as 535.54.03.
func (r row) driver(column string) string {
	s := r.text(column)
	if _, ok := parseNumbers(s, 2); !ok {
		r.wrong(column, "want a driver such as 535.54.03")
	}
	return s
}

// wrong keeps a mistake, unless one was met before.
func (r row) wrong(column, want string) {
	if *r.err == nil {
		*r.err = fmt.Errorf("%s:%d: column %s: %q: %s", r.table, r.line, column, r.text(column), want)
	}
}
