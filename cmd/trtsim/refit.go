package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// smallTensor is the number of elements up to which a tensor is a parameter of
// an operator, such as the scales of a Resize, rather than weights.
const smallTensor = 8

// strip takes the weights out of a tensor.
func strip(values []float32) {
	if len(values) > smallTensor {
		clear(values)
	}
}

// refit gives an engine the weights of the ONNX file of --refitFromOnnx, and
// returns the file that now holds its model, if it has one. Without --refit the
// flag does nothing, and trtexec does not say so. On failure the reasons were
// printed.
func (s *sim) refit(p *container.Plan) (*os.File, bool) {
	o, l := s.options, s.log
	if o.RefitFrom == "" || !o.Refit {
		return nil, true
	}
	l.info("Refitting engine from ONNX model %s", o.RefitFrom)
	if !p.Meta.Refittable {
		l.record(3, "createInferRefitter: Error Code 3: API Usage Error (The engine was not built to be refitted.)")
		return nil, false
	}
	model, err := s.refitted(o.RefitFrom, p)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			l.bare("Could not open file %s", o.RefitFrom)
		}
		l.info("trtsim: %v", err)
		l.libFail("Failed to refit from ONNX model: %s", o.RefitFrom)
		return nil, false
	}
	l.info("Engine successfully refitted from ONNX model %s", o.RefitFrom)
	return model, true
}

// refitted writes the model at path as the engine would hold it, and makes it
// that of the plan.
func (s *sim) refitted(path string, p *container.Plan) (model *os.File, err error) {
	m, err := onnx.Inspect(path)
	if err != nil {
		return nil, err
	}
	if !sameNames(m.Inputs, p.Meta.Inputs) || !sameNames(m.Outputs, p.Meta.Outputs) {
		return nil, errors.New("its inputs and outputs are not those of the engine")
	}
	if model, err = scratch(""); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			model.Close()
			model = nil
		}
	}()
	if err = onnx.Rewrite(model, path, weights(p.Meta.Precision, m.QDQ)); err != nil {
		return model, err
	}
	size, err := model.Seek(0, io.SeekCurrent)
	if err != nil {
		return model, err
	}
	p.Model, p.Meta.Stripped = io.NewSectionReader(model, 0, size), false
	return model, nil
}

func sameNames(values []onnx.Value, tensors []container.Tensor) bool {
	return slices.EqualFunc(values, tensors, func(v onnx.Value, t container.Tensor) bool { return v.Name == t.Name })
}
