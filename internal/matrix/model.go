package matrix

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

const (
	maxRank = 8         // nvinfer1::Dims::MAX_DIMS
	maxDim  = 1<<31 - 1 // dimensions were int32_t before TensorRT 10
)

func (p *parser) readModels(v *tomlfile.Value) {
	entries, ok := v.Entries()
	if !ok {
		return
	}
	if len(entries) == 0 {
		v.Mistake("no model is given").Fix = "add a table such as [model.resnet50] with onnx = \"models/resnet50.onnx\""
	}
	for _, e := range entries {
		m := &Model{Name: e.Name, Pos: e.KeyPos}
		if !isSafeName(e.Name) {
			p.doc.Mistake(e.KeyPos, "model name %s cannot stand in a path", tomlfile.Quote(e.Name)).Allowed = safeNameRule
		}
		readModel(m, e)
		p.m.Models = append(p.m.Models, m)
		p.models.add(e.Name, e.KeyPos)
	}
	p.models.listed = len(p.models.values)
}

func readModel(m *Model, v *tomlfile.Value) {
	if _, ok := v.Entries(); !ok {
		return
	}
	v.Fields(
		tomlfile.Field{Name: "release", Read: tomlfile.Into(&m.Release, release)},
		tomlfile.Field{Name: "onnx", Read: func(v *tomlfile.Value) { m.ONNX, _ = modelSource(v); m.ONNXPos = v.Pos }},
		tomlfile.Field{Name: "sha256", Read: tomlfile.Into(&m.SHA256, sha256)},
		tomlfile.Field{Name: "inputs", Read: tomlfile.Into(&m.Inputs, path)},
		tomlfile.Field{Name: "outputs", Read: tomlfile.Into(&m.Outputs, path)},
		tomlfile.Field{Name: "plugins", Read: tomlfile.Into(&m.Plugins, paths)},
		tomlfile.Field{Name: "dynamic_plugins", Read: tomlfile.Into(&m.DynamicPlugins, paths)},
		tomlfile.Field{Name: "profile", Read: tomlfile.Into(&m.Profiles, profiles)},
	)
	if v.Get("onnx") == nil {
		v.Missing("onnx", fmt.Sprintf("add onnx = \"models/%s.onnx\"", m.Name))
	}
	if d := v.Get("dynamic_plugins"); d != nil {
		elements, _ := d.Elements()
		for i, library := range m.DynamicPlugins {
			if slices.Contains(m.Plugins, library) {
				elements[i].Mistake("%s is in plugins as well, and TensorRT would register what it holds twice", tomlfile.Quote(library)).Fix =
					"keep it in the list that its plugins were written for"
			}
		}
	}
	if o := v.Get("outputs"); o != nil && v.Get("inputs") == nil {
		o.Mistake("outputs without inputs: nobody can tell which inputs they belong to").Fix = "add inputs"
	}
}

// release reads a release name, which becomes a folder of the store.
func release(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if ok && !isSafeName(strings.ReplaceAll(s, "+", "-")) {
		v.Mistake("release %s cannot stand in a path", tomlfile.Quote(s)).Allowed =
			[]string{"1 to 63 letters, digits, \".\", \"_\", \"+\" or \"-\", beginning with a letter or a digit"}
		return "", false
	}
	return s, ok
}

// modelSchemes lists where a model may come from besides a plain path.
var modelSchemes = []string{"file", "s3", "https"}

func modelSource(v *tomlfile.Value) (string, bool) {
	s, ok := path(v)
	if !ok {
		return "", false
	}
	scheme, rest, remote := strings.Cut(s, "://")
	if !remote {
		return s, true
	}
	allowed := []string{"a path", "file://…", "s3://…", "https://…"}
	u, err := url.Parse(s)
	switch {
	case !slices.Contains(modelSchemes, scheme):
		v.Mistake("a model cannot be fetched by %s", tomlfile.Quote(scheme+"://")).Allowed = allowed
	case err != nil || rest == "" || scheme != "file" && (u.Host == "" || u.Path == "" || u.Path == "/"):
		v.Mistake("the address of the model is not complete").Allowed = allowed
	case u.User != nil:
		v.Secret()
		v.Mistake("the address of the model holds credentials, and every record would repeat it").Fix =
			"remove them and put them into the environment of trtfarm"
	default:
		return s, true
	}
	return "", false
}

func sha256(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	isHex := func(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
	if isHex(s) {
		return s, true
	}
	m := v.Mistake("sha256 must be 64 hexadecimal digits in lower case")
	if plain := strings.ToLower(strings.TrimPrefix(s, "sha256:")); isHex(plain) {
		m.Fix = fmt.Sprintf("write %q", plain)
	} else {
		m.Msg += fmt.Sprintf(", found %s", tomlfile.Quote(s))
	}
	return "", false
}

// path reads a string that is not empty.
func path(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if ok && strings.TrimSpace(s) == "" {
		v.Mistake("%s is empty", v.Path()).Fix = "write a path, or remove the key"
		return "", false
	}
	if ok && strings.ContainsRune(s, 0) {
		v.Mistake("%s holds a zero byte, which no path may", v.Path())
		return "", false
	}
	return s, ok
}

// paths reads an array of paths, each given once.
func paths(v *tomlfile.Value) ([]string, bool) {
	elements, ok := v.Elements()
	var out []string
	for _, e := range elements {
		s, good := path(e)
		if good && slices.Contains(out, s) {
			e.Mistake("%s is listed twice", tomlfile.Quote(s)).Fix = "remove it here"
			good = false
		}
		out = append(out, s)
		ok = ok && good
	}
	return out, ok
}

func profiles(v *tomlfile.Value) ([]Profile, bool) {
	entries, ok := v.Entries()
	var out []Profile
	for _, e := range entries {
		pr := Profile{Name: e.Name, Pos: e.KeyPos}
		if !isSafeName(e.Name) {
			e.MistakeAtKey("profile name %s cannot stand in a path", tomlfile.Quote(e.Name)).Allowed = safeNameRule
		}
		shapes, good := e.Entries()
		if good && len(shapes) == 0 {
			e.MistakeAtKey("profile %s has no shapes", e.Name).Fix = "add a line such as data = { min = [1, 3], opt = [8, 3], max = [32, 3] } for every input, or remove the profile"
		}
		for _, s := range shapes {
			if shape, good := readShape(s); good {
				pr.Shapes = append(pr.Shapes, shape)
			}
		}
		out = append(out, pr)
		if good && len(pr.Shapes) == len(shapes) {
			alike(e, out[0], pr)
		}
	}
	return out, ok
}

// alike checks that a profile speaks of the same inputs, with the same ranks,
// as the first one.
func alike(v *tomlfile.Value, first, pr Profile) {
	find := func(in Profile, name string) *Shape {
		for i := range in.Shapes {
			if in.Shapes[i].Input == name {
				return &in.Shapes[i]
			}
		}
		return nil
	}
	var names []string
	for _, s := range first.Shapes {
		names = append(names, s.Input)
		if find(pr, s.Input) == nil {
			v.MistakeAtKey("profile %s has no shapes for input %s, which profile %s has", pr.Name, tomlfile.Quote(s.Input), first.Name)
		}
	}
	for _, s := range pr.Shapes {
		switch f := find(first, s.Input); {
		case f == nil:
			m := v.Get(s.Input).MistakeAtKey("profile %s has shapes for input %s, which profile %s has not", pr.Name, tomlfile.Quote(s.Input), first.Name)
			m.Allowed = names
			fixNearest(m, s.Input, names)
		case len(f.Opt) != len(s.Opt):
			v.Get(s.Input).MistakeAtKey("input %s has %s here and %s in profile %s",
				tomlfile.Quote(s.Input), dimensions(len(s.Opt)), dimensions(len(f.Opt)), first.Name)
		}
	}
}

func dimensions(n int) string {
	if n == 1 {
		return "1 dimension"
	}
	return fmt.Sprintf("%d dimensions", n)
}

func readShape(v *tomlfile.Value) (Shape, bool) {
	s := Shape{Input: v.Name, Pos: v.Pos}
	if v.Name == "" {
		v.MistakeAtKey("the name of an input is empty")
	}
	if _, ok := v.Entries(); !ok {
		return s, false
	}
	before := v.Mistakes()
	v.Fields(
		tomlfile.Field{Name: "min", Read: tomlfile.Into(&s.Min, dims)},
		tomlfile.Field{Name: "opt", Read: tomlfile.Into(&s.Opt, dims)},
		tomlfile.Field{Name: "max", Read: tomlfile.Into(&s.Max, dims)},
	)
	for _, name := range []string{"min", "opt", "max"} {
		if v.Get(name) == nil {
			v.Missing(name, "give min, opt and max")
		}
	}
	if v.Mistakes() > before {
		return s, false
	}
	min, opt, max := v.Get("min"), v.Get("opt"), v.Get("max")
	for _, o := range []struct {
		value *tomlfile.Value
		dims  []int64
	}{{min, s.Min}, {max, s.Max}} {
		if len(o.dims) != len(s.Opt) {
			o.value.Mistake("%s has %s and opt has %d", o.value.Name, dimensions(len(o.dims)), len(s.Opt))
			return s, false
		}
	}
	for i := range s.Opt {
		ordered(min, opt, s.Min[i], s.Opt[i], i)
		ordered(opt, max, s.Opt[i], s.Max[i], i)
	}
	return s, v.Mistakes() == before
}

// ordered checks one dimension of two shapes, the first of which must not be
// the greater.
func ordered(less, more *tomlfile.Value, a, b int64, i int) {
	if a <= b {
		return
	}
	elements, _ := less.Elements()
	elements[i].Mistake("%s is %d in dimension %d, greater than %s, which is %d", less.Name, a, i, more.Name, b)
}

// dims reads the dimensions of a tensor; none for a scalar.
func dims(v *tomlfile.Value) ([]int64, bool) {
	elements, ok := v.Elements()
	if ok && len(elements) > maxRank {
		v.Mistake("%s has %d dimensions; TensorRT knows at most %d", v.Path(), len(elements), maxRank)
		return nil, false
	}
	out := make([]int64, 0, len(elements))
	for _, e := range elements {
		n, good := e.Int()
		if good && (n < 1 || n > maxDim) {
			m := e.Mistake("dimension %d is out of range", n)
			m.Allowed = []string{fmt.Sprintf("1 to %d", maxDim)}
			good = false
		}
		ok = ok && good
		out = append(out, n)
	}
	return out, ok
}
