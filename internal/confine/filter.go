//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h). The low half of an argument
// comes first on both little-endian architectures that we build for.
const (
	offNumber = 0
	offArch   = 4
	offArg0   = 16
)

// families are the address families that a confined program may have sockets of.
// CUDA talks to its own daemons and to the kernel's device events through them;
// neither leaves the machine.
var families = []uint32{unix.AF_UNIX, unix.AF_NETLINK}

// forbidden are the system calls that would walk around the filter: io_uring
// opens sockets without calling socket, and the others reach into processes that
// are not confined.
var forbidden = []uint32{
	unix.SYS_IO_URING_SETUP,
	unix.SYS_PTRACE,
	unix.SYS_PROCESS_VM_READV,
	unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PIDFD_GETFD,
}

// filter returns the program that the kernel runs at every system call.
func filter() ([]bpf.RawInstruction, error) {
	refuse := func(errno unix.Errno) bpf.Instruction {
		return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)&unix.SECCOMP_RET_DATA}
	}
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}

	// A program of another architecture numbers its calls differently, so nothing
	// below would mean what it says.
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		refuse(unix.EPERM),
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	if foreignNumbers != 0 {
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: foreignNumbers, SkipTrue: 1},
			refuse(unix.EPERM))
	}
	for _, number := range forbidden {
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: number, SkipTrue: 1},
			refuse(unix.EPERM))
	}
	prog = append(prog,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SOCKET, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SOCKETPAIR, SkipTrue: 1},
		allow,
		bpf.LoadAbsolute{Off: offArg0, Size: 4})
	for _, family := range families {
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: family, SkipTrue: 1},
			allow)
	}
	prog = append(prog, refuse(unix.EACCES))

	raw, err := bpf.Assemble(prog)
	if err != nil {
		return nil, fmt.Errorf("assemble the system call filter: %w", err)
	}
	return raw, nil
}
