package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// buildAndInfer builds an engine from the model and, unless told otherwise,
// runs it.
func (s *sim) buildAndInfer() status {
	start := time.Now()
	m, ok := s.parseModel()
	if !ok {
		return s.noEngine()
	}
	profiles, ok := s.profiles(m)
	if !ok {
		s.log.fail("Network And Config setup failed")
		s.log.fail("Building engine failed")
		return s.noEngine()
	}
	s.warnOfInt8(m)
	cache := s.openTimingCache()
	defer cache.close()
	build := time.Now()
	if !s.buildable(m, profiles) {
		return s.builderFailed(build)
	}
	path := s.options.SaveEngine
	if path == "" {
		f, err := os.CreateTemp("", "trtsim-*.plan")
		if err != nil {
			s.log.fail("trtsim: no place for the engine: %v", err)
			return s.noEngine()
		}
		path = f.Name()
		f.Close()
		defer os.Remove(path)
	}
	size, err := s.writeEngine(path, m, profiles)
	if err != nil {
		return s.notSaved(path, err)
	}
	cache.save()
	s.sayBuilt(size, start, build)
	if err := s.spoil(path, size); err != nil {
		return s.notSaved(path, err)
	}
	return s.useEngine(path, true)
}

// noEngine is the end of a build or load without an engine.
func (s *sim) noEngine() status {
	s.log.fail("Failed to create engine from model or file.")
	s.log.fail("Engine set up failed")
	return failed
}

// builderFailed is the end of a build whose builder returned nothing. From
// 10.13 the plan is streamed into its file, and nobody looks at the builder's
// answer: the file stays behind empty.
func (s *sim) builderFailed(start time.Time) status {
	l := s.log
	if !s.streams() {
		l.fail("Engine could not be created from network")
		l.fail("Building engine failed")
		return s.noEngine()
	}
	if err := os.WriteFile(s.options.SaveEngine, nil, 0o666); err != nil {
		l.fail("Cannot write to FileStreamWriter")
	}
	l.info("Created engine with size: 0 MiB")
	l.info("Engine built in %s sec.", seconds(time.Since(start)))
	l.bare(`Assertion failure: false && "Attempting to access an empty engine!"`)
	return silent
}

// streams reports whether the release writes the plan while it builds.
func (s *sim) streams() bool { return s.version.AtLeast(10, 13) && s.options.SaveEngine != "" }

func (s *sim) notSaved(path string, err error) status {
	s.log.info("trtsim: %s: %v", path, err)
	if s.streams() {
		s.log.fail("Cannot write to FileStreamWriter")
	}
	s.log.fail("Saving engine to file failed.")
	return s.noEngine()
}

// sayBuilt prints what a successful build prints; order and meaning of the
// lines changed twice.
func (s *sim) sayBuilt(size int64, start, build time.Time) {
	l := s.log
	created := func() { l.info("Created engine with size: %s MiB", mib(size)) }
	switch {
	case !s.version.AtLeast(9, 0):
		l.info("Engine built in %s sec.", seconds(time.Since(start)))
	case !s.version.AtLeast(9, 1):
		created()
		l.info("Engine built in %s sec.", seconds(time.Since(start)))
	case !s.version.AtLeast(10, 13):
		l.info("Engine built in %s sec.", seconds(time.Since(build)))
		created()
	default:
		created()
		l.info("Engine built in %s sec.", seconds(time.Since(build)))
	}
}

func (s *sim) warnOfInt8(m *onnx.Model) {
	if slices.Contains(s.options.Types, "int8") && s.options.Calib == "" && !m.QDQ {
		s.log.libWarn("Calibrator is not being used. Users must provide dynamic range for all tensors that are not Int32 or Bool.")
	}
}

// buildable does what the builder checks. On failure the reasons were printed.
func (s *sim) buildable(m *onnx.Model, profiles []container.Profile) bool {
	if s.faults.has("oom") {
		s.outOfMemory("build")
		return false
	}
	if !s.servesGPU() {
		number, _ := strconv.Atoi(strings.ReplaceAll(s.gpu.SM, ".", ""))
		if s.version.AtLeast(10, 0) {
			s.log.record(9, "IBuilder::buildSerializedNetwork: Error Code 9: API Usage Error (Target GPU SM %d is not supported by this TensorRT release.)", number)
		} else {
			major, minor := s.gpu.Capability()
			s.log.record(1, "[caskUtils.cpp::trtSmToCask::147] Error Code 1: Internal Error (Unsupported SM: 0x%x)", major<<8|minor)
			s.log.record(2, "[builder.cpp::buildSerializedNetwork::751] Error Code 2: Internal Error (Assertion engine != nullptr failed. )")
		}
		return false
	}
	if !s.modesAreThere() {
		return false
	}
	for _, precision := range []string{"bf16", "fp8"} {
		if slices.Contains(s.options.Types, precision) && catalog.Computes(precision, s.gpu.SM).Verdict == catalog.Cannot {
			s.validation("Networks with %s precision require hardware with %s support", strings.ToUpper(precision), strings.ToUpper(precision))
			return false
		}
	}
	return s.fitsNetwork(m, profiles)
}

// servesGPU reports whether the release supports the GPU's architecture, as far
// as the catalogue knows.
func (s *sim) servesGPU() bool {
	r, ok := catalog.SMSupport(s.version)
	if !ok {
		return true
	}
	bound := func(sm string) (int, int) { return device.Device{SM: sm}.Capability() }
	if a, b := bound(r.Min); r.Min != "" && !s.gpu.AtLeast(a, b) {
		return false
	}
	if a, b := bound(r.Max); r.Max != "" && s.gpu.AtLeast(a, b) && s.gpu.SM != r.Max {
		return false
	}
	return true
}

// outOfMemory prints what TensorRT prints when the GPU's memory is full.
func (s *sim) outOfMemory(phase string) {
	l := s.log
	size := s.gpu.Bytes() * 2
	if s.version.AtLeast(10, 0) {
		l.record(1, "[virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 1: Cuda Driver (In resizePhysical: out of memory)")
	} else {
		l.record(1, "[defaultAllocator.cpp::allocate::19] Error Code 1: Cuda Runtime (out of memory)")
	}
	l.libWarn("Requested amount of GPU memory (%d bytes) could not be allocated. There may not be enough free memory for allocation to succeed.", size)
	if phase == "build" {
		l.record(2, "[globWriter.cpp::makeResizableGpuMemory::423] Error Code 2: OutOfMemory (Requested size was %d bytes.)", size)
		return
	}
	l.record(2, "[executionContext.cpp::ExecutionContext::470] Error Code 2: OutOfMemory (no further information)")
}

// spoil cuts the saved engine when the fault asks for it.
func (s *sim) spoil(path string, size int64) error {
	if !s.faults.has("truncate") {
		return nil
	}
	return os.Truncate(path, size/2)
}
