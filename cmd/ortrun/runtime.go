//go:build cgo

package main

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "runtime.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// maxRank is the largest number of dimensions of a tensor.
const maxRank = 64

// session is one model loaded in ONNX Runtime. It lives as long as the process:
// ortrun runs one model, so nothing here is ever released.
type session struct{ r *C.runtime }

// port is an input or output of a model. Its type is Undefined when it is not a tensor.
type port struct {
	name string
	typ  onnx.DataType
}

// problem turns an error text of the C side into one line.
func problem(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return errors.New(strings.Join(strings.Fields(C.GoString(text)), " "))
}

// open loads the ONNX Runtime library.
func open(library string) (*session, error) {
	path := C.CString(library)
	defer C.free(unsafe.Pointer(path))
	s := new(session)
	if err := problem(C.runtime_open(path, &s.r)); err != nil {
		return nil, fmt.Errorf("load ONNX Runtime: %w", err)
	}
	return s, nil
}

func (s *session) version() string {
	return "onnxruntime " + C.GoString(C.runtime_version(s.r))
}

// load reads a model and describes its inputs and outputs.
func (s *session) load(model string, threads int) (inputs, outputs []port, err error) {
	path := C.CString(model)
	defer C.free(unsafe.Pointer(path))
	if err := problem(C.runtime_load(s.r, path, C.int(threads))); err != nil {
		return nil, nil, fmt.Errorf("load %s: %w", model, err)
	}
	if inputs, err = s.ports(0, int(C.runtime_inputs(s.r))); err != nil {
		return nil, nil, err
	}
	outputs, err = s.ports(1, int(C.runtime_outputs(s.r)))
	return inputs, outputs, err
}

func (s *session) ports(output C.int, count int) ([]port, error) {
	list := make([]port, count)
	for i := range list {
		var name *C.char
		var typ C.int
		if err := problem(C.runtime_describe(s.r, output, C.size_t(i), &name, &typ)); err != nil {
			return nil, fmt.Errorf("describe input or output %d of the model: %w", i, err)
		}
		list[i] = port{C.GoString(name), onnx.DataType(typ)}
		C.free(unsafe.Pointer(name))
	}
	return list, nil
}

// buffer allocates memory that ONNX Runtime may keep a pointer to. It is never
// freed and has room for at least one byte.
func buffer(size int64) ([]byte, error) {
	p := C.malloc(C.size_t(max(size, 1)))
	if p == nil {
		return nil, fmt.Errorf("no memory for %d bytes", size)
	}
	return unsafe.Slice((*byte)(p), max(size, 1))[:size], nil
}

// set gives input i its value; data comes from buffer.
func (s *session) set(i int, data []byte, shape []int64, typ onnx.DataType) error {
	dims := make([]C.int64_t, len(shape)+1)
	for k, d := range shape {
		dims[k] = C.int64_t(d)
	}
	return problem(C.runtime_set(s.r, C.size_t(i), unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)),
		&dims[0], C.size_t(len(shape)), C.int(typ)))
}

func (s *session) run() error { return problem(C.runtime_run(s.r)) }

// get returns output i, which stays in the memory of ONNX Runtime.
func (s *session) get(i int) (data []byte, shape []int64, typ onnx.DataType, err error) {
	var p unsafe.Pointer
	var dims [maxRank]C.int64_t
	var rank C.size_t
	var element C.int
	if err := problem(C.runtime_get(s.r, C.size_t(i), &p, &dims[0], maxRank, &rank, &element)); err != nil {
		return nil, nil, 0, err
	}
	shape = make([]int64, rank)
	for k := range shape {
		shape[k] = int64(dims[k])
	}
	typ = onnx.DataType(element)
	size, err := byteSize(shape, typ)
	if err != nil {
		return nil, nil, 0, err
	}
	if size > 0 {
		data = unsafe.Slice((*byte)(p), size)
	}
	return data, shape, typ, nil
}
