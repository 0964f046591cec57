package trtexec

import (
	"fmt"
	"strings"
)

func inferenceArgs(i Inference) ([]string, error) {
	v := i.TensorRT
	if err := speaks(v); err != nil {
		return nil, err
	}
	args := []string{"trtexec", "--loadEngine=" + i.Engine}
	switch {
	case i.Profile < 0 || i.Profile > 0 && i.Profile >= i.Profiles:
		return nil, shapeRefusal("choose one of its profiles", "profile %d of an engine with %d", i.Profile, i.Profiles)
	case i.Profiles <= 1:
	case takes("--useProfile", v):
		args = append(args, fmt.Sprintf("--useProfile=%d", i.Profile))
	case i.Profile > 0:
		return nil, shapeRefusal(oneProfileEach,
			"trtexec of TensorRT %s runs the first profile of an engine, not profile %d", v, i.Profile)
	}
	shapes, err := bindings(i.Shapes)
	if err != nil {
		return nil, err
	}
	if shapes != "" {
		args = append(args, "--shapes="+shapes)
	}
	inputs, err := inputFiles(i.Inputs)
	if err != nil {
		return nil, err
	}
	if inputs != "" {
		args = append(args, "--loadInputs="+inputs)
	}
	if takes("--dumpRawBindingsToFile", v) {
		args = append(args, "--dumpRawBindingsToFile")
	} else if i.Outputs != "" {
		args = append(args, "--exportOutput="+i.Outputs)
	}
	kind, err := loadArgs(i)
	if err != nil {
		return nil, err
	}
	args = append(args, kind...)
	// 11.0 turned all three defaults round: there, transfers are off unless asked for.
	if v.AtLeast(11, 0) {
		args = append(args, "--noSpinWait", "--noCudaGraph")
	} else {
		args = append(args, "--noDataTransfers")
	}
	if i.Iterations < 1 || i.Duration < 0 || i.WarmUpMs < 0 {
		return nil, usage("give at least one iteration, and no time below 0 (-1 seconds never ends)",
			"%d iterations, %d seconds, %d ms of warm-up", i.Iterations, i.Duration, i.WarmUpMs)
	}
	args = append(args,
		fmt.Sprintf("--iterations=%d", i.Iterations),
		fmt.Sprintf("--duration=%d", i.Duration),
		fmt.Sprintf("--warmUp=%d", i.WarmUpMs))
	if v.AtLeast(8, 5) {
		args = append(args, "--percentile=90,95,99")
	} else {
		args = append(args, "--percentile=99") // 8.4 takes one number
	}
	plugins, err := pluginArgs(i.Plugins, i.DynamicPlugins, v)
	if err != nil {
		return nil, err
	}
	return append(args, plugins...), nil
}

// loadArgs returns what loading wants to know of the kind of a plan. A hardware
// compatible or refittable plan is loaded as any other.
func loadArgs(i Inference) ([]string, error) {
	var args []string
	v := i.TensorRT
	if i.VersionCompatible {
		const flag = "--versionCompatible"
		if !takes(flag, v) {
			return nil, usage("use "+imagesWith(flag), "TensorRT %s cannot load version compatible plans", v)
		}
		args = append(args, flag)
	}
	if i.Refit != "" {
		const flag = "--refitFromOnnx"
		if !takes(flag, v) {
			return nil, usage("use "+imagesWith(flag)+", or remove strip_weights",
				"a plan without weights is proven by giving it those of the model, and trtexec of TensorRT %s cannot: it has %s in TensorRT %s", v, flag, takers(flag))
		}
		args = append(args, "--refit", flag+"="+i.Refit)
	}
	return args, nil
}

// bindings formats dimensions for --shapes. Scalars are left out: they are never
// dynamic, and cannot be written before 10.0.
func bindings(list []Binding) (string, error) {
	var entries []string
	for _, b := range list {
		if err := checkName(b.Input); err != nil {
			return "", err
		}
		for n, d := range b.Dims {
			if d < 0 {
				return "", shapeRefusal("give every dimension a size", "shape of %s: dimension %d is %d", b.Input, n, d)
			}
		}
		if len(b.Dims) > 0 {
			entries = append(entries, b.Input+":"+joinDims(b.Dims, "x"))
		}
	}
	return strings.Join(entries, ","), nil
}

// inputFiles formats --loadInputs. The last colon of an entry ends the name, so
// the file's path can hold none.
func inputFiles(list []InputFile) (string, error) {
	var entries []string
	for _, f := range list {
		if err := checkName(f.Input); err != nil {
			return "", err
		}
		if f.File == "" || strings.ContainsAny(f.File, ",:'") {
			return "", usage("use a path without a comma, a colon or a quote", "input file %q: trtexec cannot take this path", f.File)
		}
		entries = append(entries, f.Input+":"+f.File)
	}
	return strings.Join(entries, ","), nil
}
