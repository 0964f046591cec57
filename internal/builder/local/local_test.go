package local_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/builder/executortest"
	"github.com/trtfarm/trtfarm/internal/builder/local"
	"github.com/trtfarm/trtfarm/internal/fault"
)

var image = builder.Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", Digest: "sha256:0", TensorRT: "10.3.0.26", CUDA: "12.6.0"}

// Variables that turn the test binary into an orchestrator of its own.
const (
	agentVariable = "LOCAL_TEST_AGENT"
	rootVariable  = "LOCAL_TEST_ROOT"
)

func TestMain(m *testing.M) {
	if agent := os.Getenv(agentVariable); agent != "" {
		ex, err := local.New(local.Options{Agent: agent, Trtexec: agent, Root: os.Getenv(rootVariable)})
		if err == nil {
			err = executortest.Orchestrate(ex, image)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestExecutor(t *testing.T) {
	agent := executortest.BuildAgent(t)
	root := t.TempDir()
	executortest.Run(t, executortest.Harness{
		New: func(t *testing.T) builder.Executor {
			return newExecutor(t, local.Options{Agent: agent, Trtexec: agent, Root: root})
		},
		Image: image,
		Left: func(t *testing.T, run string) []string {
			marks, err := filepath.Glob(filepath.Join(root, "trtfarm-*", "about.json"))
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, mark := range marks {
				text, err := os.ReadFile(mark)
				if err == nil && strings.Contains(string(text), `"run":"`+run+`"`) {
					left = append(left, filepath.Dir(mark))
				}
			}
			return left
		},
		Orchestrator: func(t *testing.T) *exec.Cmd {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), agentVariable+"="+agent, rootVariable+"="+root)
			return cmd
		},
	})
	left, err := os.ReadDir(root)
	if err != nil || len(left) > 0 {
		t.Errorf("after the suite: %v, %v in the folder for workspaces, want nothing", left, err)
	}
}

func TestStepsSeeTheToolAndTheSimulator(t *testing.T) {
	agent := executortest.BuildAgent(t)
	t.Setenv("TRTSIM_FAULT", "slow")
	t.Setenv("TRTSIM_GPU", "of the orchestrator")
	t.Setenv("ORT_LIBRARY", "/opt/ort.so")
	t.Setenv("LD_LIBRARY_PATH", "/opt/lib")
	t.Setenv("CUDA_VISIBLE_DEVICES", "GPU-5, GPU-7") // what the orchestrator may use
	for name, tc := range map[string]struct {
		simulate bool
		step     builder.Step
		want     []string
		never    []string
	}{
		"a simulating build": {true, builder.Build,
			[]string{"TRTSIM_GPU=T4", "TRTSIM_FAULT=slow", "ORT_LIBRARY=/opt/ort.so", "LD_LIBRARY_PATH=/opt/lib", "CUDA_VISIBLE_DEVICES=GPU-7"},
			[]string{"of the orchestrator"}},
		"a true build": {false, builder.Build,
			[]string{"LD_LIBRARY_PATH=/opt/lib", "CUDA_VISIBLE_DEVICES=GPU-7"}, []string{"TRTSIM_", "ORT_LIBRARY"}},
		"a fetch": {true, builder.Fetch, nil, []string{"TRTSIM_", "ORT_LIBRARY", "LD_LIBRARY_PATH", "CUDA_", "TRT_VERSION"}},
	} {
		t.Run(name, func(t *testing.T) {
			ex := newExecutor(t, local.Options{Agent: agent, Trtexec: agent, Root: t.TempDir(), Simulate: tc.simulate, PassEnv: []string{"LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}})
			defer ex.Close()
			w, err := ex.Open(t.Context(), builder.WorkspaceOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close(t.Context())
			box := builder.Sandbox{Step: tc.step, Task: []byte(`{"ops":[{"do":"env"}]}`), GPU: "1", Target: "T4"}
			if tc.step == builder.Build {
				box.Image = image
			} else {
				box.Online = true
			}
			var out, errs strings.Builder
			if exit, err := w.Run(t.Context(), box, &out, &errs); exit != 0 || err != nil {
				t.Fatalf("Run: exit %d, %v: %s", exit, err, errs.String())
			}
			for _, v := range tc.want {
				if !strings.Contains(out.String(), `env "`+v+`"`) {
					t.Errorf("%s is missing in\n%s", v, out.String())
				}
			}
			for _, v := range tc.never {
				if strings.Contains(out.String(), v) {
					t.Errorf("%s is in\n%s", v, out.String())
				}
			}
			if tc.step == builder.Build {
				line := out.String()[strings.Index(out.String(), `"PATH=`)+6:]
				tools, _, _ := strings.Cut(line, ":")
				if to, err := os.Readlink(filepath.Join(tools, "trtexec")); err != nil || to != agent {
					t.Errorf("trtexec in front of the PATH leads to %q, %v; want %q", to, err, agent)
				}
			}
		})
	}
}

func TestAMissingToolIsAFaultOfTheEnvironment(t *testing.T) {
	_, err := local.New(local.Options{Agent: "/bin/true", Trtexec: "no-such-trtexec", Root: t.TempDir()})
	if fault.CodeOf(err) != fault.Environment {
		t.Errorf("New: %v, want a fault of the environment", err)
	}
}

func newExecutor(t *testing.T, o local.Options) builder.Executor {
	t.Helper()
	ex, err := local.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return ex
}
