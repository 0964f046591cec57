package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// big is a body of two parts.
func big() io.Reader { return bytes.NewReader(make([]byte, 80<<20)) }

func TestProbe(t *testing.T) {
	all := s3.Capabilities{Create: true, Multipart: true, Swap: true, Checksums: true, Verifies: true, Keeps: true, Whole: true}
	unconditional := all
	unconditional.Create, unconditional.Multipart, unconditional.Swap = false, false, false
	plain := all
	plain.Checksums, plain.Verifies, plain.Keeps, plain.Whole = false, false, false, false
	late := all
	late.Multipart = false
	for name, tc := range map[string]struct {
		fault fault
		want  s3.Capabilities
		lacks string
	}{
		"a whole server":                {fault{}, all, ""},
		"conditions ignored":            {fault{change: dropConditions}, unconditional, "If-None-Match on PUT"},
		"conditions rejected":           {fault{answer: rejectConditions}, unconditional, "If-None-Match on PUT"},
		"checksums rejected":            {fault{answer: rejectChecksums, after: hideChecksums}, plain, "Content-MD5"},
		"conditions ignored at the end": {fault{change: dropConditionsOfComplete}, late, "CompleteMultipartUpload"},
	} {
		t.Run(name, func(t *testing.T) {
			url := testbed.Bucket(t)
			server := testbed.S3(t)
			faulty(t, server, tc.fault)
			got, err := open(t, url).Probe(t.Context())
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Probe\n got %+v, %v\nwant %+v", got, err, tc.want)
			}
			if lacks := strings.Join(got.Lacks(), "\n"); !strings.Contains(lacks, tc.lacks) || (lacks == "") != (tc.lacks == "") {
				t.Errorf("Lacks: %q, want %q in it", lacks, tc.lacks)
			}
			nothingLeft(t, server, url)
		})
	}
}

// nothingLeft fails the test when a bucket holds any object or half an upload.
func nothingLeft(t *testing.T, server testbed.S3Server, url string) {
	t.Helper()
	bucket := strings.TrimPrefix(url, "s3://")
	client := sdk.New(sdk.Options{
		BaseEndpoint: &server.Endpoint, UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(server.Key, server.Secret, ""),
	})
	objects, err := client.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Contents {
		t.Errorf("left behind: object %s", aws.ToString(o.Key))
	}
	uploads, err := client.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		t.Errorf("left behind: upload of %s", aws.ToString(u.Key))
	}
}

func dropConditions(r *http.Request) {
	r.Header.Del("If-None-Match")
	r.Header.Del("If-Match")
}

func dropConditionsOfComplete(r *http.Request) {
	if isComplete(r) {
		dropConditions(r)
	}
}

func rejectConditions(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "" {
		return refuse(w, r, http.StatusNotImplemented, "NotImplemented")
	}
	return false
}

func TestAStoreThatCouldOverwriteIsNotWritten(t *testing.T) {
	for name, f := range map[string]fault{"ignored": {change: dropConditions}, "rejected": {answer: rejectConditions}} {
		t.Run(name, func(t *testing.T) {
			url := testbed.Bucket(t)
			server := testbed.S3(t)
			faulty(t, server, f)
			s := open(t, url)
			for range 2 {
				if err := create(t, s, "k", "x"); !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "If-None-Match") {
					t.Errorf("Create: %v, want ErrRefused that names If-None-Match", err)
				}
			}
			if _, err := s.Swap(t.Context(), "k", []byte("x"), ""); !errors.Is(err, artifact.ErrRefused) {
				t.Errorf("Swap: %v, want ErrRefused", err)
			}
			nothingLeft(t, server, url)
		})
	}
	t.Run("ignored for large objects alone", func(t *testing.T) {
		url := testbed.Bucket(t)
		server := testbed.S3(t)
		faulty(t, server, fault{change: dropConditionsOfComplete})
		s := open(t, url)
		if err := s.Create(t.Context(), "k", big(), artifact.Object{}); !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "CompleteMultipartUpload") {
			t.Errorf("Create: %v, want ErrRefused that names CompleteMultipartUpload", err)
		}
		nothingLeft(t, server, url)
		if err := create(t, s, "small", "x"); err != nil {
			t.Errorf("Create of a small object: %v", err)
		}
	})
}

// An answer that is lost makes the SDK try again and find its own object: the
// creator has won all the same.
func TestALostAnswerIsNotALostRace(t *testing.T) {
	var lose atomic.Int32
	lost := func(is func(*http.Request) bool) fault {
		return fault{after: func(r *http.Request, resp *http.Response) bool {
			return isProbe(r) || !is(r) || resp.StatusCode != 200 || lose.Add(-1) < 0
		}}
	}
	put := lost(func(r *http.Request) bool { return r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") })
	for name, tc := range map[string]struct {
		fault fault
		write func(s *s3.Store) error
	}{
		"Create":           {put, func(s *s3.Store) error { return create(t, s, "k", "x") }},
		"Swap":             {put, func(s *s3.Store) error { _, err := s.Swap(t.Context(), "k", []byte("x"), ""); return err }},
		"Create, in parts": {lost(isComplete), func(s *s3.Store) error { return s.Create(t.Context(), "k", big(), artifact.Object{}) }},
	} {
		url := testbed.Bucket(t)
		faulty(t, testbed.S3(t), tc.fault)
		s := open(t, url)
		lose.Store(1)
		if err := tc.write(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if lose.Load() >= 1 {
			t.Errorf("%s: no answer was lost", name)
		}
		if _, err := s.Stat(t.Context(), "k"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := tc.write(s); !errors.Is(err, artifact.ErrExist) && !errors.Is(err, artifact.ErrChanged) {
			t.Errorf("%s again: %v, want ErrExist or ErrChanged", name, err)
		}
	}
}

func TestConflictsAreTriedAgain(t *testing.T) {
	var conflicts atomic.Int32
	f := fault{answer: func(w http.ResponseWriter, r *http.Request) bool {
		return !isProbe(r) && r.Header.Get("If-None-Match") != "" && conflicts.Add(-1) >= 0 &&
			refuse(w, r, http.StatusConflict, "ConditionalRequestConflict")
	}}
	url := testbed.Bucket(t)
	faulty(t, testbed.S3(t), f)
	s := open(t, url)
	conflicts.Store(3)
	if err := create(t, s, "k", "x"); err != nil {
		t.Errorf("Create: %v", err)
	}
	conflicts.Store(3)
	if err := s.Create(t.Context(), "big", big(), artifact.Object{}); err != nil {
		t.Errorf("Create in parts: %v", err)
	}
	conflicts.Store(1 << 30)
	if err := create(t, s, "never", "x"); err == nil || errors.Is(err, artifact.ErrExist) {
		t.Errorf("Create with endless conflicts: %v, want an error", err)
	}
}

func TestABodyDamagedOnItsWayIsRefused(t *testing.T) {
	url := testbed.Bucket(t)
	server := testbed.S3(t)
	faulty(t, server, fault{change: func(r *http.Request) {
		if r.Method == http.MethodPut && !isProbe(r) {
			r.Body = io.NopCloser(flip{r.Body})
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") // leave it to the checksum alone
		}
	}})
	s := open(t, url)
	for name, body := range map[string]io.Reader{"in one": strings.NewReader("some bytes"), "in parts": big()} {
		if err := s.Create(t.Context(), "k", body, artifact.Object{}); !errors.Is(err, artifact.ErrMismatch) {
			t.Errorf("%s: %v, want ErrMismatch", name, err)
		}
	}
	nothingLeft(t, server, url)
}

// flip changes every byte.
type flip struct{ r io.Reader }

func (f flip) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for i := range p[:n] {
		p[i] ^= 1
	}
	return n, err
}

func TestAFailedUploadLeavesNoParts(t *testing.T) {
	broken := errors.New("the disk went away")
	for name, body := range map[string]io.Reader{
		"body fails":  io.MultiReader(big(), bad{broken}),
		"part fails":  big(),
		"late in all": io.MultiReader(big(), big(), bad{broken}),
	} {
		url := testbed.Bucket(t)
		server := testbed.S3(t)
		faulty(t, server, fault{answer: func(w http.ResponseWriter, r *http.Request) bool {
			return name == "part fails" && r.URL.Query().Get("partNumber") == "2" && !isProbe(r) && refuse(w, r, http.StatusForbidden, "QuotaExceeded")
		}})
		err := open(t, url).Create(t.Context(), "k", body, artifact.Object{})
		if want := map[bool]error{true: artifact.ErrRefused, false: broken}[name == "part fails"]; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		nothingLeft(t, server, url)
	}
}

type bad struct{ err error }

func (b bad) Read([]byte) (int, error) { return 0, b.err }

// Every way in which a stream can end gives its buffers back.
func TestStreamsGiveTheirBuffersBack(t *testing.T) {
	s := open(t, testbed.Bucket(t))
	stream := func() io.Reader { return io.LimitReader(big(), 20<<20) }
	if err := s.Create(t.Context(), "k", stream(), artifact.Object{}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := s.Create(t.Context(), "k", stream(), artifact.Object{}); !errors.Is(err, artifact.ErrExist) {
			t.Errorf("Create: %v, want ErrExist", err)
		}
		if err := s.Create(t.Context(), "l", io.MultiReader(stream(), bad{io.ErrNoProgress}), artifact.Object{}); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("Create: %v, want the body's error", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Create(ctx, "l", stream(), artifact.Object{}); err != nil {
		t.Errorf("after 10 failures: %v", err)
	}
}

func TestABrokenDownloadGoesOn(t *testing.T) {
	url := testbed.Bucket(t)
	var cut atomic.Int32
	faulty(t, testbed.S3(t), fault{after: func(r *http.Request, resp *http.Response) bool {
		if r.Method == http.MethodGet && cut.Add(-1) >= 0 {
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 1<<20), bad{errors.New("cut")}))
		}
		return true
	}})
	s := open(t, url)
	want := strings.Repeat("0123456789abcdef", 5<<16)
	if err := create(t, s, "k", want); err != nil {
		t.Fatal(err)
	}
	cut.Store(4)
	if got := content(t, s, "k"); got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	if cut.Load() >= 1 {
		t.Error("not every cut was met")
	}
	r, err := s.Open(t.Context(), "k", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
}

// Check asks for the checksum that the server keeps and reads no object.
func TestCheckReadsNothing(t *testing.T) {
	url := testbed.Bucket(t)
	var gets atomic.Int32
	faulty(t, testbed.S3(t), fault{change: func(r *http.Request) {
		if r.Method == http.MethodGet {
			gets.Add(1)
		}
	}})
	s := open(t, url)
	for name, body := range map[string]func() io.Reader{"small": func() io.Reader { return strings.NewReader("x") }, "big": big} {
		d, err := artifact.Sum(body())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), name, body(), artifact.Object{Digest: d}); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context(), name, d); err != nil {
			t.Error(err)
		}
	}
	if n := gets.Load(); n > 0 {
		t.Errorf("%d objects were read", n)
	}
}
