package builder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// expandExports turns the JSON of --exportOutput into raw files, for releases
// that write no raw files themselves, so that one comparison serves all.
func (a Agent) expandExports(c Command) error {
	for _, arg := range c.Args {
		file, ok := strings.CutPrefix(arg, "--exportOutput=")
		if !ok {
			continue
		}
		dir, err := a.path(filepath.Join(".", c.Dir))
		if err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(file)))
		if errors.Is(err, os.ErrNotExist) {
			return nil // then the outputs are missing, and judged so
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errWorkspace, err)
		}
		defer f.Close()
		e := &expansion{dir: dir}
		err = errors.Join(trtexec.ReadExportedOutput(f, e.begin, e.value), e.end())
		if err != nil {
			return fmt.Errorf("%w: read exported outputs of %s: %w", errWorkspace, c.Name, err)
		}
	}
	return nil
}

// expansion writes one raw float32 file per exported tensor.
type expansion struct {
	dir  string
	file *os.File
	w    *bufio.Writer
}

func (e *expansion) begin(name string, dims []int64) error {
	if err := e.end(); err != nil {
		return err
	}
	var err error
	if e.file, err = os.Create(filepath.Join(e.dir, trtexec.RawOutputName(name, dims, "fp32"))); err != nil {
		return err
	}
	e.w = bufio.NewWriter(e.file)
	return nil
}

func (e *expansion) value(v float64) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], math.Float32bits(float32(v)))
	_, err := e.w.Write(b[:])
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
