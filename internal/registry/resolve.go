// Package registry asks image registries what a tag means: the digests behind it
// and what the image declares about itself, without pulling any layer.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/trtfarm/trtfarm/internal/fault"
)

// Options say where to ask, and for what.
type Options struct {
	Mirrors  map[string]string // registry host -> host[:port] to ask instead
	Platform string            // "linux/amd64" when empty
}

// Image is what a reference meant when it was asked for.
type Image struct {
	Digest   string            // "sha256:…" of what the reference names: an index, or a manifest
	Manifest string            // "sha256:…" of the platform's manifest; equal to Digest when there is no index
	TensorRT string            // as the image declares it, without the build suffix after "+"; "" when it does not
	CUDA     string            // likewise
	Driver   string            // that its CUDA was released with, as the image declares it
	Labels   map[string]string // of the image's configuration
}

// defaultPlatform is what NGC's TensorRT images are run on.
const defaultPlatform = "linux/amd64"

// tensorRTLabel is the label by which NGC images tell their TensorRT.
const tensorRTLabel = "com.nvidia.tensorrt.version"

// Resolve asks the registry for ref, "registry/name:tag" or "registry/name@digest".
// It reads manifests and the configuration, a few KiB in all. Credentials are those
// of `docker login` for the host that is asked. Failures are faults of storage that
// name that host: image-missing, registry-unauthorised, registry-down; or
// image-platform, when the image is there for other platforms only.
func Resolve(ctx context.Context, ref string, o Options) (Image, error) {
	if o.Platform == "" {
		o.Platform = defaultPlatform
	}
	platform, err := v1.ParsePlatform(o.Platform)
	if err != nil {
		return Image{}, fault.New(fault.Usage, "image-platform", `write it as "linux/amd64"`, "platform %q: %w", o.Platform, err)
	}
	at, err := locate(ref, o.Mirrors)
	if err != nil {
		return Image{}, fault.New(fault.Usage, "image-reference", `write it as "registry/name:tag"`, "image %q: %w", ref, err)
	}
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("trtfarm"),
	}
	desc, err := remote.Get(at, options...)
	if err != nil {
		return Image{}, failure(ctx, ref, at, err)
	}
	got := Image{Digest: desc.Digest.String(), Manifest: desc.Digest.String()}
	var img v1.Image
	if desc.MediaType.IsIndex() {
		m, err := choose(desc, *platform)
		if err != nil {
			return Image{}, platformFault(ref, o.Platform, err)
		}
		got.Manifest = m.Digest.String()
		img, err = remote.Image(at.Context().Digest(got.Manifest), options...)
		if err != nil {
			return Image{}, failure(ctx, ref, at, err)
		}
	} else if img, err = desc.Image(); err != nil {
		return Image{}, failure(ctx, ref, at, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return Image{}, failure(ctx, ref, at, err)
	}
	if config.OS != platform.OS || config.Architecture != platform.Architecture {
		return Image{}, platformFault(ref, o.Platform, fmt.Errorf("it is for %s/%s", config.OS, config.Architecture))
	}
	got.declare(config)
	return got, nil
}

// locate parses ref and puts the mirror in the registry's place. A mirror on this
// machine is asked over plain HTTP.
func locate(ref string, mirrors map[string]string) (name.Reference, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	host := r.Context().RegistryStr()
	mirror, ok := mirrors[host]
	if !ok && host == name.DefaultRegistry {
		mirror, ok = mirrors["docker.io"] // as everybody calls it
	}
	if !ok {
		return r, nil
	}
	sep := ":"
	if _, isDigest := r.(name.Digest); isDigest {
		sep = "@"
	}
	return name.ParseReference(mirror + "/" + r.Context().RepositoryStr() + sep + r.Identifier())
}

// choose picks the platform's manifest from an index.
func choose(desc *remote.Descriptor, platform v1.Platform) (v1.Descriptor, error) {
	index, err := desc.ImageIndex()
	if err != nil {
		return v1.Descriptor{}, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	var others []string
	for _, m := range manifest.Manifests {
		if m.Platform == nil || !m.MediaType.IsImage() {
			continue
		}
		if m.Platform.Satisfies(platform) {
			return m, nil
		}
		others = append(others, m.Platform.String())
	}
	return v1.Descriptor{}, fmt.Errorf("it is for %s", strings.Join(others, ", "))
}

// declare takes down what the image says of itself.
func (i *Image) declare(config *v1.ConfigFile) {
	i.Labels = config.Config.Labels
	for _, v := range config.Config.Env {
		switch key, value, _ := strings.Cut(v, "="); key {
		case "TRT_VERSION":
			i.TensorRT = version(value)
		case "CUDA_VERSION":
			i.CUDA = version(value)
		case "CUDA_DRIVER_VERSION":
			i.Driver = version(value)
		}
	}
	if i.TensorRT == "" {
		i.TensorRT = version(i.Labels[tensorRTLabel])
	}
}

// version cuts off what NGC puts behind a version: "8.6.1.6+cuda12.0.1.011".
func version(s string) string {
	s, _, _ = strings.Cut(s, "+")
	return strings.TrimSpace(s)
}

// failure says why a registry gave no answer, or a bad one.
func failure(ctx context.Context, ref string, at name.Reference, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask for image %s: %w", ref, context.Cause(ctx))
	}
	host := at.Context().RegistryStr()
	asked := host
	if !strings.HasPrefix(ref, host+"/") {
		asked = "mirror " + host
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		switch {
		case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
			return fault.New(fault.Storage, "registry-unauthorised", "docker login "+host,
				"image %s: %s does not let us in: %w", ref, asked, err)
		case answer.StatusCode == http.StatusNotFound:
			return fault.New(fault.Storage, "image-missing", "correct the image in the matrix; see which tags the registry has",
				"image %s does not exist: %s has no %s: %w", ref, asked, strings.TrimPrefix(at.Name(), host+"/"), err)
		}
	}
	fix := "see whether the registry is up and this machine can reach it"
	if refused, ok := errors.AsType[*net.OpError](err); ok && refused.Op == "dial" && asked != host {
		fix = "start the mirror, or remove it from [registry] mirrors in trtfarm.toml"
	}
	f := fault.New(fault.Storage, "registry-down", fix, "image %s: %s does not answer: %w", ref, asked, err)
	f.Infra = true
	return f
}

func platformFault(ref, platform string, err error) error {
	return fault.New(fault.Storage, "image-platform", "use a tag that is there for "+platform,
		"image %s is not there for %s: %w", ref, platform, err)
}

// Credentials returns what a registry host wants to see, from the docker
// configuration; all is empty when there is nothing for that host.
func Credentials(ctx context.Context, host string) (user, password, token string, err error) {
	r, err := name.NewRegistry(host)
	if err != nil {
		return "", "", "", err
	}
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, r)
	if err != nil {
		return "", "", "", err
	}
	config, err := authn.Authorization(ctx, auth)
	if err != nil {
		return "", "", "", err
	}
	return config.Username, config.Password, config.IdentityToken, nil
}
