package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	s3Region = "us-east-1"
	// s3Ready bounds the wait for a server to answer; it takes about a quarter of
	// a second on a quiet machine.
	s3Ready = 30 * time.Second
	// s3Stop is how long a server may take to end before it is killed.
	s3Stop = 5 * time.Second
)

// S3Server is a running S3 server and its root credentials.
type S3Server struct {
	Endpoint string // http://127.0.0.1:PORT
	Key      string
	Secret   string
}

// Env returns the environment that points any AWS SDK to the server, and to
// nothing else that the machine may know.
func (s S3Server) Env() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID":           s.Key,
		"AWS_SECRET_ACCESS_KEY":       s.Secret,
		"AWS_SESSION_TOKEN":           "",
		"AWS_PROFILE":                 "",
		"AWS_REGION":                  s3Region,
		"AWS_ENDPOINT_URL":            "",
		"AWS_ENDPOINT_URL_S3":         s.Endpoint,
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_CONFIG_FILE":             "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
}

// S3 returns the S3 server that tests use, of TRTFARM_TEST_S3, TRTFARM_TEST_S3_KEY
// and TRTFARM_TEST_S3_SECRET, and sets the test's AWS_* environment to it.
func S3(t testing.TB) S3Server {
	t.Helper()
	s := S3Server{
		Endpoint: os.Getenv("TRTFARM_TEST_S3"),
		Key:      os.Getenv("TRTFARM_TEST_S3_KEY"),
		Secret:   os.Getenv("TRTFARM_TEST_S3_SECRET"),
	}
	if s.Endpoint == "" {
		Missing(t, "no S3 server: TRTFARM_TEST_S3 is not set")
	}
	for name, value := range s.Env() {
		t.Setenv(name, value)
	}
	return s
}

// Bucket makes a fresh, empty bucket at the server of S3, sets the environment as
// S3 does and returns the bucket's s3:// URL. The bucket goes away with the server.
func Bucket(t testing.TB) (url string) {
	t.Helper()
	server := S3(t)
	name := "t-" + strings.ToLower(rand.Text())
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(server.Endpoint),
		UsePathStyle: true,
		Region:       s3Region,
		Credentials:  credentials.NewStaticCredentialsProvider(server.Key, server.Secret, ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("make bucket %s at %s: %v", name, server.Endpoint, err)
	}
	return "s3://" + name
}

// StartVersity starts the versitygw program over the folder dir, which must be
// on a file system with extended attributes, and waits until it answers. It
// listens on a free port of 127.0.0.1. stop ends it and may be called twice; the
// end of ctx does so too.
func StartVersity(ctx context.Context, binary, dir string) (server S3Server, stop func() error, err error) {
	root := filepath.Join(dir, "buckets")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return S3Server{}, nil, err
	}
	log, err := os.Create(filepath.Join(dir, "versitygw.log"))
	if err != nil {
		return S3Server{}, nil, err
	}
	defer log.Close() // the child has its own
	address, err := freeAddress()
	if err != nil {
		return S3Server{}, nil, err
	}
	server = S3Server{Endpoint: "http://" + address, Key: "trtfarm" + rand.Text()[:9], Secret: rand.Text()}
	cmd := exec.Command(binary, "--port", address, "--region", s3Region, "--keep-alive", "--quiet", "posix", root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+server.Key, "ROOT_SECRET_KEY="+server.Secret)
	cmd.Stdout, cmd.Stderr = log, log
	// A runner that is killed must not leave its server behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return S3Server{}, nil, fmt.Errorf("start versitygw: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-ended:
			return nil
		case <-time.After(s3Stop):
			_ = cmd.Process.Kill()
			<-ended
			return errors.New("versitygw did not end when asked to and was killed")
		}
	})
	context.AfterFunc(ctx, func() { _ = stop() })
	if err := awaitHTTP(ctx, server.Endpoint, ended); err != nil {
		_ = stop()
		text, _ := os.ReadFile(log.Name())
		return S3Server{}, nil, fmt.Errorf("versitygw at %s: %w\n%s", address, err, text)
	}
	return server, stop, nil
}

// awaitHTTP waits until url answers anything. ended tells that its server is gone.
func awaitHTTP(ctx context.Context, url string, ended chan error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s3Ready, fmt.Errorf("no answer within %v", s3Ready))
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			ended <- err // for stop
			return fmt.Errorf("ended before it answered: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddress returns an address of 127.0.0.1 that nobody listens at just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
