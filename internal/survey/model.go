package survey

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/owner"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/trtexec"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// readModel reads a model, and hashes everything of it that goes into a build.
func readModel(ctx context.Context, o Options, m *matrix.Model) plan.Model {
	dir := filepath.Dir(o.Matrix.File)
	p, err := readGraph(ctx, o, m, dir)
	if err != nil {
		return plan.Model{Err: err}
	}
	for _, plugin := range slices.Concat(m.Plugins, m.DynamicPlugins) { // in the order that the plan counts them
		f, err := hashFile(filepath.Base(plugin), Resolve(dir, plugin))
		if err != nil {
			return plan.Model{Err: fmt.Errorf("plugin: %w", err)}
		}
		p.Plugins = append(p.Plugins, f)
	}
	if m.Inputs != "" {
		if p.Golden, err = goldenShapes(dir, m, p.Graph); err != nil {
			return plan.Model{Err: err}
		}
	}
	p.Calibration = map[string]plan.File{}
	for _, c := range o.Matrix.Cells {
		name := c.Build.Calibration
		if _, done := p.Calibration[name]; name == "" || done || c.Model != m {
			continue
		}
		f, err := hashFile(filepath.Base(name), Resolve(dir, name))
		if err != nil {
			return plan.Model{Err: fmt.Errorf("calibration cache: %w", err)}
		}
		p.Calibration[name] = f
	}
	return p
}

func readGraph(ctx context.Context, o Options, m *matrix.Model, dir string) (plan.Model, error) {
	location, err := o.Fetch.local(ctx, m, dir, o.Note)
	if err != nil {
		return plan.Model{}, err
	}
	read := sizeFile
	if !o.NoKeys {
		read = func(name, location string) (plan.File, error) { return hashLarge(name, location, o.Note) }
	}
	first, err := read(filepath.Base(location), location)
	if err == nil && m.SHA256 != "" && first.SHA256 == "" {
		first, err = hashFile(first.Name, location)
	}
	if err != nil {
		return plan.Model{}, err
	}
	if m.SHA256 != "" && m.SHA256 != first.SHA256 {
		return plan.Model{}, fault.New(fault.Usage, "model-changed", "correct sha256 in the matrix, or bring the model back",
			"%s is not the pinned model: its sha256 is %s, the matrix says %s", Redacted(m.ONNX), first.SHA256, m.SHA256)
	}
	graph, err := onnx.Inspect(location)
	if err != nil {
		return plan.Model{}, err
	}
	if err := o.Fetch.external(ctx, m, location, graph, o.Note); err != nil {
		return plan.Model{}, err
	}
	if err := onnx.CheckExternal(location, graph); err != nil {
		return plan.Model{}, err
	}
	p := plan.Model{Graph: graph, Files: []plan.File{first}}
	for _, e := range graph.External {
		f, err := read(e.Location, filepath.Join(filepath.Dir(location), filepath.FromSlash(e.Location)))
		if err != nil {
			return plan.Model{}, fmt.Errorf("external data: %w", err)
		}
		p.Files = append(p.Files, f)
	}
	return p, nil
}

func hashFile(name, location string) (plan.File, error) {
	size, sum, err := artifact.SHA256File(location)
	if err != nil {
		return plan.File{}, unread(location, err)
	}
	return plan.File{Name: name, Path: location, Size: size, SHA256: sum}, nil
}

// hashLarge is hashFile for files that may take seconds, which it announces.
func hashLarge(name, location string, note func(string)) (plan.File, error) {
	const large = 512 << 20
	if f, err := sizeFile(name, location); err == nil && f.Size >= large {
		note(fmt.Sprintf("hash %s (%d MiB)", name, f.Size>>20))
	}
	return hashFile(name, location)
}

// sizeFile is hashFile for those who ask for no keys.
func sizeFile(name, location string) (plan.File, error) {
	info, err := os.Stat(location)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", location)
	}
	if err != nil {
		return plan.File{}, unread(location, err)
	}
	return plan.File{Name: name, Path: location, Size: info.Size()}, nil
}

func unread(location string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Usage, "file-missing", "correct the path in the matrix: it is relative to the matrix's folder", "%s does not exist", location)
	}
	return err
}

// Resolve makes a path of a matrix absolute or relative to its folder dir.
func Resolve(dir, p string) string {
	if rest, ok := strings.CutPrefix(p, "file://"); ok {
		p = rest
		if plain, err := url.PathUnescape(rest); err == nil {
			p = plain
		}
	}
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, filepath.FromSlash(p))
}

// goldenShapes reads the shapes of the reference inputs that the matrix names.
func goldenShapes(dir string, m *matrix.Model, graph *onnx.Model) ([]trtexec.Binding, error) {
	tmp, err := owner.MakeFolder(os.TempDir(), "stage") // swept with the farm's own
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	golden, err := verify.Golden(Resolve(dir, m.Inputs), "", graph, tmp)
	if err != nil {
		return nil, err
	}
	shapes := make([]trtexec.Binding, len(golden.Inputs))
	for i, in := range golden.Inputs {
		shapes[i] = trtexec.Binding{Input: in.Name, Dims: in.Shape}
	}
	return shapes, nil
}
