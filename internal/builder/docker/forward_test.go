package docker_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/fault"
)

// forward makes a unix socket known over TCP, as a remote engine would be.
func forward(l net.Listener, socket string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("unix", socket)
		if err != nil {
			from.Close()
			continue
		}
		go func() {
			defer to.(*net.UnixConn).CloseWrite()
			_, _ = io.Copy(to, from)
		}()
		go func() {
			defer from.Close()
			_, _ = io.Copy(from, to)
		}()
	}
}

// dialStdio stands in for ssh and the docker command at its other end: it joins
// its standard streams with an engine's socket.
func dialStdio(socket string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return 255
	}
	go func() {
		_, _ = io.Copy(c, os.Stdin)
		_ = c.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(os.Stdout, c)
	return 0
}

func expect(t *testing.T, err error, code fault.Code, cause string, says ...string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Code != code || f.Cause != cause {
		t.Fatalf("%v, want a fault with code %d and cause %s", err, code, cause)
	}
	for _, text := range says {
		if !strings.Contains(f.Message, text) && !strings.Contains(f.Fix, text) {
			t.Errorf("%q, fix %q, does not say %q", f.Message, f.Fix, text)
		}
	}
}
