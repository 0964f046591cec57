package docker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// spec turns a sandbox into a container.
func (w *workspace) spec(ctx context.Context, s builder.Sandbox) (spec, error) {
	e := w.executor
	c := spec{doing: string(s.Step), name: newName(), stdin: s.Task}
	mounts := []mount.Mount{{Type: mount.TypeVolume, Source: w.volume, Target: workFolder}}
	var id string
	var err error
	if foreign(s) {
		if id, err = e.imageID(ctx, s.Image); err != nil {
			return c, err
		}
		agent, err := e.agentVolume(ctx)
		if err != nil {
			return c, err
		}
		if err := w.own(ctx); err != nil {
			return c, err
		}
		mounts[0].VolumeOptions = &mount.VolumeOptions{NoCopy: true} // whatever the image has there is not the workspace
		mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Source: agent, Target: agentFolder, ReadOnly: true,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
	} else {
		if id, err = e.agentImage(ctx); err != nil {
			return c, err
		}
		w.owned()
	}
	user, caps, err := e.user(s)
	if err != nil {
		return c, err
	}
	for _, m := range s.Mounts {
		mounts = append(mounts, mount.Mount{Type: mount.TypeBind, Source: m.Path, Target: m.Path, ReadOnly: m.ReadOnly})
	}

	c.config = container.Config{
		Image:           id,
		User:            user,
		WorkingDir:      workFolder,
		Entrypoint:      []string{agentPath, "agent"},
		Env:             e.environment(s),
		Labels:          e.labels(w.options, s.Step, life(s)),
		AttachStdin:     true,
		AttachStdout:    true,
		AttachStderr:    true,
		OpenStdin:       true,
		StdinOnce:       true,
		NetworkDisabled: !s.Online,
	}
	c.host = e.hardened()
	c.host.Mounts = mounts
	c.host.CapAdd = caps
	if s.Online {
		c.host.NetworkMode = container.NetworkMode("default")
		if e.o.HostNetwork {
			c.host.NetworkMode = "host"
		}
	}
	if foreign(s) {
		c.host.Memory = e.o.Memory
		if s.GPU != "" && !e.o.Simulate {
			if !e.limited.Load() {
				c.host.Ulimits = []*container.Ulimit{{Name: "memlock", Soft: -1, Hard: -1}} // CUDA pins host memory
			}
			c.host.DeviceRequests = []container.DeviceRequest{{DeviceIDs: []string{s.GPU}, Capabilities: [][]string{{"gpu"}}}}
		}
	}
	return c, nil
}

// hardened is what every container of ours is held to.
func (e *Executor) hardened() container.HostConfig {
	pids := int64(4096) // CUDA and the builder start a thread per core and more; a fork bomb stops here
	return container.HostConfig{
		NetworkMode:    "none",
		ReadonlyRootfs: true,
		CapDrop:        []string{"ALL"},
		SecurityOpt:    []string{"no-new-privileges:true"},
		// Version-compatible plans carry a runtime library, which TensorRT writes to
		// the temporary folder and loads from there: hence exec.
		Tmpfs:     map[string]string{"/tmp": "rw,exec,nosuid,nodev,size=1g,mode=1777"},
		LogConfig: container.LogConfig{Type: "none"}, // the streams are attached; a copy would fill the host's disk
		ShmSize:   256 << 20,
		Resources: container.Resources{
			PidsLimit: &pids,
		},
	}
}

// environment is what is added to the image's own.
func (e *Executor) environment(s builder.Sandbox) []string {
	env := []string{"HOME=/tmp", "TMPDIR=/tmp"}
	if foreign(s) {
		env = append(env, "NVIDIA_DRIVER_CAPABILITIES=compute,utility")
		if e.o.Simulate {
			env = append(env, "TRTSIM_GPU="+s.Target)
			env = append(env, simulator(os.Environ())...)
		}
		if s.GPU == "" || e.o.Simulate {
			// Images ask for all GPUs, which some hosts then give to every container.
			env = append(env, "NVIDIA_VISIBLE_DEVICES=void")
		}
	}
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	for name, value := range s.Secrets { // check has seen to it that there are none offline
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// simulator picks trtsim's own variables out of an environment. The simulated GPU
// is not among them: the runner says what that is.
func simulator(environ []string) []string {
	var picked []string
	for _, v := range environ {
		if strings.HasPrefix(v, "TRTSIM_") && !strings.HasPrefix(v, "TRTSIM_GPU=") && !strings.HasPrefix(v, "TRTSIM_ORTRUN=") {
			picked = append(picked, v)
		}
	}
	return picked
}

// user says whom a step runs as. A step that writes to a folder of the host is
// the folder's owner there, so that what it writes belongs to whom the rest does;
// root needs one capability for that, since the workspace is not root's.
func (e *Executor) user(s builder.Sandbox) (user string, caps []string, err error) {
	for _, m := range s.Mounts {
		if m.ReadOnly || s.Step == builder.Fetch {
			continue // what fetch makes in the workspace is for the steps that follow
		}
		info, err := os.Stat(m.Path)
		if err != nil {
			return "", nil, fmt.Errorf("%s: mount: %w", s.Step, err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			if st.Uid == 0 {
				caps = []string{"DAC_OVERRIDE"}
			}
			return fmt.Sprintf("%d:%d", st.Uid, st.Gid), caps, nil
		}
	}
	return e.o.User, nil, nil
}
