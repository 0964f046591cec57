package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
)

// loadAndInfer runs a saved engine.
func (s *sim) loadAndInfer() status {
	o, l := s.options, s.log
	start := time.Now()
	f, err := os.Open(o.LoadEngine)
	var info os.FileInfo
	if err == nil {
		info, err = f.Stat()
		f.Close()
	}
	switch {
	case err != nil:
		l.info("trtsim: %v", err)
		l.fail("Error opening engine file: %s", o.LoadEngine)
		return s.noEngine()
	case !info.Mode().IsRegular():
		l.fail("Error loading engine file: %s", o.LoadEngine)
		return s.noEngine()
	}
	if !s.version.AtLeast(10, 0) {
		if s.version.AtLeast(9, 0) {
			l.info("Loaded engine with size: %s MiB", mib(info.Size()))
		}
		l.info("Engine loaded in %s sec.", seconds(time.Since(start)))
	}
	return s.useEngine(o.LoadEngine, false)
}

// useEngine deserializes the engine at path and goes on with it. After a build
// that skips inference, nobody looks at whether that worked.
func (s *sim) useEngine(path string, built bool) status {
	o, l := s.options, s.log
	if built && o.Platform != "" { // not a plan for this place
		return s.skipped()
	}
	start := time.Now()
	f, err := os.Open(path)
	if err != nil {
		l.fail("Error opening engine file: %s", path)
		return s.noEngine()
	}
	defer f.Close()
	p, ok := s.deserialize(f)
	if !ok {
		l.fail("Engine deserialization failed")
		if built && o.SkipInference && !o.DumpLayers && o.ExportLayers == "" {
			return s.skipped()
		}
		l.fail("Got invalid engine!")
		l.fail("Inference set up failed")
		return failed
	}
	l.info("Engine deserialized in %s sec.", seconds(time.Since(start)))
	weights, ok := s.refit(&p)
	if !ok {
		l.fail("Engine refit from ONNX model failed.")
		return failed
	}
	if weights != nil {
		defer weights.Close()
	}
	s.dumpProfiles(p.Meta)
	if o.SkipInference {
		s.exportLayers(p.Meta)
		return s.skipped()
	}
	if s.faults.has("oom") {
		s.outOfMemory("load")
		stream := "stream"
		if s.version.AtLeast(10, 16) {
			stream = "inference stream"
		}
		l.fail("Unable to create execution context for %s 0.", stream)
		l.fail("Inference set up failed")
		return failed
	}
	s.exportLayers(p.Meta)
	return s.infer(p, built)
}

func (s *sim) skipped() status {
	flag := "--skipInference"
	if !s.version.AtLeast(8, 6) {
		flag = "--buildOnly"
	}
	s.log.info("Skipped inference phase since %s is added.", flag)
	return passed
}

// deserialize reads an engine as the release's runtime does. On failure the
// reasons were printed.
func (s *sim) deserialize(f *os.File) (container.Plan, bool) {
	info, err := f.Stat()
	if err != nil {
		s.log.info("trtsim: %v", err)
		return container.Plan{}, false
	}
	size := info.Size()
	s.log.libInfo("Loaded engine size: %d MiB", size>>20)
	p, err := container.Read(f, size)
	if magic, ok := errors.AsType[*container.MagicError](err); ok {
		s.wrongMagic(magic.Got)
		return p, false
	}
	if p.Bare != container.Bare(s.version) && !errors.Is(err, container.ErrEmpty) {
		s.wrongMagic(container.ArchiveMagic)
		return p, false
	}
	switch {
	case errors.Is(err, container.ErrEmpty):
		s.runtimeError(3, "runtime.cpp::deserializeCudaEngine::64", "API Usage Error", "Parameter check failed, condition: blob != nullptr && size > 0")
		return p, false
	case errors.Is(err, container.ErrTruncated), errors.Is(err, container.ErrSize):
		s.runtimeError(1, "stdArchiveReader.cpp::StdArchiveReader::32", "Serialization", "Serialization assertion sizeRead == static_cast<uint64_t>(mEnd - mCurrent) failed.Size specified in header does not match archive size")
		s.deserializationFailed()
		return p, false
	}
	if !s.isForThisPlatform(p) || !s.readsVersion(p) {
		return p, false
	}
	switch {
	case errors.Is(err, container.ErrNotSimulated):
		s.log.fail("trtsim: this plan was not written by trtsim; only TensorRT on a GPU can run it")
		return p, false
	case err != nil:
		s.log.info("trtsim: %v", err)
		s.runtimeError(1, "stdArchiveReader.cpp::StdArchiveReader::32", "Serialization", "Serialization assertion sizeRead == static_cast<uint64_t>(mEnd - mCurrent) failed.Size specified in header does not match archive size")
		s.deserializationFailed()
		return p, false
	}
	return p, s.suitsDevice(p) && s.findsPlugins(p)
}

// runtimeError prints an error of the runtime in the generation's form.
func (s *sim) runtimeError(code int, place, class, text string) {
	if s.version.AtLeast(10, 0) {
		s.log.record(code, "IRuntime::deserializeCudaEngine: Error Code %d: %s (%s)", code, class, text)
		return
	}
	s.log.record(code, "[%s] Error Code %d: %s (%s)", place, code, class, text)
}

// deserializationFailed is the second line that the 8.x and 9.x runtimes print.
func (s *sim) deserializationFailed() {
	if !s.version.AtLeast(10, 0) {
		s.log.record(4, "[runtime.cpp::deserializeCudaEngine::66] Error Code 4: Internal Error (Engine deserialization failed.)")
	}
}

func (s *sim) wrongMagic(got uint32) {
	if container.Bare(s.version) {
		s.runtimeError(1, "stdArchiveReader.cpp::StdArchiveReader::32", "Serialization", "Serialization assertion magicTagRead == kMAGIC_TAG failed.Magic tag does not match")
		s.deserializationFailed()
		return
	}
	const advice = "Check that the engine was not created using safety runtime, same OS was used and version compatibility parameters were set accordingly"
	if s.version.AtLeast(10, 9) {
		s.log.record(1, "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion header.magicTag == kEXPECTED_MAGIC_TAG failed.Trying to load an engine created with incompatible serialization version (%d != %d). %s and that it is a TRT engine file. In throwUnlessHeaderOk at /_src/runtime/dispatch/runtime.cpp:42)", got, container.PlanMagic, advice)
		return
	}
	s.log.record(1, "[runtime.cpp::parsePlan::314] Error Code 1: Serialization (Serialization assertion plan->header.magicTag == rt::kPLAN_MAGIC_TAG failed.Trying to load an engine created with incompatible serialization version. %s.)", advice)
}

// prefix is how the generation names the place of an error of the runtime.
func (s *sim) prefix(place string) string {
	if s.version.AtLeast(10, 0) {
		return "IRuntime::deserializeCudaEngine: "
	}
	return "[" + place + "] "
}

// incompatible prints why a plan does not fit this runtime or device.
func (s *sim) incompatible(format string, args ...any) {
	if s.version.AtLeast(10, 0) {
		s.log.record(6, "IRuntime::deserializeCudaEngine: Error Code 6: API Usage Error ("+format+")", args...)
		return
	}
	s.log.record(6, format, args...)
	s.log.record(2, "[engine.cpp::deserializeEngine::951] Error Code 2: Internal Error (Assertion engine->deserialize(start, size, allocator, runtime) failed. )")
}

// findsPlugins checks that a library was given for the plugins of the plan.
func (s *sim) findsPlugins(p container.Plan) bool {
	i := slices.IndexFunc(p.Meta.Plugins, func(name string) bool { return !s.provides(name) })
	if i < 0 {
		return true
	}
	name := p.Meta.Plugins[i]
	if s.version.AtLeast(10, 0) {
		s.log.record(4, "IPluginRegistry::getCreator: Error Code 4: API Usage Error (Cannot find plugin: %s, version: 1, namespace:.)", name)
	} else {
		s.log.record(3, "getPluginCreator could not find plugin: %s version: 1", name)
	}
	s.log.record(1, "%s", s.prefix("pluginV2Runner.cpp::load::300")+"Error Code 1: Serialization (Serialization assertion creator failed.Cannot deserialize plugin since corresponding IPluginCreator not found in Plugin Registry)")
	s.deserializationFailed()
	return false
}

// dumpProfiles prints the profiles of an engine when asked to.
func (s *sim) dumpProfiles(m container.Meta) {
	if !s.options.DumpProfiles {
		return
	}
	for i, p := range m.Profiles {
		for _, r := range p.Shapes {
			s.log.info("Model input %s (profile %d): min=%s, opt=%s, max=%s", r.Input, i, dimString(r.Min), dimString(r.Opt), dimString(r.Max))
		}
	}
}

// planVersion answers --getPlanVersionOnly.
func (s *sim) planVersion() status {
	text := s.planVersionText()
	if strings.HasPrefix(text, "Plan was created") {
		s.log.info("%s", text)
		return passed
	}
	s.log.fail("%s", text)
	s.log.fail("Failed to get plan file version.")
	return failed
}

func (s *sim) planVersionText() string {
	f, err := os.Open(s.options.LoadEngine)
	if err != nil {
		return "Failed to read plan file"
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "Failed to read plan file"
	}
	p, err := container.Read(f, info.Size())
	if _, ok := errors.AsType[*container.MagicError](err); ok || p.Bare {
		return "Failed to verify a plan tag."
	}
	switch {
	case errors.Is(err, container.ErrEmpty):
		return "Plan file is empty"
	case p.Version.Major == 0:
		return "Plan file is incorrect"
	}
	return "Plan was created with TensorRT version " + p.Version.String()
}
