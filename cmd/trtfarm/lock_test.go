package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/lock"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// manifest gets the manifest of a tag of the test registry.
func manifest(t *testing.T, registry, tag string) (data []byte, kind string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+registry+"/v2/nvidia/tensorrt/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if data, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", r.URL, answer.Status, err)
	}
	return data, answer.Header.Get("Content-Type")
}

func contentDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// pushIndex makes a tag that means an index of two platforms, as NGC's do.
func pushIndex(t *testing.T, registry, from, tag string) (index, platform string) {
	t.Helper()
	data, kind := manifest(t, registry, from)
	platform = contentDigest(data)
	entry := func(arch string) map[string]any {
		return map[string]any{"mediaType": kind, "size": len(data), "digest": platform, "platform": map[string]string{"os": "linux", "architecture": arch}}
	}
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
		"manifests": []any{entry("arm64"), entry("amd64")}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+registry+"/v2/nvidia/tensorrt/manifests/"+tag, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("push of an index: %s", answer.Status)
	}
	return contentDigest(text), platform
}

func TestLockWritesDownTheIndexAndThePlatformsManifest(t *testing.T) {
	registry := testbed.Registry(t)
	index, platform := pushIndex(t, registry, "24.08-py3", "24.08-two-platforms")
	s := newSite(t, fmt.Sprintf("version = 1\n[store]\nurl = \"file:./store\"\n[registry]\nmirrors = { \"nvcr.io\" = %q }\n"+
		"[runner.host]\ndocker = \"unix:///no/such/docker.sock\"\ngpus = [\"T4\"]\n", registry))
	s.write("m.toml", "version = 1\n[model.m]\nonnx = \"m.onnx\"\n[matrix]\nimages = [\"nvcr.io/nvidia/tensorrt:24.08-two-platforms\"]\ngpus = [\"T4\"]\nprecisions = [\"fp32\"]\n")
	if out, errs, code := s.run("lock", "m.toml"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	src, err := os.ReadFile(filepath.Join(s.dir, "trtfarm.lock"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Parse("trtfarm.lock", src)
	if err != nil || len(l.Images) != 1 {
		t.Fatalf("%v in\n%s", err, src)
	}
	if got := l.Images[0]; got.Digest != index || got.Manifest != platform || !strings.HasPrefix(got.TensorRT, "10.3.0") {
		t.Errorf("locked %+v, want index %s and manifest %s", got, index, platform)
	}
}
