package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/report"
)

func newList(s streams) *cobra.Command {
	var config, location string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls [MODEL...]",
		Short:   "list what is published",
		Example: "  trtfarm ls mnist",
		Args:    args(0, -1, "model names"),
		RunE: func(cmd *cobra.Command, models []string) error {
			ctx := cmd.Context()
			store, err := storeFor(ctx, config, location)
			if err != nil {
				return err
			}
			if len(models) == 0 {
				if models, err = artifact.Models(ctx, store); err != nil {
					return fault.New(fault.Storage, "storage", "", "%w", err)
				}
			}
			records := []*artifact.Manifest{}
			for _, model := range models {
				for m, err := range artifact.Records(ctx, store, model) {
					if err != nil {
						return fault.New(fault.Storage, "storage", "", "%w", err)
					}
					records = append(records, m)
				}
			}
			slices.SortStableFunc(records, func(a, b *artifact.Manifest) int { return strings.Compare(a.Cell, b.Cell) })
			if asJSON {
				encode := json.NewEncoder(s.out)
				encode.SetIndent("", "  ")
				return encode.Encode(map[string]any{"store": store.Location(), "records": records})
			}
			return report.List(s.out, store.Location(), records)
		},
	}
	storeFlags(cmd, &config, &location)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newShow(s streams) *cobra.Command {
	var config, location string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show CELL|KEY",
		Short:   "explain one record: where it came from, how it was proven",
		Example: "  trtfarm show mnist/24.08-py3/t4/fp16",
		Args:    args(1, 1, "a cell ID or a key"),
		RunE: func(cmd *cobra.Command, names []string) error {
			ctx := cmd.Context()
			store, err := storeFor(ctx, config, location)
			if err != nil {
				return err
			}
			found, err := find(ctx, store, names[0])
			if err != nil {
				return err
			}
			if asJSON {
				encode := json.NewEncoder(s.out)
				encode.SetIndent("", "  ")
				return encode.Encode(found)
			}
			for i, m := range found {
				if i > 0 {
					fmt.Fprintln(s.out)
				}
				if err := report.Record(s.out, store.Location(), m); err != nil {
					return err
				}
			}
			return nil
		},
	}
	storeFlags(cmd, &config, &location)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
