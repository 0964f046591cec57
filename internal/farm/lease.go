package farm

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trtfarm/trtfarm/internal/plan"
)

// pool holds the devices of one runner. A device is with at most one step at a
// time, because the builder times kernels and needs quiet.
type pool struct {
	mu      sync.Mutex
	free    []GPU
	changed chan struct{} // closed when a device comes back
}

func newPool(gpus []GPU) *pool {
	return &pool{free: slices.Clone(gpus), changed: make(chan struct{})}
}

// take waits for a device that serves target.
func (p *pool) take(ctx context.Context, target string) (GPU, error) {
	for {
		p.mu.Lock()
		i := slices.IndexFunc(p.free, func(g GPU) bool { return plan.Serves(target, g.Target) })
		if i >= 0 {
			g := p.free[i]
			p.free = slices.Delete(p.free, i, i+1)
			p.mu.Unlock()
			return g, nil
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return GPU{}, context.Cause(ctx)
		}
	}
}

func (p *pool) give(g GPU) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, g)
	close(p.changed)
	p.changed = make(chan struct{})
}

// lease is the pool as one cell sees it; it remembers the device in use.
type lease struct {
	pool    *pool
	target  string
	current atomic.Pointer[string]
}

// Acquire waits for a device of the pool.
func (l *lease) Acquire(ctx context.Context) (string, func(), error) {
	g, err := l.pool.take(ctx, l.target)
	if err != nil {
		return "", nil, err
	}
	l.current.Store(&g.Device)
	return g.Device, func() {
		l.current.Store(nil)
		l.pool.give(g)
	}, nil
}

func (l *lease) device() string {
	if d := l.current.Load(); d != nil {
		return *d
	}
	return ""
}
