package testbed

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// imagePath is the PATH of NGC's TensorRT images, as far as it matters here.
const imagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Contents is a file system for an image.
type Contents struct {
	Files map[string]string // path in the image, absolute -> file of this host
	Links map[string]string // path in the image, absolute -> target
	Env   []string
	Label map[string]string
}

// PushTensorRT builds a stand-in for an NGC TensorRT image and pushes it as
// nvidia/tensorrt:tag: trtsim under trtexec's and nvidia-smi's names, ortrun with
// ONNX Runtime beside it, and the shared libraries that they need, from this host.
// Equal inputs make an image of equal digest.
func PushTensorRT(ctx context.Context, registry, tag, tensorRT, cuda, binDir string) error {
	driver, ok := catalog.MinDriver(cuda)
	if !ok {
		return fmt.Errorf("no driver is known for CUDA %s", cuda)
	}
	c := Contents{
		Files: map[string]string{
			"/usr/local/bin/trtexec":             filepath.Join(binDir, "trtsim"),
			"/usr/local/bin/ortrun":              filepath.Join(binDir, "ortrun"),
			"/usr/local/bin/libonnxruntime.so.1": filepath.Join(binDir, "libonnxruntime.so.1"),
		},
		Links: map[string]string{"/usr/local/bin/nvidia-smi": "trtexec"},
		Env:   []string{"PATH=" + imagePath, "TRT_VERSION=" + tensorRT, "CUDA_VERSION=" + cuda, "CUDA_DRIVER_VERSION=" + driver, "NVIDIA_VISIBLE_DEVICES=all"},
		Label: map[string]string{"com.nvidia.tensorrt.version": tensorRT},
	}
	for _, program := range []string{"ortrun", "libonnxruntime.so.1"} {
		libraries, err := Libraries(filepath.Join(binDir, program))
		if err != nil {
			return fmt.Errorf("libraries of %s: %w", program, err)
		}
		maps.Copy(c.Files, libraries)
	}
	return c.Push(ctx, registry+"/nvidia/tensorrt:"+tag)
}

// Push builds an image for this host's platform and pushes it to ref.
func (c Contents) Push(ctx context.Context, ref string) error {
	img, err := c.Image()
	if err != nil {
		return fmt.Errorf("build image %s: %w", ref, err)
	}
	to, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	if err := remote.Write(to, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("push image %s: %w", ref, err)
	}
	return nil
}

// Image builds an image of one layer. No time is in it, so its digest follows
// from the contents.
func (c Contents) Image() (v1.Image, error) {
	var layer bytes.Buffer // opened twice by the pusher: once to name it, once to send it
	if err := c.write(&layer); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", hostArch
	config.Config.Env, config.Config.Labels = c.Env, c.Label
	config.Config.WorkingDir = "/workspace"
	return mutate.ConfigFile(img, config)
}

// write writes the layer: folders before what is in them, names in order.
func (c Contents) write(w io.Writer) error {
	t := tar.NewWriter(w)
	folders := map[string]bool{"/tmp": true, "/workspace": true}
	for _, set := range []map[string]string{c.Files, c.Links} {
		for p := range set {
			for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
				folders[dir] = true
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		h := tar.Header{Typeflag: tar.TypeDir, Name: inTar(dir) + "/", Mode: 0o755}
		if dir == "/tmp" {
			h.Mode = 0o1777
		}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		if err := writeFile(t, p, c.Files[p]); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.Links)) {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: inTar(p), Linkname: c.Links[p], Mode: 0o777}); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeFile(t *tar.Writer, to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: inTar(to), Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

func inTar(p string) string { return strings.TrimPrefix(p, "/") }
