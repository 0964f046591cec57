package docker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/builder/docker"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

func TestForeignCodeIsHeld(t *testing.T) {
	b := newBench(t)
	ex := b.open(t, b.options())
	defer ex.Close()
	out, exit, err := runStep(t, ex, builder.Sandbox{Step: builder.Build, Image: b.image, Timeout: time.Minute, Task: task(
		`{"do":"self"},
		{"do":"write","path":"/usr/local/bin/x","text":"x"},
		{"do":"write","path":"/trtfarm/trtfarm","text":"x"},
		{"do":"write","path":"/trtfarm/x","text":"x"},
		{"do":"write","path":"/tmp/x","text":"x"},
		{"do":"read","path":"/proc/self/status"},
		{"do":"read","path":"/var/run/docker.sock"},
		{"do":"list","path":"/trtfarm"}`)})
	if exit != 0 || err != nil {
		t.Fatalf("Run: exit %d, error %v: %s", exit, err, out)
	}
	for _, want := range []string{
		"self 65532 /work agent\n",
		"write error: open /usr/local/bin/x: read-only file system\n",
		"write error: open /trtfarm/trtfarm: read-only file system\n",
		"write error: open /trtfarm/x: read-only file system\n",
		"write ok\n",
		"CapBnd:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n",
		"NoNewPrivs:\t1\n",
		"read error: open /var/run/docker.sock: no such file or directory\n",
		"list trtfarm\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestGPURequests(t *testing.T) {
	b := newBench(t)
	t.Setenv("TRTSIM_FAULT", "slow")
	box := builder.Sandbox{Step: builder.Build, Image: b.image, GPU: "GPU-0a", Target: "T4", Timeout: time.Minute, Task: task(`{"do":"env"}`)}
	for name, tc := range map[string]struct {
		simulate  bool
		gpu       string
		has, lack []string
	}{
		"a true GPU is asked of the engine": {false, "GPU-0a", []string{`"NVIDIA_VISIBLE_DEVICES=GPU-0a"`, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"}, []string{"TRTSIM_"}},
		"a simulated GPU is not":            {true, "0", []string{"TRTSIM_GPU=T4", "TRTSIM_FAULT=slow", `"NVIDIA_VISIBLE_DEVICES=void"`}, nil},
		"without a GPU none is seen":        {false, "", []string{`"NVIDIA_VISIBLE_DEVICES=void"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := b.options()
			o.Simulate = tc.simulate
			ex := b.open(t, o)
			defer ex.Close()
			box := box
			box.GPU = tc.gpu
			out, exit, err := runStep(t, ex, box)
			if exit != 0 || err != nil {
				t.Fatalf("Run: exit %d, error %v: %s", exit, err, out)
			}
			for _, v := range tc.has {
				if !strings.Contains(out, v) {
					t.Errorf("%s is missing in\n%s", v, out)
				}
			}
			for _, v := range tc.lack {
				if strings.Contains(out, v) {
					t.Errorf("%s is in\n%s", v, out)
				}
			}
		})
	}

	t.Run("two executors do not use one GPU at once", func(t *testing.T) {
		const device = "GPU-alone"
		var mu sync.Mutex
		var running, most int
		var wg sync.WaitGroup
		for range 3 {
			ex := b.open(t, b.options())
			defer ex.Close()
			wg.Go(func() {
				box := box
				box.GPU, box.Task = device, task(`{"do":"hang"}`)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w, err := ex.Open(ctx, builder.WorkspaceOptions{Run: "run", Cell: "cell"})
				if err != nil {
					t.Error(err)
					return
				}
				defer w.Close(context.WithoutCancel(ctx))
				_, err = w.Run(ctx, box, onWrite(func() {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					cancel()
				}), new(bytes.Buffer))
				mu.Lock()
				running--
				mu.Unlock()
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Run: %v", err)
				}
			})
		}
		wg.Wait()
		if most != 1 {
			t.Errorf("%d steps used the GPU at once, want 1", most)
		}
	})

	t.Run("the host's GPUs can be asked for", func(t *testing.T) {
		ex := b.open(t, b.options())
		defer ex.Close()
		got, err := ex.Probe(t.Context(), b.image)
		want := []docker.GPU{
			{Index: 0, Name: "Tesla T4", UUID: "GPU-0a", ComputeCapability: "7.5", MemoryMiB: 15360, Driver: "535.104.05"},
			{Index: 1, Name: "NVIDIA A100-SXM4-40GB", UUID: "GPU-0b", ComputeCapability: "8.0", MemoryMiB: 40960, Driver: "535.104.05"},
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("Probe = %+v, %v, want %+v", got, err, want)
		}
	})
}

// onWrite calls a function when it is written to.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestAnEngineWithoutNVIDIASaysSo(t *testing.T) {
	b := newBench(t)
	if os.Getuid() != 0 {
		testbed.Missing(t, "starting a docker engine needs root")
	}
	dir, err := os.MkdirTemp("", "dk")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	host, stop, err := testbed.StartDockerdWithoutGPUs(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	o := b.options()
	o.Host = host
	ex := b.open(t, o)
	defer ex.Close()
	_, _, err = runStep(t, ex, builder.Sandbox{Step: builder.Build, Image: b.image, GPU: "0", Timeout: time.Minute, Task: task(``)})
	expect(t, err, fault.Environment, "gpu-toolkit", "NVIDIA")
	if !errors.Is(err, builder.ErrRunner) {
		t.Errorf("%v does not wrap ErrRunner", err)
	}

	t.Run("and a lost engine is the runner's fault", func(t *testing.T) {
		w, err := ex.Open(t.Context(), builder.WorkspaceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		started := make(chan struct{})
		var once sync.Once
		go func() { <-started; stop() }()
		_, err = w.Run(t.Context(), builder.Sandbox{Step: builder.Build, Image: b.image, Timeout: time.Minute, Task: task(`{"do":"hang"}`)},
			onWrite(func() { once.Do(func() { close(started) }) }), new(bytes.Buffer))
		if exit := err == nil; exit {
			return // the engine ended the container in good order on its way out
		}
		if !errors.Is(err, builder.ErrRunner) {
			t.Errorf("Run: %v, want ErrRunner", err)
		}
	})
}

func TestRunningOutOfMemory(t *testing.T) {
	b := newBench(t)
	o := b.options()
	o.Memory = 64 << 20
	ex := b.open(t, o)
	defer ex.Close()
	_, exit, err := runStep(t, ex, builder.Sandbox{Step: builder.Build, Image: b.image, Timeout: time.Minute, Task: task(`{"do":"eat","n":512}`)})
	expect(t, err, fault.Build, "host-oom", "memory")
	if exit != 137 {
		t.Errorf("exit %d, want 137", exit)
	}
}

func TestEnginesThatCannotBeReached(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	web := &http.Server{Handler: http.NotFoundHandler()}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go web.Serve(other)
	defer web.Close()

	for name, tc := range map[string]struct {
		host, cause string
	}{
		"a socket that is not there":      {"unix://" + filepath.Join(dir, "none.sock"), "docker-down"},
		"a file that is no socket":        {"unix://" + filepath.Join(dir, "plain"), "docker-down"},
		"a port where nobody listens":     {"tcp://127.0.0.1:1", "docker-down"},
		"an address of another kind":      {"http://127.0.0.1:1", "docker-address"},
		"no address":                      {"", "docker-address"},
		"a server that is something else": {"tcp://" + other.Addr().String(), "docker"},
		"an ssh host that is none":        {"ssh://nobody@host.invalid", "docker-ssh"},
		"an ssh address with a query":     {"ssh://host/path?x=1", "docker-address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := docker.New(t.Context(), docker.Options{Host: tc.host})
			expect(t, err, fault.Environment, tc.cause, tc.host)
		})
	}

	t.Run("a server that never answers", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := docker.New(ctx, docker.Options{Host: "tcp://" + silent.Addr().String()})
		expect(t, err, fault.Environment, "docker-down")
	})
}

func TestImagesThatCannotBePulled(t *testing.T) {
	b := newBench(t)
	denied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
	})}
	go srv.Serve(denied)
	defer srv.Close()

	missing := b.image
	missing.Digest = "sha256:" + strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		image  builder.Image
		mirror string
		code   fault.Code
		cause  string
		says   string
	}{
		"a digest that the registry lacks":   {missing, b.mirror, fault.Storage, "image-missing", missing.Ref},
		"a registry that is down":            {missing, "127.0.0.1:1", fault.Storage, "registry-down", "127.0.0.1:1"},
		"a registry that wants to know us":   {missing, denied.Addr().String(), fault.Storage, "registry-unauthorised", denied.Addr().String()},
		"an image that nobody took a digest": {builder.Image{Ref: "x"}, b.mirror, fault.Usage, "image-digest", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			o := b.options()
			o.Mirrors = map[string]string{"registry.invalid": tc.mirror}
			ex := b.open(t, o)
			defer ex.Close()
			err := ex.Prepare(t.Context(), tc.image, func(string) {})
			expect(t, err, tc.code, tc.cause, tc.says)
		})
	}
}

func TestPrepareWorksOnceForAll(t *testing.T) {
	b := newBench(t)
	img := b.push(t, "once", []string{fmt.Sprintf("NONCE=%d", time.Now().UnixNano())})
	o := b.options()
	var mu sync.Mutex
	asked := 0
	o.Credentials = func(context.Context, string) (string, string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return "", "", "", nil
	}
	ex := b.open(t, o)
	defer ex.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := ex.Prepare(t.Context(), img, func(string) {}); err != nil {
				t.Errorf("Prepare: %v", err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("%d pulls, want 1", asked)
	}
}

func TestSweepAcrossHosts(t *testing.T) {
	b := newBench(t)
	ex := b.open(t, b.options())
	defer ex.Close()
	if err := ex.Prepare(t.Context(), b.image, func(string) {}); err != nil {
		t.Fatal(err)
	}
	make := func(name, expires string) {
		t.Helper()
		_, err := b.api.ContainerCreate(t.Context(), &container.Config{
			Image: b.mirror + "/nvidia/tensorrt@" + b.image.Digest, Cmd: []string{"x"},
			Labels: map[string]string{"org.trtfarm.owner": "another-boot/pid:[1]/1/1", "org.trtfarm.expires": expires, "org.trtfarm.run": "across"},
		}, &container.HostConfig{NetworkMode: "none"}, nil, nil, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = b.api.ContainerRemove(context.WithoutCancel(t.Context()), name, container.RemoveOptions{Force: true})
		})
	}
	suffix := fmt.Sprint(os.Getpid())
	make("across-old-"+suffix, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))
	make("across-new-"+suffix, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	make("across-odd-"+suffix, "some day")
	removed, err := ex.Sweep(t.Context())
	if err != nil || len(removed) != 1 || !strings.Contains(removed[0], "across-old") {
		t.Errorf("Sweep = %q, %v; want the expired container alone", removed, err)
	}
}

func TestAStoreOnThisMachineIsOutOfARemoteEnginesReach(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go forward(l, strings.TrimPrefix(b.host, "unix://"))
	o := b.options()
	o.Host = "tcp://" + l.Addr().String()
	ex := b.open(t, o)
	defer ex.Close()
	_, _, err = runStep(t, ex, builder.Sandbox{Step: builder.Publish, Online: true, Timeout: time.Minute, Task: task(``),
		Mounts: []builder.Mount{{Path: t.TempDir()}}})
	expect(t, err, fault.Environment, "store-unreachable", "s3://")
}

func TestRemoteEngines(t *testing.T) {
	b := newBench(t)
	socket := strings.TrimPrefix(b.host, "unix://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go forward(l, socket)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "ssh")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(sshVariable, socket)

	for name, host := range map[string]string{"TCP": "tcp://" + l.Addr().String(), "ssh": "ssh://ci@gpu-b"} {
		t.Run(name, func(t *testing.T) {
			o := b.options()
			o.Host = host
			ex := b.open(t, o)
			defer ex.Close()
			out, exit, err := runStep(t, ex, builder.Sandbox{Step: builder.Build, Image: b.image, Timeout: time.Minute, Task: task(`{"do":"lines","n":20000}`)})
			if exit != 0 || err != nil || strings.Count(out, "\n") != 20000 {
				t.Errorf("a build: exit %d, error %v, %d lines", exit, err, strings.Count(out, "\n"))
			}
			b := builder.Sandbox{Step: builder.Build, Image: b.image, Timeout: time.Second, Task: task(`{"do":"hang"}`)}
			if _, _, err = runStep(t, ex, b); fault.CodeOf(err) != fault.TimedOut {
				t.Errorf("a build past its time: %v", err)
			}
		})
	}
}

func TestAnAgentThatCannotRunInAContainerIsRefused(t *testing.T) {
	b := newBench(t)
	for name, tc := range map[string]struct{ agent, cause string }{
		"a binary that needs libraries": {"/bin/ls", "agent-dynamic"},
		"a file that is no binary":      {"/etc/passwd", "agent"},
	} {
		t.Run(name, func(t *testing.T) {
			o := b.options()
			o.Agent = tc.agent
			ex := b.open(t, o)
			defer ex.Close()
			_, _, err := runStep(t, ex, builder.Sandbox{Step: builder.Fetch, Online: true, Timeout: time.Minute, Task: task(``)})
			expect(t, err, fault.Environment, tc.cause, tc.agent)
		})
	}
}
