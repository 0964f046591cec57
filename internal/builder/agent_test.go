package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// bench is an agent with a workspace, a store, and a shell script that stands as
// trtexec.
type bench struct {
	t      *testing.T
	dir    string
	store  artifact.Store
	agent  Agent
	events []Event
}

// newBench makes a bench whose trtexec runs script.
func newBench(t *testing.T, script string) *bench {
	t.Helper()
	store, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: t.TempDir(), store: store}
	b.agent = Agent{Dir: b.dir, OpenStore: func(context.Context, string) (artifact.Store, error) { return store, nil }}
	tools := t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "trtexec"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	return b
}

func (b *bench) run(task Task) Result {
	b.t.Helper()
	return b.agent.Run(b.t.Context(), task, func(e Event) { b.events = append(b.events, e) })
}

// write makes a file of the workspace.
func (b *bench) write(name, text string) {
	b.t.Helper()
	at := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// put publishes text and returns how to fetch it.
func (b *bench) put(text, path string) Download {
	b.t.Helper()
	blob, err := artifact.PutBytes(b.t.Context(), b.store, []byte(text), "")
	if err != nil {
		b.t.Fatal(err)
	}
	return Download{Key: blob.Path, Path: path, Size: blob.Size, SHA256: blob.SHA256}
}

// object reads an object of the store.
func (b *bench) object(key string) string {
	b.t.Helper()
	body, err := b.store.Open(b.t.Context(), key, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// wantError fails unless the task ended with an error of that kind that says all
// of the parts.
func wantError(t *testing.T, r Result, kind string, parts ...string) {
	t.Helper()
	if r.Error == nil || r.Error.Kind != kind {
		t.Fatalf("the task ended with %+v, want an error of kind %s", r.Error, kind)
	}
	for _, part := range parts {
		if !strings.Contains(r.Error.Message, part) {
			t.Errorf("error %q lacks %q", r.Error.Message, part)
		}
	}
}

func sha(text string) string {
	d, _ := artifact.Sum(strings.NewReader(text))
	return d.SHA256
}

func TestFetchTakesOnlyWhatWasMeant(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Download)
		kind   string // "" when the file must arrive
		says   string
	}{
		"the blob that was meant": {func(*Download) {}, "", ""},
		"another digest":          {func(d *Download) { d.SHA256 = sha("other") }, "store", "SHA-256 is " + sha("weights")},
		"fewer bytes than said":   {func(d *Download) { d.Size++ }, "store", "size is 7, should be 8"},
		"more bytes than said":    {func(d *Download) { d.Size = 3 }, "store", "size is 4, should be 3"},
		"a blob that is not there": {func(d *Download) { d.Key = artifact.BlobKey(sha("nothing")) },
			"store", "fetch model/m.onnx: "},
		"a path out of the workspace": {func(d *Download) { d.Path = "../m.onnx" }, "workspace", "escapes"},
		"an absolute path":            {func(d *Download) { d.Path = "/tmp/m.onnx" }, "workspace", "escapes"},
		"a folder as the path":        {func(d *Download) { d.Path = "taken" }, "workspace", "taken"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.write("taken/by", "a file")
			d := b.put("weights", "model/m.onnx")
			tc.change(&d)
			r := b.run(Task{Step: Fetch, Store: "x", Fetch: []Download{d}})
			if tc.kind != "" {
				wantError(t, r, tc.kind, tc.says)
				return
			}
			if r.Error != nil || b.read(d.Path) != "weights" {
				t.Errorf("%+v, file %q", r.Error, b.read(d.Path))
			}
		})
	}
}

// What a plugin leaves in the workspace must not lead the agent anywhere.
func TestNoLinkLeadsOutOfTheWorkspace(t *testing.T) {
	const passed = "echo '&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec'\n"
	for name, tc := range map[string]struct {
		link string // points to the secret file, or "link/" to its folder
		task func(*bench) Task
	}{
		"publish a linked file": {"engine.plan", func(*bench) Task {
			return Task{Store: "x", Publish: []Upload{{Path: "engine.plan"}}}
		}},
		"publish an optional linked file": {"layers.json", func(*bench) Task {
			return Task{Store: "x", Publish: []Upload{{Path: "layers.json", Optional: true}}}
		}},
		"publish below a linked folder": {"logs/", func(*bench) Task {
			return Task{Store: "x", Publish: []Upload{{Path: "logs/secret"}}}
		}},
		"describe a linked engine": {"engine.plan", func(*bench) Task { return Task{Step: Verify, Engine: "engine.plan"} }},
		"fetch below a linked folder": {"model/", func(b *bench) Task {
			return Task{Store: "x", Fetch: []Download{b.put("weights", "model/secret")}}
		}},
		"log below a linked folder": {"logs/", func(*bench) Task {
			return Task{Commands: []Command{{Name: "build", Args: []string{"trtexec"}, Log: "logs/secret"}}}
		}},
		"work in a linked folder": {"run/", func(*bench) Task {
			return Task{Commands: []Command{{Name: "build", Args: []string{"trtexec"}, Dir: "run/a", Log: "logs/build.log"}}}
		}},
		"convert a linked input": {"ref/", func(*bench) Task {
			return Task{Commands: []Command{{Name: "build", Args: []string{"trtexec"}, Log: "logs/build.log",
				Cast: []Cast{{From: "ref/secret", To: "cast.raw", Type: "int64-int32"}}}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, passed)
			outside := t.TempDir()
			secret := filepath.Join(outside, "secret")
			if err := os.WriteFile(secret, []byte("12345678"), 0o644); err != nil {
				t.Fatal(err)
			}
			target := secret
			if strings.HasSuffix(tc.link, "/") {
				target = outside
			}
			if err := os.Symlink(target, filepath.Join(b.dir, strings.TrimSuffix(tc.link, "/"))); err != nil {
				t.Fatal(err)
			}
			r := b.run(tc.task(b))
			wantError(t, r, "workspace", "escapes")
			if data, err := os.ReadFile(secret); err != nil || string(data) != "12345678" {
				t.Errorf("the file outside is %q, %v", data, err)
			}
			if names, _ := os.ReadDir(outside); len(names) != 1 {
				t.Errorf("files were made outside: %v", names)
			}
			if len(r.Blobs) > 0 || r.Digest != nil || r.Engine != nil {
				t.Errorf("the file outside was read: %+v", r)
			}
		})
	}
}

func TestALinkIsReplacedAndNotFollowed(t *testing.T) {
	b := newBench(t, "echo hello\n")
	outside := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(outside, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"weights", "log"} {
		if err := os.Symlink(outside, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := b.run(Task{Store: "x", Fetch: []Download{b.put("new", "weights")},
		Commands: []Command{{Name: "build", Args: []string{"trtexec"}, Log: "log"}}})
	if r.Error != nil || b.read("weights") != "new" || b.read("log") != "hello\n" {
		t.Errorf("%+v: weights %q, log %q", r.Error, b.read("weights"), b.read("log"))
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "untouched" {
		t.Errorf("the file outside is %q, %v", data, err)
	}
}

func TestAPipeInPlaceOfAFileKeepsNobodyWaiting(t *testing.T) {
	for name, task := range map[string]Task{
		"publish":  {Store: "x", Publish: []Upload{{Path: "pipe"}}},
		"describe": {Step: Verify, Engine: "pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe"), 0o644); err != nil {
				t.Fatal(err)
			}
			done := make(chan Result)
			go func() { done <- b.run(task) }()
			select {
			case r := <-done:
				wantError(t, r, "workspace", "pipe is not a regular file")
			case <-time.After(10 * time.Second):
				t.Fatal("the agent waits for somebody to write")
			}
		})
	}
}

func TestPublish(t *testing.T) {
	meta := map[string]string{"gpu": "T4"}
	for name, tc := range map[string]struct {
		upload Upload
		kind   string // "" when it must succeed
		says   string
		blobs  int
	}{
		"a file":                      {Upload{Path: "engine.plan", Role: "r", Meta: meta}, "", "", 1},
		"the engine that was proven":  {Upload{Path: "engine.plan", SHA256: sha("engine")}, "", "", 1},
		"an engine that was changed":  {Upload{Path: "engine.plan", SHA256: sha("another")}, "changed", "engine.plan was changed after it was verified", 0},
		"an optional file, not there": {Upload{Path: "layers.json", Optional: true}, "", "", 0},
		"a file that must be there":   {Upload{Path: "layers.json"}, "workspace", "layers.json", 0},
		"a folder":                    {Upload{Path: "folder"}, "workspace", "folder is not a regular file", 0},
		"a path that leads out":       {Upload{Path: "../engine.plan"}, "workspace", "escapes", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.write("engine.plan", "engine")
			b.write("folder/file", "x")
			r := b.run(Task{Step: Publish, Store: "x", Publish: []Upload{tc.upload}})
			if tc.kind != "" {
				wantError(t, r, tc.kind, tc.says)
			} else if r.Error != nil {
				t.Fatalf("%+v", r.Error)
			}
			if len(r.Blobs) != tc.blobs {
				t.Fatalf("%d blobs, want %d", len(r.Blobs), tc.blobs)
			}
			if tc.blobs == 0 {
				return
			}
			blob := r.Blobs[0]
			want := artifact.Digest{Size: 6, SHA256: sha("engine")}
			if err := want.Expect(blob.Digest()); err != nil || blob.Role != tc.upload.Role || b.object(blob.Path) != "engine" {
				t.Errorf("blob %+v, %v", blob, err)
			}
			info, err := b.store.Stat(t.Context(), blob.Path)
			if err != nil || info.Meta["sha256"] != want.SHA256 || info.Meta["md5"] != blob.MD5 || info.Meta["gpu"] != tc.upload.Meta["gpu"] {
				t.Errorf("metadata %v, %v", info.Meta, err)
			}
		})
	}
}

func TestAStoreThatDoesNotOpenIsTheStoresFault(t *testing.T) {
	b := newBench(t, "")
	b.agent.OpenStore = func(context.Context, string) (artifact.Store, error) { return nil, fmt.Errorf("no credentials") }
	wantError(t, b.run(Task{Step: Fetch, Store: "s3://b"}), "store", "no credentials")
}

func TestAWorkspaceThatIsGoneIsTheWorkspacesFault(t *testing.T) {
	b := newBench(t, "")
	b.agent.Dir = filepath.Join(b.dir, "gone")
	wantError(t, b.run(Task{Step: Build}), "workspace", "gone")
}

func TestACommandThatFailedOnAFullDiskFailedForTheDisk(t *testing.T) {
	b := newBench(t, "exit 1\n")
	if err := syscall.Mount("tmpfs", b.dir, "tmpfs", 0, "size=512k"); err != nil {
		testbed.Missing(t, "no right to mount a file system: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(b.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	wantError(t, b.run(build()), "disk", "KiB of disk left", "no space left on device")
}

func TestLargeTransfersAreAnnounced(t *testing.T) {
	b := newBench(t, "")
	f, err := os.Create(filepath.Join(b.dir, "engine.plan"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(slow); err != nil {
		t.Fatal(err)
	}
	f.Close()
	b.write("small", "x")
	up := b.run(Task{Store: "x", Publish: []Upload{{Path: "small"}, {Path: "engine.plan"}}})
	if up.Error != nil {
		t.Fatal(up.Error)
	}
	blob := up.Blobs[1]
	b.run(Task{Store: "x", Fetch: []Download{{Key: blob.Path, Path: "again", Size: blob.Size, SHA256: blob.SHA256}}})
	var notes []string
	for _, e := range b.events {
		notes = append(notes, e.Note)
	}
	if want := []string{"publish engine.plan, 128 MiB", "fetch again, 128 MiB"}; !slices.Equal(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

func TestTheEngineIsDescribedByItsOwnBytes(t *testing.T) {
	const layers = `{"Layers": [{"Name": "conv", "LayerType": "Convolution", "Inputs": [{"Name": "x", "Dimensions": [1,3], "Format/Datatype": "Half"}],
		"Outputs": [{"Name": "y", "Dimensions": [1,3], "Format/Datatype": "Half"}]}], "Bindings": ["x", "y"]}`
	for name, tc := range map[string]struct {
		files  map[string]string
		step   Step
		kind   engine.Kind
		digest string // "" for none
		layers int64
	}{
		"nothing was written":        {nil, Build, "", "", 0},
		"an empty file":              {map[string]string{"engine.plan": ""}, Build, engine.Empty, "", 0},
		"hashed where it was proven": {map[string]string{"engine.plan": "what"}, Verify, engine.Unknown, sha("what"), 0},
		"not hashed before":          {map[string]string{"engine.plan": "what"}, Build, engine.Unknown, "", 0},
		"layers are counted":         {map[string]string{"engine.plan": "what", "layers.json": layers}, Build, engine.Unknown, "", 1},
		"broken layers are no fault": {map[string]string{"engine.plan": "what", "layers.json": layers[:50]}, Build, engine.Unknown, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			for file, text := range tc.files {
				b.write(file, text)
			}
			r := b.run(Task{Step: tc.step, Engine: "engine.plan"})
			if r.Error != nil {
				t.Fatal(r.Error)
			}
			if tc.kind == "" && r.Engine == nil {
				return
			}
			if r.Engine == nil || r.Engine.Kind != tc.kind || r.Layers["fp16"] != tc.layers {
				t.Errorf("engine %+v, layers %v; want kind %s, %d", r.Engine, r.Layers, tc.kind, tc.layers)
			}
			if got := r.Digest; (got != nil) != (tc.digest != "") || got != nil && got.SHA256 != tc.digest {
				t.Errorf("digest %+v, want %q", got, tc.digest)
			}
		})
	}
}

func FuzzReadTask(f *testing.F) {
	f.Add([]byte(`{"cell":"m/24.08-py3/t4/fp16","step":"build","timeout":1800000000000,"commands":[{"name":"build","args":["trtexec"],"log":"logs/build.log","case":{"name":"static","profile":0,"inputs":null,"outputs":null}}],"engine":"engine.plan"}`))
	f.Add([]byte(`{"cell":"c","step":"publish","store":"file:/s","publish":[{"path":"engine.plan","role":"","meta":{"a":"b"}}]}`))
	f.Add([]byte(`{"cell":"c","step":"fetch","fetch":[{"key":"k","path":"p","size":1,"sha256":"s"}]}`))
	f.Add([]byte(`{"commands":[{"args":[]}]}`))
	f.Add([]byte(`{"new_field":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		task, err := ReadTask(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, c := range task.Commands {
			if len(c.Args) == 0 || c.Log == "" {
				t.Errorf("command %+v has no program or no log", c)
			}
		}
		once, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadTask(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("the task does not survive being written: %v\n%s", err, once)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("read back as\n%s, %v\nwas\n%s", twice, err, once)
		}
	})
}

func TestTasksThatNobodyCouldCarryOutAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ task, says string }{
		"a field of a later release": {`{"cell":"c","wipe":true}`, "wipe"},
		"a command without program":  {`{"step":"build","commands":[{"name":"x","log":"l"}]}`, "no program"},
		"a command without a log":    {`{"step":"build","commands":[{"name":"x","args":["trtexec"]}]}`, "no log"},
		"a transfer without a store": {`{"step":"fetch","fetch":[{"key":"k","path":"p"}]}`, "names no store"},
		"no task":                    {``, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadTask(strings.NewReader(tc.task)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error with %q", err, tc.says)
			}
		})
	}
}
