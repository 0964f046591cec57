package builder

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/engine"
)

const (
	passed = "echo '&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec'\n"
	loaded = "echo '[08/20/2024-10:00:00] [I] Engine deserialized in 0.01 sec.'\n"
)

// build is a task of one command.
func build(args ...string) Task {
	return Task{Cell: "c", Step: Build, Commands: []Command{{Name: "build", Args: append([]string{"trtexec"}, args...), Log: "logs/build.log"}}}
}

// printed returns what a command printed on a stream.
func (b *bench) printed(stream string) []string {
	var lines []string
	for _, e := range b.events {
		if e.Log != nil && (stream == "" || e.Log.Stream == stream) {
			lines = append(lines, e.Log.Text)
		}
	}
	return lines
}

func TestLogsAreCompleteAndInOrder(t *testing.T) {
	b := newBench(t, `i=0
while [ $i -lt 3000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done
printf 'no newline'
`+"\n")
	if r := b.run(build()); r.Error != nil {
		t.Fatal(r.Error)
	}
	for stream, prefix := range map[string]string{"stdout": "out", "stderr": "err"} {
		lines := b.printed(stream)
		if stream == "stdout" {
			if last := lines[len(lines)-1]; last != "no newline" {
				t.Errorf("the last line is %q", last)
			}
			lines = lines[:len(lines)-1]
		}
		if len(lines) != 3000 {
			t.Fatalf("%d lines on %s, want 3000", len(lines), stream)
		}
		for i, line := range lines {
			if want := fmt.Sprintf("%s %d", prefix, i); line != want {
				t.Fatalf("line %d of %s is %q, want %q", i, stream, line, want)
			}
		}
	}
	if kept, told := b.read("logs/build.log"), strings.Join(b.printed(""), "\n")+"\n"; kept != told {
		t.Errorf("the file holds %d bytes, events told %d", len(kept), len(told))
	}
}

func TestLongLinesAreCutBetweenCharacters(t *testing.T) {
	for name, unit := range map[string]string{"one byte": "a", "two bytes": "é", "three bytes": "€", "four bytes": "𝄞"} {
		t.Run(name, func(t *testing.T) {
			text := "x" + strings.Repeat(unit, 200<<10/len(unit))
			b := newBench(t, "cat text\n")
			b.write("text", text)
			if r := b.run(build()); r.Error != nil {
				t.Fatal(r.Error)
			}
			lines := b.printed("stdout")
			if len(lines) < 4 || strings.Join(lines, "") != text {
				t.Errorf("%d lines; together %d bytes, want %d unharmed", len(lines), len(strings.Join(lines, "")), len(text))
			}
			for i, line := range lines {
				if len(line) > maxLine || !utf8.ValidString(line) {
					t.Errorf("line %d has %d bytes, valid UTF-8: %v", i, len(line), utf8.ValidString(line))
				}
			}
		})
	}
}

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	b := newBench(t, `printf 'a\377b\r\n'`+"\n")
	if r := b.run(build()); r.Error != nil {
		t.Fatal(r.Error)
	}
	if got := b.printed("stdout"); len(got) != 1 || got[0] != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
}

func TestARunawayLogIsCutAndItsEndIsStillRead(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var last string
	c := newCapture("build", log, func(e Event) { last = e.Log.Text })
	c.written = maxLog - 10
	out := c.stream("stdout")
	fmt.Fprint(out, "short\na line that is too long by now\nmore\n&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec\n")
	if parsed := c.close(); parsed.Status != "PASSED" || c.err != nil {
		t.Errorf("status %q, %v; want PASSED", parsed.Status, c.err)
	}
	const want = "trtfarm: the log is longer than 256 MiB; the rest is not kept"
	if data, err := os.ReadFile(log.Name()); err != nil || string(data) != "short\n"+want+"\n" || last != want {
		t.Errorf("the file holds %q, %v; the last event is %q", data, err, last)
	}
}

func TestALogThatCannotBeWrittenIsTheWorkspacesFault(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	c := newCapture("build", full, func(Event) {})
	fmt.Fprintln(c.stream("stdout"), "text")
	c.close()
	if c.err == nil {
		t.Error("writing to a full disk is no error")
	}
}

func TestExitCodes(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		exit   int
	}{
		"success":                     {passed, 0},
		"a code of its own":           {"exit 3\n", 3},
		"killed from outside":         {"kill -KILL $$\n", 137},
		"crashed":                     {"kill -SEGV $$\n", 139},
		"told to stop":                {"kill -TERM $$\n", 143},
		"the shell says 128 + signal": {"sh -c 'kill -KILL $$'; exit $?\n", 137},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.script)
			r := b.run(build())
			if r.Error != nil || len(r.Commands) != 1 || r.Commands[0].Exit != tc.exit {
				t.Fatalf("%+v, %+v; want exit %d", r.Commands, r.Error, tc.exit)
			}
			if diagnosed := r.Commands[0].Verdict != nil; diagnosed != (tc.exit != 0) {
				t.Errorf("diagnosed: %v", diagnosed)
			}
		})
	}
}

func TestAFailedCommandIsDiagnosedFromItsWholeLog(t *testing.T) {
	b := newBench(t, `echo '[08/20/2024-10:00:00] [E] Error[2]: [virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory (Requested size was 17179869184 bytes.)'
echo '&&&& FAILED TensorRT.trtexec [TensorRT v100300] # trtexec'
exit 1
`)
	r := b.run(build())
	if v := r.Commands[0].Verdict; v == nil || v.Cause != "gpu-oom" {
		t.Errorf("verdict %+v, want gpu-oom", v)
	}
}

func TestWhatFollowsAFailedCommandIsNotRun(t *testing.T) {
	b := newBench(t, "exit 1\n")
	b.write("engine.plan", "x")
	task := build()
	task.Commands = append(task.Commands, task.Commands[0])
	task.Store, task.Engine, task.Publish = "x", "engine.plan", []Upload{{Path: "engine.plan"}}
	r := b.run(task)
	if len(r.Commands) != 1 || r.Digest != nil || len(r.Blobs) != 0 {
		t.Errorf("%+v: want the first command alone", r)
	}
	if r.Engine == nil || r.Engine.Kind == engine.Plan {
		t.Errorf("the engine is %+v: want what the failed command left, described", r.Engine)
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	b := newBench(t, "")
	task := build()
	task.Commands[0].Args[0] = "no-such-trtexec"
	wantError(t, b.run(task), "tool", "no-such-trtexec is neither on the PATH", "/opt/tensorrt/bin")

	b.agent.Confine = []string{"/no/such/confine", "--"}
	wantError(t, b.run(build()), "tool", "start ", "/no/such/confine")
}

func TestTheConfiningProgramComesFirst(t *testing.T) {
	b := newBench(t, `echo "args: $*"`+"\n")
	b.agent.Confine = []string{"env", "MARK=confined"}
	task := build("--onnx=model/m.onnx", "--fp16")
	task.Commands[0].Dir = "run/static"
	b.run(task)
	if got := b.printed("stdout"); len(got) != 1 || got[0] != "args: --onnx=model/m.onnx --fp16" {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "run/static")); err != nil {
		t.Errorf("the working directory was not made: %v", err)
	}
}

// gone waits until the process whose number is in a file of the workspace has
// ended, as a zombie at most.
func (b *bench) gone(name string) {
	b.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(b.read(name)))
	if err != nil {
		b.t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	b.t.Errorf("process %d (%s) still runs", pid, name)
}

func TestATimeoutEndsTheWholeProcessGroup(t *testing.T) {
	b := newBench(t, `sh -c 'trap "" TERM; echo $$ > child; exec sleep 1000' &
while [ ! -s child ]; do sleep 0.01; done
echo $$ > self
echo ready
exec sleep 1000
`)
	task := build()
	task.Timeout = time.Second
	start := time.Now()
	r := b.run(task)
	wantError(t, r, "timeout", "it took longer than 1s and was ended")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	b.gone("self")
	b.gone("child")
	if len(r.Commands) != 1 || r.Commands[0].Exit != 137 || b.read("logs/build.log") != "ready\n" {
		t.Errorf("commands %+v, log %q", r.Commands, b.read("logs/build.log"))
	}
}

func TestAChildThatHoldsThePipesKeepsNobodyWaiting(t *testing.T) {
	b := newBench(t, "sleep 1000 &\necho $! > child\n"+passed)
	start := time.Now()
	r := b.run(build())
	if r.Error != nil || !r.Commands[0].ran() {
		t.Fatalf("%+v %+v", r.Error, r.Commands)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	b.gone("child")
}
