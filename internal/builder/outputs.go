package builder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// compareOutput finds the raw file that trtexec wrote for an output and compares
// it with the reference. An output that is missing fails; it is no error of ours.
func (w *worker) compareOutput(c Command, want verify.Tensor) (verify.Errors, error) {
	tolerance := verify.Tolerance{Abs: c.Gates.Abs, Rel: c.Gates.Rel}
	missing := verify.Errors{Output: want.Name, Abs: tolerance.Abs, Rel: tolerance.Rel}
	file, kind, ok := w.findOutput(c.Dir, want)
	if !ok {
		return missing, nil
	}
	got, err := w.files.open(file)
	if err != nil {
		return missing, fmt.Errorf("output %s of %s: %w", want.Name, c.Case.Name, err)
	}
	defer got.Close()
	ref, err := w.files.open(want.File)
	if err != nil {
		return missing, fmt.Errorf("reference of %s: %w", want.Name, err)
	}
	defer ref.Close()
	e, err := verify.Compare(got, ref, kind, want.Type, want.Shape, tolerance)
	if errors.Is(err, verify.ErrSize) || errors.Is(err, verify.ErrType) {
		return missing, nil // what the engine wrote is no such output
	}
	if err != nil {
		return missing, failure(inWorkspace, "compare output %s of %s: %w", want.Name, c.Case.Name, err)
	}
	e.Output = want.Name
	return e, nil
}

// findOutput looks for the raw file of an output among what trtexec left in dir.
func (w *worker) findOutput(dir string, want verify.Tensor) (file string, kind onnx.DataType, ok bool) {
	for _, entry := range w.files.list(path.Join(".", dir)) {
		name, output, dims, typ, parsed := trtexec.ParseRawName(entry)
		if !parsed || !output || !trtexec.SameRawName(name, want.Name) || !slices.Equal(dims, want.Shape) {
			continue
		}
		if kind, ok := rawTypes[typ]; ok {
			return path.Join(dir, entry), kind, true
		}
	}
	return "", 0, false
}

// rawTypes maps the type names in trtexec's raw file names.
// Source: DataType printing in NVIDIA/TensorRT samples/common.
var rawTypes = map[string]onnx.DataType{
	"fp32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "fp16": 10, "bf16": 16,
}

// casts are the conversions of a Cast: each takes the eight bytes of a value and
// gives the four that stand for it.
var casts = map[string]func(wide uint64) (short uint32, err error){
	"int64-int32": func(wide uint64) (uint32, error) {
		v := int64(wide)
		if v < math.MinInt32 || v > math.MaxInt32 {
			return 0, failure(inInput, "it holds %d, and this TensorRT takes 32-bit integers only", v)
		}
		return uint32(v), nil
	},
	// What is too large for float32 becomes infinite, as TensorRT makes it.
	"float64-float32": func(wide uint64) (uint32, error) {
		return math.Float32bits(float32(math.Float64frombits(wide))), nil
	},
}

// cast rewrites an input for an engine that takes a narrower type.
func (w *worker) cast(c Cast) error {
	convert, ok := casts[c.Type]
	if !ok {
		return failure(inTool, "cannot convert an input by %q", c.Type)
	}
	in, err := w.files.open(c.From)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := w.files.create(c.To)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := narrow(bufio.NewReader(in), out, convert); err != nil {
		return fmt.Errorf("convert %s to %s: %w", c.From, c.To, err)
	}
	if err := out.Close(); err != nil {
		return failure(inWorkspace, "write %s: %w", c.To, err)
	}
	return nil
}

// narrow copies values of 64 bits as values of 32, and refuses those that do not
// fit.
func narrow(in io.Reader, out io.Writer, convert func(uint64) (uint32, error)) error {
	w := bufio.NewWriter(out)
	var wide, short [8]byte
	for {
		if _, err := io.ReadFull(in, wide[:]); err == io.EOF {
			break
		} else if err != nil {
			return failure(inWorkspace, "%w", err)
		}
		v, err := convert(binary.LittleEndian.Uint64(wide[:]))
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(short[:], v)
		if _, err := w.Write(short[:4]); err != nil {
			return failure(inWorkspace, "%w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return failure(inWorkspace, "%w", err)
	}
	return nil
}
