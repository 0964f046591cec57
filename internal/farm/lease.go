package farm

import (
	"context"
	"sync/atomic"
)

// pool holds the devices of one target on one runner. A device is with at most
// one step at a time, because the builder times kernels and needs quiet.
type pool struct {
	free chan string
}

func newPool(devices []string) *pool {
	p := &pool{free: make(chan string, len(devices))}
	for _, d := range devices {
		p.free <- d
	}
	return p
}

// lease is the pool as one cell sees it; it remembers the device in use.
type lease struct {
	pool    *pool
	current atomic.Pointer[string]
}

// Acquire waits for a device of the pool.
func (l *lease) Acquire(ctx context.Context) (string, func(), error) {
	select {
	case d := <-l.pool.free:
		l.current.Store(&d)
		return d, func() {
			l.current.Store(nil)
			l.pool.free <- d
		}, nil
	case <-ctx.Done():
		return "", nil, context.Cause(ctx)
	}
}

func (l *lease) device() string {
	if d := l.current.Load(); d != nil {
		return *d
	}
	return ""
}
