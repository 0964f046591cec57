// Command up starts the real parts that tests need (a docker engine, a registry
// with images named like NGC's, an S3 server), runs a command with their
// addresses in its environment, and stops them again.
//
//	go run ./internal/testbed/up -bin bin -tools .cache/tools -- go test ./...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/testbed"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the built programs")
	tools := flag.String("tools", ".cache/tools", "folder of the test servers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, *bin, *tools, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		code = 1
	}
	os.Exit(code)
}

func run(ctx context.Context, bin, tools string, argv []string) (int, error) {
	if len(argv) == 0 {
		return 2, errors.New("name a command to run")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "trtfarm-testbed-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)

	start := time.Now()
	docker, stopDocker, err := engine(ctx, filepath.Join(dir, "docker"))
	if err != nil {
		return 1, err
	}
	defer stopDocker()
	registry, stopRegistry, err := testbed.StartRegistry()
	if err != nil {
		return 1, fmt.Errorf("start registry: %w", err)
	}
	defer stopRegistry()
	for _, image := range testbed.Images {
		if err := testbed.PushTensorRT(ctx, registry, image.Tag, image.TensorRT, image.CUDA, bin); err != nil {
			return 1, fmt.Errorf("push %s: %w", image.Tag, err)
		}
	}
	s3, stopS3, err := testbed.StartVersity(ctx, filepath.Join(tools, "versitygw"), filepath.Join(dir, "s3"))
	if err != nil {
		return 1, fmt.Errorf("start S3 server: %w", err)
	}
	defer stopS3()
	fmt.Fprintf(os.Stderr, "up: docker %s, registry %s, S3 %s after %s\n", docker, registry, s3.Endpoint, time.Since(start).Round(time.Millisecond))

	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"TRTFARM_TEST_BIN="+bin, "TRTFARM_TEST_DOCKER="+docker, "TRTFARM_TEST_REGISTRY="+registry,
		"TRTFARM_TEST_S3="+s3.Endpoint, "TRTFARM_TEST_S3_KEY="+s3.Key, "TRTFARM_TEST_S3_SECRET="+s3.Secret)
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// engine starts a docker engine of its own, or, without the rights to do so,
// takes the one that is there.
func engine(ctx context.Context, dir string) (addr string, stop func(), err error) {
	const usual = "/var/run/docker.sock"
	if addr := os.Getenv("TRTFARM_TEST_DOCKER"); addr != "" {
		return addr, func() {}, nil
	}
	if os.Geteuid() == 0 {
		addr, stop, err := testbed.StartDockerd(ctx, dir)
		if err != nil {
			return "", nil, fmt.Errorf("start docker: %w", err)
		}
		return addr, stop, nil
	}
	c, err := net.DialTimeout("unix", usual, 2*time.Second)
	if err != nil {
		return "", nil, fmt.Errorf("only root can start a docker engine, and none answers at %s (%w): run as root, or set TRTFARM_TEST_DOCKER to its address", usual, err)
	}
	return "unix://" + usual, func() {}, c.Close()
}
