package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// pull is one image on its way to the engine.
type pull struct {
	done chan struct{}
	id   string // of the image, once done without err
	err  error
}

// Prepare pulls an image by its digest, unless the engine has it. Callers that
// want the same image share the work; when the one that works is cancelled,
// another takes over.
func (e *Executor) Prepare(ctx context.Context, img builder.Image, progress func(string)) error {
	if img.Digest == "" {
		return fault.New(fault.Usage, "image-digest", "run trtfarm lock", "image %s has no digest: an image is only run by its digest", img.Ref)
	}
	for {
		e.mu.Lock()
		p, running := e.pulls[img.Digest]
		if !running {
			p = &pull{done: make(chan struct{})}
			e.pulls[img.Digest] = p
		}
		e.mu.Unlock()
		if !running {
			p.id, p.err = e.bring(ctx, img, progress)
			if p.err != nil {
				e.mu.Lock()
				delete(e.pulls, img.Digest) // the next caller tries anew
				e.mu.Unlock()
			}
			close(p.done)
			return p.err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.done:
		}
		if p.err == nil || !errors.Is(p.err, context.Canceled) {
			return p.err
		}
	}
}

// imageID returns the ID of a prepared image.
func (e *Executor) imageID(ctx context.Context, img builder.Image) (string, error) {
	if err := e.Prepare(ctx, img, func(string) {}); err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pulls[img.Digest].id, nil
}

// bring makes sure that the engine has an image, and returns its ID.
func (e *Executor) bring(ctx context.Context, img builder.Image, progress func(string)) (string, error) {
	at := locate(img.Ref, e.o.Mirrors)
	for _, name := range []string{at.pinned(img.Digest), locate(img.Ref, nil).pinned(img.Digest)} {
		if id, err := e.inspect(ctx, img, name); err == nil || !cerrdefs.IsNotFound(err) {
			return id, err
		}
	}
	progress("pull " + img.Ref)
	auth, err := e.auth(ctx, at.host)
	if err != nil {
		return "", err
	}
	name := at.pinned(img.Digest)
	body, err := e.api.ImagePull(ctx, name, image.PullOptions{RegistryAuth: auth, Platform: e.engine.os + "/" + e.engine.arch})
	if err == nil {
		err = follow(body, img.Ref, progress)
		body.Close()
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("pull %s: %w", img.Ref, errors.Join(context.Canceled, context.Cause(ctx)))
		}
		return "", e.pullFault(img, at, err)
	}
	id, err := e.inspect(ctx, img, name)
	if cerrdefs.IsNotFound(err) {
		return "", e.fault("find "+name+" after it was pulled", err)
	}
	return id, err
}

// inspect returns the ID of an image that the engine has. It fails when the image
// is for another platform than the engine.
func (e *Executor) inspect(ctx context.Context, img builder.Image, name string) (string, error) {
	info, err := e.api.ImageInspect(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return "", err
	}
	if err != nil {
		return "", e.fault("inspect image "+name, err)
	}
	if info.Os != e.engine.os || info.Architecture != e.engine.arch {
		return "", fault.New(fault.Environment, "image-platform", "use an image for "+e.engine.os+"/"+e.engine.arch+", or another runner",
			"image %s is for %s/%s, but the docker engine at %s runs %s/%s",
			img.Ref, info.Os, info.Architecture, e.o.Host, e.engine.os, e.engine.arch)
	}
	return info.ID, nil
}

// auth encodes the credentials for a registry host as the API wants them.
func (e *Executor) auth(ctx context.Context, host string) (string, error) {
	if e.o.Credentials == nil {
		return "", nil
	}
	user, password, token, err := e.o.Credentials(ctx, host)
	if err != nil {
		return "", fault.New(fault.Storage, "registry-unauthorised", "docker login "+host, "credentials for registry %s: %w", host, err)
	}
	if user == "" && token == "" {
		return "", nil
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{Username: user, Password: password, IdentityToken: token, ServerAddress: host})
}

// location is where an image is pulled from.
type location struct {
	host       string // "docker.io" when the reference names none
	repository string
}

// locate finds an image's registry and repository, past its tag and digest, and
// puts the mirror in the registry's place.
func locate(ref string, mirrors map[string]string) location {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref = ref[:i]
	}
	at := location{host: "docker.io", repository: ref}
	if host, rest, ok := strings.Cut(ref, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		at = location{host: host, repository: rest}
	}
	if mirror, ok := mirrors[at.host]; ok {
		at.host = mirror
	}
	return at
}

// pinned is the name of the image with a digest.
func (l location) pinned(digest string) string { return l.host + "/" + l.repository + "@" + digest }

// pullFault says why a pull failed.
func (e *Executor) pullFault(img builder.Image, at location, err error) error {
	text := strings.ToLower(err.Error())
	says := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	beneath := fmt.Errorf("%w: %w", builder.ErrRunner, err)
	switch {
	case says("no space left on device", "cannot connect to the docker daemon"):
		return e.fault("pull "+img.Ref, err)
	case says("unauthorized", "denied", "authentication required", "no basic auth credentials"):
		return fault.New(fault.Storage, "registry-unauthorised", "docker login "+at.host,
			"image %s: registry %s does not let us in: %w", img.Ref, at.host, err)
	case says("manifest unknown", "not found", "name unknown", "does not exist"):
		return fault.New(fault.Storage, "image-missing", "correct the image in the matrix, or run trtfarm lock --update",
			"image %s does not exist: registry %s has no %s: %w", img.Ref, at.host, img.Digest, err)
	case says("no matching manifest", "no match for platform"):
		return fault.New(fault.Environment, "image-platform", "use an image for "+e.engine.os+"/"+e.engine.arch+", or another runner",
			"image %s is not there for %s/%s: %w", img.Ref, e.engine.os, e.engine.arch, err)
	}
	f := fault.New(fault.Storage, "registry-down", "see whether the registry is up and the docker engine's host can reach it",
		"image %s: registry %s does not serve it: %v", img.Ref, at.host, err)
	f.Infra, f.Err = true, beneath
	return f
}

// pullMessage is one line of the engine's report on a pull.
type pullMessage struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error string `json:"error"`
}

// follow reads the engine's report to its end and passes on where it is, every
// few seconds. The error is the one that the report ends with.
func follow(body io.Reader, ref string, progress func(string)) error {
	type layer struct{ current, total int64 }
	layers := map[string]layer{}
	last := time.Now()
	for dec := json.NewDecoder(body); ; {
		var m pullMessage
		if err := dec.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the pull's report: %w", err)
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		if m.Status == "Downloading" && len(layers) < 1000 {
			layers[m.ID] = layer{m.Progress.Current, m.Progress.Total}
		} else if l, ok := layers[m.ID]; ok {
			l.current = l.total
			layers[m.ID] = l
		}
		if time.Since(last) < 2*time.Second || len(layers) == 0 {
			continue
		}
		last = time.Now()
		var sum layer
		for _, l := range layers {
			sum.current, sum.total = sum.current+l.current, sum.total+l.total
		}
		progress(fmt.Sprintf("pull %s: %d of %d MiB", ref, sum.current>>20, sum.total>>20))
	}
}
