package registry_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ociregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/registry"
)

const ref = "nvcr.io/nvidia/tensorrt:24.08-py3"

// env is that of NGC's images, as far as it matters here.
var env = []string{"PATH=/usr/bin", "TRT_VERSION=10.3.0.26+cuda12.6", "CUDA_VERSION=12.6.0.022", "CUDA_DRIVER_VERSION=560.35.03"}

func TestResolve(t *testing.T) {
	host := serve(t, nil)
	amd := image(t, "amd64", env, nil)
	arm := image(t, "arm64", []string{"TRT_VERSION=0"}, nil)
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	labelled := image(t, "amd64", nil, map[string]string{"com.nvidia.tensorrt.version": "8.6.1.6"})
	push(t, host+"/nvidia/tensorrt:24.08-py3", index)
	push(t, host+"/nvidia/tensorrt:plain", amd)
	push(t, host+"/nvidia/tensorrt:labelled", labelled)
	push(t, host+"/nvidia/tensorrt:arm", arm)
	push(t, host+"/nvidia/tensorrt:arm-index", mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}}))
	push(t, host+"/library/debian:12", labelled)

	mirrors := map[string]string{"nvcr.io": host, "docker.io": host}
	full := registry.Image{Digest: digest(t, index), Manifest: digest(t, amd), TensorRT: "10.3.0.26", CUDA: "12.6.0.022", Driver: "560.35.03"}
	plain := full
	plain.Digest = plain.Manifest
	byLabel := registry.Image{Digest: digest(t, labelled), Manifest: digest(t, labelled), TensorRT: "8.6.1.6",
		Labels: map[string]string{"com.nvidia.tensorrt.version": "8.6.1.6"}}
	for name, tc := range map[string]struct {
		ref  string
		o    registry.Options
		want registry.Image
	}{
		"an index gives both digests":                   {ref, registry.Options{Mirrors: mirrors}, full},
		"a manifest alone is its own index":             {"nvcr.io/nvidia/tensorrt:plain", registry.Options{Mirrors: mirrors}, plain},
		"a digest is asked for as one":                  {"nvcr.io/nvidia/tensorrt@" + full.Digest, registry.Options{Mirrors: mirrors}, full},
		"a registry without mirror is asked itself":     {host + "/nvidia/tensorrt:plain", registry.Options{}, plain},
		"the label tells when the environment does not": {"nvcr.io/nvidia/tensorrt:labelled", registry.Options{Mirrors: mirrors}, byLabel},
		"a short name means docker.io":                  {"debian:12", registry.Options{Mirrors: mirrors}, byLabel},
		"another platform gives its own manifest": {ref, registry.Options{Mirrors: mirrors, Platform: "linux/arm64"},
			registry.Image{Digest: digest(t, index), Manifest: digest(t, arm), TensorRT: "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := registry.Resolve(t.Context(), tc.ref, tc.o)
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Resolve(%s)\n got %+v, %v\nwant %+v", tc.ref, got, err, tc.want)
			}
		})
	}

	for name, tc := range map[string]struct {
		ref   string
		o     registry.Options
		code  fault.Code
		cause string
		says  []string
	}{
		"a tag that is not there":        {"nvcr.io/nvidia/tensorrt:99.01-py3", registry.Options{Mirrors: mirrors}, fault.Storage, "image-missing", []string{"nvcr.io/nvidia/tensorrt:99.01-py3", "mirror " + host}},
		"a repository that is not there": {"nvcr.io/nvidia/nothing:1", registry.Options{Mirrors: mirrors}, fault.Storage, "image-missing", nil},
		"a mirror that is down":          {ref, registry.Options{Mirrors: map[string]string{"nvcr.io": "127.0.0.1:1"}}, fault.Storage, "registry-down", []string{"mirror 127.0.0.1:1", "refused"}},
		"a platform that is not there":   {"nvcr.io/nvidia/tensorrt:arm", registry.Options{Mirrors: mirrors}, fault.Storage, "image-platform", []string{"linux/amd64", "linux/arm64"}},
		"an index without the platform":  {"nvcr.io/nvidia/tensorrt:arm-index", registry.Options{Mirrors: mirrors}, fault.Storage, "image-platform", []string{"linux/arm64"}},
		"a reference that is none":       {"nvcr.io/UPPER:1", registry.Options{}, fault.Usage, "image-reference", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Resolve(t.Context(), tc.ref, tc.o)
			expect(t, err, tc.code, tc.cause, tc.says...)
		})
	}

	t.Run("no layer is read", func(t *testing.T) {
		var paths []string
		counted := serve(t, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					paths = append(paths, r.URL.Path)
				}
				h.ServeHTTP(w, r)
			})
		})
		push(t, counted+"/nvidia/tensorrt:plain", amd)
		paths = nil
		if _, err := registry.Resolve(t.Context(), counted+"/nvidia/tensorrt:plain", registry.Options{}); err != nil {
			t.Fatal(err)
		}
		layers, err := amd.Layers()
		if err != nil || len(layers) == 0 {
			t.Fatal("the image has no layers", err)
		}
		for _, l := range layers {
			d, err := l.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.Join(paths, " "), d.String()) {
				t.Errorf("layer %s was read: %q", d, paths)
			}
		}
	})
}

func TestResolveWithCredentials(t *testing.T) {
	host := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "ci" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	_, err := registry.Resolve(t.Context(), host+"/nvidia/tensorrt:plain", registry.Options{})
	expect(t, err, fault.Storage, "registry-unauthorised", host)

	auth := base64.StdEncoding.EncodeToString([]byte("ci:secret"))
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	push(t, host+"/nvidia/tensorrt:plain", image(t, "amd64", env, nil))
	if _, err := registry.Resolve(t.Context(), host+"/nvidia/tensorrt:plain", registry.Options{}); err != nil {
		t.Errorf("Resolve with credentials: %v", err)
	}
	user, password, _, err := registry.Credentials(t.Context(), host)
	if user != "ci" || password != "secret" || err != nil {
		t.Errorf("Credentials(%s) = %q, %q, %v", host, user, password, err)
	}
	user, _, _, err = registry.Credentials(t.Context(), "other.invalid")
	if user != "" || err != nil {
		t.Errorf("Credentials(other.invalid) = %q, %v, want nothing", user, err)
	}
}

func TestResolveStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	host := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel(why)
			<-r.Context().Done()
		})
	})
	if _, err := registry.Resolve(ctx, host+"/nvidia/tensorrt:plain", registry.Options{}); !errors.Is(err, why) {
		t.Errorf("Resolve: %v, want the cause of the cancellation", err)
	}
}

func expect(t *testing.T, err error, code fault.Code, cause string, says ...string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Code != code || f.Cause != cause {
		t.Fatalf("%v, want a fault with code %d and cause %s", err, code, cause)
	}
	for _, text := range says {
		if !strings.Contains(f.Message, text) {
			t.Errorf("message %q does not say %q", f.Message, text)
		}
	}
	if f.Fix == "" {
		t.Errorf("%q comes without a fix", f.Message)
	}
}

// serve runs a registry on the loopback, behind wrap when it is given.
func serve(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := ociregistry.New(ociregistry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func image(t *testing.T, arch string, env []string, labels map[string]string) v1.Image {
	t.Helper()
	img, err := random.Image(1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Env, config.Config.Labels = env, labels
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func push(t *testing.T, to string, what remote.Taggable) {
	t.Helper()
	r, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	user, password, _, err := registry.Credentials(t.Context(), r.Context().RegistryStr())
	if err != nil {
		t.Fatal(err)
	}
	options := []remote.Option{remote.WithContext(t.Context())}
	if user != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: user, Password: password}))
	}
	if index, ok := what.(v1.ImageIndex); ok {
		err = remote.WriteIndex(r, index, options...)
	} else {
		err = remote.Write(r, what.(v1.Image), options...)
	}
	if err != nil {
		t.Fatalf("push %s: %v", to, err)
	}
}

func digest(t *testing.T, of interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	d, err := of.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
