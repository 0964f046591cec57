// Package survey finds out what a plan must know of the world: what the model
// files hold, what the image tags mean right now, and what the store has already.
package survey

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/lock"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// Options say what to survey and by which means.
type Options struct {
	Matrix  *matrix.Matrix
	Lock    *lock.File                                       // nil when there is none
	Resolve func(ctx context.Context, ref string) plan.Image // what an image not in the lock means; nil when offline
	Runners []plan.Runner
	Fetch   Fetcher // brings models that are not on this machine
	NoKeys  bool    // nobody asks for keys: models, which may be large, are not hashed unless they are pinned
	Note    func(string)
}

// ErrOffline says that nobody was asked.
var ErrOffline = errors.New("no registry was asked")

// Facts surveys everything but the store. What cannot be found out is noted in
// the facts themselves; only a done ctx is an error.
func Facts(ctx context.Context, o Options) (plan.Facts, error) {
	f := plan.Facts{Models: map[string]plan.Model{}, Images: map[string]plan.Image{}, Runners: o.Runners}
	models := make([]plan.Model, len(o.Matrix.Models))
	refs := images(o.Matrix)
	found := make([]plan.Image, len(refs))

	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i, m := range o.Matrix.Models {
		g.Go(func() error {
			models[i] = readModel(ctx, o, m)
			return context.Cause(ctx)
		})
	}
	for i, ref := range refs {
		g.Go(func() error {
			found[i] = image(ctx, o, ref)
			return context.Cause(ctx)
		})
	}
	if err := g.Wait(); err != nil {
		return f, err
	}
	for i, m := range o.Matrix.Models {
		f.Models[m.Name] = models[i]
	}
	for i, ref := range refs {
		f.Images[ref] = found[i]
	}
	return f, nil
}

// images lists every image that the matrix names, build images first.
func images(m *matrix.Matrix) []string {
	var refs []string
	seen := map[string]bool{}
	add := func(ref string) {
		if ref != "" && !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	for _, c := range m.Cells {
		add(c.Image)
	}
	for _, c := range m.Cells {
		add(c.Verify.Image)
	}
	return refs
}

// image says what a reference means: by the lock, else by asking, and as far as
// its contents go, else by the catalogue.
func image(ctx context.Context, o Options, ref string) plan.Image {
	var p plan.Image
	if o.Lock != nil {
		if l, ok := o.Lock.Find(ref); ok {
			p = plan.Image{Digest: l.Digest, Manifest: l.Manifest, TensorRT: l.TensorRT, CUDA: l.CUDA, Driver: l.Driver, Source: "lock"}
		}
	}
	switch {
	case p.Digest != "":
	case o.Resolve != nil:
		p = o.Resolve(ctx, ref)
	default:
		p.Err = ErrOffline
	}
	if p.TensorRT == "" {
		if known, ok := catalog.NGC(matrix.Tag(ref)); ok {
			p.TensorRT, p.CUDA = known.TensorRT, known.CUDA
			if p.Source == "" {
				p.Source = "catalogue"
			}
		}
	}
	return p
}

// Store adds what a store holds to facts. cells are those whose history matters
// when their key is not published: their newest records are read.
func Store(ctx context.Context, s artifact.Store, m *matrix.Matrix, missing func(keys map[string]bool) map[string]map[string]bool) plan.Store {
	var names []string
	for _, model := range m.Models {
		names = append(names, model.Name)
	}
	keys, err := artifact.Keys(ctx, s, names)
	if err != nil {
		return plan.Store{Err: err} // it names the store and the records
	}
	out := plan.Store{Keys: keys, Newest: map[string]plan.Record{}}
	for model, ids := range missing(keys) {
		newest, err := artifact.Newest(ctx, s, model, ids)
		if err != nil {
			out.Err = fmt.Errorf("read records of %s: %w", model, err)
			return out
		}
		for id, r := range newest {
			record := plan.Record{Key: r.Key, BuiltAt: r.BuiltAt}
			for _, in := range r.Inputs {
				record.Inputs = append(record.Inputs, plan.Input{Name: in.Name, Value: in.Value})
			}
			out.Newest[id] = record
		}
	}
	return out
}
