package survey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// Fetcher brings models that are named by URL into a folder of this machine.
// A file that is there already is fetched again only when it is not pinned,
// because what an URL serves may change.
type Fetcher struct {
	Open  func(ctx context.Context, url string) (io.ReadCloser, error)
	Cache string
}

// local returns where the model's ONNX file lies on this machine.
func (f Fetcher) local(ctx context.Context, m *matrix.Model, dir string, note func(string)) (string, error) {
	u, ok := remote(m.ONNX)
	if !ok {
		return Resolve(dir, m.ONNX), nil
	}
	target, err := f.place(u)
	if err != nil {
		return "", err
	}
	if m.SHA256 != "" {
		if have, err := hashFile("", target); err == nil && have.SHA256 == m.SHA256 {
			return target, nil
		}
	}
	return target, f.bring(ctx, m.ONNX, target, note)
}

// external brings the external data of a model that came from an URL. Nothing
// pins these files, so they are fetched each time.
func (f Fetcher) external(ctx context.Context, m *matrix.Model, location string, graph *onnx.Model, note func(string)) error {
	u, ok := remote(m.ONNX)
	if !ok {
		return nil
	}
	for _, e := range graph.External {
		beside := *u // with the query, which may hold a signature
		beside.Path, beside.RawPath = path.Join(path.Dir(u.Path), e.Location), ""
		target := filepath.Join(filepath.Dir(location), filepath.FromSlash(e.Location))
		if err := f.bring(ctx, beside.String(), target, note); err != nil {
			return err
		}
	}
	return nil
}

// remote parses the URL of a model that is not on this machine.
func remote(location string) (*url.URL, bool) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "s3" && u.Scheme != "https" && u.Scheme != "http" {
		return nil, false
	}
	return u, true
}

// place is where the file of an URL is kept: files of one folder stay together,
// whatever the signature in the URL.
func (f Fetcher) place(u *url.URL) (string, error) {
	file := path.Base(u.Path)
	if file == "." || !filepath.IsLocal(file) {
		return "", fault.New(fault.Usage, "file-missing", "name the ONNX file in the URL", "%s names no file", Redacted(u.String()))
	}
	sum := sha256.Sum256([]byte(u.Scheme + "://" + u.Host + path.Dir(u.Path)))
	return filepath.Join(f.Cache, hex.EncodeToString(sum[:8]), file), nil
}

// bring fetches an URL. The file appears when it is whole.
func (f Fetcher) bring(ctx context.Context, from, target string, note func(string)) error {
	shown := Redacted(from)
	note("fetch " + shown)
	fail := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fault.New(fault.Storage, "storage", "see whether the URL can be read from here", "fetch %s: %w", shown, err)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fail(err)
	}
	body, err := f.Open(ctx, from)
	if err != nil {
		return fail(err)
	}
	defer body.Close()
	part, err := os.CreateTemp(filepath.Dir(target), ".part-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	if _, err := io.Copy(part, body); err != nil {
		return fail(err)
	}
	if err := part.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(part.Name(), target); err != nil {
		return fail(err)
	}
	return nil
}

// Redacted is a model's location as it may be shown and recorded: the query of an
// URL may hold a signature, and the part before its host a password.
func Redacted(location string) string {
	u, ok := remote(location)
	if !ok {
		return location
	}
	u.RawQuery = ""
	return u.Redacted()
}
