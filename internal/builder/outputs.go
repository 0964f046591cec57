package builder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// compareOutput finds the raw file that trtexec wrote for an output and compares
// it with the reference. An output that is missing fails; it is no error of ours.
func (a Agent) compareOutput(c Command, want verify.Tensor) (verify.Errors, error) {
	tolerance := verify.Tolerance{Abs: c.Gates.Abs, Rel: c.Gates.Rel}
	missing := verify.Errors{Output: want.Name, Abs: tolerance.Abs, Rel: tolerance.Rel}
	dir, err := a.path(filepath.Join(".", c.Dir))
	if err != nil {
		return missing, err
	}
	file, kind, ok := findOutput(dir, want)
	if !ok {
		return missing, nil
	}
	got, err := os.Open(file)
	if err != nil {
		return missing, fmt.Errorf("%w: %w", errWorkspace, err)
	}
	defer got.Close()
	refPath, err := a.path(want.File)
	if err != nil {
		return missing, err
	}
	ref, err := os.Open(refPath)
	if err != nil {
		return missing, fmt.Errorf("%w: reference of %s: %w", errWorkspace, want.Name, err)
	}
	defer ref.Close()
	e, err := verify.Compare(got, ref, kind, want.Type, want.Shape, tolerance)
	if errors.Is(err, verify.ErrSize) || errors.Is(err, verify.ErrType) {
		return missing, nil // what the engine wrote is no such output
	}
	if err != nil {
		return missing, fmt.Errorf("%w: compare output %s of %s: %w", errWorkspace, want.Name, c.Case.Name, err)
	}
	e.Output = want.Name
	return e, nil
}

// findOutput looks for the raw file of an output among what trtexec left in dir.
func findOutput(dir string, want verify.Tensor) (file string, kind onnx.DataType, ok bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", 0, false
	}
	for _, e := range entries {
		name, output, dims, typ, parsed := trtexec.ParseRawName(e.Name())
		if !parsed || !output || !trtexec.SameRawName(name, want.Name) || !slices.Equal(dims, want.Shape) {
			continue
		}
		if kind, ok := rawTypes[typ]; ok {
			return filepath.Join(dir, e.Name()), kind, true
		}
	}
	return "", 0, false
}

// rawTypes maps the type names in trtexec's raw file names.
// Source: DataType printing in NVIDIA/TensorRT samples/common.
var rawTypes = map[string]onnx.DataType{
	"fp32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "fp16": 10, "bf16": 16,
}

// cast rewrites an input for an engine that takes a narrower type.
func (a Agent) cast(c Cast) error {
	if c.Type != "int64-int32" {
		return fmt.Errorf("%w: cannot convert an input by %q", errTool, c.Type)
	}
	from, err := a.path(c.From)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("%w: %w", errWorkspace, err)
	}
	defer in.Close()
	out, err := a.create(c.To)
	if err != nil {
		return err
	}
	defer out.Close()
	r, w := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		var wide int64
		if err := binary.Read(r, binary.LittleEndian, &wide); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("%w: read %s: %w", errWorkspace, c.From, err)
		}
		if wide < math.MinInt32 || wide > math.MaxInt32 {
			return fmt.Errorf("%w: input %s holds %d, which the 32-bit input of this TensorRT cannot take", errTool, c.From, wide)
		}
		if err := binary.Write(w, binary.LittleEndian, int32(wide)); err != nil {
			return fmt.Errorf("%w: write %s: %w", errWorkspace, c.To, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%w: write %s: %w", errWorkspace, c.To, err)
	}
	return out.Close()
}
