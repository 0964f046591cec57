package s3_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/trtfarm/trtfarm/internal/testbed"
)

// fault is what a faulty server does. Each part may be nil.
type fault struct {
	// answer answers a request itself when it returns true.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// change spoils a request on its way to the real server.
	change func(r *http.Request)
	// after spoils the real server's answer; false cuts the connection instead.
	after func(r *http.Request, resp *http.Response) bool
}

// faulty puts a server with a fault before the real one, and points the test's
// environment to it. Requests are signed anew, so that only the fault shows.
func faulty(t *testing.T, server testbed.S3Server, f fault) {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		if f.answer != nil && f.answer(w, in) {
			return
		}
		out := in.Clone(in.Context())
		out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = target.Scheme, target.Host, target.Host, ""
		out.Header.Del("Authorization")
		out.Header.Del("Expect")
		if f.change != nil {
			f.change(out)
		}
		if in.ContentLength == 0 {
			out.Body = http.NoBody
		}
		who := aws.Credentials{AccessKeyID: server.Key, SecretAccessKey: server.Secret}
		err := v4.NewSigner().SignHTTP(context.Background(), who, out, out.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", time.Now(),
			func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err != nil {
			panic(err)
		}
		resp, err := transport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer resp.Body.Close()
		if f.after != nil && !f.after(in, resp) {
			panic(http.ErrAbortHandler)
		}
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("AWS_ENDPOINT_URL_S3", proxy.URL)
}

// refuse answers as S3 does when it says no.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>a fault of the test</Message></Error>")
	return true
}

// isProbe says whether a request belongs to a probe of ours.
func isProbe(r *http.Request) bool { return strings.Contains(r.URL.Path, "/.probe/") }

// isComplete says whether a request completes a multipart upload.
func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}
