package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// faults are the faults of TRTSIM_FAULT that this run has to show, by kind,
// with their arguments.
type faults map[string]string

func (f faults) has(kind string) bool { _, ok := f[kind]; return ok }

func (f faults) arg(kind string) string { return f[kind] }

// faultArgs says of every kind what its argument must be.
var faultArgs = map[string]func(string) error{
	"slow":      func(s string) error { _, err := time.ParseDuration(s); return err },
	"crash":     noArg,
	"oom":       noArg,
	"host-oom":  noArg,
	"nan":       noArg,
	"hang":      noArg,
	"truncate":  noArg,
	"precision": noArg,
	"flaky":     func(s string) error { _, err := strconv.ParseUint(s, 10, 31); return err },
	"wrong-gpu": func(s string) error { return someArg(s, "a GPU") },
	"wrong-output": func(s string) error {
		_, err := strconv.ParseFloat(s, 64)
		return err
	},
	"wrong-version": func(s string) error { _, err := catalog.ParseVersion(s); return err },
}

func noArg(s string) error {
	if s != "" {
		return fmt.Errorf("takes no argument, found %q", s)
	}
	return nil
}

func someArg(s, what string) error {
	if s == "" {
		return fmt.Errorf("wants %s", what)
	}
	return nil
}

// readFaults reads "kind[@step][:argument],..." and keeps what concerns this
// run: its step, and the filter of TRTSIM_FAULT_CELL on its command line.
func readFaults(env func(string) string, commandLine string, loads bool) (faults, error) {
	text := env("TRTSIM_FAULT")
	out := faults{}
	if text == "" {
		return out, nil
	}
	step := "build"
	if loads {
		step = "load"
	}
	applies := strings.Contains(commandLine, env("TRTSIM_FAULT_CELL"))
	for _, part := range strings.Split(text, ",") {
		head, arg, _ := strings.Cut(strings.TrimSpace(part), ":")
		kind, at, scoped := strings.Cut(head, "@")
		check, ok := faultArgs[kind]
		if !ok {
			kinds := make([]string, 0, len(faultArgs))
			for k := range faultArgs {
				kinds = append(kinds, k)
			}
			slices.Sort(kinds)
			return nil, fmt.Errorf("TRTSIM_FAULT: %q is no fault; there are %s", kind, strings.Join(kinds, ", "))
		}
		if scoped && at != "build" && at != "load" {
			return nil, fmt.Errorf("TRTSIM_FAULT: %s@%s: a step is build or load", kind, at)
		}
		if err := check(arg); err != nil {
			return nil, fmt.Errorf("TRTSIM_FAULT: %s: %w", kind, err)
		}
		if applies && (!scoped || at == step) {
			out[kind] = arg
		}
	}
	return out, nil
}

// misbehave shows the faults that strike before any work is done.
func (s *sim) misbehave() (status, bool) {
	if d, err := time.ParseDuration(s.faults.arg("slow")); err == nil {
		time.Sleep(d)
	}
	for s.faults.has("hang") {
		time.Sleep(time.Hour)
	}
	if s.faults.has("crash") {
		s.log.bare("Segmentation fault (core dumped)")
		return status{code: 128 + int(syscall.SIGSEGV), signal: syscall.SIGSEGV}, false
	}
	if s.faults.has("host-oom") {
		return status{code: 128 + int(syscall.SIGKILL), signal: syscall.SIGKILL}, false
	}
	if s.flakes() {
		text := "uncorrectable ECC error encountered"
		if s.version.AtLeast(10, 7) {
			s.log.bare("Cuda failure at /_src/samples/common/sampleDevice.h:1: %s", text)
		} else {
			s.log.bare("Cuda failure: %s", text)
		}
		return s.cudaFailure(), false
	}
	return status{}, true
}

// flakes counts runs in a file and reports whether this one is among the first
// that have to fail. Each run adds one byte, so that concurrent runs count too.
func (s *sim) flakes() bool {
	n, err := strconv.Atoi(s.faults.arg("flaky"))
	if err != nil {
		return false
	}
	dir := s.env("TRTSIM_STATE")
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.OpenFile(filepath.Join(dir, "trtsim-flaky"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		s.log.warn("trtsim: flaky: %v", err)
		return true
	}
	defer f.Close()
	if _, err := f.Write([]byte{'.'}); err != nil {
		return true
	}
	at, err := f.Seek(0, 1)
	return err != nil || at <= int64(n)
}
