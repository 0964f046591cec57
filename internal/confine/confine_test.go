//go:build linux && (amd64 || arm64)

package confine_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/trtfarm/trtfarm/internal/confine"
	"golang.org/x/sys/unix"
)

// probeVariable turns the test binary into a probe: its value says what to try.
const probeVariable = "CONFINE_TEST_PROBE"

func init() { runtime.LockOSThread() } // the main goroutine keeps the main thread

func TestMain(m *testing.M) {
	switch probe := os.Getenv(probeVariable); {
	case probe == "":
		os.Exit(m.Run())
	case os.Getenv("CONFINE_TEST_ENTER") != "":
		os.Unsetenv("CONFINE_TEST_ENTER")
		go func() { // not on the main thread, which belongs to this goroutine
			fmt.Fprintln(os.Stderr, confine.Exec([]string{os.Args[0]}, os.Environ()))
			os.Exit(3)
		}()
		select {}
	default:
		if err := try(probe); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// try does one thing that a confined process may or may not do.
func try(probe string) error {
	what, where, _ := strings.Cut(probe, " ")
	switch what {
	case "dial":
		network, address, _ := strings.Cut(where, " ")
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
		}
		return err
	case "apply": // the whole process, whichever thread dials later
		if err := confine.Apply(); err != nil {
			return err
		}
		return try(where)
	case "child":
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), probeVariable+"="+where)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("child: %s%w", out, err)
		}
		return nil
	case "start": // what is confined, and tell its number
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{probeVariable + "=" + where, "CONFINE_TEST_ENTER=1"}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return cmd.Run()
	case "wait":
		fmt.Println(os.Getpid())
		select {}
	case "pair":
		_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return err
	case "netlink":
		_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT)
		return err
	case "raw":
		_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		return err
	case "io_uring":
		var params [120]byte // struct io_uring_params; all zero is valid
		fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
		if errno != 0 {
			return errno
		}
		return unix.Close(int(fd))
	case "ptrace":
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	case "process_vm_readv":
		_, err := unix.ProcessVMReadv(os.Getpid(), nil, nil, 0)
		return err
	case "x32":
		_, _, errno := unix.Syscall(0x40000000+unix.SYS_GETPID, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	case "privileges":
		v, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if err == nil && v == 0 {
			err = fmt.Errorf("new privileges may be gained")
		}
		return err
	}
	return fmt.Errorf("unknown probe %q", probe)
}

func TestConfined(t *testing.T) {
	tcp := listen(t, "tcp", "127.0.0.1:0")
	sock := filepath.Join(sharedDir(t), "s")
	listen(t, "unix", sock)
	if err := os.Chmod(sock, 0o777); err != nil {
		t.Fatal(err)
	}

	for name, tc := range map[string]struct {
		probe string
		free  string // what it says without confinement; "ok" when it works
		held  string // what it says when confined
	}{
		"TCP to this machine fails":           {"dial tcp " + tcp, "ok", "permission denied"},
		"TCP by IPv6 fails":                   {"dial tcp [::1]:9", "refused|cannot assign|not supported", "permission denied|not supported"},
		"UDP fails":                           {"dial udp 127.0.0.1:9", "ok", "permission denied"},
		"UDP of every thread fails":           {"apply dial udp 127.0.0.1:9", "permission denied", "permission denied"},
		"a child has no network either":       {"child dial tcp " + tcp, "ok", "permission denied"},
		"a grandchild has no network either":  {"child child dial tcp " + tcp, "ok", "permission denied"},
		"packet sockets fail":                 {"raw", "", "permission denied"},
		"unix sockets work":                   {"dial unix " + sock, "ok", "ok"},
		"socket pairs work":                   {"pair", "ok", "ok"},
		"the kernel's device events work":     {"netlink", "ok", "ok"},
		"io_uring is refused":                 {"io_uring", "", "operation not permitted"},
		"tracing is refused":                  {"ptrace", "ok", "operation not permitted"},
		"other processes' memory is refused":  {"process_vm_readv", "ok", "operation not permitted"},
		"new privileges are out of reach":     {"privileges", "new privileges may be gained", "ok"},
		"confining twice is as good as once":  {"apply dial tcp " + tcp, "permission denied", "permission denied"},
		"calls of the x32 interface are none": {"x32", "", "operation not permitted|function not implemented"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.free != "" {
				expect(t, "unconfined", probe(t, tc.probe, false, 0), tc.free)
			}
			expect(t, "confined", probe(t, tc.probe, true, 0), tc.held)
			if os.Getuid() == 0 {
				expect(t, "confined as nobody", probe(t, tc.probe, true, 65534), tc.held)
			}
		})
	}
}

func TestExecSaysWhichProgramIsMissing(t *testing.T) {
	err := confine.Exec([]string{"no-such-program-anywhere"}, nil)
	if err == nil || !strings.Contains(err.Error(), "no-such-program-anywhere") {
		t.Errorf("Exec: %v, want an error that names the program", err)
	}
	if err := confine.Exec(nil, nil); err == nil {
		t.Error("Exec of nothing: no error")
	}
}

func TestAConfinedProgramEndsWithItsParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{probeVariable + "=start wait"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var confined int
	if _, err := fmt.Fscan(out, &confined); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The other end of the pipe is the confined program's, too.
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, out)
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("five seconds after its parent was killed, the confined program still runs")
		_ = syscall.Kill(confined, syscall.SIGKILL)
	}
	_ = cmd.Wait() // it was killed
}

func expect(t *testing.T, who, got, want string) {
	t.Helper()
	for _, w := range strings.Split(want, "|") {
		if got == w || w != "ok" && strings.Contains(got, w) {
			return
		}
	}
	t.Errorf("%s: %q, want %q", who, got, want)
}

// probe runs one probe in a process of its own and returns "ok" or what it said.
func probe(t *testing.T, what string, confined bool, uid uint32) string {
	t.Helper()
	cmd := exec.Command(testBinary(t))
	cmd.Env = []string{probeVariable + "=" + what}
	if confined {
		cmd.Env = append(cmd.Env, "CONFINE_TEST_ENTER=1")
	}
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir = "/"
	if err := cmd.Run(); err == nil {
		return "ok"
	} else if out.Len() == 0 {
		return err.Error()
	}
	return strings.TrimSpace(out.String())
}

// testBinary is this program where every user may execute it.
func testBinary(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(sharedDir(t), "probe")
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// sharedDir is a temporary folder that every user may look into.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "confine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
