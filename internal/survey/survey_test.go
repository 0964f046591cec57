package survey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/lock"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/plan"
)

const samples = "../onnx/testdata"

// model reads one model of a matrix that lies in dir.
func model(t *testing.T, dir string, m matrix.Model, change ...func(*Options)) (plan.Model, []string) {
	t.Helper()
	m.Name = "m"
	var notes []string
	o := Options{Matrix: &matrix.Matrix{File: filepath.Join(dir, "m.toml"), Models: []*matrix.Model{&m}}, Note: func(n string) { notes = append(notes, n) }}
	for _, c := range change {
		c(&o)
	}
	f, err := Facts(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return f.Models["m"], notes
}

// copySample copies a sample's files to a folder.
func copySample(t *testing.T, name, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(filepath.Join(samples, name))); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func sum(t *testing.T, file string) string {
	t.Helper()
	d, err := artifact.SumFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return d.SHA256
}

func TestAModelIsReadWithAllThatGoesIntoABuild(t *testing.T) {
	at := t.TempDir()
	copySample(t, "conv4-dynamic-batch-external", filepath.Join(at, "models"))
	plugin := write(t, filepath.Join(at, "plugins/libp.so"), []byte("plugin"))
	dynamic := write(t, filepath.Join(at, "plugins/libd.so"), []byte("dynamic"))
	calibration := write(t, filepath.Join(at, "calib.cache"), []byte("ranges"))
	got, notes := model(t, at, matrix.Model{ONNX: "models/model.onnx", Plugins: []string{"plugins/libp.so"}, DynamicPlugins: []string{"plugins/libd.so"}}, func(o *Options) {
		m := o.Matrix.Models[0]
		o.Matrix.Cells = []*matrix.Cell{{Model: m, Build: matrix.Build{Calibration: "calib.cache"}}, {Model: m}, {Model: m, Build: matrix.Build{Calibration: "calib.cache"}},
			{Model: &matrix.Model{Name: "other"}, Build: matrix.Build{Calibration: "of-another-model"}}}
	})
	if got.Err != nil || len(notes) > 0 {
		t.Fatalf("%v, notes %q", got.Err, notes)
	}
	want := []plan.File{
		{Name: "model.onnx", Path: filepath.Join(at, "models/model.onnx"), Size: 12502, SHA256: sum(t, filepath.Join(samples, "conv4-dynamic-batch-external/model.onnx"))},
		{Name: "model.onnx.data", Path: filepath.Join(at, "models/model.onnx.data"), Size: 40320, SHA256: sum(t, filepath.Join(samples, "conv4-dynamic-batch-external/model.onnx.data"))},
	}
	if !slices.Equal(got.Files, want) {
		t.Errorf("files %+v\nwant %+v", got.Files, want)
	}
	if len(got.Plugins) != 2 || got.Plugins[0] != (plan.File{Name: "libp.so", Path: plugin, Size: 6, SHA256: sum(t, plugin)}) ||
		got.Plugins[1] != (plan.File{Name: "libd.so", Path: dynamic, Size: 7, SHA256: sum(t, dynamic)}) {
		t.Errorf("plugins %+v", got.Plugins)
	}
	if len(got.Calibration) != 1 || got.Calibration["calib.cache"].SHA256 != sum(t, calibration) {
		t.Errorf("calibration %+v", got.Calibration)
	}
	if got.Graph == nil || len(got.Graph.Inputs) == 0 || got.Golden != nil {
		t.Errorf("graph %+v, golden %v", got.Graph, got.Golden)
	}
}

func TestWhereAModelMayLie(t *testing.T) {
	at := t.TempDir()
	copySample(t, "triton-simple-int32", filepath.Join(at, "a b"))
	full := filepath.Join(at, "a b", "model.onnx")
	for name, location := range map[string]string{
		"beside the matrix":        "a b/model.onnx",
		"at an absolute path":      full,
		"at a file URL":            "file://" + full,
		"at an escaped file URL":   "file://" + strings.ReplaceAll(full, " ", "%20"),
		"at a relative file URL":   "file://a%20b/model.onnx",
		"in a roundabout way":      "a b/../a b/./model.onnx",
		"pinned, by what it holds": full,
	} {
		t.Run(name, func(t *testing.T) {
			m := matrix.Model{ONNX: location}
			if strings.HasPrefix(name, "pinned") {
				m.SHA256 = sum(t, full)
			}
			if got, _ := model(t, at, m); got.Err != nil || len(got.Files) != 1 || got.Files[0].SHA256 != sum(t, full) {
				t.Errorf("%+v, %v", got.Files, got.Err)
			}
		})
	}
}

func TestWhatIsWrongWithAModelIsInTheFacts(t *testing.T) {
	for name, tc := range map[string]struct {
		sample string
		change func(dir string, m *matrix.Model, o *Options)
		is     error      // "" for none
		code   fault.Code // 0 for none
		says   []string
	}{
		"no such file": {"triton-simple-int32", func(_ string, m *matrix.Model, _ *Options) { m.ONNX = "nothing.onnx" }, nil, fault.Usage, []string{"nothing.onnx does not exist"}},
		"another than the pinned": {"triton-simple-int32", func(_ string, m *matrix.Model, _ *Options) { m.SHA256 = strings.Repeat("0", 64) },
			nil, fault.Usage, []string{"model.onnx is not the pinned model", strings.Repeat("0", 64)}},
		"no ONNX":                  {"corrupt", nil, nil, 0, []string{"model.onnx"}},
		"weights that are missing": {"missing-external-data", nil, onnx.ErrExternal, 0, []string{"no such file beside the model"}},
		"a plugin that is missing": {"triton-simple-int32", func(_ string, m *matrix.Model, _ *Options) { m.Plugins = []string{"libp.so"} },
			nil, fault.Usage, []string{"plugin: ", "libp.so does not exist"}},
		"a calibration cache that is missing": {"triton-simple-int32", func(_ string, m *matrix.Model, o *Options) {
			o.Matrix.Cells = []*matrix.Cell{{Model: m, Build: matrix.Build{Calibration: "calib.cache"}}}
		}, nil, fault.Usage, []string{"calibration cache: ", "calib.cache does not exist"}},
		"reference data that is missing": {"triton-simple-int32", func(_ string, m *matrix.Model, _ *Options) { m.Inputs = "golden" }, nil, fault.Usage, []string{"golden"}},
		"a folder":                       {"triton-simple-int32", func(_ string, m *matrix.Model, _ *Options) { m.ONNX = "." }, nil, 0, []string{"not a regular file"}},
	} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			copySample(t, tc.sample, at)
			got, _ := model(t, at, matrix.Model{ONNX: "model.onnx"}, func(o *Options) {
				if tc.change != nil {
					tc.change(at, o.Matrix.Models[0], o)
				}
			})
			if got.Err == nil || got.Graph != nil || tc.is != nil && !errors.Is(got.Err, tc.is) {
				t.Fatalf("got %+v, %v", got, got.Err)
			}
			if code := fault.CodeOf(got.Err); tc.code != 0 && code != tc.code {
				t.Errorf("code %d, want %d: %v", code, tc.code, got.Err)
			}
			for _, part := range tc.says {
				if !strings.Contains(got.Err.Error(), part) {
					t.Errorf("%q lacks %q", got.Err, part)
				}
			}
		})
	}
}

func TestGoldenShapesComeFromTheData(t *testing.T) {
	at := t.TempDir()
	data := onnxtest.Model(onnxtest.Node("Identity", []string{"x"}, []string{"y"}),
		onnxtest.Input("x", onnx.Float32, -1, 2), onnxtest.Output("y", onnx.Float32, -1, 2))
	write(t, filepath.Join(at, "m.onnx"), data)
	write(t, filepath.Join(at, "golden/x.3.2.fp32.raw"), make([]byte, 24))
	got, _ := model(t, at, matrix.Model{ONNX: "m.onnx", Inputs: "golden"})
	if got.Err != nil || len(got.Golden) != 1 || got.Golden[0].Input != "x" || !slices.Equal(got.Golden[0].Dims, []int64{3, 2}) {
		t.Errorf("golden %+v, %v", got.Golden, got.Err)
	}
}

// server serves a sample and counts what is asked of it.
type server struct {
	*httptest.Server
	asked []string
	sig   string // query that every request must have
	fail  func(http.ResponseWriter) bool
}

func serve(t *testing.T, sample string) *server {
	t.Helper()
	s := &server{}
	files := http.FileServer(http.Dir(filepath.Join(samples, sample)))
	s.Server = httptest.NewTLSServer(http.StripPrefix("/net", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.Path)
		if r.URL.RawQuery != s.sig {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		if s.fail == nil || !s.fail(w) {
			files.ServeHTTP(w, r)
		}
	})))
	t.Cleanup(s.Close)
	return s
}

// fetcher opens URLs of the server.
func (s *server) fetcher(cache string) func(*Options) {
	return func(o *Options) {
		o.Fetch = Fetcher{Cache: cache, Open: func(ctx context.Context, u string) (io.ReadCloser, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
			if err != nil {
				return nil, err
			}
			answer, err := s.Client().Do(r)
			if err != nil {
				return nil, err
			}
			if answer.StatusCode != http.StatusOK {
				answer.Body.Close()
				return nil, errors.New(answer.Status)
			}
			return answer.Body, nil
		}}
	}
}

func TestAModelAtAnURLIsFetchedWithItsWeights(t *testing.T) {
	s := serve(t, "conv4-dynamic-batch-external")
	s.sig = "sig=secret"
	cache := t.TempDir()
	m := matrix.Model{ONNX: s.URL + "/net/model.onnx?" + s.sig}
	got, notes := model(t, t.TempDir(), m, s.fetcher(cache))
	if got.Err != nil || len(got.Files) != 2 || got.Files[0].Name != "model.onnx" || got.Files[1].Size != 40320 {
		t.Fatalf("%+v, %v", got.Files, got.Err)
	}
	if want := []string{"/model.onnx", "/model.onnx.data"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked for %q, want %q", s.asked, want)
	}
	for _, n := range notes {
		if strings.Contains(n, "secret") {
			t.Errorf("the signature is shown: %q", n)
		}
	}
	if len(notes) != 2 || !strings.HasSuffix(notes[0], "/net/model.onnx") {
		t.Errorf("notes %q", notes)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "*", ".part-*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestTheCacheServesWhatIsPinned(t *testing.T) {
	s := serve(t, "triton-simple-int32")
	cache, pin := t.TempDir(), sum(t, filepath.Join(samples, "triton-simple-int32/model.onnx"))
	asks := func(pin string, want int) {
		t.Helper()
		s.asked = nil
		got, _ := model(t, t.TempDir(), matrix.Model{ONNX: s.URL + "/net/model.onnx", SHA256: pin}, s.fetcher(cache))
		if got.Err != nil || len(s.asked) != want {
			t.Errorf("pinned %q: asked %d times, want %d; %v", pin, len(s.asked), want, got.Err)
		}
	}
	asks(pin, 1) // nothing is there yet
	asks(pin, 0) // it is there, and it is the one
	asks("", 1)  // what the URL serves may have changed

	cached, err := filepath.Glob(filepath.Join(cache, "*", "model.onnx"))
	if err != nil || len(cached) != 1 {
		t.Fatalf("cached are %q, %v", cached, err)
	}
	write(t, cached[0], []byte("damaged"))
	asks(pin, 1) // it is there and is not the one
}

func TestFetchesThatFail(t *testing.T) {
	for name, tc := range map[string]struct {
		url  string
		fail func(http.ResponseWriter) bool
		code fault.Code
		says string
	}{
		"not there":     {"/net/model.onnx", func(w http.ResponseWriter) bool { w.WriteHeader(404); return true }, fault.Storage, "404 Not Found"},
		"no file named": {"/", nil, fault.Usage, "names no file"},
		"cut short": {"/net/model.onnx", func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("cut"))
			return true
		}, fault.Storage, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "triton-simple-int32")
			s.fail, s.sig = tc.fail, "sig=secret"
			cache := t.TempDir()
			got, _ := model(t, t.TempDir(), matrix.Model{ONNX: s.URL + tc.url + "?sig=secret"}, s.fetcher(cache))
			if got.Err == nil || !strings.Contains(got.Err.Error(), tc.says) || fault.CodeOf(got.Err) != tc.code || strings.Contains(got.Err.Error(), "secret") {
				t.Errorf("got %v with code %d, want %q with %d", got.Err, fault.CodeOf(got.Err), tc.says, tc.code)
			}
			if files, _ := filepath.Glob(filepath.Join(cache, "*", "*")); len(files) > 0 {
				t.Errorf("a file appeared: %q", files)
			}
		})
	}
}

func TestRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"models/what?.onnx":                       "models/what?.onnx",
		"file:///m.onnx":                          "file:///m.onnx",
		"s3://bucket/m.onnx":                      "s3://bucket/m.onnx",
		"https://u:p@host/m.onnx?X-Signature=abc": "https://u:xxxxx@host/m.onnx",
	} {
		if got := Redacted(in); got != want {
			t.Errorf("Redacted(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestADoneContextIsAnError(t *testing.T) {
	stop := errors.New("somebody said stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	_, err := Facts(ctx, Options{Matrix: &matrix.Matrix{Models: []*matrix.Model{{Name: "m", ONNX: "x"}}}, Note: func(string) {}})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestWhatAnImageMeans(t *testing.T) {
	const ref = "nvcr.io/nvidia/tensorrt:24.08-py3"
	locked := lock.Image{Ref: ref, Digest: "sha256:locked", Manifest: "sha256:platform", TensorRT: "10.3.0.99", CUDA: "12"}
	answers := func(i plan.Image) func(context.Context, string) plan.Image {
		return func(context.Context, string) plan.Image { return i }
	}
	for name, tc := range map[string]struct {
		ref     string
		lock    *lock.Image
		resolve func(context.Context, string) plan.Image
		want    plan.Image
	}{
		"the lock comes first": {ref, &locked, answers(plan.Image{Digest: "sha256:moved"}),
			plan.Image{Digest: "sha256:locked", Manifest: "sha256:platform", TensorRT: "10.3.0.99", CUDA: "12", Source: "lock"}},
		"then the registry": {ref, nil, answers(plan.Image{Digest: "sha256:r", TensorRT: "10.3.0.1", Source: "registry"}),
			plan.Image{Digest: "sha256:r", TensorRT: "10.3.0.1", Source: "registry"}},
		"what the registry does not tell, the catalogue does": {ref, nil, answers(plan.Image{Digest: "sha256:r", Source: "registry"}),
			plan.Image{Digest: "sha256:r", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", Source: "registry"}},
		"offline, the catalogue alone": {ref, nil, nil, plan.Image{TensorRT: "10.3.0.26", CUDA: "12.6.0.022", Source: "catalogue", Err: ErrOffline}},
		"nobody knows":                 {"example.com/own:1", nil, nil, plan.Image{Err: ErrOffline}},
		"a lock that lacks the image": {"example.com/own:1", &locked, answers(plan.Image{Digest: "sha256:r", Source: "registry"}),
			plan.Image{Digest: "sha256:r", Source: "registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Matrix: &matrix.Matrix{Cells: []*matrix.Cell{{Model: &matrix.Model{}, Image: tc.ref}}}, Resolve: tc.resolve, Note: func(string) {}}
			if tc.lock != nil {
				o.Lock = &lock.File{Images: []lock.Image{*tc.lock}}
			}
			f, err := Facts(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Images[tc.ref]; got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestEveryImageIsAskedForOnce(t *testing.T) {
	asked := make(chan string, 10)
	cell := func(build, verify string) *matrix.Cell {
		return &matrix.Cell{Model: &matrix.Model{}, Image: build, Verify: matrix.Verify{Image: verify}}
	}
	o := Options{Matrix: &matrix.Matrix{Cells: []*matrix.Cell{cell("a", ""), cell("b", "c"), cell("a", "c")}}, Note: func(string) {},
		Resolve: func(_ context.Context, ref string) plan.Image { asked <- ref; return plan.Image{Digest: ref} }}
	f, err := Facts(t.Context(), o)
	close(asked)
	var all []string
	for ref := range asked {
		all = append(all, ref)
	}
	slices.Sort(all)
	if err != nil || !slices.Equal(all, []string{"a", "b", "c"}) || len(f.Images) != 3 {
		t.Errorf("asked for %q, found %v, %v", all, f.Images, err)
	}
}

// put makes a record of a cell.
func put(t *testing.T, s artifact.Store, cell string, n int) string {
	t.Helper()
	blob, err := artifact.PutBytes(t.Context(), s, fmt.Appendf(nil, "engine %d", n), "")
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(cell, "/")
	m := &artifact.Manifest{Version: 1, Cell: cell, Model: name, Key: fmt.Sprintf("%064x", n), Engine: blob,
		Inputs: []artifact.Input{{Name: "model", Value: fmt.Sprint(n)}}}
	m.BuiltAt = m.BuiltAt.AddDate(2025, 0, n)
	if _, _, err := artifact.Commit(t.Context(), s, m); err != nil {
		t.Fatal(err)
	}
	return m.Key
}

func TestStoreFacts(t *testing.T) {
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const one, two = "m/24.08-py3/t4/fp16", "m/24.08-py3/a10/fp16"
	old, newer, other := put(t, store, one, 1), put(t, store, one, 2), put(t, store, two, 3)
	put(t, store, "elsewhere/24.08-py3/t4/fp16", 4)
	mx := &matrix.Matrix{Models: []*matrix.Model{{Name: "m"}, {Name: "unbuilt"}}}
	var seen map[string]bool
	got := Store(t.Context(), store, mx, func(keys map[string]bool) map[string]map[string]bool {
		seen = keys
		return map[string]map[string]bool{"m": {one: true}}
	})
	if got.Err != nil || len(got.Keys) != 3 || !got.Keys[old] || !got.Keys[newer] || !got.Keys[other] || len(seen) != 3 {
		t.Errorf("keys %v, %v", got.Keys, got.Err)
	}
	if r := got.Newest[one]; len(got.Newest) != 1 || r.Key != newer || len(r.Inputs) != 1 || r.Inputs[0] != (plan.Input{Name: "model", Value: "2"}) || r.BuiltAt.IsZero() {
		t.Errorf("newest %+v", got.Newest)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lost := Store(ctx, store, mx, func(map[string]bool) map[string]map[string]bool { return nil })
	if lost.Err == nil || !strings.Contains(lost.Err.Error(), "list the records of m, unbuilt") {
		t.Errorf("a store that does not answer: %v", lost.Err)
	}
}
