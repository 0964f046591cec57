package survey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	folder, file, ok := remote(m.ONNX)
	if !ok {
		return Resolve(dir, m.ONNX), nil
	}
	target := filepath.Join(f.folder(folder), file)
	if m.SHA256 != "" {
		if have, err := hashFile(file, target); err == nil && have.SHA256 == m.SHA256 {
			return target, nil
		}
	}
	return target, f.bring(ctx, m.ONNX, target, note)
}

// external brings the external data of a model that came from an URL.
func (f Fetcher) external(ctx context.Context, m *matrix.Model, location string, graph *onnx.Model, note func(string)) error {
	folder, _, ok := remote(m.ONNX)
	if !ok {
		return nil
	}
	for _, e := range graph.External {
		target := filepath.Join(filepath.Dir(location), filepath.FromSlash(e.Location))
		if err := f.bring(ctx, folder+"/"+e.Location, target, note); err != nil {
			return err
		}
	}
	return nil
}

// folder is where the files below an URL are kept.
func (f Fetcher) folder(url string) string {
	sum := sha256.Sum256([]byte(url))
	return filepath.Join(f.Cache, hex.EncodeToString(sum[:8]))
}

func (f Fetcher) bring(ctx context.Context, url, target string, note func(string)) error {
	note("fetch " + url)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	body, err := f.Open(ctx, url)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer body.Close()
	part, err := os.CreateTemp(filepath.Dir(target), ".part-")
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	if _, err := io.Copy(part, body); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	if err := part.Close(); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	if err := os.Rename(part.Name(), target); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	return nil
}
