package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/cmdline"
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// binding is one input or output of an inference, with its bytes in the
// engine's type.
type binding struct {
	container.Tensor
	dims []int64
	data []byte
	from string // file that the values were read from; "" for random ones
}

func (b binding) typ() onnx.DataType { return onnx.DataType(b.Type) }

func dimString(dims []int64) string { return cmdline.String(dims) }

// exact is this release with all four numbers.
func (s *sim) exact() catalog.Version {
	v := s.version
	return catalog.Version{Major: v.Major, Minor: v.Minor, Patch: max(v.Patch, 0), Build: max(v.Build, 0)}
}

// infer sets up an execution context, runs the engine once and reports.
func (s *sim) infer(p container.Plan, built bool) status {
	l := s.log
	profile, ok := s.chooseProfile(p.Meta)
	if !ok {
		l.fail("Inference set up failed")
		return failed
	}
	inputs, ok := s.inputs(p.Meta, profile, built)
	if !ok {
		l.fail("Inference set up failed")
		return failed
	}
	if s.version.AtLeast(9, 0) {
		l.info("Created execution context with device memory size: %s MiB", mib(p.Meta.ModelSize/4))
	}
	if err := s.fill(inputs); err != nil {
		return s.exception("std::invalid_argument", err.Error())
	}
	for _, b := range inputs {
		s.sayBinding("input", b)
	}
	outputs, took, err := s.execute(p, inputs)
	if err != nil {
		l.info("Starting inference")
		l.info("trtsim: %v", err)
		if s.version.AtLeast(8, 6) {
			return s.exception("std::runtime_error", "Inference enqueue failed.")
		}
		l.fail("Error occurred during inference")
		return failed
	}
	if p.Meta.Stripped {
		for _, b := range outputs {
			clear(b.data)
		}
	}
	for _, b := range outputs {
		s.sayBinding("output", b)
	}
	if s.options.CUDAGraph && s.version.AtLeast(10, 0) {
		l.info("Capturing CUDA graph for the current execution context")
		l.info("Successfully captured CUDA graph for the current execution context")
	}
	l.info("Starting inference")
	s.corrupt(outputs)
	s.report(took)
	s.reportProfile(p.Meta, took)
	s.exportResults(inputs, outputs)
	return passed
}

func (s *sim) sayBinding(direction string, b binding) {
	l, old := s.log, !s.version.AtLeast(8, 6)
	switch {
	case b.from != "":
		l.info("Using values loaded from %s for %s %s", b.from, direction, b.Name)
	case direction == "input" || old:
		l.info("Using random values for %s %s", direction, b.Name)
	}
	if old {
		l.info("Created %s binding for %s with dimensions %s", direction, b.Name, dimString(b.dims))
		return
	}
	typ := ""
	if s.version.AtLeast(10, 16) {
		typ = " and type " + typeNames[b.typ()]
	}
	l.info("%s binding for %s with dimensions %s%s is created.", map[string]string{"input": "Input", "output": "Output"}[direction], b.Name, dimString(b.dims), typ)
}

// chooseProfile picks the profile that --useProfile names.
func (s *sim) chooseProfile(m container.Meta) (int, bool) {
	n := max(len(m.Profiles), 1)
	if !s.options.ProfileSet {
		if n > 1 {
			s.log.warn("Multiple profiles are available in the engine but no profile index was selected. Using profile 0.")
		}
		return 0, true
	}
	if s.options.Profile >= n {
		s.log.fail("Selected profile index %d exceeds the number of profiles that the engine holds. ", s.options.Profile)
		return 0, false
	}
	return s.options.Profile, true
}

// inputs gives every input its dimensions, and checks that names and shapes of
// the command line fit the engine. On failure the reasons were printed.
func (s *sim) inputs(m container.Meta, profile int, built bool) ([]binding, bool) {
	o, l := s.options, s.log
	known := func(name, flag string) bool {
		if slices.ContainsFunc(m.Inputs, func(t container.Tensor) bool {
			return t.Name == name || flag == "shapes" && s.version.AtLeast(9, 0) && globbed(name, t.Name)
		}) {
			return true
		}
		l.fail("Cannot find input tensor with name %q in the engine bindings! Please make sure the input tensor names are correct.", name)
		l.fail("Invalid tensor names found in --%s flag.", flag)
		return false
	}
	for _, sh := range o.Shapes {
		if !known(sh.Input, "shapes") {
			return nil, false
		}
	}
	for _, in := range o.Inputs {
		if !known(in.Input, "loadInputs") {
			return nil, false
		}
	}
	var out []binding
	for i, t := range m.Inputs {
		b := binding{Tensor: t}
		var ok bool
		if b.dims, ok = s.dims(m, i, profile, built); !ok {
			return nil, false
		}
		for _, in := range o.Inputs {
			if in.Input == t.Name {
				b.from = in.File
			}
		}
		out = append(out, b)
	}
	return out, true
}

// dims are the dimensions of one input for this run.
func (s *sim) dims(m container.Meta, input, profile int, built bool) ([]int64, bool) {
	t, l := m.Inputs[input], s.log
	var given []int64
	for _, sh := range s.options.Shapes {
		if sh.Input == t.Name || s.version.AtLeast(9, 0) && globbed(sh.Input, t.Name) {
			given = sh.Dims
		}
	}
	dynamic := slices.Contains(t.Dims, -1)
	if !dynamic {
		if given != nil && !slices.Equal(given, t.Dims) {
			s.staticMismatch(t.Name)
			return nil, false
		}
		return t.Dims, true
	}
	var r *container.Range
	if profile < len(m.Profiles) {
		for i, c := range m.Profiles[profile].Shapes {
			if c.Input == t.Name {
				r = &m.Profiles[profile].Shapes[i]
			}
		}
	}
	if given == nil {
		if built && r != nil {
			given = r.Opt
		} else {
			given = slices.Clone(t.Dims)
			for i, d := range given {
				given[i] = max(d, 1)
			}
			if s.version.AtLeast(8, 5) {
				l.warn("Shape missing for input with dynamic shape: %sAutomatically setting shape to: %s", t.Name, dimString(given))
			} else {
				l.warn("Dynamic dimensions required for input: %s, but no shapes were provided. Automatically overriding shape to: %s", t.Name, dimString(given))
			}
		}
	}
	if r != nil && !within(given, *r) {
		s.outsideProfile(t.Name, input, given, profile, *r)
		return nil, false
	}
	if s.version.AtLeast(9, 0) {
		l.info("Set shape of input tensor %s to: %s", t.Name, dimString(given))
	}
	return given, true
}

func within(dims []int64, r container.Range) bool {
	if len(dims) != len(r.Min) {
		return false
	}
	for i, d := range dims {
		if d < r.Min[i] || d > r.Max[i] {
			return false
		}
	}
	return true
}

// staticMismatch says that a static input cannot change its shape.
func (s *sim) staticMismatch(name string) {
	if s.version.AtLeast(9, 0) {
		s.log.fail("The engine was built with static shapes for input tensor %s but the provided shapes do not match the static shapes!", name)
		return
	}
	s.log.record(3, "[executionContext.cpp::setInputShape::2264] Error Code 3: API Usage Error (Parameter check failed at: runtime/api/executionContext.cpp::setInputShape::2264, condition: engineDims.d[i] == dims.d[i]. Static dimension mismatch while setting input shape.\n)")
}

// outsideProfile says that a shape is not in the range of the profile.
func (s *sim) outsideProfile(name string, input int, dims []int64, profile int, r container.Range) {
	list := func(d []int64) string { return strings.ReplaceAll(fmt.Sprint(d), " ", ",") }
	if s.version.AtLeast(10, 0) {
		s.log.record(3, "IExecutionContext::setInputShape: Error Code 3: API Usage Error (Parameter check failed, condition: satisfyProfile. Set dimension %s for tensor %s does not satisfy any optimization profiles. Valid range for profile %d: %s..%s.)", list(dims), name, profile, list(r.Min), list(r.Max))
		return
	}
	s.log.record(3, "[executionContext.cpp::setInputShape::2309] Error Code 3: API Usage Error (Parameter check failed at: runtime/api/executionContext.cpp::setInputShape::2309, condition: satisfyProfile Runtime dimension does not satisfy any optimization profile.)")
}

// fill reads or makes the values of every input.
func (s *sim) fill(inputs []binding) error {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range inputs {
		b := &inputs[i]
		size := b.typ().Size()
		n, err := volume(b.dims, size)
		if err != nil {
			return err
		}
		if b.from == "" {
			b.data = randomValues(random, b.typ(), int(n))
			continue
		}
		if b.data, err = s.readInput(b.from, n*size); err != nil {
			return err
		}
	}
	return nil
}

// readInput reads the values of an input, whose bytes the release holds to a
// size: none in 8.4, at least the needed one to 9.3, exactly it or its double
// from 10.0.
func (s *sim) readInput(path string, want int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("Cannot open file %s!", path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return nil, fmt.Errorf("Cannot open file %s!", path)
	}
	have := info.Size()
	if have < want && s.version.AtLeast(8, 5) || s.version.AtLeast(10, 0) && have != want && have != 2*want {
		return nil, fmt.Errorf("Unexpected file size for input file: %s. Note: Input binding size is: %d bytes but the file size is %d bytes.", path, want, have)
	}
	data := make([]byte, want)
	if _, err := io.ReadFull(f, data[:min(want, have)]); err != nil {
		return nil, fmt.Errorf("Cannot open file %s!", path)
	}
	return data, nil
}
