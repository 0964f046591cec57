// Package docker runs the steps of a cell as containers of a docker engine: on
// this machine, over TLS, or over ssh. A cell's workspace is a volume; every step
// is a container of its own, made, run and removed.
package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/owner"
)

// Options say which engine to use, and how.
type Options struct {
	Host     string            // unix://, tcp:// (TLS by DOCKER_CERT_PATH) or ssh:// address of the engine
	Agent    string            // path of the static trtfarm binary for the engine's platform
	Runner   string            // name of the runner, for labels
	Run      string            // run ID, for the labels of what belongs to no cell
	Simulate bool              // the images hold trtsim: no GPU is asked for, and TRTSIM_* are handed to it
	Mirrors  map[string]string // registry host -> host[:port] to pull from instead
	Memory   int64             // bytes of host memory that a foreign step may use; 0 for no limit
	User     string            // "uid:gid" that steps run as; "" for 65532:65532

	// HostNetwork lets fetch and publish use the engine's own network, for stores
	// on its loopback and for engines without a bridge.
	HostNetwork bool

	// Credentials returns what a registry host wants to see; nil for none at all.
	// A token, when there is one, stands in for the password.
	Credentials func(ctx context.Context, host string) (user, password, token string, err error)
}

// Executor runs steps on one docker engine.
type Executor struct {
	o      Options
	api    *client.Client
	engine engine
	self   owner.ID

	background sync.WaitGroup // removals that outlive the call that began them

	limited atomic.Bool // the engine's host does not let it raise limits

	mu     sync.Mutex
	pulls  map[string]*pull // by digest
	agent  string           // ID of the image that holds the agent; "" when not loaded yet
	volume string           // name of the volume that holds the agent; "" when not made yet
}

var _ builder.Executor = (*Executor)(nil)

// engine is what an engine says of itself.
type engine struct {
	os, arch string
	version  string
}

// defaultUser owns nothing on any host and is nobody's number in common images.
const defaultUser = "65532:65532"

// New connects to an engine. It fails with a fault of the environment that says
// which of the usual reasons it is when the engine cannot be reached.
func New(ctx context.Context, o Options) (*Executor, error) {
	if o.User == "" {
		o.User = defaultUser
	}
	self, err := owner.Self()
	if err != nil {
		return nil, fmt.Errorf("name this process: %w", err)
	}
	api, err := dial(o.Host)
	if err != nil {
		return nil, fault.New(fault.Environment, "docker-address",
			"write docker = \"unix:///var/run/docker.sock\", \"tcp://host:2376\" or \"ssh://user@host\" in trtfarm.toml",
			"docker engine address %q: %w", o.Host, err)
	}
	e := &Executor{o: o, api: api, self: self, pulls: map[string]*pull{}}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	v, err := api.ServerVersion(ctx)
	if err != nil {
		api.Close()
		return nil, e.fault("ask the engine for its version", err)
	}
	e.engine = engine{os: v.Os, arch: v.Arch, version: v.Version}
	return e, nil
}

// dial makes a client for an address. Nothing is sent yet.
func dial(host string) (*client.Client, error) {
	u, err := url.Parse(host)
	if err != nil {
		return nil, err
	}
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	switch u.Scheme {
	case "ssh":
		helper, err := connhelper.GetConnectionHelper(host)
		if err != nil {
			return nil, err
		}
		opts = append(opts,
			client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
			client.WithHost(helper.Host),
			client.WithDialContext(helper.Dialer))
	case "tcp":
		opts = append(opts, client.WithTLSClientConfigFromEnv(), client.WithHost(host))
	case "unix":
		opts = append(opts, client.WithHost(host))
	default:
		return nil, errors.New("want an address that begins with unix://, tcp:// or ssh://")
	}
	return client.NewClientWithOpts(opts...)
}

// closeTime is how long Close waits for removals that are under way. What an
// engine that does not answer still has then, a later sweep removes.
const closeTime = 2 * time.Second

// Close removes the agent's volume and the connection, and waits a little for
// removals that are under way. Running steps go on; the volume of a step that
// still runs is left to a later sweep.
func (e *Executor) Close() error {
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		e.background.Wait()
	}()
	select {
	case <-idle:
	case <-time.After(closeTime):
	}
	e.mu.Lock()
	volume := e.volume
	e.volume = ""
	e.mu.Unlock()
	if volume != "" {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = e.api.VolumeRemove(ctx, volume, false) // in use by a step, or the engine is gone: the sweep's business
	}
	return e.api.Close()
}

// local says whether the engine's files are this machine's.
func (e *Executor) local() bool { return strings.HasPrefix(e.o.Host, "unix://") }

// newName makes a name that no other container or volume has.
func newName() string { return "trtfarm-" + strings.ToLower(rand.Text()) }
