package main

import (
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/catalog"
)

// modesAreThere holds what is asked of the plan to release and GPU. On failure
// the reasons were printed.
func (s *sim) modesAreThere() bool {
	o := s.options
	switch {
	case o.Hardware == "ampere+" && !s.gpu.AtLeast(8, 0):
		s.validation("Hardware compatibility level ampere+ requires a device of Ampere or newer architecture, this one has compute capability %s", s.gpu.SM)
	case o.Hardware == "sameComputeCapability" && !s.gpu.AtLeast(7, 5):
		s.validation("Hardware compatibility level sameComputeCapability requires a device of Turing or newer architecture, this one has compute capability %s", s.gpu.SM)
	case o.VersionCompatible && !s.gpu.AtLeast(7, 0):
		s.validation("Version compatible engines require a device of Volta or newer architecture, this one has compute capability %s", s.gpu.SM)
	case o.VersionCompatible && o.Refit && !s.version.AtLeast(9, 0):
		s.validation("Version compatible engines cannot be refittable")
	default:
		return true
	}
	return false
}

// isForThisPlatform refuses plans that were built for another one.
func (s *sim) isForThisPlatform(p container.Plan) bool {
	if p.Meta.Platform == "" {
		return true
	}
	s.runtimeError(1, "runtime.cpp::deserializeCudaEngine::66", "Serialization", "Serialization assertion header.pad == expectedPlatformTag failed.TensorRT plan files are only supported on the target runtime platform they were created on.")
	return false
}

// forward reports whether a version-compatible plan of one release is for
// another: newer ones of the same major, and of the majors that NVIDIA names.
func forward(built, runtime catalog.Version) bool {
	next := map[int][]int{8: {8, 9, 10}, 9: {9, 10}, 10: {10, 11}, 11: {11}}
	if built.Compare(runtime) > 0 {
		return false
	}
	for _, major := range next[built.Major] {
		if major == runtime.Major {
			return true
		}
	}
	return false
}

// readsVersion holds the plan's TensorRT to this one. On failure the reasons
// were printed.
func (s *sim) readsVersion(p container.Plan) bool {
	here := s.exact()
	switch {
	case p.Meta.VersionCompatible && forward(p.Version, here):
		return s.findsLeanRuntime(p)
	case p.Version != here:
		s.wrongVersion(p)
		return false
	case s.options.Runtime != "full" && p.Model != nil:
		s.runtimeError(1, "leanStubs.cpp::loadRunner::128", "Internal Error", "Unexpected call to stub loadRunner")
		return false
	}
	return true
}

// findsLeanRuntime looks for what runs a version-compatible plan: the lean
// runtime in it, which is host code that the loader must allow, or for a plan
// without one this very release or a library.
func (s *sim) findsLeanRuntime(p container.Plan) bool {
	o := s.options
	switch {
	case !p.Meta.ExcludesRuntime && !o.VersionCompatible:
		s.log.record(9, "Cannot deserialize engine with lean runtime since IRuntime::getEngineHostCodeAllowed() is false")
		return false
	case !p.Meta.ExcludesRuntime, p.Version == s.exact():
		return true
	case o.LeanLibrary == "":
		s.runtimeError(1, "runtime.cpp::deserializeCudaEngine::66", "Serialization", "The plan does not contain a lean runtime, and no lean runtime of version "+p.Version.String()+" was loaded")
		return false
	}
	if reason := unloadable(o.LeanLibrary); reason != "" {
		s.log.fail("Could not load library %s: %s: %s", o.LeanLibrary, o.LeanLibrary, reason)
		return false
	}
	return true
}

// wrongVersion says that the plan is of another release.
func (s *sim) wrongVersion(p container.Plan) {
	mine := container.Serialization(s.version)
	if p.Serialization == mine {
		s.incompatible("The engine plan file is not compatible with this version of TensorRT, expecting library version %s got %s, please rebuild.", s.exact(), p.Version)
		return
	}
	name := "serializationVersion"
	if s.version.AtLeast(10, 0) {
		name = "kSERIALIZATION_VERSION"
	}
	s.log.record(1, s.prefix("stdArchiveReader.cpp::StdArchiveReaderInitCommon::46")+"Error Code 1: Serialization (Serialization assertion stdVersionRead == %s failed.Version tag does not match. Note: Current Version: %d, Serialized Engine Version: %d)", name, mine, p.Serialization)
	s.deserializationFailed()
}

// suitsDevice holds the plan's GPU to this one.
func (s *sim) suitsDevice(p container.Plan) bool {
	m, d := p.Meta, s.gpu
	switch {
	case m.Product == d.Product && m.SM == d.SM:
		return true
	case m.Hardware == "ampere+" && d.AtLeast(8, 0):
		return true
	case m.SM != d.SM:
		s.incompatible("The engine plan file is generated on an incompatible device, expecting compute %s got compute %s, please rebuild.", d.SM, m.SM)
		return false
	case m.Hardware == "":
		s.log.libWarn("Using an engine plan file across different models of devices is not recommended and is likely to affect performance or even cause errors.")
	}
	return true
}
