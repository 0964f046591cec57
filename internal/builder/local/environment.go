package local

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/builder"
)

// systemPath is where programs are looked for, after our own folder.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// simulatorEnv are variables by which trtsim finds its parts.
var simulatorEnv = []string{"ORT_LIBRARY"}

// environment is all that a step's processes see: nothing of the orchestrator's
// own environment is in it that is not named here.
func (w *workspace) environment(s builder.Sandbox, step string) []string {
	e := w.executor
	env := []string{
		"HOME=" + w.folder.work,
		"TMPDIR=" + filepath.Join(w.folder.work, "tmp"),
		stepVariable + "=" + step,
		"LANG=C.UTF-8",
	}
	path := systemPath
	if foreign(s) {
		if e.tools != nil {
			path = e.tools.work + ":" + path
		}
		env = append(env,
			"TRT_VERSION="+s.Image.TensorRT,
			"CUDA_VERSION="+s.Image.CUDA)
		for _, name := range e.o.PassEnv {
			env = pass(env, name)
		}
		// The last value of a variable is the one that counts.
		env = append(env,
			"CUDA_DEVICE_ORDER=PCI_BUS_ID", // so that an index means what nvidia-smi prints
			"CUDA_VISIBLE_DEVICES="+visible(s.GPU, os.Getenv("CUDA_VISIBLE_DEVICES")))
		if e.o.Simulate {
			env = append(env, "TRTSIM_GPU="+s.Target)
			env = append(env, simulator(os.Environ())...)
		}
	}
	env = append(env, "PATH="+path)
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	for name, value := range s.Secrets { // check has seen to it that there are none offline
		env = append(env, name+"="+value)
	}
	return env
}

// visible names a device for CUDA. An index counts among those devices that the
// orchestrator itself may see, when they are limited.
func visible(device, mine string) string {
	i, err := strconv.Atoi(device)
	if all := strings.Split(mine, ","); mine != "" && err == nil && i >= 0 && i < len(all) {
		return strings.TrimSpace(all[i])
	}
	return device
}

// simulator picks trtsim's own variables out of an environment. The simulated GPU
// is not among them: the runner says what that is.
func simulator(environ []string) []string {
	var picked []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "TRTSIM_") && name != "TRTSIM_GPU" {
			picked = append(picked, v)
		}
	}
	for _, name := range simulatorEnv {
		picked = pass(picked, name)
	}
	return picked
}

// pass adds one variable of the orchestrator's own environment, when it is set.
func pass(env []string, name string) []string {
	if value, ok := os.LookupEnv(name); ok {
		env = append(env, name+"="+value)
	}
	return env
}

// foreign says whether a step runs programs that are not trtfarm's own.
func foreign(s builder.Sandbox) bool { return s.Image != builder.Image{} }
