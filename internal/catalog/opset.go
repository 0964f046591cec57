package catalog

import "fmt"

// opsetRow is a row of onnx-opsets.csv.
type opsetRow struct {
	release Version
	opset   int64
	source  string
}

var opsetRows = embedded("onnx-opsets.csv", parseOpsets)

func parseOpsets(name string, text []byte) ([]opsetRow, error) {
	list, err := readRows(name, text, "tensorrt", "opset", "source")
	if err != nil {
		return nil, err
	}
	var table []opsetRow
	for _, r := range list {
		row := opsetRow{r.version("tensorrt"), r.number("opset"), r.text("source")}
		if row.release == (Version{}) || len(table) > 0 && table[len(table)-1].release.Compare(row.release) >= 0 {
			r.wrong("tensorrt", "want releases, oldest first")
		}
		if row.opset == 0 {
			r.wrong("opset", "want a number above 0")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table = append(table, row)
	}
	if len(table) == 0 {
		return nil, fmt.Errorf("%s: no releases", name)
	}
	return table, nil
}

// Opset is the newest opset of ai.onnx that the parser of TensorRT v documents.
// For a release between two that were read and differ, known is false, and n is
// the opset of the later one: the parser documents no more than that. For
// releases after the last that was read n is 0.
//
// Parsers take models of a newer opset as long as the operators in them did not
// change since.
func Opset(v Version) (n int64, source string, known bool) {
	table := opsetRows()
	for i, r := range table {
		switch {
		case r.release.Major == v.Major && r.release.Minor == v.Minor:
			return r.opset, r.source, true
		case r.release.Compare(v) < 0:
			continue
		}
		return r.opset, r.source, i > 0 && table[i-1].opset == r.opset
	}
	last := table[len(table)-1]
	if v.Major > last.release.Major {
		return 0, "", false
	}
	return last.opset, last.source, true // the last source speaks of every minor release
}

// ONNXRelease is one release of ONNX.
type ONNXRelease struct {
	Release string // "1.20.0"
	IR      int64  // the version of the file format that it writes
	Opset   int64  // the newest opset of ai.onnx that it defines
	Source  string
}

var onnxReleases = embedded("onnx-releases.csv", parseReleases)

func parseReleases(name string, text []byte) ([]ONNXRelease, error) {
	list, err := readRows(name, text, "onnx", "ir", "opset", "source")
	if err != nil {
		return nil, err
	}
	var table []ONNXRelease
	for _, r := range list {
		row := ONNXRelease{r.text("onnx"), r.number("ir"), r.number("opset"), r.text("source")}
		if n := len(table); row.IR == 0 || row.Opset == 0 || n > 0 && (row.IR < table[n-1].IR || row.Opset <= table[n-1].Opset) {
			r.wrong("opset", "want releases that defined a new opset, oldest first")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table = append(table, row)
	}
	if len(table) == 0 {
		return nil, fmt.Errorf("%s: no releases", name)
	}
	return table, nil
}

// NewestONNX is the newest release of ONNX that is known here. A model that asks
// for more is newer than this program, or broken.
func NewestONNX() ONNXRelease {
	table := onnxReleases()
	return table[len(table)-1]
}
