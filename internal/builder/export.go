package builder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// expandExports turns the JSON of --exportOutput into raw files, for releases
// that write no raw files themselves, so that one comparison serves all.
func (w *worker) expandExports(c Command) error {
	for _, arg := range c.Args {
		file, ok := strings.CutPrefix(arg, "--exportOutput=")
		if !ok {
			continue
		}
		f, err := w.files.open(path.Join(c.Dir, file))
		if errors.Is(err, os.ErrNotExist) {
			return nil // then the outputs are missing, and judged so
		}
		if err != nil {
			return err
		}
		defer f.Close()
		e := &expansion{files: w.files, dir: c.Dir, wanted: c.Case.Outputs}
		err = errors.Join(trtexec.ReadExportedOutput(f, e.begin, e.value), e.end())
		if err != nil {
			return failure(inWorkspace, "read exported outputs of %s: %w", c.Name, err)
		}
	}
	return nil
}

// expansion writes one raw file per exported tensor, in a type that holds what
// the reference's type does.
type expansion struct {
	files  folder
	dir    string
	wanted []verify.Tensor

	file *os.File
	w    *bufio.Writer
	put  func([]byte, float64) []byte // appends one value as it is written
}

func (e *expansion) begin(name string, dims []int64) error {
	if err := e.end(); err != nil {
		return err
	}
	kind := "fp32"
	e.put = func(b []byte, v float64) []byte {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	}
	at := slices.IndexFunc(e.wanted, func(t verify.Tensor) bool { return t.Name == name })
	switch {
	case at < 0 || floating(e.wanted[at].Type):
	case e.wanted[at].Type == onnx.Bool:
		kind = "bool"
		e.put = func(b []byte, v float64) []byte { return append(b, byte(v)) }
	default:
		kind = "int64"
		e.put = func(b []byte, v float64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(int64(v))) }
	}
	var err error
	if e.file, err = e.files.create(path.Join(e.dir, trtexec.RawOutputName(name, dims, kind))); err != nil {
		return err
	}
	e.w = bufio.NewWriter(e.file)
	return nil
}

func floating(t onnx.DataType) bool {
	switch t {
	case onnx.Float32, onnx.Float16, onnx.BFloat16, onnx.Float64:
		return true
	}
	return false
}

func (e *expansion) value(v float64) error {
	_, err := e.w.Write(e.put(e.w.AvailableBuffer(), v))
	return err
}

func (e *expansion) end() error {
	if e.file == nil {
		return nil
	}
	err := errors.Join(e.w.Flush(), e.file.Close())
	e.file = nil
	return err
}
