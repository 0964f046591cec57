package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/farmfile"
	"github.com/trtfarm/trtfarm/internal/fault"
)

func storeFlags(cmd *cobra.Command, config, location *string) {
	cmd.Flags().StringVarP(config, "config", "c", "", "farm file (default: the nearest "+farmFile+" upward from here)")
	cmd.Flags().StringVar(location, "store", "", "store instead of the farm file's: s3://bucket/prefix or file:PATH")
}

// storeFor opens the store that is named, or else the farm's.
func storeFor(ctx context.Context, config, location string) (artifact.Store, error) {
	if location == "" {
		h, err := openHouse(config)
		if err != nil {
			return nil, err
		}
		return h.store(ctx)
	}
	if path, ok := strings.CutPrefix(location, "file:"); ok {
		full, err := filepath.Abs(strings.TrimPrefix(path, "//"))
		if err != nil {
			return nil, err
		}
		location = "file:" + full
	}
	h := house{file: &farmfile.File{StoreURL: location, Path: "--store"}}
	return h.store(ctx)
}

// find returns the records that a user names, newest first.
func find(ctx context.Context, s artifact.Store, name string) ([]*artifact.Manifest, error) {
	found, err := artifact.Find(ctx, s, name)
	switch {
	case errors.Is(err, artifact.ErrNotExist):
		return nil, fault.New(fault.Usage, "usage", "see what there is: trtfarm ls", "%s: no such record in %s", name, s.Location())
	case errors.Is(err, artifact.ErrQuery):
		return nil, fault.New(fault.Usage, "usage", "see what there is: trtfarm ls", "%w", err)
	case err != nil:
		return nil, fault.New(fault.Storage, "storage", "", "%w", err)
	}
	return found, nil
}
