//go:build linux && (amd64 || arm64)

// Package confine takes the network away from a program that is about to run:
// after it, neither the program nor its descendants can open a socket that leaves
// the machine, gain privileges, or reach into another process. It needs no root
// and no container.
package confine

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Apply confines the calling process, all of its threads, and whatever it starts
// from now on. There is no way back. Sockets of families other than AF_UNIX and
// AF_NETLINK fail with EACCES. Sockets that are open already stay open.
func Apply() error {
	prog, err := filter()
	if err != nil {
		return err
	}
	// The two calls must be made by one thread; the flag carries both to the rest.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return install(prog)
}

// install hands the filter to the kernel for every thread of the process.
func install(prog []bpf.RawInstruction) error {
	code := make([]unix.SockFilter, len(prog))
	for i, in := range prog {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(code)
	switch {
	case errno == unix.ENOSYS || errno == unix.EINVAL:
		return fmt.Errorf("install the system call filter: this kernel has no seccomp filters: %w", errno)
	case errno != 0:
		return fmt.Errorf("install the system call filter: %w", errno)
	case thread != 0:
		return fmt.Errorf("install the system call filter: thread %d has a filter of its own", thread)
	}
	return nil
}

// Exec confines the process and replaces it by the program argv[0], which is
// looked up on the PATH of the calling process. The program is killed when the
// thread ends that started this process. Exec returns only on failure; the process
// is then confined all the same.
func Exec(argv, env []string) error {
	if len(argv) == 0 {
		return errors.New("no program to confine")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err // names the program and the reason
	}
	if err := Apply(); err != nil {
		return err
	}
	// Which signal a parent's death sends is kept per thread, and the thread that
	// executes a program is the one that stays: here, any of this process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("end with the parent: %w", err)
	}
	if err := unix.Exec(path, argv, env); err != nil {
		return fmt.Errorf("execute %s: %w", path, err)
	}
	return nil
}
