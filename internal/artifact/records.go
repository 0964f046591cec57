package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	readsAtOnce = 16   // manifests read at a time
	maxNewest   = 1000 // manifests that Newest reads at most
	maxFound    = 100  // records that Find returns at most
	minKeyHex   = 8    // digits of a key that Find accepts as its beginning
	listsAtOnce = 8    // models listed at a time
	extension   = ".json"
)

// Keys returns the keys of all records of the models. It lists, and reads nothing.
func Keys(ctx context.Context, s Store, models []string) (map[string]bool, error) {
	var mu sync.Mutex
	keys := make(map[string]bool)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(listsAtOnce)
	for _, model := range models {
		g.Go(func() error {
			for info, err := range s.List(ctx, RecordPrefix(model)) {
				if err != nil {
					return err
				}
				if key, ok := recordOf(info.Key); ok {
					mu.Lock()
					keys[key] = true
					mu.Unlock()
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("list the records of %s: %w", strings.Join(models, ", "), err)
	}
	return keys, nil
}

// recordOf returns the key of the record whose manifest lies under name.
func recordOf(name string) (key string, ok bool) {
	name, ok = strings.CutSuffix(name, extension)
	key = name[strings.LastIndexByte(name, '/')+1:]
	return key, ok && isDigest(key, 32) && strings.HasPrefix(name, recordsFolder)
}

// Newest returns the newest record of each cell ID of a model, as far as it is
// among the model's 1,000 newest records. Manifests that cannot be parsed are
// passed over: finding those is an audit's business.
func Newest(ctx context.Context, s Store, model string, ids map[string]bool) (map[string]*Manifest, error) {
	infos, err := manifests(ctx, s, RecordPrefix(model), func(string) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("list the records of %s: %w", model, err)
	}
	infos = infos[:min(len(infos), maxNewest)]
	found := make(map[string]*Manifest)
	for batch := range slices.Chunk(infos, readsAtOnce) {
		if len(found) == len(ids) {
			break
		}
		for _, r := range readAll(ctx, s, batch) {
			switch {
			case errors.Is(r.err, ErrCorrupt), errors.Is(r.err, ErrNotExist):
			case r.err != nil:
				return nil, r.err
			case !ids[r.m.Cell]:
			// Stores tell seconds: what they call equally new, the records themselves order.
			case found[r.m.Cell] == nil, r.m.BuiltAt.After(found[r.m.Cell].BuiltAt):
				found[r.m.Cell] = r.m
			}
		}
	}
	return found, nil
}

// manifests lists the manifests below prefix whose key keep accepts, newest first.
func manifests(ctx context.Context, s Store, prefix string, keep func(key string) bool) ([]Info, error) {
	var infos []Info
	for info, err := range s.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if key, ok := recordOf(info.Key); ok && keep(key) {
			infos = append(infos, info)
		}
	}
	slices.SortStableFunc(infos, func(a, b Info) int { return b.Modified.Compare(a.Modified) })
	return infos, nil
}

// read is a manifest or why there is none.
type read struct {
	m   *Manifest
	err error
}

// readAll reads manifests at once and returns them in the order of infos.
func readAll(ctx context.Context, s Store, infos []Info) []read {
	out := make([]read, len(infos))
	var g errgroup.Group
	g.SetLimit(readsAtOnce)
	for i, info := range infos {
		g.Go(func() error {
			out[i].m, out[i].err = ReadManifest(ctx, s, info.Key)
			return nil
		})
	}
	_ = g.Wait() // every error is in out
	return out
}

// ErrQuery marks what can name no record.
var ErrQuery = fmt.Errorf("neither a cell ID, such as resnet50/23.09-py3/t4/fp16, nor %d or more hex digits of a key", minKeyHex)

// Find returns the records that query names, newest first: a cell ID names its
// newest record, a key or the first eight or more digits of one name every
// record with it, of which 100 at most are returned. It returns ErrNotExist when
// there is none, and ErrQuery for what can name none.
func Find(ctx context.Context, s Store, query string) ([]*Manifest, error) {
	if model, _, ok := strings.Cut(query, "/"); ok {
		newest, err := Newest(ctx, s, model, map[string]bool{query: true})
		if err != nil {
			return nil, err
		}
		if newest[query] == nil {
			return nil, fmt.Errorf("no record of the cell %s: %w", query, ErrNotExist)
		}
		return []*Manifest{newest[query]}, nil
	}
	prefix := strings.ToLower(query)
	if len(prefix) < minKeyHex || len(prefix) > 64 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("%q: %w", query, ErrQuery)
	}
	infos, err := manifests(ctx, s, recordsFolder, func(key string) bool { return strings.HasPrefix(key, prefix) })
	if err != nil {
		return nil, fmt.Errorf("list the records: %w", err)
	}
	if len(infos) == 0 {
		return nil, fmt.Errorf("no record with the key %s: %w", query, ErrNotExist)
	}
	var found []*Manifest
	for _, r := range readAll(ctx, s, infos[:min(len(infos), maxFound)]) {
		if r.err != nil {
			return nil, r.err
		}
		found = append(found, r.m)
	}
	slices.SortStableFunc(found, func(a, b *Manifest) int {
		return cmp.Or(b.BuiltAt.Compare(a.BuiltAt), cmp.Compare(a.Key, b.Key))
	})
	return found, nil
}

// Records yields every record of a model, or of all models when it is "",
// ordered by where they lie. A manifest that cannot be read is yielded as an
// error and the rest follows; when the store cannot be listed, it stops.
func Records(ctx context.Context, s Store, model string) iter.Seq2[*Manifest, error] {
	prefix := recordsFolder
	if model != "" {
		prefix = RecordPrefix(model)
	}
	return func(yield func(*Manifest, error) bool) {
		flush := func(infos []Info) bool {
			for _, r := range readAll(ctx, s, infos) {
				if !yield(r.m, r.err) {
					return false
				}
			}
			return true
		}
		var batch []Info
		for info, err := range s.List(ctx, prefix) {
			if err != nil {
				if flush(batch) {
					yield(nil, fmt.Errorf("list %s: %w", prefix, err))
				}
				return
			}
			if _, ok := recordOf(info.Key); !ok {
				continue
			}
			if batch = append(batch, info); len(batch) == 4*readsAtOnce {
				if !flush(batch) {
					return
				}
				batch = batch[:0]
			}
		}
		flush(batch)
	}
}
