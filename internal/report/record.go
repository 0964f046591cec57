package report

import (
	"fmt"
	"io"
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
	if err := t.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d records in %s\n", len(records), store)
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
	p.line("GPU", fmt.Sprintf("%s for target %s, compute capability %s, %d SMs, %d MiB, %s", m.GPU.Product, m.GPU.Target, m.GPU.SM, m.GPU.SMs, m.GPU.MemoryMiB, m.GPU.UUID))
	p.line("driver", m.GPU.Driver)
	p.line("TensorRT", fmt.Sprintf("%s in the engine, %s declared by the image", m.TensorRT.Engine, m.TensorRT.Declared))
	p.line("CUDA", m.CUDA)
	p.line("image", m.Image.Ref+" "+m.Image.Digest)
	if m.Image.VerifyDigest != m.Image.Digest {
		p.line("verified in", m.Image.VerifyRef+" "+m.Image.VerifyDigest)
	}
	p.line("command", strings.Join(m.Argv, " "))
	p.line("precision", m.Precision.Asked+obtained(m.Precision.Obtained))
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
	if p.err != nil {
		return p.err
	}
	if err := Verified(w, m.Verified); err != nil {
		return err
	}
	p.title("files")
	for _, b := range m.Blobs {
		p.line(b.Role, fmt.Sprintf("%s, %s", Size(b.Size), b.Path))
	}
	return p.err
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

// line writes a value under its name; an empty value is left out.
func (p *page) line(name, value string) {
	if p.err != nil || value == "" {
		return
	}
	_, p.err = fmt.Fprintf(p.w, "  %-14s %s\n", name, value)
}

func obtained(layers map[string]int64) string {
	if len(layers) == 0 {
		return ""
	}
	var parts []string
	for kind, n := range layers {
		parts = append(parts, fmt.Sprintf("%d in %s", n, kind))
	}
	slices.Sort(parts)
	return "; layers: " + strings.Join(parts, ", ")
}

func dims(d []int64) string {
	text := make([]string, len(d))
	for i, n := range d {
		text[i] = fmt.Sprint(n)
	}
	return strings.Join(text, "x")
}

// Verified writes one line per output of every case.
func Verified(w io.Writer, cases []verify.Result) error {
	t := Table{Head: []string{"\nCASE", "OUTPUT", "ELEMENTS", "MAX ABS", "MEAN ABS", "P99 ABS", "COSINE", "TOLERANCE", "MEAN MS", "P99 MS"}}
	for _, c := range cases {
		for _, o := range c.Outputs {
			t.Rows = append(t.Rows, []string{"  " + c.Case, o.Output, fmt.Sprint(o.Elements),
				fmt.Sprintf("%.2g", o.MaxAbs), fmt.Sprintf("%.2g", o.MeanAbs), fmt.Sprintf("%.2g", o.P99Abs), fmt.Sprintf("%.6f", o.Cosine),
				fmt.Sprintf("%.2g + %.2g·|want|", o.Abs, o.Rel), fmt.Sprintf("%.3g", c.LatencyMs.Mean), fmt.Sprintf("%.3g", c.LatencyMs.P99)})
		}
	}
	return t.Write(w)
}
