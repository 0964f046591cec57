// Package owner names the process that left something on a runner, so that a
// later one can tell whether that process still lives before it cleans up.
package owner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// ID names one process among all that ever ran: process numbers are used again,
// but not with the same start time in the same boot. The zero value names none.
type ID struct {
	Boot      string // the kernel's random name for this boot
	Namespace string // process namespace, "pid:[4026531836]": numbers mean nothing outside of it
	PID       int
	Start     uint64 // clock ticks after boot
}

// Life says what this process can know of another.
type Life int

// What is known of an owner.
const (
	Elsewhere Life = iota // another host, boot or container: nothing can be known from here
	Alive
	Dead
)

// Self names the calling process.
func Self() (ID, error) {
	boot, namespace, err := here()
	if err != nil {
		return ID{}, err
	}
	start, _, err := stat(os.Getpid())
	if err != nil {
		return ID{}, fmt.Errorf("read this process's start time: %w", err)
	}
	return ID{Boot: boot, Namespace: namespace, PID: os.Getpid(), Start: start}, nil
}

// String gives the form that Parse reads, fit for a label.
func (id ID) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", id.Boot, id.Namespace, id.PID, id.Start)
}

// Parse reads what String wrote.
func Parse(s string) (ID, error) {
	part := strings.Split(s, "/")
	if len(part) != 4 || part[0] == "" || part[1] == "" {
		return ID{}, fmt.Errorf("owner %q is not of the form boot/namespace/pid/start", s)
	}
	pid, err := strconv.Atoi(part[2])
	if err != nil || pid <= 0 {
		return ID{}, fmt.Errorf("owner %q: %q is not a process number", s, part[2])
	}
	start, err := strconv.ParseUint(part[3], 10, 64)
	if err != nil {
		return ID{}, fmt.Errorf("owner %q: %q is not a start time", s, part[3])
	}
	return ID{Boot: part[0], Namespace: part[1], PID: pid, Start: start}, nil
}

// Life says whether the process that id names still runs. When the answer cannot
// be had, it is not Dead.
func (id ID) Life() Life {
	boot, namespace, err := here()
	if err != nil || id.Boot != boot || id.Namespace != namespace {
		return Elsewhere
	}
	start, state, err := stat(id.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Dead
	case err != nil:
		return Elsewhere
	case start != id.Start || state == 'Z' || state == 'X':
		return Dead
	}
	return Alive
}

// here names this boot and this process namespace.
func here() (boot, namespace string, err error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", "", err
	}
	namespace, err = os.Readlink("/proc/self/ns/pid")
	return string(bytes.TrimSpace(b)), namespace, err
}

// stat reads a process's start time and state from /proc/PID/stat: see proc(5),
// fields 22 and 3. The second field, in parentheses, may hold anything.
func stat(pid int) (start uint64, state byte, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, ok := bytes.Cut(b[bytes.LastIndexByte(b, ')')+1:], []byte(" "))
	field := bytes.Fields(rest)
	if !ok || len(field) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat: unexpected form", pid)
	}
	start, err = strconv.ParseUint(string(field[19]), 10, 64)
	return start, field[0][0], err
}
