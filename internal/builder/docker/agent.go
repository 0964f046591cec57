package docker

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

const (
	agentFolder = "/trtfarm"
	agentPath   = "/trtfarm/trtfarm" // in every container
	workFolder  = "/work"            // the workspace, in every container
)

// agentImage returns the ID of the image that holds trtfarm's own binary and
// nothing else, and loads it when the engine does not have it. It is named after
// the binary's content, so that the engine keeps it from run to run.
func (e *Executor) agentImage(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.agent != "" {
		return e.agent, nil
	}
	if err := e.checkAgent(); err != nil {
		return "", err
	}
	sum, err := sumFile(e.o.Agent)
	if err != nil {
		return "", fmt.Errorf("read trtfarm's own binary: %w", err)
	}
	name := "trtfarm-agent:" + sum[:12]
	info, err := e.api.ImageInspect(ctx, name)
	if cerrdefs.IsNotFound(err) {
		if err := e.loadAgent(ctx, name); err != nil {
			return "", e.fault("load trtfarm's own binary", err)
		}
		info, err = e.api.ImageInspect(ctx, name)
	}
	if err != nil {
		return "", e.fault("inspect image "+name, err)
	}
	e.agent = info.ID
	return e.agent, nil
}

// machines are the engines' names for what an executable is made for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkAgent sees to it that the binary runs in a container that holds nothing
// else; the engine's own words for that would be "no such file or directory".
func (e *Executor) checkAgent() error {
	f, err := elf.Open(e.o.Agent)
	if err != nil {
		return fault.New(fault.Environment, "agent", "", "trtfarm's own binary %s: %w", e.o.Agent, err)
	}
	defer f.Close()
	if want, known := machines[e.engine.arch]; known && f.Machine != want {
		return fault.New(fault.Environment, "agent-platform", "run a trtfarm that is built for "+e.engine.arch,
			"trtfarm's own binary is made for %s, but the docker engine at %s runs %s", f.Machine, e.o.Host, e.engine.arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fault.New(fault.Environment, "agent-dynamic", "build trtfarm with CGO_ENABLED=0",
				"trtfarm's own binary %s needs shared libraries, which a container does not have", e.o.Agent)
		}
	}
	return nil
}

// loadAgent streams the image to the engine.
func (e *Executor) loadAgent(ctx context.Context, name string) error {
	f, err := os.Open(e.o.Agent)
	if err != nil {
		return err
	}
	defer f.Close()
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(writeAgent(w, f))
	}()
	body, err := e.api.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, name,
		image.ImportOptions{Platform: e.engine.os + "/" + e.engine.arch})
	if err == nil {
		err = follow(body, name, func(string) {})
		body.Close()
	}
	r.Close() // an engine that stopped reading leaves the writer waiting
	<-written
	return err
}

// writeAgent writes the file system of the agent's image. The workspace's folder
// is in it because an engine gives a new volume the owner and mode of the folder
// that it is first mounted on. Everyone may write there: only the containers of
// one cell, and the host's root, can reach the volume at all.
func writeAgent(w io.Writer, binary *os.File) error {
	info, err := binary.Stat()
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeDir, Name: workFolder[1:] + "/", Mode: 0o777, Uid: 65532, Gid: 65532},
		{Typeflag: tar.TypeDir, Name: agentFolder[1:] + "/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: agentPath[1:], Mode: 0o755, Size: info.Size()},
	} {
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
	}
	if _, err := io.Copy(t, binary); err != nil {
		return err
	}
	return t.Close()
}

// agentVolume returns the name of this executor's volume that holds the agent,
// for containers of other images. Each executor has its own: an engine fills an
// empty volume bit by bit, and a shared one could be found half full.
func (e *Executor) agentVolume(ctx context.Context) (string, error) {
	id, err := e.agentImage(ctx)
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.volume != "" {
		return e.volume, nil
	}
	name, err := e.makeVolume(ctx, e.labels(builder.WorkspaceOptions{}, "", volumeLife))
	if err != nil {
		return "", err
	}
	if err := e.fill(ctx, id, name, agentFolder); err != nil {
		e.dropVolume(ctx, name)
		return "", err
	}
	e.volume = name
	return name, nil
}

// fill gives an empty volume the content, owner and mode of a folder of the
// agent's image, by making a container that never starts.
func (e *Executor) fill(ctx context.Context, imageID, volume, folder string) error {
	api, cancel := afterward(ctx)
	defer cancel()
	c, err := e.create(ctx, api, spec{
		doing:  "fill a volume",
		name:   newName(),
		config: container.Config{Image: imageID, Cmd: []string{agentPath}, Labels: e.labels(builder.WorkspaceOptions{}, "", containerLife)},
		host: container.HostConfig{
			NetworkMode: "none",
			Mounts:      []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: folder}},
		},
	})
	if err != nil {
		return err
	}
	e.removeSoon(ctx, c)
	return nil
}

// removeSoon removes a container, even when ctx is done; but then there is little
// time for it.
func (e *Executor) removeSoon(ctx context.Context, id string) {
	within := time.Minute
	if ctx.Err() != nil {
		within = cleanTime
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	_ = e.remove(clean, id) // what cannot be removed now is left to a sweep
}

// sumFile returns the SHA-256 of a file in hexadecimal.
func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
