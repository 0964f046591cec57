package catalog

import "fmt"

// typeRow is a row of onnx-types.csv.
type typeRow struct {
	name     string
	binding  span
	as       string  // what TensorRT binds it as, where it narrows it
	asBefore Version // the release that no longer narrows it; none when zero
	weights  span
	source   string
}

// span is an era, unless nothing was read about it.
type span struct {
	era
	unread bool
}

func (s span) holds(v Version) Verdict {
	if s.unread {
		return Uncertain
	}
	return s.era.holds(v)
}

// span reads a column that holds a release, "never" or "unknown".
func (r row) span(column string) span {
	switch r.text(column) {
	case "never":
		return span{}
	case "unknown":
		return span{unread: true}
	}
	s := span{era: era{since: r.version(column)}}
	if s.since == (Version{}) {
		r.wrong(column, `want a release, "never" or "unknown"`)
	}
	return s
}

var typeRows = embedded("onnx-types.csv", parseTypes)

func parseTypes(name string, text []byte) (map[int32]typeRow, error) {
	list, err := readRows(name, text, "number", "type", "binding_since", "bound_as", "bound_so_before", "weights_since", "source")
	if err != nil {
		return nil, err
	}
	table := make(map[int32]typeRow, len(list))
	for _, r := range list {
		number := int32(r.small("number"))
		row := typeRow{r.text("type"), r.span("binding_since"), r.text("bound_as"), r.version("bound_so_before"), r.span("weights_since"), r.text("source")}
		if _, twice := table[number]; twice || number == 0 {
			r.wrong("number", "want each number once")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		table[number] = row
	}
	return table, nil
}

// TensorType says whether TensorRT v takes inputs and outputs of an element type,
// a number of ONNX's TensorProto.DataType. A Can with a Why is a type that it
// narrows.
func TensorType(number int32, v Version) Answer {
	row, ok := typeRows()[number]
	if !ok {
		return Answer{Verdict: Uncertain, Why: fmt.Sprintf("what TensorRT does with element type %d is not known", number)}
	}
	a := row.binding.answer(row, v, "inputs and outputs")
	if a.Verdict == Can && row.as != "" && (row.asBefore == (Version{}) || !v.AtLeast(row.asBefore.Major, row.asBefore.Minor)) {
		a.Why = fmt.Sprintf("TensorRT %s binds %s as %s", v, row.name, row.as)
	}
	return a
}

// WeightType says whether the parser of TensorRT v takes weights of an element
// type, a number of ONNX's TensorProto.DataType.
func WeightType(number int32, v Version) Answer {
	row, ok := typeRows()[number]
	if !ok {
		return Answer{Verdict: Uncertain, Why: fmt.Sprintf("what TensorRT does with element type %d is not known", number)}
	}
	return row.weights.answer(row, v, "weights")
}

func (s span) answer(row typeRow, v Version, what string) Answer {
	a := Answer{Verdict: s.holds(v), Source: row.source}
	switch {
	case a.Verdict == Can:
	case a.Verdict == Uncertain:
		a.Why = fmt.Sprintf("whether TensorRT %s takes %s of type %s is not known", v, what, row.name)
	case s.since == (Version{}):
		a.Why = fmt.Sprintf("TensorRT %s takes no %s of type %s", v, what, row.name)
	default:
		a.Why = fmt.Sprintf("TensorRT %s takes no %s of type %s; %s does", v, what, row.name, s.since)
	}
	return a
}
