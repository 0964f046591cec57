package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/verify"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what write writes with a file of testdata.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got.Bytes(), want)
	}
	for line := range strings.Lines(got.String()) {
		if trimmed := strings.TrimRight(line, "\n"); strings.TrimRight(trimmed, " ") != trimmed {
			t.Errorf("trailing space in %q", line)
		}
	}
	for n := range 3 { // every error of writing is told
		if err := write(&fails{after: n}); err == nil {
			t.Errorf("the error of write %d was lost", n)
		}
	}
}

// fails takes some writes and then no more.
type fails struct{ after int }

func (f *fails) Write(p []byte) (int, error) {
	if f.after == 0 {
		return 0, errors.New("disk full")
	}
	f.after--
	return len(p), nil
}

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

const (
	one = "mnist/24.08-py3/t4/fp16"
	two = "bert-toy/24.08-py3/a100/fp16"
)

func TestProgressIsOneLineForEachChange(t *testing.T) {
	lost := fault.New(fault.Environment, "runner", "look", "build of %s: connection reset", one)
	golden(t, "progress", func(w io.Writer) error {
		var errs firstError
		p := &Plain{W: &errs, Start: start, Total: 4, Width: len(two)}
		errs.w = w
		for _, e := range []farm.Event{
			{Time: at(0.04), Note: "make reference outputs of mnist for static"},
			{Time: at(0.1), Cell: one, State: farm.Queued},
			{Time: at(0.1), Cell: one, State: farm.Fetching, Runner: "gpu-a"},
			{Time: at(0.5), Cell: one, State: farm.Waiting, Runner: "gpu-a"},
			{Time: at(0.6), Cell: one, State: farm.Building, Runner: "gpu-a", Device: "0"},
			{Time: at(0.7), Cell: one, Log: &builder.LogLine{Text: "[I] of trtexec"}},
			{Time: at(1), Cell: one, Note: "publish engine.plan, 300 MiB"},
			{Time: at(61.25), Cell: one, State: farm.Retrying, Runner: "gpu-a", Fault: lost, Note: "try 2 of 3 in 1s"},
			{Time: at(3599.99), Cell: one, State: farm.Published, Seconds: 3598.2},
			{Time: at(3600), Cell: two, State: farm.Failed, Seconds: 12, Fault: fault.New(fault.Build, "gpu-oom", "", "no\nmemory")},
			{Time: at(3601), Cell: "a/b/t4/fp16", State: farm.Cached},
			{Time: at(36000), Cell: "c/d/t4/fp16", State: farm.Cancelled, Fault: fault.New(fault.Interrupted, "cancelled", "", "stop")},
			{Time: at(36001), Note: "first line\nsecond line"},
		} {
			p.Event(e)
		}
		return errs.err
	})
}

// firstError keeps the first error of a writer whose user does not look at it.
type firstError struct {
	w   io.Writer
	err error
}

func (f *firstError) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if f.err == nil {
		f.err = err
	}
	return n, err
}

func record() *artifact.Manifest {
	sum := func(c string) string { return strings.Repeat(c, 64) }
	return &artifact.Manifest{
		Version: 1, Cell: two, Key: sum("a"), Model: "bert-toy", Release: "1.0.0", Simulated: true, BuiltAt: start,
		Engine:    artifact.Blob{Path: "blobs/sha256/bb/" + sum("b"), Size: 289_000, MD5: sum("c")[:32], SHA256: sum("b")},
		GPU:       artifact.GPU{Target: "A100", Product: "NVIDIA A100-SXM4-40GB", UUID: "GPU-1", SM: "8.0", SMs: 108, MemoryMiB: 40326},
		Image:     artifact.Image{Ref: "nvcr.io/nvidia/tensorrt:24.08-py3", Digest: "sha256:" + sum("d"), VerifyRef: "deploy:1", VerifyDigest: "sha256:" + sum("e")},
		TensorRT:  artifact.Measured{Declared: "10.3.0.26", Engine: "10.3.0.26"},
		Precision: artifact.Precision{Asked: "fp16", Promise: "kept", Obtained: map[string]int64{"fp16": 40, "fp32": 2, "int32": 1}},
		Argv:      []string{"trtexec", "--onnx=model/model.onnx", "--fp16"},
		Source:    artifact.Source{Model: "models/bert-toy/model.onnx", SHA256: sum("1"), Digest: sum("2"), Commit: "0123abcd"},
		Profiles: []artifact.Profile{{Name: "small", Shapes: []artifact.Shape{
			{Input: "input_ids", Min: []int64{1, 8}, Opt: []int64{1, 16}, Max: []int64{4, 32}},
			{Input: "mask", Min: []int64{1, 8}, Opt: []int64{1, 16}, Max: []int64{4, 32}}}}},
		Verified: []verify.Result{
			{Case: "small/min", Loaded: true, Passed: true, LatencyMs: verify.Latency{Mean: 1.25, P99: 2.5}, Outputs: []verify.Errors{
				{Output: "start", Elements: 8, MaxAbs: 0.00027, MeanAbs: 0.0001, P99Abs: 0.0002, Cosine: 0.9999996, Abs: 0.05, Rel: 0.02, Passed: true}}},
			{Case: "small/max", Loaded: true, Passed: true, LatencyMs: verify.Latency{Mean: 12.5, P99: 25}, Outputs: []verify.Errors{
				{Output: "start", Elements: 128, Cosine: 1, Abs: 0.05, Rel: 0.02, Passed: true}}},
		},
		Blobs:   []artifact.Blob{{Role: "build.log", Path: "blobs/sha256/f0/f0", Size: 5700}, {Role: "verify-small-min.log", Path: "blobs/sha256/f1/f1", Size: 12}},
		Seconds: artifact.Durations{Fetch: 0.2, Build: 61.5, Verify: 12.04, Publish: 1}, Runner: "gpu-a", Trtfarm: "v1", Run: "20261120T120000Z-01020304",
	}
}

func outcomes() []farm.Outcome {
	wide := fault.New(fault.Build, "gpu-oom", "lower workspace\nor use a bigger GPU", "build of %s (build): the GPU ran out of memory\n(line 7)", one)
	refused := func(id string) farm.Outcome {
		return farm.Outcome{ID: id, State: farm.Refused, Fault: fault.New(fault.NoRunner, "no-runner", "add one", "%s: no runner has a H100", id)}
	}
	otherwise := fault.New(fault.NoRunner, "no-runner", "add one", "p/24.08-py3/b200/fp16: the only runner with a B200 is lost")
	real := record()
	real.Simulated = false
	return []farm.Outcome{
		{ID: two, Key: record().Key, State: farm.Published, Seconds: 75.04, Record: record()},
		{ID: one, Key: strings.Repeat("9", 64), State: farm.Failed, Seconds: 12, Fault: wide, Log: "/cache/runs/r/mnist"},
		refused("m/24.08-py3/h100/fp16"), refused("m/24.08-py3/h100/fp32"),
		{ID: "n/24.08-py3/t4/fp16", Key: strings.Repeat("8", 64), State: farm.Cached, Seconds: 0.01, Record: real},
		{ID: "p/24.08-py3/b200/fp16", State: farm.Refused, Fault: otherwise},
		refused("m/24.08-py3/h100/int8"),
		{ID: "o/24.08-py3/t4/fp16", State: farm.Cancelled, Fault: fault.New(fault.Interrupted, "cancelled", "run again", "stop")},
	}
}

func TestSummary(t *testing.T) {
	golden(t, "summary", func(w io.Writer) error {
		return Summary(w, "20261120T120000Z-01020304", "s3://engines/prod", outcomes())
	})
}

func TestSummaryOfRealEnginesDoesNotMentionSimulation(t *testing.T) {
	out := outcomes()[:1]
	out[0].Record.Simulated = false
	var b bytes.Buffer
	if err := Summary(&b, "r", "s", out); err != nil || strings.Contains(b.String(), "simulated") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestList(t *testing.T) {
	real := record()
	real.Cell, real.Simulated = one, false
	golden(t, "list", func(w io.Writer) error { return List(w, "s3://engines/prod", []*artifact.Manifest{record(), real}) })
}

func TestShortListsReadWell(t *testing.T) {
	var none, single bytes.Buffer
	if err := errors.Join(List(&none, "file:/s", nil), List(&single, "file:/s", []*artifact.Manifest{record()})); err != nil {
		t.Fatal(err)
	}
	if none.String() != "no records in file:/s\n" || !strings.HasSuffix(single.String(), "\n1 record in file:/s\n") {
		t.Errorf("got\n%s\nand\n%s", none.String(), single.String())
	}
}

func TestRecordPage(t *testing.T) {
	golden(t, "record", func(w io.Writer) error { return Record(w, "s3://engines/prod", record()) })
	bare := record()
	bare.Simulated, bare.Profiles, bare.Verified, bare.Blobs, bare.Precision = false, nil, nil, nil, artifact.Precision{Asked: "fp16", Promise: "unknown", Why: "the engine names no types"}
	bare.GPU.UUID, bare.Image.VerifyDigest, bare.Image.VerifyRef, bare.Source.Commit = "", "", "", ""
	golden(t, "record-bare", func(w io.Writer) error { return Record(w, "file:/store", bare) })
}

func TestVerifiedSaysWhatIsWrong(t *testing.T) {
	cases := slices.Clone(record().Verified)
	cases[0].Outputs = []verify.Errors{
		{Output: "start", Elements: 8, MaxAbs: 1.5, Over: 3, Abs: 0.05, Rel: 0.02},
		{Output: "end", Elements: 8, NaN: 2, Inf: 1, Over: 3, Abs: 0.05, Rel: 0.02},
		{Output: "pooled", Abs: 0.05, Rel: 0.02},
	}
	cases = append(cases, verify.Result{Case: "large/opt"})
	golden(t, "verified", func(w io.Writer) error { return Verified(w, cases) })
	var none bytes.Buffer
	if err := Verified(&none, nil); err != nil || none.Len() > 0 {
		t.Errorf("no cases: %v, %q", err, none.String())
	}
}

func TestTheDocumentOfARunKeepsItsNames(t *testing.T) {
	golden(t, "run.json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return errors.Join(e.Encode(NewRun("20261120T120000Z-01020304", "s3://engines/prod", start, at(90), false, outcomes())), writesAtLeast(w, 3))
	})
	doc := NewRun("r", "s", start, start, true, nil)
	if text, err := json.Marshal(doc); err != nil || !doc.Simulated || !strings.Contains(string(text), `"cells":[]`) {
		t.Errorf("a run of nothing: %s, %v; want simulated and an empty list", text, err)
	}
}

// writesAtLeast reports the errors that a document written in one piece would
// have met later.
func writesAtLeast(w io.Writer, n int) error {
	for range n {
		if _, err := w.Write(nil); err != nil {
			return err
		}
	}
	return nil
}

func TestExitCodeOfARun(t *testing.T) {
	failed := func(codes ...fault.Code) (out []farm.Outcome) {
		for _, c := range codes {
			o := farm.Outcome{State: farm.Published}
			if c != fault.OK {
				o = farm.Outcome{State: farm.Failed, Fault: &fault.Fault{Code: c}}
			}
			out = append(out, o)
		}
		return out
	}
	for name, tc := range map[string]struct {
		out  []farm.Outcome
		want fault.Code
	}{
		"nothing to do":          {nil, fault.OK},
		"all is well":            {failed(fault.OK, fault.OK), fault.OK},
		"one kind of failure":    {failed(fault.OK, fault.Load, fault.Load), fault.Load},
		"several kinds":          {failed(fault.Load, fault.Build), fault.Several},
		"an interruption":        {failed(fault.Load, fault.Interrupted, fault.Build), fault.Interrupted},
		"stopped by --fail-fast": {append(failed(fault.Load), farm.Outcome{State: farm.Cancelled, Fault: &fault.Fault{Code: fault.OK}}), fault.Load},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Code(tc.out); got != tc.want {
				t.Errorf("code %d, want %d", got, tc.want)
			}
		})
	}
}

func TestTableAlignsWhatItIsGiven(t *testing.T) {
	for name, tc := range map[string]struct {
		table Table
		want  string
	}{
		"nothing":                  {Table{}, ""},
		"no heading":               {Table{Rows: [][]string{{"a", "b"}, {"ccc", "d"}}}, "a    b\nccc  d\n"},
		"characters, not bytes":    {Table{Head: []string{"é", "x"}, Rows: [][]string{{"ab", "y"}}}, "é   x\nab  y\n"},
		"rows of their own length": {Table{Indent: "  ", Head: []string{"A"}, Rows: [][]string{{"b", "c"}, {}}}, "  A\n  b  c\n\n"},
		"a cell stays on its line": {Table{Rows: [][]string{{"a\nb\tc", "d"}, {"e", "f"}}}, "a\\nb c  d\ne       f\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := tc.table.Write(&b); err != nil || b.String() != tc.want {
				t.Errorf("%v, got\n%s\nwant\n%s", err, b.String(), tc.want)
			}
		})
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 3 << 50: "3072.0 TiB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNoControlCharacterReachesTheTerminal(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"text as it is":               {"engine é € 𝄞 日本\n\tnext", "engine é € 𝄞 日本\n\tnext"},
		"colours":                     {"\x1b[31mred", `\u001b[31mred`},
		"a line that hides another":   {"ok\rFAILED", `ok\u000dFAILED`},
		"a bell, a backspace, delete": {"\a\b\x7f", `\u0007\u0008\u007f`},
		"the 8-bit control sequence":  {"\u009b31m", `\u009b31m`},
		"text that runs backwards":    {"\u202egnp.exe", `\u202egnp.exe`},
		"a separator of lines":        {"a\u2028b", `a\u2028b`},
		"bytes that are no text":      {"a\xffb", "a\uFFFDb"},
		"a character cut in two":      {"a\xe2\x82", "a"}, // whose end never comes
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(tc.in); size++ {
				var b bytes.Buffer
				w := Safe(&b)
				for piece := range slices.Chunk([]byte(tc.in), size) {
					if n, err := w.Write(piece); n != len(piece) || err != nil {
						t.Fatalf("Write = %d, %v", n, err)
					}
				}
				if b.String() != tc.want {
					t.Errorf("in pieces of %d: %q, want %q", size, b.String(), tc.want)
				}
			}
		})
	}
	if _, err := Safe(&fails{}).Write([]byte("x")); err == nil {
		t.Error("an error of the writer was lost")
	}
}

func FuzzSafe(f *testing.F) {
	f.Add([]byte("plain\n\x1b[2J\u009b\u202e\xff"), 3)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var whole, pieces bytes.Buffer
		if _, err := Safe(&whole).Write(data); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			w := Safe(&pieces)
			for piece := range slices.Chunk(data, size) {
				if _, err := w.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(whole.Bytes(), pieces.Bytes()) {
				t.Errorf("at once %q, in pieces of %d %q", whole.Bytes(), size, pieces.Bytes())
			}
		}
		for _, r := range whole.String() {
			if harmful(r) {
				t.Errorf("%q passed", r)
			}
		}
		// A JSON document means the same afterwards.
		text, err := json.Marshal(string(data))
		if err != nil {
			t.Fatal(err)
		}
		var clean bytes.Buffer
		if _, err := Safe(&clean).Write(text); err != nil {
			t.Fatal(err)
		}
		var was, is string
		if err := json.Unmarshal(text, &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(clean.Bytes(), &is); err != nil || is != was {
			t.Errorf("%s became %s, %v", text, clean.Bytes(), err)
		}
	})
}

func TestEventsAreJSONLinesWithoutTheLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.jsonl")
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(file); err == nil {
		t.Error("a second journal took the place of the first")
	}
	j.Event(farm.Event{Time: start, Run: "r", Cell: one, State: farm.Failed, Fault: fault.New(fault.Build, "gpu-oom", "f", "m")})
	j.Event(farm.Event{Time: start, Run: "r", Cell: one, Log: &builder.LogLine{Text: "not kept"}})
	j.Event(farm.Event{Time: start, Run: "r", Note: "over"})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	const want = `{"time":"2026-11-20T12:00:00Z","run":"r","cell":"mnist/24.08-py3/t4/fp16","state":"failed","error":{"code":3,"cause":"gpu-oom","message":"m","fix":"f"}}
{"time":"2026-11-20T12:00:00Z","run":"r","note":"over"}
`
	if err != nil || string(data) != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, data, want)
	}
	broken := NewEvents(iotest.TruncateWriter(&fails{}, 1))
	broken.Event(farm.Event{Note: "x"})
	if broken.err == nil {
		t.Error("the error of writing an event was lost")
	}
}
