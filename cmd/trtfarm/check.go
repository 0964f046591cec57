package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/survey"
)

func newCheck(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "check MATRIX...",
		Aliases: []string{"validate"},
		Short:   "check matrix files and the models they name, without network",
		Long: `check finds every mistake of a matrix that can be found without network and
without a GPU: in its text, in the models that it names, and in what the images'
TensorRT can do. A model that is not on this machine is said to be unchecked.`,
		Example: "  trtfarm check matrices/demo.toml",
		Args:    args(1, -1, "one or more matrix files"),
		RunE: func(cmd *cobra.Command, files []string) error {
			code := fault.OK
			for _, file := range files {
				cells, err := checkMatrix(cmd.Context(), s, file)
				if err != nil {
					fmt.Fprintln(s.err, err)
					code = max(code, fault.CodeOf(err))
					continue
				}
				fmt.Fprintf(s.out, "%s: %d cells, no mistakes\n", file, cells)
			}
			if code != fault.OK {
				return exitCode(code)
			}
			return nil
		},
	}
}

// checkMatrix plans a matrix as far as that goes without network and turns what
// is refused into mistakes at their place. It returns the number of cells.
func checkMatrix(ctx context.Context, s streams, file string) (int, error) {
	m, err := readMatrix(file)
	if err != nil {
		return 0, err
	}
	l, err := readLock(file)
	if err != nil {
		return 0, err
	}
	facts, err := survey.Facts(ctx, survey.Options{Matrix: m, Lock: l, Note: func(string) {}, NoKeys: true,
		Fetch: survey.Fetcher{Cache: cacheFolder(), Open: func(context.Context, string) (io.ReadCloser, error) { return nil, errElsewhere }}})
	if err != nil {
		return 0, err
	}
	for _, model := range m.Models {
		if why := facts.Models[model.Name].Err; elsewhere(why) {
			text, _, _ := strings.Cut(why.Error(), "\n")
			fmt.Fprintf(s.err, "trtfarm: model %s was not checked: %s\n", model.Name, text)
		}
	}
	return len(m.Cells), refusals(m, facts)
}

// errElsewhere says that a model is not on this machine.
var errElsewhere = errors.New("it is not on this machine, and check uses no network")

// elsewhere reports whether a model could not be looked at, which is no mistake
// of the matrix: it may be made or fetched later.
func elsewhere(err error) bool {
	f, ok := errors.AsType[*fault.Fault](err)
	return errors.Is(err, errElsewhere) || ok && f.Cause == "file-missing"
}

// refusals lists why cells are refused, each reason once, at the place in the
// matrix that it is about.
func refusals(m *matrix.Matrix, facts plan.Facts) error {
	src, err := os.ReadFile(m.File)
	if err != nil {
		return fault.New(fault.Usage, "matrix", "", "read matrix: %w", err)
	}
	lines := strings.Split(string(src), "\n")
	var found diag.List
	said := map[string]bool{}
	for _, c := range plan.Make(m, facts) {
		if c.Status != plan.Refused || elsewhere(facts.Models[c.Model.Name].Err) {
			continue
		}
		f := c.Fault()
		why := strings.TrimSuffix(c.Reasons[0], "; "+f.Fix)
		if said[why] {
			continue
		}
		said[why] = true
		d := &diag.Diagnostic{File: m.File, Pos: c.Pos, Msg: why, Fix: f.Fix}
		if aboutModel[f.Cause] {
			d.Pos = c.Model.ONNXPos
		}
		if n := d.Pos.Line; n > 0 && n <= len(lines) {
			d.Text = strings.TrimSuffix(lines[n-1], "\r")
		}
		found.Add(d)
	}
	return inFile(found.Err())
}

// aboutModel are the causes that lie in the model, not in the axes of the matrix.
var aboutModel = map[string]bool{
	"onnx-invalid": true, "unsupported-op": true, "profile-shape": true, "model-changed": true, "plugin-missing": true, "reference-data": true,
}

// readMatrix reads and checks a matrix file.
func readMatrix(file string) (*matrix.Matrix, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "matrix", "name a matrix file; trtfarm init MODEL.onnx writes one", "read matrix: %w", err)
	}
	m, err := matrix.Parse(file, src)
	return m, inFile(err)
}

// inFile makes mistakes in a user's file end the program with the usage code.
func inFile(err error) error {
	if _, ok := errors.AsType[*diag.Diagnostic](err); ok {
		return &fault.Fault{Code: fault.Usage, Cause: "matrix", Message: err.Error(), Err: err}
	}
	return err
}
