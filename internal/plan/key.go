package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/matrix"
)

// The tags name the formats of the digests below. A change of format is a new
// tag, and every engine is then built anew.
const (
	keyFormat   = "trtfarm key 1"
	modelFormat = "trtfarm model 1"
)

// Key returns the digest of a cell's ingredients, lower case hex. Names and
// values are preceded by their lengths, so that no two lists share an encoding.
func Key(inputs []Input) string {
	h := sha256.New()
	write(h, keyFormat)
	for _, in := range inputs {
		write(h, in.Name)
		write(h, in.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ModelDigest returns the digest of a model's content, lower case hex: the ONNX
// file, which comes first and whose name means nothing, and its external data,
// which the model finds by name and which may come in any order. It is "" when
// there is no file, or one that was not hashed.
func ModelDigest(files []File) string {
	if len(files) == 0 || slices.ContainsFunc(files, func(f File) bool { return f.SHA256 == "" }) {
		return ""
	}
	external := slices.Clone(files[1:])
	slices.SortFunc(external, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	write(h, modelFormat)
	write(h, files[0].SHA256)
	for _, f := range external {
		write(h, f.Name)
		write(h, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func write(h hash.Hash, s string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(s)))
	h.Write(size[:])
	h.Write([]byte(s))
}

// inputs lists what can change the bytes of a cell's engine, in a fixed order.
// Paths of the workspace, and flags that only say what to print, are left out.
func (p *planner) inputs(c *Cell, model *modelFacts) []Input {
	list := []Input{
		{"model", model.digest},
		{"image", c.Digest},
		{"gpu", c.GPU},
		{"precision", string(c.Precision)},
	}
	if c.Simulated {
		list = append(list, Input{"simulated", "true"})
	}
	list = append(list, flagInputs(c.Argv)...)
	list = append(list, model.profiles...)
	for i, f := range model.Plugins {
		if static := len(c.Model.Plugins); i >= static {
			list = append(list, Input{"dynamic_plugin." + strconv.Itoa(i-static), f.SHA256})
			continue
		}
		list = append(list, Input{"plugin." + strconv.Itoa(i), f.SHA256})
	}
	if path := c.Build.Calibration; path != "" {
		list = append(list, Input{"calibration", model.Calibration[path].SHA256})
	}
	return list
}

// A flagRule says how a flag of a build command counts in the key when its
// value begins with ours; any other flag, and any other value, counts as it is.
type flagRule struct {
	ours string // "" begins every value
	as   string // counts with this value instead; "" does not count at all
}

// flagRules holds the flags whose values say nothing about an engine's bytes, or
// whose content is an ingredient of its own.
var flagRules = map[string]flagRule{
	"--timingCacheFile": {TimingCachePath, "on"},

	"--onnx":           {ours: "model/"},
	"--calib":          {ours: CalibrationPath},
	"--plugins":        {ours: "plugins/"},
	"--staticPlugins":  {ours: "plugins/"},
	"--dynamicPlugins": {ours: "plugins/"},
	"--minShapes":      {}, // the profiles, together with the next three
	"--optShapes":      {},
	"--maxShapes":      {},
	"--profile":        {},

	"--saveEngine":      {}, // where to write, and what to tell meanwhile
	"--exportLayerInfo": {},
	"--dumpLayerInfo":   {},
	"--verbose":         {},
	"--skipInference":   {},
	"--buildOnly":       {},
}

// flagInputs returns the flags of a build command that count, ordered by name;
// copies of one flag keep their order.
func flagInputs(argv []string) []Input {
	if len(argv) == 0 {
		return nil
	}
	var list []Input
	for _, arg := range argv[1:] {
		name, value, _ := strings.Cut(arg, "=")
		if rule, ok := flagRules[name]; ok && strings.HasPrefix(value, rule.ours) {
			if rule.as == "" {
				continue
			}
			value = rule.as
		}
		if library, ours := strings.CutPrefix(value, "plugins/"); ours && name == "--setPluginsToSerialize" {
			value, _, _ = strings.Cut(library, "-") // which one, not what it is called
		}
		list = append(list, Input{"flag " + name, value})
	}
	slices.SortStableFunc(list, func(a, b Input) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// profileInputs returns the profiles in their order, which is that of their
// indices in the engine, and the inputs of each by name.
func profileInputs(profiles []matrix.Profile) []Input {
	var list []Input
	for _, p := range profiles {
		shapes := slices.Clone(p.Shapes)
		slices.SortFunc(shapes, func(a, b matrix.Shape) int { return cmp.Compare(a.Input, b.Input) })
		name := p.Name
		if strings.ContainsAny(name, `."`) { // else "a.b" with "c" would pass for "a" with "b.c"
			name = strconv.Quote(name)
		}
		for _, s := range shapes {
			list = append(list, Input{
				"profile." + name + "." + s.Input,
				dims(s.Min) + "/" + dims(s.Opt) + "/" + dims(s.Max),
			})
		}
	}
	return list
}

// dims prints dimensions as trtexec takes them; those of a scalar are "scalar".
func dims(d []int64) string {
	if len(d) == 0 {
		return "scalar"
	}
	b := strconv.AppendInt(nil, d[0], 10)
	for _, n := range d[1:] {
		b = append(b, 'x')
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}
