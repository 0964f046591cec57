package plan

// Document is the JSON form of a plan. Field names are a contract: they are
// added to and never renamed. Arrays are never null.
type Document struct {
	Cells []CellDocument `json:"cells"`
}

// CellDocument is the JSON form of one cell.
type CellDocument struct {
	ID        string     `json:"id"`
	Model     string     `json:"model"`
	Release   string     `json:"release"`
	Image     string     `json:"image"`
	Digest    string     `json:"digest"`
	GPU       string     `json:"gpu"`
	Precision string     `json:"precision"`
	TensorRT  string     `json:"tensorrt"`
	Key       string     `json:"key"`
	Status    Status     `json:"status"`
	Reasons   []string   `json:"reasons"`
	Runner    string     `json:"runner"`
	Build     []string   `json:"build"`
	Verify    [][]string `json:"verify"`

	Variant  string   `json:"variant,omitempty"`
	Warnings []string `json:"warnings"`
	Cause    string   `json:"cause,omitempty"`
	Code     int      `json:"code,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// NewDocument returns the JSON form of cells.
func NewDocument(cells []Cell) Document {
	doc := Document{Cells: make([]CellDocument, len(cells))}
	for i, c := range cells {
		d := CellDocument{
			ID: c.ID, Model: c.Model.Name, Release: c.Model.Release, Variant: c.Variant,
			Image: c.Image, Digest: c.Digest, GPU: c.GPU, Precision: string(c.Precision),
			TensorRT: c.TensorRT, Key: c.Key, Status: c.Status, Runner: c.Runner,
			Reasons:  append([]string{}, c.Reasons...),
			Warnings: append([]string{}, c.Warnings...),
			Build:    append([]string{}, c.Argv...),
			Verify:   make([][]string, len(c.Runs)),
			Cause:    c.Cause, Code: c.Code, Fix: c.Fix,
		}
		for j, r := range c.Runs {
			d.Verify[j] = r.Argv
		}
		doc.Cells[i] = d
	}
	return doc
}
