package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/starter"
)

func newInit(s streams) *cobra.Command {
	var output string
	var force bool
	cmd := &cobra.Command{
		Use:     "init MODEL.onnx",
		Short:   "write a commented matrix from a model's own inputs",
		Example: "  trtfarm init models/resnet50.onnx",
		Args:    args(1, 1, "one ONNX file"),
		RunE: func(_ *cobra.Command, files []string) error {
			model, err := onnx.Inspect(files[0])
			if err != nil {
				return noModel(err)
			}
			name := starter.Name(files[0])
			if output == "" {
				output = name + ".toml"
			}
			relative, err := filepath.Rel(filepath.Dir(output), files[0])
			if err != nil {
				relative = files[0]
			}
			text := starter.Matrix(name, filepath.ToSlash(relative), model)
			if output == "-" {
				_, err := s.out.Write(text)
				return err
			}
			if err := writeNew(output, text, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "wrote %s\nnext: trtfarm check %s && trtfarm plan %s\n", output, output, output)
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; - for standard output (default: the model's name with .toml)")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file")
	return cmd
}

// noModel says why a file cannot be looked into, with its remedy apart.
func noModel(err error) error {
	if told, ok := errors.AsType[*onnx.Error](err); ok {
		return fault.New(fault.Usage, "onnx-invalid", told.Fix, "%s", told.Where())
	}
	return fault.New(fault.Usage, "onnx-invalid", "", "%w", err)
}

// writeNew writes a file that must not exist yet, unless force.
func writeNew(file string, data []byte, force bool) error {
	if force {
		if err := writeWhole(file, data); err != nil {
			return fault.New(fault.Usage, "usage", "", "write %s: %w", file, err)
		}
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fault.New(fault.Usage, "usage", "name another file with --output, or overwrite it with --force", "%s exists already", file)
	}
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.Usage, "usage", "", "write %s: %w", file, err)
	}
	return nil
}
