package artifact

import (
	"context"
	"strings"
)

// Models returns the names of the models that have records, in order.
func Models(ctx context.Context, s Store) ([]string, error) {
	var models []string
	for info, err := range s.List(ctx, recordsFolder) {
		if err != nil {
			return nil, err
		}
		model, _, _ := strings.Cut(strings.TrimPrefix(info.Key, recordsFolder), "/")
		if len(models) == 0 || models[len(models)-1] != model {
			models = append(models, model)
		}
	}
	return models, nil
}

// FindEngine returns the newest record whose engine has this SHA-256, or nil.
func FindEngine(ctx context.Context, s Store, sha256 string) (*Manifest, error) {
	models, err := Models(ctx, s)
	if err != nil {
		return nil, err
	}
	var found *Manifest
	for _, model := range models {
		for m, err := range Records(ctx, s, model) {
			if err != nil {
				return nil, err
			}
			if m.Engine.SHA256 == sha256 && (found == nil || m.BuiltAt.After(found.BuiltAt)) {
				found = m
			}
		}
	}
	return found, nil
}
