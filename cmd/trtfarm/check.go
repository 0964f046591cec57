package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
)

func newCheck(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "check MATRIX...",
		Aliases: []string{"validate"},
		Short:   "check matrix files, without network",
		Example: "  trtfarm check matrices/demo.toml",
		Args:    args(1, -1, "one or more matrix files"),
		RunE: func(_ *cobra.Command, files []string) error {
			var all *multierror.Error
			for _, file := range files {
				m, err := readMatrix(file)
				if err != nil {
					all = multierror.Append(all, err)
					continue
				}
				fmt.Fprintf(s.out, "%s: %d cells, no mistakes\n", file, len(m.Cells))
			}
			if all == nil {
				return nil
			}
			for _, err := range all.Errors {
				fmt.Fprintln(s.err, err)
			}
			return exitCode(fault.CodeOf(all.Errors[0]))
		},
	}
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
