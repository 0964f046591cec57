package trtexec

import (
	"fmt"
	"strconv"
	"strings"
)

// profileArgs returns the shape flags. Min, opt and max are always all given:
// 8.4 refuses a part of them, and later releases fill up in their own way.
func profileArgs(b Build) ([]string, error) {
	var args []string
	if len(b.Profiles) > 1 && !takes("--profile", b.TensorRT) {
		return nil, &Refusal{
			Cause:  "profile-shape",
			Reason: fmt.Sprintf("trtexec of TensorRT %s builds one profile, and the model has %d", b.TensorRT, len(b.Profiles)),
			Fix:    oneProfileEach,
		}
	}
	for n, p := range b.Profiles {
		var low, opt, high []string
		for _, s := range p.Shapes {
			if err := checkShape(s); err != nil {
				return nil, err
			}
			if len(s.Opt) == 0 {
				continue // a scalar is never dynamic, and cannot be written before 10.0
			}
			low = append(low, s.Input+":"+joinDims(s.Min, "x"))
			opt = append(opt, s.Input+":"+joinDims(s.Opt, "x"))
			high = append(high, s.Input+":"+joinDims(s.Max, "x"))
		}
		if len(opt) == 0 {
			return nil, &Refusal{
				Cause:  "profile-shape",
				Reason: fmt.Sprintf("profile %d has no shape in it", n),
				Fix:    "give it the shapes of every dynamic input, or remove it",
			}
		}
		if len(b.Profiles) > 1 {
			args = append(args, fmt.Sprintf("--profile=%d", n))
		}
		args = append(args,
			"--minShapes="+strings.Join(low, ","),
			"--optShapes="+strings.Join(opt, ","),
			"--maxShapes="+strings.Join(high, ","))
	}
	return args, nil
}

// oneProfileEach is what to do where trtexec knows one profile alone. NGC has no
// image with TensorRT 9.
const oneProfileEach = "keep one profile in [model.NAME], give every other one a [model] table of its own, or use an image with TensorRT 10 (tensorrt:24.05-py3 or later)"

func checkShape(s Shape) error {
	if err := checkName(s.Input); err != nil {
		return err
	}
	if len(s.Min) != len(s.Opt) || len(s.Opt) != len(s.Max) {
		return shapeRefusal("give min, opt and max the same number of dimensions",
			"shape of %s: min, opt and max have %d, %d and %d dimensions", s.Input, len(s.Min), len(s.Opt), len(s.Max))
	}
	for i := range s.Opt {
		if s.Min[i] < 0 || s.Min[i] > s.Opt[i] || s.Opt[i] > s.Max[i] {
			return shapeRefusal("let min <= opt <= max hold in every dimension, none below 0",
				"shape of %s: dimension %d is %d to %d with opt %d", s.Input, i, s.Min[i], s.Max[i], s.Opt[i])
		}
	}
	return nil
}

// checkName refuses tensor names that trtexec's list syntax cannot hold: commas
// separate the entries, and single quotes are taken out of names. A colon is
// fine, since the last one of an entry counts.
func checkName(name string) error {
	if name == "" || strings.ContainsAny(name, ",'") {
		return shapeRefusal("rename the input in the model", "input %q: trtexec cannot take a name that is empty or has a comma or a quote in it", name)
	}
	return nil
}

func shapeRefusal(fix, format string, args ...any) error {
	return &Refusal{Cause: "profile-shape", Reason: fmt.Sprintf(format, args...), Fix: fix}
}

func joinDims(dims []int64, separator string) string {
	list := make([]string, len(dims))
	for i, d := range dims {
		list[i] = strconv.FormatInt(d, 10)
	}
	return strings.Join(list, separator)
}
