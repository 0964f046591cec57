package confine

import "golang.org/x/sys/unix"

const (
	arch           = unix.AUDIT_ARCH_AARCH64
	foreignNumbers = 0 // every number is the architecture's own
)
