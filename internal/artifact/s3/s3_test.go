package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/artifact/storetest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) artifact.Store { return open(t, testbed.Bucket(t)+"/engines/prod") })
}

// A server that knows no checksum headers gets Content-MD5 and is read back.
func TestStoreWithoutChecksums(t *testing.T) {
	storetest.Run(t, func(t *testing.T) artifact.Store {
		url := testbed.Bucket(t)
		faulty(t, testbed.S3(t), fault{answer: rejectChecksums, after: hideChecksums})
		return open(t, url)
	})
}

func rejectChecksums(w http.ResponseWriter, r *http.Request) bool {
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-checksum-") && name != "x-amz-checksum-mode" {
			return refuse(w, r, http.StatusNotImplemented, "NotImplemented")
		}
	}
	return false
}

func hideChecksums(_ *http.Request, resp *http.Response) bool {
	for name := range resp.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
			resp.Header.Del(name)
		}
	}
	return true
}

func open(t *testing.T, url string) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *s3.Store, key, text string) error {
	return s.Create(t.Context(), key, strings.NewReader(text), artifact.Object{})
}

func content(t *testing.T, s *s3.Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTwoPrefixesOfABucketAreTwoStores(t *testing.T) {
	url := testbed.Bucket(t)
	whole, one, two := open(t, url), open(t, url+"/p/"), open(t, url+"/p2")
	for s, text := range map[*s3.Store]string{whole: "whole", one: "one", two: "two"} {
		if err := create(t, s, "k", text); err != nil {
			t.Fatal(err)
		}
	}
	for s, want := range map[*s3.Store]string{whole: "k p/k p2/k", one: "k", two: "k"} {
		var got []string
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s lists %v, want %s", s.Location(), got, want)
		}
	}
	if got := content(t, one, "k"); got != "one" {
		t.Errorf("object is %q", got)
	}
	if got, want := one.Location(), url+"/p"; got != want {
		t.Errorf("Location: %q, want %q", got, want)
	}
}

func TestOpenRefusesAddressesThatAreNone(t *testing.T) {
	testbed.S3(t)
	for url, want := range map[string]string{
		"":                       "not an s3:// address",
		"/tmp/store":             "not an s3:// address",
		"https://bucket/x":       "not an s3:// address",
		"s3://":                  "bucket names",
		"s3://ab":                "bucket names",
		"s3://UPPER":             "bucket names",
		"s3://bucket:80/x":       "bucket names",
		"s3://key:secret@bucket": "holds credentials",
		"s3://bucket/a//b":       "empty segment",
		"s3://bucket/a/../b":     `segment ".."`,
		"s3://bucket/a?x=1":      "no ? or #",
		"s3://bucket/" + strings.Repeat("p", 130): "prefix has 130 bytes",
		"s3://bucket/%zz":                         "no URL",
	} {
		_, err := s3.Open(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want an error with %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("Open(%q) repeats the credentials: %v", url, err)
		}
	}
}

func TestCredentialsGiveAnotherProcessTheSameStore(t *testing.T) {
	url := testbed.Bucket(t)
	s := open(t, url)
	env, err := s.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	if err := create(t, open(t, url), "k", "x"); err != nil {
		t.Error(err)
	}
}

// Whatever a server refuses, its answer is ErrRefused, says what and why, and
// holds no secret.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, url string) string
		want  string
	}{
		"no such bucket": {func(t *testing.T, url string) string { return url + "-none" }, "bucket"},
		"unknown key":    {func(t *testing.T, url string) string { t.Setenv("AWS_ACCESS_KEY_ID", "nobody"); return url }, ""},
		"wrong secret":   {func(t *testing.T, url string) string { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong"); return url }, ""},
		"no space":       {answers(http.StatusInsufficientStorage, "XMinioStorageFull"), ""},
		"quota":          {answers(http.StatusForbidden, "QuotaExceeded"), ""},
		"expired token":  {answers(http.StatusBadRequest, "ExpiredToken"), ""},
		"another region": {answers(http.StatusMovedPermanently, "PermanentRedirect"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, tc.spoil(t, testbed.Bucket(t)))
			_, openErr := s.Open(t.Context(), "k", 0)
			_, statErr := s.Stat(t.Context(), "k")
			_, swapErr := s.Swap(t.Context(), "k", []byte("x"), "")
			_, probeErr := s.Probe(t.Context())
			var listErr error
			for _, err := range s.List(t.Context(), "") {
				listErr = err
			}
			for verb, err := range map[string]error{
				"Create": create(t, s, "k", "x"), "Open": openErr, "Stat": statErr, "Swap": swapErr, "List": listErr, "Probe": probeErr,
				"Check": s.Check(t.Context(), "k", artifact.Digest{SHA256: "x"}),
			} {
				if !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "s3://") {
					t.Errorf("%s: %v, want ErrRefused", verb, err)
				} else if strings.Contains(err.Error(), os.Getenv("AWS_SECRET_ACCESS_KEY")) || strings.Contains(err.Error(), "RequestID") {
					t.Errorf("%s says too much: %v", verb, err)
				}
				t.Logf("%s: %v", verb, err)
			}
		})
	}
}

func answers(status int, code string) func(t *testing.T, url string) string {
	return func(t *testing.T, url string) string {
		faulty(t, testbed.S3(t), fault{answer: func(w http.ResponseWriter, r *http.Request) bool { return refuse(w, r, status, code) }})
		return url
	}
}

func TestAServerThatIsDownIsNamed(t *testing.T) {
	url := testbed.Bucket(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	err := create(t, open(t, url), "k", "x")
	if err == nil || errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Create: %v", err)
	}
	t.Log(err)
}

func TestWithoutCredentialsNothingIsTried(t *testing.T) {
	url := testbed.Bucket(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	_, err := s3.Open(t.Context(), url)
	if !errors.Is(err, artifact.ErrRefused) || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("Open: %v, want ErrRefused and what to set", err)
	}
	t.Log(err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s3.Open(ctx, url); err == nil {
		t.Error("Open with a done context succeeded")
	}
}
