package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// List writes one line per record.
func List(w io.Writer, store string, records []*artifact.Manifest) error {
	t := Table{Head: []string{"CELL", "KEY", "TENSORRT", "GPU", "SIZE", "BUILT", "SHA-256", ""}}
	for _, m := range records {
		mark := ""
		if m.Simulated {
			mark = "simulated"
		}
		t.Rows = append(t.Rows, []string{m.Cell, short(m.Key), m.TensorRT.Engine, m.GPU.Product, Size(m.Engine.Size),
			m.BuiltAt.Format(time.DateTime), short(m.Engine.SHA256), mark})
	}
	if len(records) == 0 {
		_, err := fmt.Fprintf(w, "no records in %s\n", store)
		return err
	}
	if err := t.Write(w); err != nil {
		return err
	}
	what := "records"
	if len(records) == 1 {
		what = "record"
	}
	_, err := fmt.Fprintf(w, "\n%d %s in %s\n", len(records), what, store)
	return err
}

// Record writes everything about one record.
func Record(w io.Writer, store string, m *artifact.Manifest) error {
	p := &page{w: w}
	p.title(m.Cell)
	if m.Simulated {
		p.line("SIMULATED", "no GPU and no TensorRT took part")
	}
	p.line("key", m.Key)
	p.line("release", m.Release)
	p.line("built", fmt.Sprintf("%s, run %s on %s, trtfarm %s", m.BuiltAt.Format(time.RFC3339), m.Run, m.Runner, m.Trtfarm))
	p.line("CI run", m.CIRun)

	p.title("engine")
	p.line("object", store+"/"+m.Engine.Path)
	p.line("size", fmt.Sprintf("%s (%d bytes)", Size(m.Engine.Size), m.Engine.Size))
	p.line("SHA-256", m.Engine.SHA256)
	p.line("MD5", m.Engine.MD5)

	p.title("made by")
	p.line("GPU", fmt.Sprintf("%s for target %s, compute capability %s", known(m.GPU.Product), m.GPU.Target, known(m.GPU.SM)))
	p.line("", fmt.Sprintf("%d SMs, %d MiB, UUID %s", m.GPU.SMs, m.GPU.MemoryMiB, known(m.GPU.UUID)))
	p.line("driver", known(m.GPU.Driver))
	p.line("TensorRT", fmt.Sprintf("%s in the engine, %s declared by the image", known(m.TensorRT.Engine), known(m.TensorRT.Declared)))
	p.line("CUDA", known(m.CUDA))
	p.line("image", m.Image.Ref+" "+m.Image.Digest)
	if m.Image.VerifyDigest != "" && m.Image.VerifyDigest != m.Image.Digest {
		p.line("verified in", m.Image.VerifyRef+" "+m.Image.VerifyDigest)
	}
	p.line("command", strings.Join(m.Argv, " "))
	p.line("precision", m.Precision.Asked+promise(m.Precision)+obtained(m.Precision.Obtained))
	p.line("took", fmt.Sprintf("fetch %.1f s, build %.1f s, verify %.1f s, publish %.1f s", m.Seconds.Fetch, m.Seconds.Build, m.Seconds.Verify, m.Seconds.Publish))

	p.title("made from")
	p.line("model", fmt.Sprintf("%s, sha256 %s", m.Source.Model, m.Source.SHA256))
	p.line("content", m.Source.Digest)
	p.line("commit", m.Source.Commit)
	for _, profile := range m.Profiles {
		for _, s := range profile.Shapes {
			p.line("profile "+profile.Name, fmt.Sprintf("%s %s to %s, best at %s", s.Input, dims(s.Min), dims(s.Max), dims(s.Opt)))
		}
	}
	if len(m.Verified) > 0 {
		p.title("verified")
		p.table(verifiedTable(m.Verified))
	}
	if len(m.Blobs) > 0 {
		p.title("files")
	}
	files := Table{Indent: "  "}
	for _, b := range m.Blobs {
		files.Rows = append(files.Rows, []string{b.Role, Size(b.Size), b.Path})
	}
	p.table(files)
	return p.err
}

// known says that what is unknown is unknown.
func known(fact string) string {
	if fact == "" {
		return "unknown"
	}
	return fact
}

// page writes titled name-value lines and remembers the first error.
type page struct {
	w   io.Writer
	any bool
	err error
}

func (p *page) title(text string) {
	if p.err != nil {
		return
	}
	if p.any {
		text = "\n" + text
	}
	p.any = true
	_, p.err = fmt.Fprintln(p.w, text)
}

func (p *page) table(t Table) {
	if p.err == nil {
		p.err = t.Write(p.w)
	}
}

// line writes a value under its name; an empty value is left out.
func (p *page) line(name, value string) {
	if p.err != nil || value == "" {
		return
	}
	_, p.err = fmt.Fprintf(p.w, "  %-14s %s\n", name, value)
}

// promise tells whether the layers compute in what was asked; records of old do
// not say.
func promise(p artifact.Precision) string {
	switch p.Promise {
	case "":
		return ""
	case "kept":
		return ", which the layers keep"
	}
	return ", and whether the layers keep to it is " + p.Promise + ": " + p.Why
}

// obtained tells how many layers compute in what, the most first.
func obtained(layers map[string]int64) string {
	if len(layers) == 0 {
		return ""
	}
	kinds := slices.SortedFunc(maps.Keys(layers), func(a, b string) int {
		return cmp.Or(cmp.Compare(layers[b], layers[a]), cmp.Compare(a, b))
	})
	all := int64(0)
	for _, n := range layers {
		all += n
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d in %s (%.0f %%)", layers[kind], kind, 100*float64(layers[kind])/float64(all))
	}
	return "; layers: " + strings.Join(kinds, ", ")
}

func dims(d []int64) string {
	text := make([]string, len(d))
	for i, n := range d {
		text[i] = fmt.Sprint(n)
	}
	return strings.Join(text, "x")
}

// Verified writes one line per output of every case; nothing when there is none.
func Verified(w io.Writer, cases []verify.Result) error {
	if len(cases) == 0 {
		return nil
	}
	return verifiedTable(cases).Write(w)
}

func verifiedTable(cases []verify.Result) Table {
	t := Table{Indent: "  ", Head: []string{"CASE", "OUTPUT", "ELEMENTS", "MAX ABS", "MEAN ABS", "P99 ABS", "COSINE", "TOLERANCE", "MEAN MS", "P99 MS", ""}}
	for _, c := range cases {
		if len(c.Outputs) == 0 {
			t.Rows = append(t.Rows, []string{c.Case, "-", "-", "-", "-", "-", "-", "-", "-", "-", "did not load or run"})
		}
		for _, o := range c.Outputs {
			t.Rows = append(t.Rows, []string{c.Case, o.Output, fmt.Sprint(o.Elements),
				fmt.Sprintf("%.2g", o.MaxAbs), fmt.Sprintf("%.2g", o.MeanAbs), fmt.Sprintf("%.2g", o.P99Abs), fmt.Sprintf("%.6f", o.Cosine),
				fmt.Sprintf("%.2g + %.2g·|want|", o.Abs, o.Rel), fmt.Sprintf("%.3g", c.LatencyMs.Mean), fmt.Sprintf("%.3g", c.LatencyMs.P99), verdict(o)})
		}
	}
	return t
}

// verdict is what a table says about an output that did not pass.
func verdict(e verify.Errors) string {
	switch {
	case e.Passed:
		return ""
	case e.Elements == 0:
		return "MISSING"
	case e.NaN+e.Inf > 0:
		return fmt.Sprintf("WRONG: %d NaN, %d infinite", e.NaN, e.Inf)
	}
	return fmt.Sprintf("WRONG: %d beyond tolerance", e.Over)
}
