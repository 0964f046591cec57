package s3_test

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// A server that says no before it has read the body may close the connection
// under the hands of the client, whose answer is lost then.
func TestACreateWhoseAnswerIsLost(t *testing.T) {
	for name, exists := range map[string]bool{
		"is refused where an object is there": true,
		"is an error where none is":           false,
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_MAX_ATTEMPTS", "2")
			url := testbed.Bucket(t)
			var reset atomic.Bool
			faulty(t, testbed.S3(t), fault{answer: func(w http.ResponseWriter, r *http.Request) bool {
				if !reset.Load() || r.Method != http.MethodPut || isProbe(r) {
					return false
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					panic(err)
				}
				_ = conn.(*net.TCPConn).SetLinger(0) // closing resets
				conn.Close()
				return true
			}})
			s := open(t, url)
			if err := create(t, s, "other", "x"); err != nil {
				t.Fatal(err)
			}
			if exists {
				if err := create(t, s, "k", "first"); err != nil {
					t.Fatal(err)
				}
			}
			reset.Store(true)
			err := create(t, s, "k", "second")
			if err == nil || errors.Is(err, artifact.ErrExist) != exists {
				t.Errorf("Create: %v, want ErrExist %v", err, exists)
			}
			t.Log(err)
		})
	}
}
