package compat

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/inventory"
)

// A key is one of what a user may say of a place.
type key struct {
	name string
	set  func(p *Place, value string) error
}

// keys are in the order in which to show them.
var keys = []key{
	{"gpu", setGPU},
	{"sm", setSM},
	{"trt", setTensorRT},
	{"image", setImage},
	{"driver", matching(func(p *Place) *string { return &p.Driver }, `^\d{2,4}(\.\d{1,4}){0,3}$`, "a version such as 550.54.15")},
	{"cuda", matching(func(p *Place) *string { return &p.CUDA }, `^\d{1,3}\.\d{1,3}(\.\d{1,4}){0,2}$`, "a version such as 12.6")},
	{"mig", matching(func(p *Place) *string { return &p.MIG }, `^(\d{1,2}c\.)?\d{1,2}g\.\d{1,4}gb([+.-][a-z.]{1,10})?$`, "a profile such as 1g.5gb")},
	{"os", among(func(p *Place) *string { return &p.OS }, "linux", "windows")},
	{"arch", among(func(p *Place) *string { return &p.Arch }, "amd64", "arm64")},
}

// aliases are other words for keys and their values.
var aliases = map[string]string{
	"product": "gpu", "nvidia.com/gpu.product": "gpu", "tensorrt": "trt", "compute": "sm", "capability": "sm", "compute_cap": "sm", "profile": "mig",
	"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64",
}

// longestPlace bounds what a user writes for a place.
const longestPlace = 1000

func parsePlace(text string) (Place, error) {
	var p Place
	if len(text) > longestPlace {
		return p, fmt.Errorf("a place has %d characters at most", longestPlace)
	}
	var said, names []string
	values := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		said = append(said, part)
		name, value, given := strings.Cut(part, "=")
		if !given {
			var err error
			if name, err = meant(part, slices.Contains(names, "gpu") || slices.Contains(names, "sm")); err != nil {
				return p, err
			}
			value = part
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		name = cmp.Or(aliases[name], name)
		if !slices.Contains(keyNames(), name) {
			return p, unknownKey(name)
		}
		if value == "" {
			return p, fmt.Errorf("%s= says nothing", name)
		}
		if before, twice := values[name]; twice {
			return p, fmt.Errorf("%s is said twice, %q and %q: give every place on its own", name, before, value)
		}
		values[name], names = value, append(names, name)
	}
	if len(said) == 0 {
		return p, errors.New("no place is given: say a GPU, or what runs there, as in t4,trt=8.6.1")
	}
	// A product label may name a slice and an image a TensorRT, so in order of keys.
	for _, k := range keys {
		if slices.Contains(names, k.name) {
			if err := k.set(&p, values[k.name]); err != nil {
				return Place{}, err
			}
		}
	}
	p.Name = strings.Join(said, ",")
	return p, nil
}

func keyNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

func unknownKey(name string) error {
	const examples = "as in t4,trt=8.6.1 or sm=7.5,image=24.08-py3"
	if near := diag.Nearest(name, keyNames()); near != "" {
		return fmt.Errorf("%q is not known: write %s= (allowed: %s; %s)", name, near, strings.Join(keyNames(), ", "), examples)
	}
	return fmt.Errorf("%q is not known (allowed: %s; %s)", name, strings.Join(keyNames(), ", "), examples)
}

// setGPU takes a name of the catalogue, or a product as a driver or Kubernetes
// prints it.
func setGPU(p *Place, name string) error {
	product, mig, shared := catalog.SplitProduct(name)
	g, ok := catalog.FindGPU(product)
	if !ok {
		return unknownGPU(name)
	}
	p.GPU, p.SM, p.MIG, p.Shared = g.Name, g.SM, mig, shared
	if g.Members == nil && g.Matches(product) {
		p.Product = product
	}
	return nil
}

// others are things that tell by their form what they are, without a key.
var others = []struct {
	form *regexp.Regexp
	key  string
}{
	{regexp.MustCompile(`(?i)^sm_?\d+$`), "sm"},
	{regexp.MustCompile(`^\d\d\.\d\d(-py3)?$|/.*:`), "image"},
	{regexp.MustCompile(`^\d{1,2}\.\d$`), "sm or trt"}, // 8.6 is both
	{regexp.MustCompile(`(?i)^v?\d+(\.\d+){1,3}(\+|-1\+|$)`), "trt"},
	{regexp.MustCompile(`(?i)^\d+g\.\d+gb`), "mig"},
}

// meant returns the key of what a user writes without one. Behind a GPU, numbers
// are no compute capability.
func meant(part string, gpuSaid bool) (string, error) {
	if err := setGPU(new(Place), part); err == nil {
		return "gpu", nil
	}
	for _, o := range others {
		if !o.form.MatchString(part) {
			continue
		}
		if first, second, two := strings.Cut(o.key, " or "); two && gpuSaid {
			return second, nil
		} else if two {
			return "", fmt.Errorf("%q is no GPU: write %s=%s for a compute capability, %s=%s for a TensorRT", part, first, part, second, part)
		}
		return o.key, nil
	}
	return "", unknownGPU(part)
}

func unknownGPU(name string) error {
	names := catalog.GPUNames()
	if near := diag.Nearest(name, names); near != "" {
		return fmt.Errorf("GPU %q is not known: write %s, or its compute capability, as in sm=8.6", name, near)
	}
	const most = 12
	return fmt.Errorf("GPU %q is not known: say one of %s and so on, or its compute capability, as in sm=8.6", name, strings.Join(names[:min(most, len(names))], ", "))
}

var smForm = regexp.MustCompile(`(?i)^(?:sm_?)?(\d{1,2})\.?(\d)$`)

func setSM(p *Place, value string) error {
	m := smForm.FindStringSubmatch(value)
	if m == nil {
		return fmt.Errorf("sm=%s: want a compute capability such as 7.5", value)
	}
	sm := m[1] + "." + m[2]
	if p.SM != "" && p.SM != sm {
		return fmt.Errorf("sm=%s: %s has compute capability %s", sm, named(p.GPU), p.SM)
	}
	p.SM = sm
	return nil
}

func setTensorRT(p *Place, value string) error {
	number := value
	if len(value) > 1 && strings.ContainsRune("vV", rune(value[0])) { // as tags of releases have it
		number = value[1:]
	}
	v, err := catalog.ParseVersion(number)
	if err != nil {
		return fmt.Errorf("trt=%s: %w", value, err)
	}
	p.TensorRT = v.String()
	return nil
}

// setImage takes from the catalogue what an image of NGC has, unless it was said.
func setImage(p *Place, ref string) error {
	row, err := ngc(ref)
	if err != nil {
		if p.TensorRT != "" { // what decides is said
			p.Notes = append(p.Notes, err.Error())
			return nil
		}
		return fmt.Errorf("image=%s: %w", ref, err)
	}
	p.CUDA = row.CUDA
	p.OS = "linux"
	said, _ := catalog.ParseVersion(p.TensorRT)
	has, unread := catalog.ParseVersion(row.TensorRT)
	switch {
	case p.TensorRT != "" && (unread != nil || row.Confidence == "conflict"):
	case unread != nil:
		p.Notes = append(p.Notes, fmt.Sprintf("which TensorRT the image %s has is not known: look for TRT_VERSION in its environment, and say trt=", row.Tag))
	case row.Confidence == "conflict":
		p.Notes = append(p.Notes, fmt.Sprintf("sources differ on which TensorRT the image %s has, perhaps %s: look for TRT_VERSION in its environment, and say trt=", row.Tag, has))
	case p.TensorRT != "" && !said.Agrees(has):
		return fmt.Errorf("trt=%s: the image %s has TensorRT %s", p.TensorRT, row.Tag, has)
	default:
		p.TensorRT = has.String()
		if row.Confidence == "inferred" || row.Confidence == "third-party" {
			p.Notes = append(p.Notes, fmt.Sprintf("that the image %s has TensorRT %s was not read from NVIDIA", row.Tag, has))
		}
	}
	return nil
}

// ngc finds the row of an image: a tag alone, or a reference to NGC's image of
// TensorRT, there or in a mirror.
func ngc(ref string) (catalog.NGCImage, error) {
	name, _, _ := strings.Cut(ref, "@")
	repository, tag := "", name
	if i := strings.LastIndex(name, ":"); i >= 0 && !strings.Contains(name[i:], "/") {
		repository, tag = name[:i], name[i+1:]
	} else if strings.Contains(name, "/") {
		return catalog.NGCImage{}, errors.New("the image has no tag, by which the catalogue knows its TensorRT: say trt=")
	}
	if repository != "" && repository != "tensorrt" && !strings.HasSuffix(repository, "/tensorrt") {
		return catalog.NGCImage{}, fmt.Errorf("the catalogue knows the images nvcr.io/nvidia/tensorrt, not %s: say trt=", repository)
	}
	row, ok := catalog.NGC(tag)
	if !ok {
		return row, fmt.Errorf("tag %q of nvcr.io/nvidia/tensorrt is not in the catalogue, which knows tags such as 24.08-py3: say trt=", tag)
	}
	return row, nil
}

// matching takes a value that has a form.
func matching(field func(*Place) *string, form, want string) func(*Place, string) error {
	re := regexp.MustCompile(form)
	return func(p *Place, value string) error {
		value = strings.ToLower(value)
		to := field(p)
		switch {
		case !re.MatchString(value):
			return fmt.Errorf("%q: want %s", value, want)
		case *to != "" && *to != value && to == &p.MIG:
			return fmt.Errorf("mig=%s: the name of the GPU says %s", value, *to)
		}
		*to = value
		return nil
	}
}

// among takes one of some words.
func among(field func(*Place) *string, words ...string) func(*Place, string) error {
	return func(p *Place, value string) error {
		value = strings.ToLower(value)
		if value = cmp.Or(aliases[value], value); !slices.Contains(words, value) {
			return fmt.Errorf("%q: want %s", value, strings.Join(words, " or "))
		}
		*field(p) = value
		return nil
	}
}

func placeOf(g inventory.GPU) Place {
	p := Place{
		Name: cmp.Or(g.Product, "a GPU without a name"), Product: g.Product, SM: g.SM, MemoryMiB: g.MemoryMiB,
		MIG: g.MIG, Shared: g.Shared, Driver: g.Driver, OS: g.OS, Arch: g.Arch,
	}
	switch {
	case g.MIG == inventory.UnknownSlice || g.MIG == inventory.BrokenSlices:
		p.Name += " (slices)"
	case g.MIG != "":
		p.Name += " (slice " + g.MIG + ")"
	}
	if g.Where != "" {
		p.Name = g.Where + ": " + p.Name
	}
	if kind, ok := catalog.FindGPU(g.Product); ok {
		p.GPU, p.SM = kind.Name, cmp.Or(g.SM, kind.SM)
	}
	return p
}

func merge(a, b Place) Place {
	m := a
	m.Name = cmp.Or(a.Name, b.Name)
	m.GPU, m.Product, m.SM = cmp.Or(a.GPU, b.GPU), cmp.Or(a.Product, b.Product), cmp.Or(a.SM, b.SM)
	m.MemoryMiB, m.MIG, m.Shared = cmp.Or(a.MemoryMiB, b.MemoryMiB), cmp.Or(a.MIG, b.MIG), a.Shared || b.Shared
	m.TensorRT, m.CUDA, m.Driver = cmp.Or(a.TensorRT, b.TensorRT), cmp.Or(a.CUDA, b.CUDA), cmp.Or(a.Driver, b.Driver)
	m.OS, m.Arch = cmp.Or(a.OS, b.OS), cmp.Or(a.Arch, b.Arch)
	m.Notes = slices.Concat(a.Notes, b.Notes)
	return m
}
