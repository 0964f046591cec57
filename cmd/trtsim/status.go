package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// status is how a run ends.
type status struct {
	code    int
	trailer string         // PASSED, FAILED, or "" for none
	signal  syscall.Signal // ends the process when not zero
}

var (
	passed = status{0, "PASSED", 0}
	failed = status{1, "FAILED", 0}
	silent = status{1, "", 0}

	aborted = status{128 + int(syscall.SIGABRT), "", syscall.SIGABRT}
)

// exception is the end by a C++ exception of a type, which trtexec catches from
// 8.6 on.
func (s *sim) exception(typ, text string) status {
	if s.version.AtLeast(8, 6) {
		s.log.fail("Uncaught exception detected: %s", text)
		return failed
	}
	s.log.bare("terminate called after throwing an instance of '%s'\n  what():  %s", typ, text)
	return aborted
}

// cudaFailure is how a release ends when a CUDA call or an assertion fails.
func (s *sim) cudaFailure() status {
	if s.version.AtLeast(9, 1) {
		return silent
	}
	return aborted
}

// die ends the process by a signal with its default action, which Go's runtime
// otherwise intercepts. Where the kernel spares us (the first process of a
// container), the exit code says the same.
func die(sig syscall.Signal, code int) {
	var action [8]uint64 // all zero: SIG_DFL, no flags, no mask
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	_ = syscall.Kill(os.Getpid(), sig)
	time.Sleep(100 * time.Millisecond)
	os.Exit(code)
}
