package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/farmfile"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/plan"
)

// farmFile is the name that is searched for.
const farmFile = "trtfarm.toml"

// house is the farm as this invocation sees it: its file, with defaults filled in.
type house struct {
	file      *farmfile.File
	found     bool // there is a farm file
	simulated bool // no runner is named, so trtsim stands in
}

// openHouse reads the farm file named by config, or the nearest one upward from
// the working directory. Without one, or with one that names no runner, the
// farm is simulated on this machine.
func openHouse(config string) (*house, error) {
	if config == "" {
		config = findUpward(farmFile)
	}
	h := &house{file: &farmfile.File{Path: farmFile}}
	if config != "" {
		src, err := os.ReadFile(config)
		if err != nil {
			return nil, fault.New(fault.Usage, "farm-file", "", "read farm file: %w", err)
		}
		if h.file, err = farmfile.Parse(config, src); err != nil {
			return nil, inFile(err)
		}
		h.found = true
	}
	if h.file.StoreURL == "" {
		at, err := filepath.Abs("trtfarm-store")
		if err != nil {
			return nil, err
		}
		h.file.StoreURL = "file:" + at
	}
	h.simulated = len(h.file.Runners) == 0
	return h, nil
}

// lacks says why there is no runner.
func (h *house) lacks() string {
	if !h.found {
		return "no " + farmFile + " was found, here or above"
	}
	return h.file.Path + " names no runner"
}

// findUpward returns the nearest file of that name from the working directory
// upward, or "".
func findUpward(name string) string {
	at, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		candidate := filepath.Join(at, name)
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() {
			return candidate
		}
		parent := filepath.Dir(at)
		if parent == at {
			return ""
		}
		at = parent
	}
}

// openStore opens the store of a URL.
func openStore(ctx context.Context, location string) (artifact.Store, error) {
	switch {
	case strings.HasPrefix(location, "s3://"):
		return s3.Open(ctx, location)
	case strings.HasPrefix(location, "file:"):
		return dir.Open(strings.TrimPrefix(strings.TrimPrefix(location, "file:"), "//"))
	}
	return nil, fault.New(fault.Usage, "farm-file", "use s3://bucket/prefix or file:PATH", "store %q: unknown kind of store", location)
}

// store opens the farm's store.
func (h *house) store(ctx context.Context) (artifact.Store, error) {
	s, err := openStore(ctx, h.file.StoreURL)
	if err != nil {
		if _, ok := errors.AsType[*fault.Fault](err); ok {
			return nil, err
		}
		return nil, h.storeFault(err)
	}
	return s, nil
}

// storeFault says that the store cannot be used, and where to look.
func (h *house) storeFault(err error) error {
	fix := "correct url of [store] in " + h.file.Path + ", or give this user the right to write there"
	if strings.HasPrefix(h.file.StoreURL, "s3:") {
		fix = "see [store] in " + h.file.Path + " and the AWS_* variables of this environment"
	}
	return fault.New(fault.Storage, "storage", fix, "%w", err)
}

// access says how steps on a runner reach the store.
func (h *house) access(ctx context.Context, s artifact.Store) (builder.Store, error) {
	access := builder.Store{URL: h.file.StoreURL}
	switch s := s.(type) {
	case *s3.Store:
		secrets, err := s.Credentials(ctx)
		if err != nil {
			return access, fault.New(fault.Storage, "storage", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile", "credentials for %s: %w", s.Location(), err)
		}
		access.Secrets = secrets
	case *dir.Store:
		access.Mounts = []builder.Mount{{Path: strings.TrimPrefix(h.file.StoreURL, "file:")}}
	}
	return access, nil
}

// onLoopback reports whether the store answers on this machine's loopback only,
// where a container reaches it through the host's network alone.
func onLoopback(access builder.Store) bool {
	for _, name := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if u, err := url.Parse(access.Secrets[name]); err == nil && u.Hostname() != "" {
			ip := net.ParseIP(u.Hostname())
			return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
		}
	}
	return false
}

// local reports whether the runners are this machine's own processes, which run
// one trtexec and know no images.
func (h *house) local() bool {
	return h.simulated || len(h.file.Runners) > 0 && h.file.Runners[0].Local != ""
}

// tool is the program that stands as trtexec on a local runner.
func (h *house) tool() (string, error) {
	name := "trtsim"
	if !h.simulated {
		name = h.file.Runners[0].Local
	}
	program, err := findProgram(name)
	if err != nil {
		if h.simulated {
			return "", fault.New(fault.NoRunner, "no-runner", "name a runner in "+farmFile+" (see README), or build trtsim beside trtfarm to simulate one",
				"%s, and there is no trtsim to simulate one", h.lacks())
		}
		return "", fault.New(fault.Environment, "tool", "correct local of the runner in "+h.file.Path, "program of the local runner: %w", err)
	}
	return program, nil
}

// findProgram looks beside trtfarm itself, then on the PATH.
func findProgram(name string) (string, error) {
	if self, err := os.Executable(); err == nil && !strings.Contains(name, "/") {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(program)
}

// localTool identifies the program of a local runner by its bytes.
func localTool(program string) (string, error) {
	d, err := artifact.SumFile(program)
	if err != nil {
		return "", fault.New(fault.Environment, "tool", "", "read the program of the local runner: %w", err)
	}
	return d.SHA256, nil
}

// localImage says what an image means to a local runner: the program that really
// runs, told to be of the TensorRT that the catalogue knows for the tag.
func localImage(tool, ref string) plan.Image {
	known, _ := catalog.NGC(matrix.Tag(ref))
	sum := sha256.Sum256([]byte(tool + "\x00" + known.TensorRT + "\x00" + known.CUDA))
	return plan.Image{Digest: "local:sha256:" + hex.EncodeToString(sum[:]), TensorRT: known.TensorRT, CUDA: known.CUDA, Source: "local"}
}

// targets lists what each runner has, as far as it is known without asking it.
// gpus are those that the matrix names: a simulated farm has one of each.
func (h *house) targets(gpus []string) []plan.Runner {
	if h.simulated {
		return []plan.Runner{{Name: "simulated", GPUs: gpus, Simulated: true}}
	}
	var runners []plan.Runner
	for _, r := range h.file.Runners {
		known := r.GPUs
		if r.Auto {
			known = gpus // only the host can say; the run asks it
		}
		runners = append(runners, plan.Runner{Name: r.Name, GPUs: known, Driver: r.Driver, Simulated: r.Simulate})
	}
	return runners
}
