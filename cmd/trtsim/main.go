// Command trtsim stands in for trtexec on machines without an NVIDIA GPU. It
// behaves as the trtexec of one TensorRT release, builds engines that say that
// they are simulated, and runs them on the CPU. See README.md.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/cmdline"
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
	"github.com/trtfarm/trtfarm/internal/catalog"
)

func main() {
	st := run(os.Args, os.Getenv, os.Stdout, os.Stderr)
	if st.signal != 0 {
		die(st.signal, st.code)
	}
	os.Exit(st.code)
}

// misuse is the exit code for an environment that trtsim cannot work with. No
// trtexec uses it.
const misuse = 2

// sim is one run.
type sim struct {
	args      []string
	env       func(string) string
	log       *logger
	version   catalog.Version
	gpu       *device.Device // nil: no GPU can be seen
	faults    faults
	options   cmdline.Options
	libraries []string // plugin libraries that were loaded
}

func run(args []string, env func(string) string, out, errs io.Writer) status {
	if filepath.Base(args[0]) == "nvidia-smi" {
		return status{code: smi(args[1:], env, out, errs)}
	}
	if len(args) > 1 && args[1] == "nvidia-smi" {
		return status{code: smi(args[2:], env, out, errs)}
	}
	s := &sim{args: args, env: env, log: &logger{out: out, errs: errs, now: time.Now}}
	if err := s.setUp(); err != nil {
		fmt.Fprintf(errs, "trtsim: %v\n", err)
		return status{code: misuse}
	}
	s.log.banner("RUNNING", s.version, args)
	s.log.info("trtsim: simulated: true, no GPU and no TensorRT took part")
	st := s.trtexec()
	if st.trailer != "" {
		s.log.banner(st.trailer, s.version, args)
	}
	return st
}

// setUp reads what the environment says about release, GPU and faults.
func (s *sim) setUp() error {
	text := s.env("TRT_VERSION")
	if text == "" {
		return errors.New("TRT_VERSION is not set: it says which TensorRT to stand in for, such as 10.3.0.26")
	}
	v, err := catalog.ParseVersion(text)
	if err != nil {
		return fmt.Errorf("TRT_VERSION: %w", err)
	}
	if !v.AtLeast(8, 4) {
		return fmt.Errorf("TRT_VERSION %s: trtsim stands in for TensorRT 8.4 and later", v)
	}
	s.version = v
	if s.faults, err = readFaults(s.env, strings.Join(s.args, " "), hasFlag(s.args, "--loadEngine")); err != nil {
		return err
	}
	name := s.env("TRTSIM_GPU")
	if wrong := s.faults.arg("wrong-gpu"); wrong != "" {
		name = wrong
	}
	if name == "" {
		return nil
	}
	d, err := device.Find(name)
	if err != nil {
		return fmt.Errorf("TRTSIM_GPU: %w", err)
	}
	d.UUID = uuidOf(d, s.env)
	s.gpu = &d
	return nil
}

// uuidOf is the UUID that the environment gives the GPU, or the derived one.
func uuidOf(d device.Device, env func(string) string) string {
	if u := env("TRTSIM_GPU_UUID"); u != "" {
		return u
	}
	if u := env("NVIDIA_VISIBLE_DEVICES"); strings.HasPrefix(u, "GPU-") && !strings.Contains(u, ",") {
		return u
	}
	return d.UUID
}

func hasFlag(args []string, flag string) bool {
	for _, a := range args {
		if name, _, _ := strings.Cut(a, "="); name == flag {
			return true
		}
	}
	return false
}

// trtexec does what the release's main function does.
func (s *sim) trtexec() status {
	if st, done := s.parse(); done {
		return st
	}
	if s.tellsOfTF32() {
		s.log.info("TF32 is enabled by default. Add --noTF32 flag to further improve accuracy with some performance cost.")
	}
	for _, w := range s.options.Warnings {
		s.log.warn("%s", w)
	}
	s.log.verbose = s.options.Verbose
	s.echo()
	if st, ok := s.selectDevice(); !ok {
		return st
	}
	s.log.info("")
	s.log.info("TensorRT version: %s", shortVersion(s.version))
	if s.options.PlanVersion {
		return s.planVersion()
	}
	if st, ok := s.misbehave(); !ok {
		return st
	}
	if st, ok := s.loadPlugins(); !ok {
		return st
	}
	if s.options.Safe {
		s.log.fail("Safety is not supported because safety runtime library is unavailable.")
		return failed
	}
	if s.options.LoadEngine != "" {
		return s.loadAndInfer()
	}
	return s.buildAndInfer()
}

// parse reads the command line; done says that the run ends with it.
func (s *sim) parse() (st status, done bool) {
	o, err := cmdline.Parse(s.args[1:], s.version)
	if m, ok := errors.AsType[*cmdline.Mistake](err); ok {
		for _, line := range m.Lines {
			s.log.fail("%s", line)
		}
		cmdline.Help(s.log.out, s.version)
		if s.version.AtLeast(11, 1) {
			return silent, true
		}
		return failed, true
	}
	if o.Help {
		cmdline.Help(s.log.out, s.version)
		if len(s.args) == 1 && !s.version.AtLeast(11, 1) {
			return passed, true
		}
		return status{}, true
	}
	s.options = o
	if s.parsesWithCUDA() && s.gpu == nil {
		s.log.bare("Cuda failure at /_src/samples/common/sampleOptions.cpp:1: no CUDA-capable device is detected")
		return silent, true
	}
	return status{}, false
}

// parsesWithCUDA reports whether the release's option parser asks CUDA for the
// compute capability.
func (s *sim) parsesWithCUDA() bool { return s.version.AtLeast(10, 7) && !s.version.AtLeast(11, 0) }

// tellsOfTF32 reports whether the parser says that TF32 is on. It looks at the
// types that were asked for, and not at --noTF32.
func (s *sim) tellsOfTF32() bool {
	o := s.options
	return s.parsesWithCUDA() && s.gpu != nil && s.gpu.AtLeast(8, 0) && !o.Typed && !o.Best && len(o.Types) == 0
}
