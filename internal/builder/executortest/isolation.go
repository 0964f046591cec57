package executortest

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// secrets are variables that an orchestrator's environment may hold. None may be
// found in a step that runs foreign code, nor unasked in any other.
var secrets = map[string]string{
	"AWS_ACCESS_KEY_ID":     "executortest-leak-1",
	"AWS_SECRET_ACCESS_KEY": "executortest-leak-2",
	"AWS_SESSION_TOKEN":     "executortest-leak-3",
	"TRTFARM_SIGNING_KEY":   "executortest-leak-4",
	"GITHUB_TOKEN":          "executortest-leak-5",
	"DOCKER_CONFIG":         "/executortest-leak-6",
	"SSH_AUTH_SOCK":         "/executortest-leak-7",
}

func testIsolation(t *testing.T, h Harness) {
	for name, value := range secrets {
		t.Setenv(name, value)
	}
	s := open(t, h)
	foreign := []builder.Step{builder.Build, builder.Verify}
	own := []builder.Step{builder.Fetch, builder.Publish}

	for _, address := range listenEverywhere(t) {
		for _, step := range foreign {
			t.Run("no network in "+string(step)+": "+address, func(t *testing.T) {
				if out := s.does(t, step, Op{Do: Dial, Text: address}); !strings.HasPrefix(out, "dial error") {
					t.Errorf("printed %q, want that the connection fails", out)
				}
			})
		}
		for _, step := range own {
			t.Run("network in "+string(step)+": "+address, func(t *testing.T) {
				if out := s.does(t, step, Op{Do: Dial, Text: address}); out != "dial ok\n" {
					t.Errorf("printed %q, want that the connection is made", out)
				}
			})
		}
	}

	for _, step := range append(foreign, own...) {
		t.Run("nothing leaks into the environment of "+string(step), func(t *testing.T) {
			b := s.box(step, Op{Do: Env})
			b.Env = map[string]string{"PLAIN": "as given"}
			out := s.runs(t, s.workspace, b)
			if strings.Contains(out, "executortest-leak") {
				t.Errorf("the orchestrator's secrets are in\n%s", out)
			}
			if !strings.Contains(out, `env "PLAIN=as given"`) {
				t.Errorf("Sandbox.Env is missing in\n%s", out)
			}
		})
	}

	for _, step := range own {
		t.Run("secrets that are handed over reach "+string(step), func(t *testing.T) {
			b := s.box(step, Op{Do: Env})
			b.Secrets = map[string]string{"AWS_SECRET_ACCESS_KEY": "given"}
			if out := s.runs(t, s.workspace, b); !strings.Contains(out, `env "AWS_SECRET_ACCESS_KEY=given"`) {
				t.Errorf("Sandbox.Secrets are missing in\n%s", out)
			}
		})
	}

	for _, step := range foreign {
		t.Run("secrets without network are refused in "+string(step), func(t *testing.T) {
			b := s.box(step, Op{Do: Env})
			b.Secrets = map[string]string{"AWS_SECRET_ACCESS_KEY": "given"}
			var out bytes.Buffer
			if _, err := s.workspace.Run(t.Context(), b, &out, &out); err == nil || out.Len() > 0 {
				t.Errorf("Run: %v, printed %q; want an error before anything starts", err, out.String())
			}
		})
		t.Run("the image's environment is seen in "+string(step), func(t *testing.T) {
			out := s.does(t, step, Op{Do: Env})
			for _, want := range []string{
				`env "TRT_VERSION=` + h.Image.TensorRT, `env "CUDA_VERSION=` + h.Image.CUDA, `env "PATH=`,
			} {
				if !strings.Contains(out, want) {
					t.Errorf("%s is missing in\n%s", want, out)
				}
			}
		})
	}

	t.Run("the agent is called as the agent", func(t *testing.T) {
		if out := s.does(t, builder.Build, Op{Do: Self}); !strings.HasSuffix(out, " agent\n") {
			t.Errorf("printed %q, want the verb agent", out)
		}
	})
}

// listenEverywhere accepts connections on this machine's loopback and on an
// address that other machines see, when it has one.
func listenEverywhere(t *testing.T) []string {
	t.Helper()
	hosts := []string{"127.0.0.1"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			hosts = append(hosts, ip.IP.String())
			break
		}
	}
	var listening []string
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		listening = append(listening, l.Addr().String())
	}
	return listening
}
