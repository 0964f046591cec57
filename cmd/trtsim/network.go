package main

import (
	"slices"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/cmdline"
	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/container"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// profiles makes the optimization profiles of a network from the shape flags,
// as the release's trtexec does. On failure the reasons were printed.
func (s *sim) profiles(m *onnx.Model) ([]container.Profile, bool) {
	o, l := s.options, s.log
	dynamic := slices.ContainsFunc(m.Inputs, onnx.Value.Dynamic)
	if !dynamic {
		if o.ShapesSet {
			l.fail("Static model does not take explicit shapes since the shape of inference tensors will be determined by the model itself")
			return nil, false
		}
		return nil, true
	}
	given := o.Profiles
	if len(given) == 0 {
		given = [][]cmdline.Range{nil}
	}
	var out []container.Profile
	for i, ranges := range given {
		p, ok := s.profile(m, i, ranges)
		if !ok {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

func (s *sim) profile(m *onnx.Model, index int, given []cmdline.Range) (container.Profile, bool) {
	l := s.log
	ranges := map[string]cmdline.Range{}
	for _, r := range given {
		in, ok := matchInput(m, r.Input, s.version.AtLeast(9, 0))
		if !ok {
			l.fail("Cannot find input tensor with name %q in the network inputs! Please make sure the input tensor names are correct.", r.Input)
			return container.Profile{}, false
		}
		ranges[in] = r
	}
	var p container.Profile
	for _, in := range m.Inputs {
		r, ok := ranges[in.Name]
		if !ok {
			dims := fixed(in)
			if in.Dynamic() {
				l.warn("Dynamic dimensions required for input: %s, but no shapes were provided. Automatically overriding shape to: %s", in.Name, cmdline.String(dims))
			}
			r = cmdline.Range{Min: dims, Opt: dims, Max: dims}
		}
		if !s.validRange(r) {
			return container.Profile{}, false
		}
		if s.version.AtLeast(9, 0) && in.Dynamic() {
			l.info("Set shape of input tensor %s for optimization profile %d to: MIN=%s OPT=%s MAX=%s", in.Name, index, cmdline.String(r.Min), cmdline.String(r.Opt), cmdline.String(r.Max))
		}
		p.Shapes = append(p.Shapes, container.Range{Input: in.Name, Min: r.Min, Opt: r.Opt, Max: r.Max})
	}
	return p, true
}

// matchInput finds the input that a shape flag names; one "*" stands for any text
// from 9.0.
func matchInput(m *onnx.Model, name string, wildcard bool) (string, bool) {
	for _, in := range m.Inputs {
		if in.Name == name || wildcard && globbed(name, in.Name) {
			return in.Name, true
		}
	}
	return "", false
}

func globbed(pattern, name string) bool {
	for i := range len(pattern) {
		if pattern[i] == '*' {
			head, tail := pattern[:i], pattern[i+1:]
			return len(name) >= len(head)+len(tail) && name[:len(head)] == head && name[len(name)-len(tail):] == tail
		}
	}
	return false
}

// fixed is an input's shape with 1 for every dynamic dimension.
func fixed(in onnx.Value) []int64 {
	dims := make([]int64, len(in.Shape))
	for i, d := range in.Shape {
		dims[i] = max(d.Size, 1)
		if d.Size == 0 {
			dims[i] = 0
		}
	}
	return dims
}

// validRange holds a range to min <= opt <= max.
func (s *sim) validRange(r cmdline.Range) bool {
	if len(r.Min) != len(r.Opt) || len(r.Opt) != len(r.Max) {
		s.log.fail("Required optimization profile is invalid")
		return false
	}
	for i := range r.Opt {
		switch {
		case r.Opt[i] < r.Min[i]:
			s.log.record(3, "IOptimizationProfile::setDimensions: Error Code 3: API Usage Error (Parameter check failed, condition: profile minimum <= optimum at dimension %d, got min=%d, opt=%d)", i, r.Min[i], r.Opt[i])
			s.log.fail("Error in set dimensions to profile OPT")
			return false
		case r.Max[i] < r.Opt[i]:
			s.log.record(3, "IOptimizationProfile::setDimensions: Error Code 3: API Usage Error (Parameter check failed, condition: profile optimum <= maximum at dimension %d, got opt=%d, max=%d)", i, r.Opt[i], r.Max[i])
			s.log.fail("Error in set dimensions to profile MAX")
			return false
		}
	}
	return true
}

// fitsNetwork holds profiles to the network's own dimensions, which the builder
// does when it validates the network.
func (s *sim) fitsNetwork(m *onnx.Model, profiles []container.Profile) bool {
	for i, p := range profiles {
		for j, in := range m.Inputs {
			r := p.Shapes[j]
			if in.Shape == nil {
				continue
			}
			if len(r.Opt) != len(in.Shape) {
				s.validation("%s: for profile %d: number of dimensions is %d, expected %d", in.Name, i, len(r.Opt), len(in.Shape))
				return false
			}
			for k, d := range in.Shape {
				if d.Size >= 0 && (r.Min[k] != d.Size || r.Max[k] != d.Size) {
					s.validation("%s: for dimension number %d in profile %d does not match network definition (got min=%d, opt=%d, max=%d), expected min=opt=max=%d).", in.Name, k, i, r.Min[k], r.Opt[k], r.Max[k], d.Size)
					return false
				}
			}
		}
	}
	return true
}

// validation prints what the builder says of a network that makes no sense.
func (s *sim) validation(format string, args ...any) {
	if s.version.AtLeast(10, 0) {
		s.log.record(4, "IBuilder::buildSerializedNetwork: Error Code 4: API Usage Error ("+format+")", args...)
		return
	}
	s.log.record(4, "[network.cpp::validate::3110] Error Code 4: Internal Error ("+format+")", args...)
}
