package testbed

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// StartRegistry serves an empty registry on this machine's loopback over plain
// HTTP, which docker engines accept there without being told. It keeps images in
// memory until it is stopped.
func StartRegistry() (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{
		Handler:  registry.New(registry.Logger(log.New(io.Discard, "", 0))),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with ErrServerClosed
	}()
	return l.Addr().String(), func() { srv.Close(); <-done }, nil
}

// Registry returns the address of a registry with the stand-ins for NGC's
// TensorRT images, from TRTFARM_TEST_REGISTRY.
func Registry(t testing.TB) string {
	t.Helper()
	return part(t, "TRTFARM_TEST_REGISTRY", "the address of a registry with images nvidia/tensorrt:TAG")
}

// part returns the variable that says where a real part of the testbed is. Without
// it the test is skipped, or fails when TRTFARM_TEST_REQUIRED is 1.
func part(t testing.TB, variable, what string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		why := variable + " is not set; it names " + what
		if os.Getenv("TRTFARM_TEST_REQUIRED") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return value
}
