package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/trtfarm/trtfarm/internal/fault"

	"github.com/trtfarm/trtfarm/internal/plan"
)

// MakeReference gives every case its outputs: it writes the inputs that are
// generated (those without a digest) below dir, has rt compute what is missing,
// and returns the cases with File, Size and SHA256 of every tensor. Outputs that
// a golden case brings are kept as they are.
//
// A reference may hold NaN and infinities, as masked scores do: an engine must
// then have the same in the same places. One that holds nothing else proves
// nothing and is refused.
func MakeReference(ctx context.Context, rt Runtime, model string, cases []Case, dir string, seed [32]byte) ([]Case, error) {
	done := make([]Case, len(cases))
	for i, c := range cases {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		var err error
		if done[i], err = makeReference(ctx, rt, model, c, dir, seed); err != nil {
			return nil, fmt.Errorf("reference of case %s: %w", c.Name, err)
		}
	}
	return done, nil
}

func makeReference(ctx context.Context, rt Runtime, model string, c Case, dir string, seed [32]byte) (Case, error) {
	folder := "ref/" + plan.CaseFolder(c.Name)
	inputs := make([]Tensor, len(c.Inputs))
	local := make([]Tensor, len(c.Inputs)) // as the runtime sees them, from within folder
	for i, t := range c.Inputs {
		if t.SHA256 == "" {
			err := t.write(dir, func(w io.Writer) error { return WriteInput(w, t, InputSeed(seed, c.Name, t.Name)) })
			if err != nil {
				return Case{}, fmt.Errorf("input %q: %w", t.Name, err)
			}
		}
		inputs[i], local[i] = t, t
		name, ok := strings.CutPrefix(t.File, folder+"/")
		if !ok {
			return Case{}, fmt.Errorf("input %q: file %s lies outside %s", t.Name, t.File, folder)
		}
		local[i].File = name
	}
	c.Inputs = inputs
	outputs := make([]Tensor, len(c.Outputs))
	copy(outputs, c.Outputs)
	if len(outputs) == 0 {
		at := filepath.Join(dir, filepath.FromSlash(folder))
		if err := os.MkdirAll(at, 0o755); err != nil {
			return Case{}, err
		}
		var err error
		if outputs, err = rt.Run(ctx, model, at, local); err != nil {
			return Case{}, err
		}
		if len(outputs) == 0 {
			return Case{}, errors.New("the runtime gave no outputs")
		}
		for i := range outputs {
			outputs[i].File = path.Join(folder, outputs[i].File)
		}
	}
	for i := range outputs {
		if err := outputs[i].inspect(dir); err != nil {
			return Case{}, err
		}
	}
	c.Outputs = outputs
	return c, nil
}

// inspect reads a reference output below dir, sets Size and SHA256 and refuses
// what no engine could be held to.
func (t *Tensor) inspect(dir string) error {
	e, err := elementOf(t.Type)
	if err != nil {
		return dataFault("end the model in a tensor of another type", "output %q: %w", t.Name, err)
	}
	n, bytes, err := count(t.Shape, e.size)
	if err != nil {
		return fmt.Errorf("output %q: %w", t.Name, err)
	}
	if !filepath.IsLocal(filepath.FromSlash(t.File)) {
		return fmt.Errorf("output %q: file %s leads out of its folder", t.Name, t.File)
	}
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(t.File)))
	if err != nil {
		return fmt.Errorf("output %q: %w", t.Name, err)
	}
	defer f.Close()
	var nan, inf, left = int64(0), int64(0), n
	d := digester{hash: sha256.New()}
	buf, values := make([]byte, blockElements*e.size), make([]float64, blockElements)
	for left > 0 {
		k := min(left, blockElements)
		if _, err := io.ReadFull(f, buf[:k*int64(e.size)]); err != nil {
			return fmt.Errorf("output %q: %w", t.Name, cut(err))
		}
		d.Write(buf[:k*int64(e.size)])
		left -= k
		if e.class != float {
			continue
		}
		floats(t.Type, values[:k], buf)
		for _, v := range values[:k] {
			switch {
			case math.IsNaN(v):
				nan++
			case math.IsInf(v, 0):
				inf++
			}
		}
	}
	if more, err := io.Copy(io.Discard, f); err != nil || more > 0 {
		return errors.Join(err, fmt.Errorf("output %q: %d bytes where %s of %s needs %d", t.Name, bytes+more, shapeText(t.Shape), t.Type, bytes))
	}
	if n > 0 && nan+inf == n {
		return fault.New(fault.Usage, "reference-data", "give inputs (and outputs) with meaningful values in the matrix",
			"output %q: none of its %d values is finite (%d NaN, %d infinite), so no engine could be held to it", t.Name, n, nan, inf)
	}
	t.Size, t.SHA256 = d.size, d.sum()
	return nil
}
