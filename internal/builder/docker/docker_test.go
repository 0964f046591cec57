package docker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/builder/docker"
	"github.com/trtfarm/trtfarm/internal/builder/executortest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// Variables that turn the test binary into an orchestrator of its own.
const (
	agentVariable  = "DOCKER_TEST_AGENT"
	hostVariable   = "DOCKER_TEST_HOST"
	mirrorVariable = "DOCKER_TEST_MIRROR"
	sshVariable    = "DOCKER_TEST_SSH"
	digestVariable = "DOCKER_TEST_DIGEST"
)

const ref = "registry.invalid/nvidia/tensorrt:24.08-py3"

func TestMain(m *testing.M) {
	if socket := os.Getenv(sshVariable); socket != "" && filepath.Base(os.Args[0]) == "ssh" {
		os.Exit(dialStdio(socket))
	}
	if agent := os.Getenv(agentVariable); agent != "" {
		ex, err := docker.New(context.Background(), docker.Options{
			Host: os.Getenv(hostVariable), Agent: agent, Runner: "suite", HostNetwork: true,
			Mirrors: map[string]string{"registry.invalid": os.Getenv(mirrorVariable)},
		})
		if err == nil {
			err = executortest.Orchestrate(ex, builder.Image{Ref: ref, Digest: os.Getenv(digestVariable)})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// bench is what the tests of this package share: an engine, a registry that
// mirrors registry.invalid, an agent, and an image.
type bench struct {
	host, mirror, agent string
	image               builder.Image
	api                 *client.Client
}

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{host: testbed.Docker(t), agent: executortest.BuildAgent(t)}
	mirror, stop, err := testbed.StartRegistry()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	b.mirror = mirror
	b.image = b.push(t, "24.08-py3", nil)
	if b.api, err = client.NewClientWithOpts(client.WithHost(b.host), client.WithAPIVersionNegotiation()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.api.Close() })
	return b
}

// push puts an image into the mirror and describes it as the registry's.
func (b bench) push(t *testing.T, tag string, env []string) builder.Image {
	t.Helper()
	to := b.mirror + "/nvidia/tensorrt:" + tag
	contents := testbed.Contents{
		Files: map[string]string{"/usr/local/bin/nvidia-smi": b.agent},
		Env:   append([]string{"PATH=/usr/local/bin:/usr/bin", "TRT_VERSION=10.3.0.26", "CUDA_VERSION=12.6.0"}, env...),
	}
	if err := contents.Push(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	r, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	head, err := remote.Head(r, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return builder.Image{Ref: "registry.invalid/nvidia/tensorrt:" + tag, Digest: head.Digest.String(), TensorRT: "10.3.0.26", CUDA: "12.6.0"}
}

func (b bench) options() docker.Options {
	return docker.Options{
		Host: b.host, Agent: b.agent, Runner: "suite", HostNetwork: true,
		Mirrors: map[string]string{"registry.invalid": b.mirror},
	}
}

func (b bench) open(t *testing.T, o docker.Options) *docker.Executor {
	t.Helper()
	ex, err := docker.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return ex
}

// left names the containers and volumes of a run.
func (b bench) left(t *testing.T, label string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	with := filters.NewArgs(filters.Arg("label", label))
	containers, err := b.api.ContainerList(ctx, container.ListOptions{All: true, Filters: with})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range containers {
		found = append(found, fmt.Sprintf("container %v %s", c.Names, c.State))
	}
	volumes, err := b.api.VolumeList(ctx, volume.ListOptions{Filters: with})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Volumes {
		found = append(found, "volume "+v.Name)
	}
	slices.Sort(found)
	return found
}

func TestExecutor(t *testing.T) {
	b := newBench(t)
	executortest.Run(t, executortest.Harness{
		New:   func(t *testing.T) builder.Executor { return b.open(t, b.options()) },
		Image: b.image,
		Left:  func(t *testing.T, run string) []string { return b.left(t, "org.trtfarm.run="+run) },
		Orchestrator: func(t *testing.T) *exec.Cmd {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), agentVariable+"="+b.agent, hostVariable+"="+b.host,
				mirrorVariable+"="+b.mirror, digestVariable+"="+b.image.Digest)
			return cmd
		},
	})
	if left := b.left(t, "org.trtfarm.runner=suite"); len(left) > 0 {
		t.Errorf("after the suite: %q, want nothing", left)
	}
}

// task is one step of a script in JSON.
func task(ops string) []byte { return []byte(`{"ops":[` + ops + `]}`) }

// runStep runs one build in a workspace of its own and returns what it printed.
func runStep(t *testing.T, ex *docker.Executor, s builder.Sandbox) (string, int, error) {
	t.Helper()
	w, err := ex.Open(t.Context(), builder.WorkspaceOptions{Run: "run", Cell: "cell"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	var out strings.Builder
	exit, err := w.Run(t.Context(), s, &out, &out)
	return out.String(), exit, err
}
