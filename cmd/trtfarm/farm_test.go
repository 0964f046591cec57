package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/owner"
	"github.com/trtfarm/trtfarm/internal/report"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// site is a working directory with a farm file, and the programs to work there.
type site struct {
	t      testing.TB
	dir    string
	bin    string
	env    []string
	docker string       // address of the engine; "" for a site without one
	pids   map[int]bool // every trtfarm that was started here
}

// newSite makes a site whose farm file is the given text.
func newSite(t testing.TB, farmFile string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), bin: testbed.Bin(t), pids: map[int]bool{}}
	s.env = append(os.Environ(), "TRTFARM_CACHE_DIR="+filepath.Join(s.dir, ".cache"), "TMPDIR="+s.temp())
	s.write("trtfarm.toml", farmFile)
	if err := os.Mkdir(s.temp(), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.noLeftovers)
	return s
}

// temp is the folder for temporary files of all that runs here.
func (s *site) temp() string { return filepath.Join(s.dir, "tmp") }

// started notes a trtfarm, so that what it leaves is told from what others leave.
func (s *site) started(pid int) { s.pids[pid] = true }

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// command is trtfarm with arguments, not started yet.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "trtfarm"), args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run runs trtfarm and returns what it printed and its exit code.
func (s *site) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := s.command(s.t.Context(), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Start()
	if err == nil {
		s.started(cmd.Process.Pid)
		err = cmd.Wait()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

// mustRun runs a matrix to the given exit code and returns its document.
func (s *site) mustRun(code int, args ...string) report.Run {
	s.t.Helper()
	out, errs, got := s.run(append([]string{"run", "--json"}, args...)...)
	if got != code {
		s.t.Fatalf("trtfarm run %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, out, errs)
	}
	var doc report.Run
	if out != "" {
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			s.t.Fatalf("%v in\n%s", err, out)
		}
	}
	return doc
}

func (s *site) demo() string {
	matrix, err := filepath.Abs("../../matrices/demo.toml")
	if err != nil {
		s.t.Fatal(err)
	}
	return matrix
}

// dockerSite is a site with one docker runner of three GPUs and an S3 store.
func dockerSite(t *testing.T) (s *site, storeURL string) {
	t.Helper()
	docker, registry, bucket := testbed.Docker(t), testbed.Registry(t), testbed.Bucket(t)
	server := testbed.S3(t)
	storeURL = bucket + "/engines"
	t.Setenv("AWS_ACCESS_KEY_ID", server.Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.Secret)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	s = newSite(t, fmt.Sprintf(`version = 1

[store]
url = %q

[registry]
mirrors = { "nvcr.io" = %q }

[runner.host]
docker   = %q
gpus     = ["T4", "A10", "A100"]
simulate = true
`, storeURL, registry, docker))
	s.docker = docker
	return s, storeURL
}

// noLeftovers fails when anything is left of the runs of this site: processes,
// temporary files, containers, volumes.
func (s *site) noLeftovers() {
	s.t.Helper()
	for pid, argv := range processesOf(s.dir) {
		s.t.Errorf("process %d was left: %s", pid, argv)
	}
	left, err := os.ReadDir(s.temp())
	if err != nil {
		s.t.Error(err)
	}
	for _, entry := range left {
		s.t.Errorf("temporary file %s was left", entry.Name())
	}
	if s.docker == "" {
		return
	}
	for what, args := range map[string][]string{
		"container": {"ps", "--all", "--format", "{{.ID}} {{.Label \"org.trtfarm.owner\"}} {{.Label \"org.trtfarm.step\"}}"},
		"volume":    {"volume", "ls", "--format", "{{.Name}} {{.Label \"org.trtfarm.owner\"}}"},
	} {
		for _, line := range s.dockerLines(append(args, "--filter", "label=org.trtfarm.owner")...) {
			field := strings.Fields(line)
			id, err := owner.Parse(field[1])
			if err != nil {
				s.t.Error(err)
			} else if s.pids[id.PID] {
				s.t.Errorf("%s %s was left", what, line)
			}
		}
	}
}

// dockerLines runs the docker command and returns the lines that it printed.
func (s *site) dockerLines(args ...string) []string {
	s.t.Helper()
	out, err := exec.Command("docker", append([]string{"-H", s.docker}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("docker %v: %v: %s", args, err, out)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

func TestDockerToS3RecordsAreRightToTheByte(t *testing.T) {
	s, url := dockerSite(t)
	doc := s.mustRun(0, s.demo())
	if len(doc.Cells) < 12 || !doc.Simulated {
		t.Fatalf("%d cells, simulated %v; want 12 or more, simulated", len(doc.Cells), doc.Simulated)
	}
	store, err := openStore(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Cells {
		if c.Status != "published" {
			t.Errorf("%s is %s: %v", c.ID, c.Status, c.Error)
			continue
		}
		checkRecord(t, store, c)
	}
	again := s.mustRun(0, s.demo())
	for _, c := range again.Cells {
		if c.Status != "cached" {
			t.Errorf("on the second run, %s is %s", c.ID, c.Status)
		}
	}
}

// checkRecord reads a published record back and holds everything that it says
// against the bytes in the store.
func checkRecord(t *testing.T, store artifact.Store, c report.RunCell) {
	t.Helper()
	model, _, _ := strings.Cut(c.ID, "/")
	m, err := artifact.ReadManifest(t.Context(), store, artifact.RecordKey(model, c.Key))
	if err != nil {
		t.Error(err)
		return
	}
	if m.Cell != c.ID || m.Engine.SHA256 != c.Engine.SHA256 {
		t.Errorf("%s: the manifest is of %s with engine %s, the run said %s", c.ID, m.Cell, m.Engine.SHA256, c.Engine.SHA256)
	}
	for _, b := range append(slices.Clone(m.Blobs), m.Engine) {
		checkBlob(t, store, c.ID, b)
	}
	info, err := store.Stat(t.Context(), m.Engine.Path)
	if err != nil {
		t.Error(err)
		return
	}
	for name, want := range map[string]string{"md5": m.Engine.MD5, "sha256": m.Engine.SHA256, "gpu": m.GPU.Target, "sm": m.GPU.SM,
		"tensorrt": m.TensorRT.Engine} {
		if got := info.Meta[name]; got != want {
			t.Errorf("%s: metadata %s is %q, want %q", c.ID, name, got, want)
		}
	}
	// Blobs are by content: one that an unfinished run left is as good as new.
	if at, err := time.Parse(time.RFC3339, info.Meta["built-at"]); err != nil || at.After(m.BuiltAt) {
		t.Errorf("%s: metadata built-at is %q, the record's is %s", c.ID, info.Meta["built-at"], m.BuiltAt)
	}
	if !m.Simulated || m.Image.Digest == "" || len(m.Verified) == 0 || m.GPU.UUID == "" || len(m.Argv) == 0 {
		t.Errorf("%s: the manifest lacks facts: %+v", c.ID, m)
	}
}

func checkBlob(t *testing.T, store artifact.Store, cell string, b artifact.Blob) {
	t.Helper()
	d := digestOf(t, store, b.Path)
	if d.Size != b.Size || d.MD5 != b.MD5 || d.SHA256 != b.SHA256 {
		t.Errorf("%s: %s has %d bytes, md5 %s, sha256 %s; the manifest says %d, %s, %s", cell, b.Path, d.Size, d.MD5, d.SHA256, b.Size, b.MD5, b.SHA256)
	}
	if b.Role != "" {
		return
	}
	file, err := engine.Inspect(object{t.Context(), store, b.Path}, d.Size)
	if err != nil || file.Kind != engine.Plan || !file.Simulated || file.Truncated {
		t.Errorf("%s: the stored engine is %+v, %v", cell, file, err)
	}
}

// digestOf reads an object, however large, to its end.
func digestOf(t *testing.T, store artifact.Store, key string) artifact.Digest {
	t.Helper()
	body, err := store.Open(t.Context(), key, 0)
	if err != nil {
		t.Error(err)
		return artifact.Digest{}
	}
	defer body.Close()
	d, err := artifact.Sum(body)
	if err != nil {
		t.Errorf("read %s: %v", key, err)
	}
	return d
}

// object is an object of a store that can be read at any place.
type object struct {
	ctx   context.Context
	store artifact.Store
	key   string
}

func (o object) ReadAt(p []byte, at int64) (int, error) {
	body, err := o.store.Open(o.ctx, o.key, at)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
