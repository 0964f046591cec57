package trtfarm_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/trtfarm/trtfarm"

// A layer is a floor of the house. Imports go down only.
type layer struct {
	name     string
	packages []string // folders; "cmd/" at the end means every folder below
	siblings bool     // a package may import those that stand before it on its floor
	why      string   // why the floor is there
}

var layers = []layer{
	0: {"facts", []string{
		"internal/fault", "internal/diag", "internal/tomlfile", "internal/catalog", "internal/confine", "internal/owner",
	}, true, "facts, words and what the operating system can do: they know nothing of engines being made"},
	1: {"pure core", []string{
		"internal/matrix", "internal/farmfile", "internal/lock", "internal/onnx", "internal/engine", "internal/trtexec",
		"internal/inventory", "internal/compat",
		"internal/diagnose", "internal/starter", "internal/plan",
	}, true, "pure functions over data: all that a user must understand can be told before anything runs"},
	2: {"engine", []string{
		"internal/verify", "internal/artifact", "internal/survey", "internal/builder", "internal/farm",
	}, true, "what happens, in terms of the interfaces declared here: no SDK, so that every test can stand in for one"},
	3: {"adapters", []string{
		"internal/builder/docker", "internal/builder/kube", "internal/builder/local",
		"internal/artifact/dir", "internal/artifact/s3", "internal/registry", "internal/httpfile",
	}, false, "one outside system each: replacing one touches no other"},
	4: {"output", []string{
		"internal/report", "internal/bundle",
	}, false, "pictures and packages of what was done: nothing that does the work waits for them"},
	5: {"shell", []string{"cmd/"}, false, "the only place that wires adapters to the engine: nobody imports it"},
}

// testOnly holds packages that exist for tests: only test files import them,
// and one another. Their own files may import anything but the shell.
var testOnly = []string{
	"internal/testbed", "internal/builder/executortest", "internal/artifact/storetest", "internal/onnx/onnxtest",
}

// An sdkRule says who may import an outside module.
type sdkRule struct {
	prefix string
	by     []string // folders
	why    string
}

var sdkRules = []sdkRule{
	{"github.com/docker/docker", []string{"internal/builder/docker", "internal/testbed"}, "the Docker engine is one executor among others"},
	{"github.com/docker/cli", []string{"internal/builder/docker", "internal/testbed"}, "connections over ssh belong to the Docker executor"},
	{"github.com/docker/go-connections", []string{"internal/builder/docker", "internal/testbed"}, "connections belong to the Docker executor"},
	{"github.com/aws/", []string{"internal/artifact/s3", "internal/testbed"}, "S3 is one store among others"},
	{"github.com/google/go-containerregistry", []string{"internal/registry", "internal/testbed"}, "one place asks registries"},
	{"k8s.io/", []string{"internal/builder/kube", "internal/testbed"}, "Kubernetes is one executor among others"},
	{"github.com/yalue/onnxruntime_go", []string{"cmd/ortrun"}, "the only cgo runs in its own process"},
	{"github.com/spf13/", []string{"cmd/trtfarm"}, "flags are the shell's business"},
	{"github.com/rogpeppe/go-internal", nil, "for tests alone"},
}

func TestLayers(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, imported := range imports(t, f) {
			for _, wrong := range violations(f, imported) {
				t.Errorf("%s imports %s: %s", f, imported, wrong)
			}
		}
	}
}

func TestLayersRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		file, imported string
		refused        bool
	}{
		"facts import no core":                   {"internal/catalog/x.go", "internal/matrix", true},
		"core imports facts":                     {"internal/matrix/x.go", "internal/diag", false},
		"core imports what stands before it":     {"internal/plan/x.go", "internal/trtexec", false},
		"core never imports what stands after":   {"internal/trtexec/x.go", "internal/plan", true},
		"the engine imports no adapter":          {"internal/builder/x.go", "internal/builder/docker", true},
		"adapters never import one another":      {"internal/artifact/s3/x.go", "internal/artifact/dir", true},
		"adapters import their interface":        {"internal/artifact/s3/x.go", "internal/artifact", false},
		"output imports no shell":                {"internal/report/x.go", "cmd/trtfarm/flags", true},
		"nobody imports the shell":               {"cmd/trtfarm/x.go", "cmd/trtsim", true},
		"the shell may keep packages of its own": {"cmd/trtsim/x.go", "cmd/trtsim/internal/plan", false},
		"which may import one another":           {"cmd/trtsim/internal/a/x.go", "cmd/trtsim/internal/plan", false},
		"but not those of another program":       {"cmd/trtfarm/x.go", "cmd/trtsim/internal/plan", true},
		"the shell imports adapters":             {"cmd/trtfarm/x.go", "internal/builder/docker", false},
		"programs import no test bed":            {"internal/builder/x.go", "internal/testbed", true},
		"tests import the test bed":              {"internal/builder/x_test.go", "internal/testbed", false},
		"tests may look up":                      {"internal/verify/x_test.go", "internal/artifact/storetest", false},
		"a stranger has no layer":                {"internal/helpers/x.go", "internal/diag", true},
		"the Docker SDK has one importer":        {"internal/farm/x.go", "github.com/docker/docker/client", true},
		"the Docker executor has its SDK":        {"internal/builder/docker/x.go", "github.com/docker/docker/client", false},
		"cobra stays in the command line":        {"internal/report/x.go", "github.com/spf13/cobra", true},
		"testscript is for tests":                {"cmd/trtfarm/x.go", "github.com/rogpeppe/go-internal/testscript", true},
		"tests use testscript":                   {"cmd/trtfarm/x_test.go", "github.com/rogpeppe/go-internal/testscript", false},
	} {
		t.Run(name, func(t *testing.T) {
			imported := tc.imported
			if strings.HasPrefix(imported, "internal/") || strings.HasPrefix(imported, "cmd/") {
				imported = module + "/" + imported
			}
			if got := violations(tc.file, imported); len(got) > 0 != tc.refused {
				t.Errorf("violations(%s, %s) = %q, want refused %v", tc.file, imported, got, tc.refused)
			}
		})
	}
}

// violations says what is wrong with one import of one file.
func violations(file, imported string) []string {
	folder := path.Dir(file)
	test := strings.HasSuffix(file, "_test.go")
	var wrong []string
	for _, r := range sdkRules {
		if strings.HasPrefix(imported, r.prefix) && !test && !slices.ContainsFunc(r.by, func(by string) bool { return under(folder, by) }) {
			wrong = append(wrong, "only "+strings.Join(append(r.by, "tests"), ", ")+" may: "+r.why)
		}
	}
	own, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		return wrong
	}
	forTests := func(p string) bool {
		return slices.ContainsFunc(testOnly, func(only string) bool { return under(p, only) })
	}
	if forTests(own) {
		if !test && !forTests(folder) {
			wrong = append(wrong, "it is for tests alone")
		}
		return wrong
	}
	to, toPlace := find(own)
	if to < 0 {
		return append(wrong, own+" has no layer: give it one in layers_test.go, with the packages that it stands beside")
	}
	if layers[to].name == "shell" {
		if program(own) != program(folder) { // a program may be made of several packages
			wrong = append(wrong, "nobody imports the shell: "+layers[to].why)
		}
		return wrong
	}
	if test || forTests(folder) || folder == "." {
		return wrong
	}
	from, fromPlace := find(folder)
	switch {
	case from < 0:
		wrong = append(wrong, folder+" has no layer: give it one in layers_test.go, with the packages that it stands beside")
	case to > from:
		wrong = append(wrong, "layer "+strconv.Itoa(to)+" ("+layers[to].name+") is above layer "+strconv.Itoa(from)+" ("+layers[from].name+"): "+layers[from].why)
	case to == from && !layers[from].siblings:
		wrong = append(wrong, "packages of layer "+strconv.Itoa(from)+" ("+layers[from].name+") never import one another: "+layers[from].why)
	case to == from && toPlace >= fromPlace:
		wrong = append(wrong, "within layer "+strconv.Itoa(from)+" it stands after: "+strings.Join(layers[from].packages, ", "))
	}
	return wrong
}

// find returns the layer of a folder and its place there, or -1.
func find(folder string) (layer, place int) {
	for i, l := range layers {
		for j, p := range l.packages {
			if folder == p || strings.HasSuffix(p, "/") && strings.HasPrefix(folder, p) {
				return i, j
			}
		}
	}
	return -1, 0
}

// program returns the folder of the program that a package of the shell is part of.
func program(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

func under(folder, root string) bool { return folder == root || strings.HasPrefix(folder, root+"/") }

func TestEveryPackageHasALayer(t *testing.T) {
	for _, f := range goFiles(t) {
		folder := path.Dir(f)
		at, _ := find(folder)
		known := at >= 0 || folder == "." || slices.ContainsFunc(testOnly, func(p string) bool { return under(folder, p) })
		if !known && strings.HasPrefix(folder, "internal/") {
			t.Errorf("%s: %s has no layer: give it one in layers_test.go", f, folder)
		}
	}
}

// TestFilesStaySmall holds files to a length that a reader can keep in mind.
func TestFilesStaySmall(t *testing.T) {
	const most = 400
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(filepath.FromSlash(f))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(src, []byte("// Code generated")) {
			continue
		}
		if n := bytes.Count(src, []byte("\n")); n > most+most/20 {
			t.Errorf("%s has %d lines, more than about %d: split it by what it holds", f, n, most)
		}
	}
}

// goFiles lists the project's Go files, slash-separated.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if err == nil || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
				return filepath.SkipDir // another module, or none of the project's code
			}
		}
		if !d.IsDir() && strings.HasSuffix(base, ".go") {
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files")
	}
	return files
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
