package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

const large = 64 << 20

// largePlan is a plan of 64 MiB less four bytes in the "ftrt" container, with a
// real beginning: sections end at a multiple of 8, and the end mark follows.
func largePlan(t testing.TB) []byte {
	const header, total = 56, large - 4
	plan := padded(t, "t4.trt.head")[:total]
	binary.LittleEndian.PutUint64(plan[16:], total)
	binary.LittleEndian.PutUint64(plan[48:], total-4-header)           // its one section
	binary.LittleEndian.PutUint64(plan[header+16:], total-4-header-24) // the payload of the archive in it
	copy(plan[total-4:], "\x99\x8b\x8d\x8b")
	return plan
}

// largeArchive is a plan of 64 MiB as TensorRT 8.2 writes it, a bare archive.
func largeArchive(t testing.TB) []byte {
	plan := padded(t, "nano.engine.head")
	binary.LittleEndian.PutUint64(plan[16:], large-24)
	return plan
}

// largeModel is an ONNX model with 64 MiB of weights.
func largeModel(testing.TB) []byte {
	return onnxtest.Model(
		onnxtest.Node("MatMul", []string{"x", "w"}, []string{"y"}),
		onnxtest.Initializer(onnxtest.Tensor("w", onnx.Float32, 4096, 4096), onnxtest.Raw(make([]byte, large))),
		onnxtest.Input("x", onnx.Float32, 1, 4096), onnxtest.Output("y", onnx.Float32, 1, 4096),
	)
}

func padded(t testing.TB, name string) []byte {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", "inspect", name))
	if err != nil {
		t.Fatal(err)
	}
	return append(head, make([]byte, large-len(head))...)
}

// inspected runs inspect and returns its only answer.
func inspected(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var out, said bytes.Buffer
	if code := run(append([]string{"inspect", "--json"}, args...), streams{strings.NewReader(""), &out, &said}); code != 0 {
		t.Fatalf("exit %d: %s", code, said.String())
	}
	var answers []map[string]any
	if err := json.Unmarshal(out.Bytes(), &answers); err != nil || len(answers) != 1 {
		t.Fatalf("%d answers, %v: %s", len(answers), err, out.String())
	}
	return answers[0]
}

// wire counts what a server sends through it, headers and all.
func wire(t *testing.T, server string) (address string, sent *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sent = new(atomic.Int64)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(server, client)
				server.Close()
			}()
			go func() {
				_, _ = io.Copy(client, io.TeeReader(server, counter{sent}))
				client.Close()
			}()
		}
	}()
	return l.Addr().String(), sent
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// What a file of 64 MiB behind a network is costs less than 64 KiB, everything
// counted that the server sends.
func TestInspectReadsLittleOfFarFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want map[string]any
	}{
		"plan":    {largePlan(t), map[string]any{"kind": "tensorrt-plan", "container": "ftrt", "tensorrt": "10.3.0.26", "sm": "7.5"}},
		"archive": {largeArchive(t), map[string]any{"kind": "tensorrt-plan", "container": "ptrt", "tensorrt": "8.2.1.8", "sm": "5.3"}},
		"model":   {largeModel(t), map[string]any{"kind": "onnx", "container": "", "tensorrt": "", "sm": ""}},
	} {
		check := func(t *testing.T, address string, sent *atomic.Int64) {
			t.Helper()
			got := inspected(t, address)
			for field, want := range tc.want {
				if got[field] != want {
					t.Errorf("%s is %v, want %v", field, got[field], want)
				}
			}
			if got["size"] != float64(len(tc.data)) || got["truncated"] != false || got["damaged"] != false || got["sha256"] != "" || got["md5"] != "" {
				t.Errorf("got %v", got)
			}
			if tc.want["kind"] == "onnx" && got["onnx"] == nil {
				t.Errorf("nothing is said of the model: %v", got["notes"])
			}
			if n := sent.Load(); n == 0 || n >= 64<<10 {
				t.Errorf("the server sent %d bytes", n)
			} else {
				t.Logf("the server sent %d bytes", n)
			}
		}
		t.Run(name+" over HTTP", func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"1"`)
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tc.data))
			}))
			defer s.Close()
			address, sent := wire(t, s.Listener.Addr().String())
			check(t, "http://"+address+"/e?X-Amz-Signature=secret", sent)
		})
		t.Run(name+" in S3", func(t *testing.T) {
			server := testbed.S3(t)
			bucket := testbed.Bucket(t)
			store, err := s3.Open(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Create(t.Context(), "e", bytes.NewReader(tc.data), artifact.Object{Meta: map[string]string{"sha256": "abc", "md5": "def"}}); err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(server.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			address, sent := wire(t, u.Host)
			t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+address)
			check(t, bucket+"/e", sent)
			if notes, _ := json.Marshal(inspected(t, bucket+"/e")["notes"]); !strings.Contains(string(notes), "its metadata says md5 def, sha256 abc; not checked") {
				t.Errorf("notes are %s", notes)
			}
		})
	}
}

// The path of an answer, and what is said of a failure, holds no secret.
func TestInspectKeepsSecretsOfAddresses(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/e.plan" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("nothing"))
	}))
	defer s.Close()
	base := strings.Replace(s.URL, "http://", "http://user:secret@", 1)
	for _, format := range [][]string{{"inspect"}, {"inspect", "--json"}} {
		var out, said bytes.Buffer
		code := run(append(format, base+"/e.plan?sig=secret", base+"/none?sig=secret", "ftp://user:secret@host/x"), streams{strings.NewReader(""), &out, &said})
		if code != 10 || !strings.Contains(out.String(), s.URL+"/e.plan") || !strings.Contains(said.String(), "read "+s.URL+"/none: HTTP 403") {
			t.Errorf("exit %d\n%s%s", code, out.String(), said.String())
		}
		if strings.Contains(out.String()+said.String(), "secret") {
			t.Errorf("a secret is told:\n%s%s", out.String(), said.String())
		}
	}
}

// Of a server that sends files from their start only, what was seen stands.
func TestInspectTellsWhatItCouldNotRead(t *testing.T) {
	plan, model := largePlan(t), largeModel(t)
	late := slices.Clone(plan) // its one section lies too far behind the start
	binary.LittleEndian.PutUint64(late[40:], 1<<20)
	binary.LittleEndian.PutUint64(late[48:], large-8-1<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := map[string][]byte{"/plan": plan, "/late": late, "/model": model}[r.URL.Path]
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data)
	}))
	defer s.Close()
	for path, want := range map[string]string{"/plan": "tensorrt-plan", "/late": "tensorrt-plan", "/model": "onnx"} {
		got := inspected(t, s.URL+path)
		notes, _ := json.Marshal(got["notes"])
		if got["kind"] != want || got["truncated"] == true || got["damaged"] == true || !strings.Contains(string(notes), "its server ignores ranges, so only the first 56.0 KiB of it were read") {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestInspectReadsStandardInput(t *testing.T) {
	tiny, err := os.ReadFile("testdata/inspect/tiny.plan")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out, said bytes.Buffer
	if code := run([]string{"inspect", "-"}, streams{bytes.NewReader(tiny), &out, &said}); code != 0 || !strings.HasPrefix(out.String(), "-\n  is             a TensorRT engine\n") {
		t.Errorf("exit %d\n%s%s", code, out.String(), said.String())
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("it leaves %v behind", left)
	}
	out.Reset()
	if code := run([]string{"inspect", "-"}, streams{io.MultiReader(bytes.NewReader(tiny), failing{}), &out, &said}); code != 2 || !strings.Contains(said.String(), "inspect standard input: io: read/write on closed pipe") {
		t.Errorf("exit %d\n%s%s", code, out.String(), said.String())
	}
}

func TestStandardInputIsBounded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	in := func(n int) streams { return streams{bytes.NewReader(make([]byte, n)), io.Discard, io.Discard} }
	o, err := openStdin(t.Context(), in(2048), 2048)
	if err != nil || o.size != 2048 {
		t.Fatalf("%+v, %v", o, err)
	}
	o.close()
	if _, err := openStdin(t.Context(), in(2049), 2048); err == nil || !strings.Contains(err.Error(), "it is longer than 2.0 KiB\n  fix: write it to a file") {
		t.Errorf("2049 bytes: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Whoever waits for a big file is told how far it is.
func TestWatchedTellsWhatTakesLong(t *testing.T) {
	var said bytes.Buffer
	w := &watched{ctx: t.Context(), r: bytes.NewReader(make([]byte, 1<<20)), name: "e.plan", size: 1 << 20, say: &said}
	p := make([]byte, 1<<18)
	for range 2 {
		if _, err := w.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	if said.Len() > 0 {
		t.Errorf("at once it says %q", said.String())
	}
	w.next = time.Now().Add(-time.Second)
	if _, err := w.Read(p); err != nil || said.String() != "trtfarm: read 768.0 KiB of 1.0 MiB (75 %) of e.plan\n" {
		t.Errorf("later it says %q, %v", said.String(), err)
	}
}
