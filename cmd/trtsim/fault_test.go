package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

func TestWrongGPU(t *testing.T) {
	inFolder(t)
	o := trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=wrong-gpu:A10"}, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference")
	if d := o.log(t).Device; d.Name != "NVIDIA A10" || d.SM != "8.6" {
		t.Errorf("device is %+v", d)
	}
	if m := plan(t, "e.plan").Meta; m.SM != "8.6" {
		t.Errorf("engine is for %s", m.SM)
	}
}

func TestWrongVersion(t *testing.T) {
	inFolder(t)
	trtexecRun(t, "8.6.1.6", []string{"TRTSIM_FAULT=wrong-version:10.3.0.26"}, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference")
	if p := plan(t, "e.plan"); p.Version.String() != "10.3.0.26" || p.Serialization != 239 {
		t.Errorf("engine is of %s with %d", p.Version, p.Serialization)
	}
}

func TestFlakyRunsRecover(t *testing.T) {
	inFolder(t)
	env := []string{"TRTSIM_FAULT=flaky:2", "TRTSIM_STATE=" + t.TempDir()}
	for i, want := range []status{silent, silent, passed, passed} {
		o := trtexecRun(t, "10.3.0.26", env, "--onnx=static.onnx", "--skipInference")
		if o.status != want {
			t.Errorf("run %d ends with %+v, want %+v", i+1, o.status, want)
		}
		if want == silent {
			has(t, o.errs, "Cuda failure: uncorrectable ECC error encountered")
		}
	}
}

func TestSlow(t *testing.T) {
	inFolder(t)
	start := time.Now()
	trtexecRun(t, "10.3.0.26", []string{"TRTSIM_FAULT=slow@build:50ms"}, "--onnx=static.onnx", "--skipInference")
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("slow run took %v", took)
	}
}

func TestFaultsCombine(t *testing.T) {
	got, err := readFaults(func(name string) string {
		return map[string]string{"TRTSIM_FAULT": "slow:1s, oom@build,nan@load,wrong-gpu@load:A10", "TRTSIM_FAULT_CELL": "m.onnx"}[name]
	}, "trtexec --loadEngine=m.onnx.plan", true)
	if err != nil || len(got) != 3 || got.arg("slow") != "1s" || !got.has("nan") || got.arg("wrong-gpu") != "A10" {
		t.Errorf("faults are %v, %v", got, err)
	}
}

func TestSMI(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		code int
		want string
	}{
		"a host with two GPUs": {map[string]string{"TRTSIM_HOST_GPUS": "T4, A10"}, []string{"--query-gpu=index,name,compute_cap,memory.total,driver_version", "--format=csv,noheader,nounits"}, 0,
			"0, Tesla T4, 7.5, 15102, 550.54.15\n1, NVIDIA A10, 8.6, 22515, 550.54.15\n"},
		"any order, with header and units": {map[string]string{"TRTSIM_GPU": "T4"}, []string{"--query-gpu=memory.total,index", "--format=csv"}, 0,
			"memory.total, index\n15102 MiB, 0\n"},
		"the list":         {map[string]string{"TRTSIM_GPU": "T4", "TRTSIM_GPU_UUID": "GPU-x"}, []string{"-L"}, 0, "GPU 0: Tesla T4 (UUID: GPU-x)\n"},
		"no GPU":           {nil, []string{"-L"}, 6, "No devices were found\n"},
		"an unknown field": {map[string]string{"TRTSIM_GPU": "T4"}, []string{"--query-gpu=soul", "--format=csv"}, misuse, "Field \"soul\" is not a valid field to query.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs strings.Builder
			st := run(append([]string{"/usr/bin/nvidia-smi"}, tc.args...), func(n string) string { return tc.env[n] }, &out, &errs)
			if st.code != tc.code || out.String() != tc.want {
				t.Errorf("code %d, output %q, want %d, %q", st.code, out.String(), tc.code, tc.want)
			}
		})
	}
	var out strings.Builder
	run([]string{"trtsim", "nvidia-smi", "-L"}, func(string) string { return "T4,T4" }, &out, &out)
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || lines[0][6:] == lines[1][6:] {
		t.Errorf("two GPUs of one product share a UUID: %q", lines)
	}
}

func TestUUIDComesFromTheEnvironment(t *testing.T) {
	inFolder(t)
	for env, want := range map[string]string{
		"TRTSIM_GPU_UUID=GPU-1":              "GPU-1",
		"NVIDIA_VISIBLE_DEVICES=GPU-2":       "GPU-2",
		"NVIDIA_VISIBLE_DEVICES=all":         "GPU-0fd8717d-e114-2455-1fa7-773d1ae155b5",
		"NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-2": "GPU-0fd8717d-e114-2455-1fa7-773d1ae155b5",
	} {
		o := trtexecRun(t, "10.3.0.26", []string{env}, "--onnx=static.onnx", "--skipInference")
		if got := o.log(t).Device.UUID; got != want {
			t.Errorf("%s: UUID is %q, want %q", env, got, want)
		}
	}
}

// The fault is a builder that finds no kernels of the precision and takes others
// without a word: the log repeats what was asked, the layers tell.
func TestPrecisionThatIsNotKept(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	x := []float32{1.0003, 1.7, 3, 1, 1, 1}
	save(t, "in.raw", floats(x...))
	for _, fault := range []string{"", "precision", "precision@load"} {
		env := []string{"TRTSIM_GPU=A10", "TRTSIM_FAULT=" + fault}
		o := trtexecRun(t, "10.3.0.26", env, "--onnx=static.onnx", "--saveEngine=e.plan", "--skipInference", "--fp16", "--profilingVerbosity=detailed", "--exportLayerInfo=l.json")
		has(t, o.out, "Precision: FP32+FP16")
		layers, err := trtexec.ReadLayerInfo(bytes.NewReader(must(os.ReadFile("l.json"))))
		if err != nil {
			t.Fatal(err)
		}
		trtexecRun(t, "10.3.0.26", env, append(quick, "--loadEngine=e.plan", "--loadInputs=x:in.raw")...)
		got := readFloats(t, "y.output.2.3.fp32.raw")
		if fault == "precision" { // types of the model are no match for it
			save(t, "half.onnx", onnxtest.Model(onnxtest.Node("Relu", []string{"x"}, []string{"y"}), onnxtest.Input("x", onnx.Float16, 3), onnxtest.Output("y", onnx.Float16, 3)))
			trtexecRun(t, "11.1.0.106", env, "--onnx=half.onnx", "--skipInference", "--profilingVerbosity=detailed", "--exportLayerInfo=half.json")
			if layers, err := trtexec.ReadLayerInfo(bytes.NewReader(must(os.ReadFile("half.json")))); err != nil || layers["fp32"] != 1 {
				t.Errorf("layers of a typed model are %v, %v", layers, err)
			}
		}
		if kept := fault != "precision"; layers["fp16"] == 1 != kept || layers["fp32"] == 1 == kept || (got[0] == x[0]) == kept {
			t.Errorf("%q: layers are %v, outputs %v", fault, layers, got)
		}
	}
}
