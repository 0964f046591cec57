package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// newestOpset is beyond what any release of ONNX has published; a model that
// asks for more was not made by a sound exporter. The real parser warns at most.
const newestOpset = 40

// parseModel reads the ONNX model as the release's parser does. On failure the
// reasons were printed.
func (s *sim) parseModel() (*onnx.Model, bool) {
	l := s.log
	start := time.Now()
	if s.version.AtLeast(8, 6) {
		l.info("Start parsing network model.")
	} else {
		l.info("Start parsing network model")
	}
	m, ok := s.importModel()
	if !ok {
		l.fail("Failed to parse onnx file")
	}
	if s.version.AtLeast(8, 6) {
		l.info("Finished parsing network model. Parse time: %s", seconds(time.Since(start)))
	} else {
		l.info("Finish parsing network model")
	}
	if !ok {
		l.fail("Parsing model failed")
	}
	return m, ok
}

func (s *sim) importModel() (*onnx.Model, bool) {
	l, path := s.log, s.options.Model
	m, err := onnx.Inspect(path)
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			l.bare("Could not open file %s", path)
			l.bare("Could not open file %s", path)
		default:
			l.info("trtsim: %v", err)
		}
		l.libFail("ModelImporter.cpp:735: Failed to parse ONNX model from file: %s", path)
		return nil, false
	}
	l.libInfo("----------------------------------------------------------------")
	l.libInfo("Input filename:   %s", path)
	l.libInfo("ONNX IR version:  0.0.%d", m.IRVersion)
	l.libInfo("Opset version:    %d", m.MaxOpset())
	l.libInfo("Producer name:    %s", m.Producer)
	l.libInfo("----------------------------------------------------------------")
	if v := m.MaxOpset(); v > newestOpset {
		s.parserError("importModel", 7, fmt.Sprintf("Assertion failed: opset version %d is beyond what this parser knows", v))
		return nil, false
	}
	if !s.externalWeights(m) {
		return nil, false
	}
	for _, op := range m.Operators {
		if sequenceOp(op.Name) && op.Domain == "" {
			s.noPlugin(op)
			return nil, false
		}
	}
	ops := slices.DeleteFunc(foreign(m, s.version), func(op onnx.Operator) bool { return s.provides(op.Name) })
	if len(ops) > 0 {
		for _, op := range ops {
			s.noPlugin(op)
		}
		return nil, false
	}
	return m, s.bindable(m)
}

// parserError prints an error of the parser's importer.
func (s *sim) parserError(function string, code int, text string) {
	s.log.libFail("ModelImporter.cpp:%d: ERROR: ModelImporter.cpp:%d In function %s:\n[%d] %s", s.importerLine(), s.importerLine()+40, function, code, text)
}

// importerLine is a line of ModelImporter.cpp as logs of the generation show it.
func (s *sim) importerLine() int {
	switch {
	case s.version.AtLeast(10, 9):
		return 149
	case s.version.AtLeast(10, 0):
		return 954
	}
	return 779
}

// noPlugin says that an operator has no importer and no plugin.
func (s *sim) noPlugin(op onnx.Operator) {
	l := s.log
	domain := op.Domain
	l.libInfo("No importer registered for op: %s. Attempting to import as plugin.", op.Name)
	l.libInfo("Searching for plugin: %s, plugin_version: 1, plugin_namespace: %s", op.Name, domain)
	node := func(file string, line int) {
		l.libFail("%s:%d: While parsing node number 0 [%s]:", file, line, op.Name)
		l.libFail("%s:%d: --- Begin node ---\nop_type: %q\ndomain: %q\n", file, line+2, op.Name, op.Domain)
		l.libFail("%s:%d: --- End node ---", file, line+3)
	}
	if s.version.AtLeast(10, 0) {
		l.record(4, "IPluginRegistry::getCreator: Error Code 4: API Usage Error (Cannot find plugin: %s, version: 1, namespace:%s.)", op.Name, domain)
		node("ModelImporter.cpp", 138)
		l.libFail("ModelImporter.cpp:%d: ERROR: onnxOpCheckers.cpp:781 In function checkFallbackPluginImporter:\n[6] creator && \"Plugin not found, are the plugin name, version, and namespace correct?\"", s.importerLine())
		return
	}
	l.record(3, "getPluginCreator could not find plugin: %s version: 1", op.Name)
	node("ModelImporter.cpp", 771)
	l.libFail("ModelImporter.cpp:779: ERROR: builtin_op_importers.cpp:5404 In function importFallbackPluginImporter:\n[8] Assertion failed: creator && \"Plugin not found, are the plugin name, version, and namespace correct?\"")
}

// externalWeights checks that the files of external weights are there and long
// enough.
func (s *sim) externalWeights(m *onnx.Model) bool {
	err := onnx.CheckExternal(s.options.Model, m)
	if err == nil {
		return true
	}
	s.log.info("trtsim: %v", err)
	file := "WeightsContext.cpp:190"
	if !s.version.AtLeast(10, 0) {
		file = "onnx2trt_utils.cpp:1447"
	}
	for _, e := range m.External {
		path := filepath.Join(filepath.Dir(s.options.Model), filepath.FromSlash(e.Location))
		info, err := os.Stat(path)
		switch {
		case err != nil:
			s.log.libFail("%s: Failed to open file: %s", file, path)
		case info.Size() < e.Bytes:
			s.log.libFail("%s: Failed to read weights from external file: %s", file, path)
		}
	}
	s.parserError("parseGraph", 5, "Failed to import initializer")
	return false
}

// bindable checks that inputs and outputs are tensors of types that TensorRT
// binds, and warns where it narrows one.
func (s *sim) bindable(m *onnx.Model) bool {
	integers := false
	for _, v := range append(append([]onnx.Value(nil), m.Inputs...), m.Outputs...) {
		if _, ok := bindingType(v.Type, s.version); !ok {
			s.parserError("convertDtype", 11, fmt.Sprintf("Assertion failed: tensor %s has a type (%s) that TensorRT does not bind", v.Name, v.Type))
			return false
		}
		integers = integers || v.Type == onnx.Int64
	}
	bound, _ := bindingType(onnx.Int64, s.version)
	if (integers || m.WeightTypes[onnx.Int64] > 0) && bound != onnx.Int64 {
		s.log.libWarn("onnx2trt_utils.cpp:374: Your ONNX model has been generated with INT64 weights, while TensorRT does not natively support INT64. Attempting to cast down to INT32.")
	}
	return true
}
