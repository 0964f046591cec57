package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/lock"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/registry"
	"github.com/trtfarm/trtfarm/internal/survey"
)

// question is what plan and run are asked about a matrix.
type question struct {
	file    string
	config  string
	only    []string
	offline bool
	locked  bool
}

func (q *question) flags(f *pflag.FlagSet) {
	f.StringVarP(&q.config, "config", "c", "", "farm file (default: the nearest "+farmFile+" upward from here)")
	f.StringArrayVar(&q.only, "only", nil, "only cells that match, such as gpu=T4,image=24.*; repeat for more")
	f.BoolVar(&q.locked, "locked", false, "refuse to work when "+lockFile+" is out of date")
}

// session is a matrix planned against a farm.
type session struct {
	question question
	house    *house
	matrix   *matrix.Matrix
	lock     *lock.File
	facts    plan.Facts
	cells    []plan.Cell
	store    artifact.Store // nil when it cannot be opened and that is no error
}

// answer reads the files and plans the matrix. A store that cannot be reached is
// an error only when needStore.
func answer(ctx context.Context, s streams, q question, needStore bool) (*session, error) {
	a := &session{question: q}
	var err error
	if a.matrix, err = readMatrix(q.file); err != nil {
		return nil, err
	}
	if a.matrix.Cells, err = selectCells(a.matrix.Cells, q.only); err != nil {
		return nil, err
	}
	if a.house, err = openHouse(q.config); err != nil {
		return nil, err
	}
	if a.lock, err = readLock(q.file); err != nil {
		return nil, err
	}
	if q.locked {
		if err := a.checkLock(ctx); err != nil {
			return nil, err
		}
	}
	note := func(text string) { fmt.Fprintln(s.err, "trtfarm:", text) }
	if err := a.survey(ctx, note); err != nil {
		return nil, err
	}
	if a.store, err = a.house.store(ctx); err != nil && needStore {
		return nil, err
	}
	return a, a.plan(ctx, err, needStore)
}

// survey finds out about models and images.
func (a *session) survey(ctx context.Context, note func(string)) error {
	o := survey.Options{Matrix: a.matrix, Lock: a.lock, Runners: a.house.targets(a.matrix.GPUs), Note: note,
		Fetch: survey.Fetcher{Open: openURL, Cache: filepath.Join(cacheFolder(), "models")}}
	switch {
	case a.house.local():
		program, err := a.house.tool()
		if err != nil {
			return err
		}
		tool, err := localTool(program)
		if err != nil {
			return err
		}
		o.Lock = nil // images are not pulled, so it says nothing about what runs
		o.Resolve = func(_ context.Context, ref string) plan.Image { return localImage(tool, ref) }
	case !a.question.offline:
		o.Resolve = a.house.resolve
	}
	var err error
	a.facts, err = survey.Facts(ctx, o)
	return err
}

// plan makes the cells, twice: once for their keys, once more with the history
// of those whose keys are not published.
func (a *session) plan(ctx context.Context, storeErr error, needStore bool) error {
	if a.store == nil {
		a.facts.Store = plan.Store{Err: storeErr}
		a.cells = plan.Make(a.matrix, a.facts)
		return nil
	}
	first := plan.Make(a.matrix, a.facts)
	a.facts.Store = survey.Store(ctx, a.store, a.matrix, func(keys map[string]bool) map[string]map[string]bool {
		missing := map[string]map[string]bool{}
		for _, c := range first {
			if c.Key == "" || keys[c.Key] || c.Status == plan.Refused {
				continue
			}
			if missing[c.Model.Name] == nil {
				missing[c.Model.Name] = map[string]bool{}
			}
			missing[c.Model.Name][c.ID] = true
		}
		return missing
	})
	if err := a.facts.Store.Err; err != nil && needStore {
		return a.house.storeFault(err)
	}
	a.cells = plan.Make(a.matrix, a.facts)
	return context.Cause(ctx)
}

// resolve asks the registry what an image reference means.
func (h *house) resolve(ctx context.Context, ref string) plan.Image {
	found, err := h.ask(ctx, ref)
	if err != nil {
		return plan.Image{Err: err}
	}
	return plan.Image{Digest: found.Digest, Manifest: found.Manifest, TensorRT: found.TensorRT, CUDA: found.CUDA, Driver: found.Driver, Source: "registry"}
}

// ask asks the registry for an image.
func (h *house) ask(ctx context.Context, ref string) (registry.Image, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("the registry did not answer within 20s"))
	defer cancel()
	return registry.Resolve(ctx, ref, registry.Options{Mirrors: h.file.Mirrors})
}

// openURL opens a model that is named by URL.
func openURL(ctx context.Context, location string) (io.ReadCloser, error) {
	if strings.HasPrefix(location, "s3://") {
		at := strings.LastIndex(location, "/")
		store, err := openStore(ctx, location[:at])
		if err != nil {
			return nil, err
		}
		return store.Open(ctx, location[at+1:], 0)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which may hold a signature
		}
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("server answered %s", response.Status)
	}
	return response.Body, nil
}

// cacheFolder is where things are kept that can be had again.
func cacheFolder() string {
	if dir := os.Getenv("TRTFARM_CACHE_DIR"); dir != "" {
		return dir
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "trtfarm")
	}
	return filepath.Join(os.TempDir(), "trtfarm-cache")
}

// selectCells keeps the cells that match any of the selectors; all when there
// are none.
func selectCells(cells []*matrix.Cell, selectors []string) ([]*matrix.Cell, error) {
	if len(selectors) == 0 {
		return cells, nil
	}
	var kept []*matrix.Cell
	var all []matrix.Selector
	for _, text := range selectors {
		sel, err := matrix.ParseSelector(text)
		if err != nil {
			return nil, fault.New(fault.Usage, "usage", "write it like --only gpu=T4,image=24.*", "--only %q: %w", text, err)
		}
		all = append(all, sel)
	}
	for _, c := range cells {
		for _, sel := range all {
			if sel.Matches(c) {
				kept = append(kept, c)
				break
			}
		}
	}
	if len(kept) == 0 {
		return nil, fault.New(fault.Usage, "usage", "see the cells with: trtfarm plan MATRIX", "--only %s matches no cell", strings.Join(selectors, " --only "))
	}
	return kept, nil
}
