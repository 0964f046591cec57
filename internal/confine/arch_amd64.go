package confine

import "golang.org/x/sys/unix"

const (
	arch = unix.AUDIT_ARCH_X86_64

	// foreignNumbers is where the calls of the x32 interface begin: it shares the
	// architecture's name with amd64 and sets this bit (asm/unistd.h).
	foreignNumbers = 0x40000000
)
