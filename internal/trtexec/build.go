package trtexec

import (
	"fmt"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func buildArgs(b Build) ([]string, error) {
	if err := speaks(b.TensorRT); err != nil {
		return nil, err
	}
	args := []string{"trtexec", "--onnx=" + b.Model, "--saveEngine=" + b.Engine}
	if takes("--skipInference", b.TensorRT) {
		args = append(args, "--skipInference")
	} else {
		args = append(args, "--buildOnly")
	}
	for _, part := range []func(Build) ([]string, error){precisionArgs, profileArgs, tuningArgs, modeArgs} {
		more, err := part(b)
		if err != nil {
			return nil, err
		}
		args = append(args, more...)
	}
	plugins, err := pluginArgs(b.Plugins, b.DynamicPlugins, b.TensorRT)
	if err != nil {
		return nil, err
	}
	args = append(args, plugins...)
	if b.LayerInfo != "" {
		// Without the verbosity at build time, the file holds names alone.
		args = append(args, "--profilingVerbosity=detailed", "--exportLayerInfo="+b.LayerInfo)
	}
	if err := checkExtra(b.Extra, args, b.TensorRT); err != nil {
		return nil, err
	}
	args = append(args, b.Extra...)
	if err := checkModes(args, b.TensorRT); err != nil {
		return nil, err
	}
	return args, nil
}

// tuningArgs returns what steers the builder without changing what is computed.
func tuningArgs(b Build) ([]string, error) {
	var args []string
	if b.WorkspaceMiB > 0 {
		// A bare number is MiB in every release; suffixes mean different things.
		args = append(args, fmt.Sprintf("--memPoolSize=workspace:%d", b.WorkspaceMiB))
	}
	switch level := b.OptimizationLevel; {
	case level < 0:
	case level > 5:
		return nil, usage("use 0 to 5", "optimization level %d does not exist", level)
	case !takes("--builderOptimizationLevel", b.TensorRT):
		return nil, usage("remove optimization_level for this image, or use "+imagesWith("--builderOptimizationLevel"),
			"TensorRT %s has no optimization levels: trtexec has --builderOptimizationLevel in TensorRT %s", b.TensorRT, takers("--builderOptimizationLevel"))
	default:
		args = append(args, fmt.Sprintf("--builderOptimizationLevel=%d", level))
	}
	if b.TimingCache != "" {
		args = append(args, "--timingCacheFile="+b.TimingCache)
	}
	return args, nil
}

// pluginArgs returns one flag per library: there is no list syntax. Whoever loads
// the engine gives the same.
func pluginArgs(static, dynamic []string, v catalog.Version) ([]string, error) {
	const registry = "--dynamicPlugins"
	if len(dynamic) > 0 && !takes(registry, v) {
		return nil, usage("use plugins in [model.NAME], or "+imagesWith(registry),
			"trtexec of TensorRT %s loads no dynamic plugins: it has %s in TensorRT %s", v, registry, takers(registry))
	}
	flag := "--plugins"
	if takes("--staticPlugins", v) {
		flag = "--staticPlugins" // the other one is deprecated there
	}
	var args []string
	for _, library := range static {
		args = append(args, flag+"="+library)
	}
	for _, library := range dynamic {
		args = append(args, registry+"="+library)
	}
	return args, nil
}

func usage(fix, format string, args ...any) error {
	return &Refusal{Cause: "trtexec-usage", Reason: fmt.Sprintf(format, args...), Fix: fix}
}

// flagName is what trtexec takes for the name of an argument: all before the
// first "=".
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}
