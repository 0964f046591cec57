package httpfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// body is n bytes that never repeat within a block.
func body(n int) []byte {
	out := make([]byte, 0, n+sha256.Size)
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Append(nil, i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// counted counts what a handler sends.
type counted struct {
	http.Handler
	requests, bytes atomic.Int64
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	c.Handler.ServeHTTP(&countingWriter{w, c}, r)
}

type countingWriter struct {
	http.ResponseWriter
	c *counted
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.c.bytes.Add(int64(n))
	return n, err
}

// serve starts a TLS server.
func serve(t *testing.T, h http.Handler) (*httptest.Server, *counted) {
	t.Helper()
	c := &counted{Handler: h}
	s := httptest.NewTLSServer(c)
	t.Cleanup(s.Close)
	return s, c
}

// content serves data as a file server does, with ranges and an entity tag.
func content(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(data))
	}
}

func TestAFewKiBOfALargeFileAreRead(t *testing.T) {
	data := body(1 << 20)
	s, sent := serve(t, content(data))
	f, err := Open(t.Context(), s.Client(), s.URL+"/e.plan?X-Amz-Signature=secret")
	if err != nil {
		t.Fatal(err)
	}
	if f.Size() != 1<<20 || f.Whole || f.Name != s.URL+"/e.plan" {
		t.Errorf("opened %q of %d bytes, whole %v", f.Name, f.Size(), f.Whole)
	}
	for _, at := range []int64{0, 4096, 100, 1<<20 - 4, 1<<20 - 4000, 500_001, 500_100} {
		p := make([]byte, 100)
		n, err := f.ReadAt(p, at)
		if want := data[at:min(at+100, 1<<20)]; !bytes.Equal(p[:n], want) || n < 100 != errors.Is(err, io.EOF) {
			t.Errorf("ReadAt(%d): %d bytes, %v", at, n, err)
		}
	}
	if r, b := sent.requests.Load(), sent.bytes.Load(); r != 3 || b != 16<<10 || f.Fetched() != b {
		t.Errorf("%d requests for %d bytes, %d counted by the reader; want 3 for 16 KiB", r, b, f.Fetched())
	}
}

func TestReadsLongerThanABlock(t *testing.T) {
	data := body(100_000)
	s, sent := serve(t, content(data))
	f, err := Open(t.Context(), s.Client(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 30_000)
	if n, err := f.ReadAt(p, 5000); n != len(p) || err != nil || !bytes.Equal(p, data[5000:35_000]) {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
	if r := sent.requests.Load(); r != 2 {
		t.Errorf("%d requests, want 2: neighbours are asked for at once", r)
	}
}

// What came already is neither asked for nor counted again.
func TestBlocksAreReadOnce(t *testing.T) {
	data := body(100_000)
	f := NewPieces(t.Context(), int64(len(data)), data[:4096], func(_ context.Context, offset, n int64) ([]byte, error) {
		return data[offset : offset+n], nil
	})
	for _, at := range []int64{5 * 4096, 3 * 4096, 0} {
		p := make([]byte, 3*4096)
		if _, err := f.ReadAt(p, at); err != nil || !bytes.Equal(p, data[at:at+3*4096]) {
			t.Errorf("ReadAt(%d): %v", at, err)
		}
	}
	if f.Fetched() != 8*4096 {
		t.Errorf("%d bytes were read, want those of 8 blocks", f.Fetched())
	}
}

// A server that answers with other bytes than those asked for is not believed.
func TestAnswersWithOtherBytes(t *testing.T) {
	for name, tc := range map[string]struct {
		header, body, want string
	}{
		"another part":    {"bytes 0-3/1048576", "abcd", "answers with byte 0 when asked for byte 524288"},
		"fewer bytes":     {"bytes 524288-528383/1048576", "abcd", "ends after 4 of 4096 bytes"},
		"no part is told": {"", "abcd", "does not say which"},
	} {
		t.Run(name, func(t *testing.T) {
			var later []string
			s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") == "bytes=0-8191" {
					content(body(1<<20))(w, r)
					return
				}
				later = append(later, r.Header.Get("If-Match"))
				w.Header().Set("ETag", `"v1"`)
				w.Header().Set("Last-Modified", time.Unix(1e9, 0).UTC().Format(http.TimeFormat))
				w.Header().Set("Content-Range", tc.header)
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, tc.body)
			}))
			f, err := Open(t.Context(), s.Client(), s.URL+"/e")
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.ReadAt(make([]byte, 4), 1<<19)
			if err == nil || !strings.HasPrefix(err.Error(), "read "+s.URL+"/e: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ReadAt: %v, want %q", err, tc.want)
			}
			if len(later) != 1 || later[0] != `"v1"` {
				t.Errorf("asked with If-Match %q", later)
			}
		})
	}
}

func TestNoMoreThanTheBudgetIsRead(t *testing.T) {
	s, sent := serve(t, content(body(1<<20)))
	f, err := Open(t.Context(), s.Client(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1)
	for at := int64(0); err == nil && at < 1<<20; at += 10_000 {
		_, err = f.ReadAt(p, at)
	}
	if !errors.Is(err, ErrBeyond) {
		t.Errorf("reading on: %v, want ErrBeyond", err)
	}
	if _, err := f.ReadAt(make([]byte, 1<<19), 1<<18); !errors.Is(err, ErrBeyond) {
		t.Errorf("one long read: %v, want ErrBeyond", err)
	}
	if b := sent.bytes.Load(); b > Budget {
		t.Errorf("%d bytes were sent, more than %d", b, Budget)
	}
}

func TestSmallFilesComeWithOneRequest(t *testing.T) {
	for _, n := range []int{0, 1, 134, HeadBytes} {
		data := body(n)
		s, sent := serve(t, content(data))
		f, err := Open(t.Context(), s.Client(), s.URL)
		if err != nil {
			t.Errorf("%d bytes: %v", n, err)
			continue
		}
		got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if err != nil || !bytes.Equal(got, data) || f.Size() != int64(n) || sent.requests.Load() != 1 {
			t.Errorf("%d bytes: read %d of %d with %d requests, %v", n, len(got), f.Size(), sent.requests.Load(), err)
		}
	}
}

func TestServersWithoutRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		size    int
		chunked bool
		want    string // in the error of Open
	}{
		"a small file is read whole":                         {10_000, false, ""},
		"a small file of unknown length, too":                {10_000, true, ""},
		"of a large file the start is read":                  {1 << 20, false, ""},
		"a large file of unknown length cannot be described": {1 << 20, true, "does not say how long"},
	} {
		t.Run(name, func(t *testing.T) {
			data := body(tc.size)
			s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !tc.chunked {
					w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				}
				w.WriteHeader(http.StatusOK)
				for rest := data; len(rest) > 0; rest = rest[1000:] {
					if len(rest) < 1000 {
						break
					}
					if _, err := w.Write(rest[:1000]); err != nil {
						return
					}
				}
				_, _ = w.Write(data[len(data)/1000*1000:])
			}))
			f, err := Open(t.Context(), s.Client(), s.URL)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Open: %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !f.Whole || f.Size() != int64(tc.size) {
				t.Errorf("whole %v, %d bytes", f.Whole, f.Size())
			}
			p := make([]byte, min(tc.size, Budget))
			if _, err := f.ReadAt(p, 0); err != nil || !bytes.Equal(p, data[:len(p)]) {
				t.Errorf("the start: %v", err)
			}
			if _, err := f.ReadAt(p[:1], f.Size()-1); errors.Is(err, ErrBeyond) != (tc.size > Budget) {
				t.Errorf("the end: %v", err)
			}
		})
	}
}

func TestAFileThatChangesIsNotPiecedTogether(t *testing.T) {
	for name, change := range map[string]func(w http.ResponseWriter, r *http.Request) []byte{
		"another tag, told by If-Match": func(w http.ResponseWriter, _ *http.Request) []byte {
			w.Header().Set("ETag", `"v2"`)
			return body(1 << 20)
		},
		"another weak tag": func(w http.ResponseWriter, r *http.Request) []byte {
			r.Header.Del("If-Match") // as a server would that knows none
			w.Header().Set("ETag", `W/"v2"`)
			return body(1 << 20)
		},
		"another length": func(w http.ResponseWriter, r *http.Request) []byte {
			w.Header().Set("ETag", `"v1"`)
			return body(1<<20 + 1)
		},
		"shorter than the range": func(w http.ResponseWriter, r *http.Request) []byte {
			w.Header().Set("ETag", `"v1"`)
			return body(100)
		},
	} {
		t.Run(name, func(t *testing.T) {
			first := true
			s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data := body(1 << 20)
				w.Header().Set("ETag", `"v1"`)
				if !first {
					data = change(w, r)
				}
				first = false
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			}))
			f, err := Open(t.Context(), s.Client(), s.URL+"/e?sig=secret")
			if err != nil {
				t.Fatal(err)
			}
			if _, err = f.ReadAt(make([]byte, 4), 1<<19); !errors.Is(err, ErrChanged) {
				t.Errorf("ReadAt: %v, want ErrChanged", err)
			}
		})
	}
}

func TestRefusalsNameTheFileAndNoSecret(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"no such file":           {status(404), "HTTP 404: there is no such file"},
		"forbidden":              {status(403), "HTTP 403: the server refuses it: a signed address may have expired"},
		"who asks":               {status(401), "HTTP 401"},
		"in trouble":             {status(503), "HTTP 503: the server is in trouble"},
		"a strange answer":       {status(299), "HTTP 299: the server does not send the file"},
		"no content":             {status(204), "HTTP 204"},
		"a part of what":         {status(206), "does not say which"},
		"a part of unknown size": {status(206, "Content-Range", "bytes 0-0/*"), "does not say how long"},
		"another part":           {status(206, "Content-Range", "bytes 5-5/10"), "answers with byte 5"},
		"cut short":              {status(206, "Content-Range", "bytes 0-9/10"), "the answer ends after 0 of 10 bytes"},
		"not satisfiable":        {status(416, "Content-Range", "bytes */10"), "HTTP 416"},
		"compressed":             {status(200, "Content-Encoding", "gzip"), "sends it compressed"},
		"redirects without end":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/e?sig=secret", http.StatusFound) }, "redirects without end"},
		"redirects to plain HTTP": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/?sig=secret", http.StatusFound)
		}, "from https to http"},
		"redirects to nowhere":   {status(302, "Location", "https://[::1?sig=secret"), "Location"},
		"redirects to who knows": {status(302, "Location", "gopher://user:secret@host/?sig=secret"), "from https to gopher"},
		"cuts the connection":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t, tc.h)
			address := strings.Replace(s.URL, "https://", "https://user:secret@", 1) + "/dir/e.plan?sig=secret#secret"
			_, err := Open(t.Context(), s.Client(), address)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "read "+s.URL+"/dir/e.plan: ") {
				t.Fatalf("Open: %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds a secret: %v", err)
			}
			t.Log(err)
		})
	}
}

// An answer that was compressed against our wish is told as such, not as a file.
func TestCompressedAnswers(t *testing.T) {
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body(1000))
		_ = z.Close()
	}))
	if _, err := Open(t.Context(), s.Client(), s.URL); err == nil || !strings.Contains(err.Error(), `Content-Encoding: "gzip"`) {
		t.Errorf("Open: %v", err)
	}
}

func TestRedirectsAreFollowedOnce(t *testing.T) {
	data := body(1 << 20)
	files, fromFiles := serve(t, content(data))
	var asked atomic.Int64
	front, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if user, _, _ := r.BasicAuth(); user != "ci" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, files.URL+"/signed?sig=secret", http.StatusFound)
	}))
	client := front.Client()
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // two servers, each with a certificate of its own
	f, err := Open(t.Context(), client, strings.Replace(front.URL, "https://", "https://ci:pw@", 1)+"/latest")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	if _, err := f.ReadAt(p, 1<<19); err != nil || !bytes.Equal(p, data[1<<19:1<<19+4]) {
		t.Errorf("ReadAt: %v", err)
	}
	if asked.Load() != 1 || fromFiles.requests.Load() != 2 || f.Name != front.URL+"/latest" {
		t.Errorf("%d requests to the front, %d to the files, name %q", asked.Load(), fromFiles.requests.Load(), f.Name)
	}
}

func TestReadsEndWithTheirContext(t *testing.T) {
	why := errors.New("enough")
	release := make(chan struct{})
	first := true
	s, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !first {
			<-release
			return
		}
		first = false
		content(body(1<<20))(w, r)
	}))
	defer close(release)
	ctx, cancel := context.WithCancelCause(t.Context())
	f, err := Open(ctx, s.Client(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	if _, err := f.ReadAt(make([]byte, 1), 1<<19); !errors.Is(err, why) {
		t.Errorf("ReadAt: %v, want %v", err, why)
	}
	if _, err := Open(ctx, s.Client(), s.URL); !errors.Is(err, why) {
		t.Errorf("Open: %v, want %v", err, why)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{"", "x.plan", "ftp://host/secret", "https://", "http://[::1/secret", "https:///secret"} {
		if _, err := Open(t.Context(), nil, address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q): %v", address, err)
		}
	}
	_, err := Open(t.Context(), nil, "http://127.0.0.1:1/e?sig=secret")
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a server that is down: %v", err)
	}
}

func FuzzRange(f *testing.F) {
	for _, header := range []string{"bytes 0-8191/862484", "bytes 0-0/*", "bytes */10", "bytes 5-1/9", "", "bytes 0-9223372036854775807/9223372036854775807"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		s, err := parseRange(header)
		if err == nil && (s.first < 0 || s.last < s.first || s.size <= s.last) {
			t.Errorf("%q reads as %+v", header, s)
		}
	})
}

func FuzzName(f *testing.F) {
	for _, part := range []string{"X-Amz-Signature=1234", "a b", "%zz", "x#y", "@", "//u:p@h"} {
		f.Add(part)
	}
	const secret = "S3cr3t"
	f.Fuzz(func(t *testing.T, part string) {
		if strings.ContainsAny(part, "/@?#\\") {
			part = "" // the secret would stand in the path, where none is looked for
		}
		for _, address := range []string{
			"https://host/p?" + part + secret, "https://" + part + ":" + secret + "@host/p?x", "https://host/p#" + part + secret, "http://" + secret + part + "@host",
		} {
			if name := Name(address); strings.Contains(name, secret) {
				t.Errorf("Name(%q) = %q", address, name)
			}
			if text := secrets.ReplaceAllString(`Get "`+address+`": no`, "$1$2..."); part == "" && strings.Contains(text, secret) {
				t.Errorf("%q is left of %q", text, address)
			}
		}
	})
}
