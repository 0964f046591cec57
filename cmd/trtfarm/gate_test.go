package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate stands before a server and holds back the requests that it is told to, for
// as long as it stands. Whatever waits for an answer then is in the middle of
// something.
type gate struct {
	url string

	mu    sync.Mutex
	holds func(*http.Request) bool // nil holds nothing
	held  chan struct{}            // one for every request that is held
}

// newGate puts a gate before the server at address, http:// or unix://.
func newGate(t testing.TB, address string, holds func(*http.Request) bool) *gate {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	if target.Scheme == "unix" {
		socket := target.Path
		target = &url.URL{Scheme: "http", Host: "localhost"}
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	g := &gate{holds: holds, held: make(chan struct{}, 1000)}
	over := make(chan struct{})
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport:    transport,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.lets(r) {
			g.held <- struct{}{}
			select {
			case <-over:
			case <-r.Context().Done():
			}
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	g.url = server.URL
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	return g
}

func (g *gate) lets(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.holds == nil || !g.holds(r)
}

// shut holds other requests from now on, or none; what is held stays so.
func (g *gate) shut(holds func(*http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = holds
}

// await waits until a request is held.
func (g *gate) await(t testing.TB) {
	t.Helper()
	select {
	case <-g.held:
	case <-time.After(time.Minute):
		t.Fatal("a minute passed and nothing came to the gate")
	}
}
