package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// TestTrtfarmUnderstandsTheLog builds and runs with the command lines that
// trtfarm sends, and reads the logs as trtfarm reads them.
func TestTrtfarmUnderstandsTheLog(t *testing.T) {
	withRuntime(t)
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			inFolder(t)
			v, err := catalog.ParseVersion(release)
			if err != nil {
				t.Fatal(err)
			}
			build := trtexec.Build{TensorRT: v, Model: "dynamic.onnx", Engine: "e.plan", Precision: "fp32", Typed: v.AtLeast(11, 0), WorkspaceMiB: 64, OptimizationLevel: 3,
				TimingCache: "t.cache", LayerInfo: "l.json",
				Profiles: []trtexec.Profile{{Shapes: []trtexec.Shape{{Input: "x", Min: []int64{1, 3}, Opt: []int64{2, 3}, Max: []int64{4, 3}}}}}}
			args, err := build.Args()
			if err != nil {
				t.Fatal(err)
			}
			o := trtexecRun(t, release, nil, args[1:]...)
			l := o.log(t)
			if o.status != passed || l.Status != "PASSED" || !l.Deserialized || !l.Simulated || len(l.Failures)+len(l.Errors) > 0 || l.EngineMiB <= 0 && v.AtLeast(9, 0) {
				t.Errorf("build log is %+v\n%s", l, o.out+o.errs)
			}
			has(t, o.out, "workspace: 64 MiB", "BuilderOptimizationLevel: 3")
			if l.Device.Name != "Tesla T4" || l.Device.SM != "7.5" || l.Device.SMs != 40 || l.Device.MemoryMiB != 15102 {
				t.Errorf("device is %+v", l.Device)
			}
			if got, want := l.TensorRT, shortVersion(v); !strings.HasPrefix(got, want) {
				t.Errorf("version is %s, want %s", got, want)
			}

			save(t, "in.raw", floats(1, 2, 3))
			infer := trtexec.Inference{TensorRT: v, Engine: "e.plan", Profiles: 1, Shapes: []trtexec.Binding{{Input: "x", Dims: []int64{1, 3}}},
				Inputs: []trtexec.InputFile{{Input: "x", File: "in.raw"}}, Iterations: 10, Duration: 1, WarmUpMs: 100}
			if args, err = infer.Args(); err != nil {
				t.Fatal(err)
			}
			o = trtexecRun(t, release, nil, args[1:]...)
			l = o.log(t)
			if o.status != passed || l.Status != "PASSED" || !l.Deserialized || l.Latency.P99 <= 0 || l.GPUCompute.Median <= 0 || l.ThroughputQPS <= 0 || len(l.Failures)+len(l.Errors) > 0 {
				t.Errorf("inference log is %+v\n%s", l, o.out+o.errs)
			}
			file := trtexec.RawOutputName("y", []int64{1, 3}, "fp32")
			if got := readFloats(t, file); !slices.Equal(got, []float32{1, 0.2, -9}) {
				t.Errorf("outputs are %v", got)
			}
			f, err := os.Open("l.json")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if layers, err := trtexec.ReadLayerInfo(f); err != nil || layers["fp32"] != 1 {
				t.Errorf("layers are %v, %v", layers, err)
			}
		})
	}
}

func TestMistakesEndAsTheReleaseEndsThem(t *testing.T) {
	inFolder(t)
	for _, tc := range []struct {
		release string
		args    []string
		want    status
		lines   []string
	}{
		{"8.6.1.6", []string{"--onnx=static.onnx", "--bf16"}, failed, []string{"[E] Unknown option: --bf16 "}},
		{"10.3.0.26", []string{"--onnx=static.onnx", "--workspace=1"}, failed, []string{"[E] Unknown option: --workspace 1"}},
		{"11.1.0.106", []string{"--onnx=static.onnx", "--fp16"}, silent, []string{"[E] Unknown option: --fp16 "}},
		{"11.1.0.106", nil, status{}, nil},
		{"10.3.0.26", nil, passed, nil},
		{"10.3.0.26", []string{"--help"}, status{}, nil},
	} {
		o := trtexecRun(t, tc.release, nil, tc.args...)
		if o.status != tc.want {
			t.Errorf("%s %q ends with %+v, want %+v", tc.release, tc.args, o.status, tc.want)
		}
		has(t, o.errs, tc.lines...)
		has(t, o.out, "=== Options of trtexec "+tc.release, "--onnx")
	}
}

func TestEnvironmentThatMakesNoSenseIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		env  string
		want string
	}{
		"no release":             {"TRT_VERSION=", "TRT_VERSION is not set"},
		"no number":              {"TRT_VERSION=ten", `TRT_VERSION: TensorRT version "ten"`},
		"a release before 8.4":   {"TRT_VERSION=8.2.5.1", "8.4 and later"},
		"an unknown GPU":         {"TRTSIM_GPU=Voodoo", `TRTSIM_GPU: no GPU of the catalogue is called "Voodoo"`},
		"an unknown fault":       {"TRTSIM_FAULT=explode", `"explode" is no fault; there are crash,`},
		"a fault at no step":     {"TRTSIM_FAULT=crash@publish", "a step is build or load"},
		"a fault's bad argument": {"TRTSIM_FAULT=slow:long", "slow: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := trtexecRun(t, "10.3.0.26", []string{tc.env}, "--onnx=m")
			if o.code != misuse || o.out != "" {
				t.Errorf("exit code %d and output %q, want %d and none", o.code, o.out, misuse)
			}
			has(t, o.errs, "trtsim: ", tc.want)
		})
	}
	if o := trtexecRun(t, "10.3.0.26+cuda12.6", nil, "--help"); o.code != 0 {
		t.Errorf("a CUDA suffix is refused: %s", o.errs)
	}
}

func TestWithoutGPU(t *testing.T) {
	inFolder(t)
	aborted := status{134, "", syscall.SIGABRT}
	for _, tc := range []struct {
		release string
		want    status
		text    string
	}{
		{"8.6.1.6", aborted, "Cuda failure: no CUDA-capable device is detected"},
		{"9.0.1.4", aborted, "Cuda failure: no CUDA-capable device is detected"},
		{"9.1.0.4", silent, "[I] Cannot find any available devices (GPUs)!"},
		{"10.3.0.26", silent, "[I] Cannot find any available devices (GPUs)!"},
		{"10.8.0.43", silent, "Cuda failure at "},
		{"11.1.0.106", silent, "[I] Cannot find any available devices (GPUs)!"},
	} {
		o := trtexecRun(t, tc.release, []string{"TRTSIM_GPU="}, "--onnx=static.onnx")
		if o.status != tc.want {
			t.Errorf("%s ends with %+v, want %+v", tc.release, o.status, tc.want)
		}
		has(t, o.out+o.errs, tc.text)
	}
}

func TestSignalsEndTheProcess(t *testing.T) {
	inFolder(t)
	for fault, want := range map[string]syscall.Signal{"crash": syscall.SIGSEGV, "host-oom": syscall.SIGKILL, "flaky:1": syscall.SIGABRT} {
		cmd := exec.Command(os.Args[0], "--onnx=static.onnx")
		cmd.Env = append(os.Environ(), "TRTSIM_TEST_MAIN=1", "TRT_VERSION=8.6.1.6", "TRTSIM_GPU=T4", "TRTSIM_FAULT="+fault, "TRTSIM_STATE="+t.TempDir())
		err := cmd.Run()
		ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !ws.Signaled() || ws.Signal() != want {
			t.Errorf("%s ends with %v, want %v", fault, err, want)
		}
	}
}

func TestHangIsEndedFromOutside(t *testing.T) {
	inFolder(t)
	cmd := exec.Command(os.Args[0], "--onnx=static.onnx")
	cmd.Env = append(os.Environ(), "TRTSIM_TEST_MAIN=1", "TRT_VERSION=10.3.0.26", "TRTSIM_GPU=T4", "TRTSIM_FAULT=hang")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		t.Fatalf("hang ended by itself: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-done
}
