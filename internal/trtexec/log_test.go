package trtexec

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func readLog(t *testing.T, name string) Log {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := ReadLog(f)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func texts(lines []Line) []string {
	list := []string{}
	for _, l := range lines {
		list = append(list, fmt.Sprintf("%d %.40s", l.N, l.Text))
	}
	return list
}

func TestReadLogOfRealRuns(t *testing.T) {
	h100 := Device{Name: "NVIDIA H100 PCIe", UUID: "GPU-31e9692b-62b7-2d62-f0b1-f4195b568ac7", SM: "9.0", SMs: 114, MemoryMiB: 81081}
	for name, want := range map[string]Log{
		"10.16-load.log": {
			TensorRT: "10.16.1.11", Status: "PASSED", Device: Device{Name: h100.Name, UUID: h100.UUID, SM: h100.SM, SMs: 114, MemoryMiB: 81081},
			ThroughputQPS: 24896.9,
			Latency:       Summary{0.0383301, 0.0651855, 0.0387646, 0.0388184, 0.0388489, 0.0389404, 0.0390625},
			GPUCompute:    Summary{0.0383301, 0.0651855, 0.0387646, 0.0388184, 0.0388489, 0.0389404, 0.0390625},
		},
		"10.16-profiled.log": {
			TensorRT: "10.16.1.11", Status: "PASSED", Device: h100, EngineMiB: 6,
			Deserialized: true, DeserializeSeconds: 0.0258638, Forced: []string{"x"},
		},
		"10.16-forced-shape.log": {
			TensorRT: "10.16.1.11", Status: "PASSED", Device: h100, BuildSeconds: 8.05109, EngineMiB: 12.5765,
			Deserialized: true, DeserializeSeconds: 0.00188653, Skipped: true, Forced: []string{"x"},
		},
		"8.6-skip-inference.log": {
			TensorRT: "8.6.1", Status: "PASSED", Device: Device{Name: "NVIDIA GeForce RTX 3080", SM: "8.6", SMs: 68, MemoryMiB: 9976},
			BuildSeconds: 43.3106, EngineMiB: 5, Deserialized: true, DeserializeSeconds: 0.0070967, Skipped: true,
		},
		"8.5-build-and-run.log": {
			TensorRT: "8.5.10", Status: "PASSED", Device: Device{Name: "NVIDIA RTX 2000 Ada Generation Laptop GPU", SM: "8.9", SMs: 24, MemoryMiB: 8187},
			ThroughputQPS: 74.8273,
			Latency:       Summary{12.8588, 12.9963, 12.9076, 12.908, 12.9387, 12.9518, 12.9889},
			GPUCompute:    Summary{0.435181, 0.476135, 0.458685, 0.453613, 0.473145, 0.474121, 0.474121},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readLog(t, name); !reflect.DeepEqual(got, want) {
				t.Errorf("ReadLog\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestReadLogOfRealFailures(t *testing.T) {
	for name, want := range map[string]struct {
		version          string
		errors, failures []string
	}{
		"10.0-other-version.log": {"10.0.1",
			[]string{"2 Error[1]: [runtime.cpp::parsePlan::455] ", "3 Engine deserialization failed", "4 Got invalid engine!", "5 Inference set up failed"},
			[]string{"3 Engine deserialization failed", "4 Got invalid engine!", "5 Inference set up failed"}},
		"8.4-parser-error.log": {"8.4.1",
			[]string{"1 ModelImporter.cpp:776: --- End node ---", "2 ModelImporter.cpp:779: ERROR: ModelImpor", "5 Failed to parse onnx file",
				"7 Parsing model failed", "8 Failed to create engine from model or fi", "9 Engine set up failed"},
			[]string{"5 Failed to parse onnx file", "7 Parsing model failed", "8 Failed to create engine from model or fi", "9 Engine set up failed"}},
		"8.6-shape-mismatch.log": {"8.6.1",
			[]string{"3 Error[3]: [executionContext.cpp::setInpu", "5 Inference set up failed"}, []string{"5 Inference set up failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			log := readLog(t, name)
			if log.Status != "FAILED" || log.TensorRT != want.version {
				t.Errorf("status %q of TensorRT %q, want FAILED of %s", log.Status, log.TensorRT, want.version)
			}
			if got := texts(log.Errors); !slices.Equal(got, trim(want.errors)) {
				t.Errorf("errors\n got %q\nwant %q", got, want.errors)
			}
			if got := texts(log.Failures); !slices.Equal(got, trim(want.failures)) {
				t.Errorf("failures\n got %q\nwant %q", got, want.failures)
			}
			if ok, why := log.OK(1, true); ok || !strings.Contains(why, log.Failures[0].Text) {
				t.Errorf("OK = %v, %q", ok, why)
			}
		})
	}
}

// trim cuts texts as texts does.
func trim(list []string) []string {
	for i, s := range list {
		n, text, _ := strings.Cut(s, " ")
		list[i] = fmt.Sprintf("%s %.40s", n, text)
	}
	return list
}

func TestReadLogLineByLine(t *testing.T) {
	const i, w, e = "[07/07/2026-02:11:26] [I] ", "[07/07/2026-02:11:26] [W] ", "[07/07/2026-02:11:26] [E] "
	for name, tc := range map[string]struct {
		text string
		want Log
	}{
		"nothing":                             {"", Log{}},
		"the banner alone":                    {"&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # trtexec\n", Log{TensorRT: "10.13.3.9"}},
		"the last banner counts":              {"&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # a\n&&&& WAIVED TensorRT.trtexec [TensorRT v8601] # a\n", Log{TensorRT: "8.6.1", Status: "WAIVED"}},
		"a command line may hold anything":    {"&&&& PASSED TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=] # &&&& FAILED simulated: true\n", Log{TensorRT: "8.6.1", Status: "PASSED"}},
		"TensorRT 7 names no version":         {"&&&& RUNNING TensorRT.trtexec # trtexec --loadEngine=e\n&&&& PASSED TensorRT.trtexec # trtexec --loadEngine=e\n", Log{Status: "PASSED"}},
		"another program's banner":            {"&&&& PASSED TensorRT.sample_mnist [TensorRT v8601] # s\n&&&& TASK_BEGIN TensorRT.trtexec [TensorRT v110100] x\n", Log{}},
		"no newline at the end":               {"&&&& FAILED TensorRT.trtexec [TensorRT v8601] # a", Log{TensorRT: "8.6.1", Status: "FAILED"}},
		"Windows lines":                       {i + "SMs: 40\r\n", Log{Device: Device{SMs: 40}}},
		"the version line alone":              {i + "TensorRT version: 8.6.1\n", Log{TensorRT: "8.6.1"}},
		"the banner knows more":               {"&&&& RUNNING TensorRT.trtexec [TensorRT v100400] [b26] # a\n" + i + "TensorRT version: 10.4.0\n", Log{TensorRT: "10.4.0.26"}},
		"8.4 prints one percentile":           {i + "Latency: min = 1 ms, max = 4 ms, mean = 2 ms, median = 1.5 ms, percentile(99%) = 3.5 ms\n", Log{Latency: Summary{Min: 1, Max: 4, Mean: 2, Median: 1.5, P99: 3.5}}},
		"numbers in C++'s other forms":        {i + "GPU Compute Time: min = 1e-05 ms, max = inf ms, mean = nan ms, median = -nan ms, percentile(99%) = 0.5 ms\n", Log{GPUCompute: Summary{Min: 1e-05, P99: 0.5}}},
		"explanations are no numbers":         {"[07/07/2026-02:11:26] [V] Latency: min = 9 ms, max = 9 ms\n" + i + "Throughput: the observed throughput\n", Log{}},
		"8.4's name of the device":            {i + "Selected Device: Tesla T4\n" + i + "Compute Capability: 7.5\n" + i + "Device Global Memory: 15109 MiB\n", Log{Device: Device{Name: "Tesla T4", SM: "7.5", MemoryMiB: 15109}}},
		"9.x names the size on loading":       {i + "Loaded engine with size: 2.5 MiB\n" + i + "[TRT] Loaded engine size: 2 MiB\n", Log{EngineMiB: 2.5}},
		"a forced input with an odd name":     {w + "Dynamic dimensions required for input: a, b:0, but no shapes were provided. Automatically overriding shape to: 1\n", Log{Forced: []string{"a, b:0"}}},
		"forced twice is listed once":         {strings.Repeat(w+"Shape missing for input with dynamic shape: xAutomatically setting shape to: 1x1\n", 2), Log{Forced: []string{"x"}}},
		"the simulator says so":               {i + "trtsim: simulated: true\n", Log{Simulated: true}},
		"a fatal line":                        {"[07/07/2026-02:11:26] [F] [TRT] bad\n", Log{Errors: []Line{{1, "bad"}}}},
		"Python puts the library first":       {"[09/04/2022-23:46:18] [TRT] [E] 2: [builder.cpp]\n", Log{Errors: []Line{{1, "2: [builder.cpp]"}}}},
		"a builder's error proves nothing":    {e + "Error[10]: Could not find any implementation for node x.\n", Log{Errors: []Line{{1, "Error[10]: Could not find any implementation for node x."}}}},
		"a bare CUDA failure":                 {"\nCuda failure at a.cpp:3: out of memory\n", Log{Errors: []Line{{2, "Cuda failure at a.cpp:3: out of memory"}}, Failures: []Line{{2, "Cuda failure at a.cpp:3: out of memory"}}}},
		"no GPU is printed as information":    {i + "Cannot find any available devices (GPUs)!\n", Log{Failures: []Line{{1, "Cannot find any available devices (GPUs)!"}}}},
		"an engine of no size":                {i + "Created engine with size: 0 MiB\n", Log{Failures: []Line{{1, "Created engine with size: 0 MiB"}}}},
		"an engine of little size":            {i + "Created engine with size: 0.00285 MiB\n", Log{EngineMiB: 0.00285}},
		"an empty engine is used":             {e + "Assertion failure: false && \"Attempting to access an empty engine!\"\n", Log{Errors: []Line{{1, "Assertion failure: false && \"Attempting to access an empty engine!\""}}, Failures: []Line{{1, "Assertion failure: false && \"Attempting to access an empty engine!\""}}}},
		"a file named like a failure":         {i + "Model: Engine set up failed\nEngine set up failed\n[07/07/2026-02:11:26] [V] Engine set up failed\n", Log{}},
		"bytes that are no text":              {e + "a\xffb\n" + i + "Selected Device: \xff\n", Log{Errors: []Line{{1, "a\uFFFDb"}}, Device: Device{Name: "\uFFFD"}}},
		"progress on one line":                {"building 10%\rbuilding 99%\r" + i + "Engine built in 3 sec.\r\n", Log{BuildSeconds: 3}},
		"a failure that progress writes over": {e + "Engine set up failed\rdone\n", Log{Errors: []Line{{1, "Engine set up failed"}}, Failures: []Line{{1, "Engine set up failed"}}}},
		"colours":                             {"\x1b[31m[07/07/2026-02:11:26] [E] \x1b[1;4mEngine set up failed\x1b[0m\n", Log{Errors: []Line{{1, "Engine set up failed"}}, Failures: []Line{{1, "Engine set up failed"}}}},
		"a colour that is cut short":          {i + "SMs: 40\x1b[3", Log{Device: Device{SMs: 40}}},
		"tasks of the tuning in 11.1":         {"&&&& TASK_BEGIN [iter=0] BuildRoute = 'a'\n&&&& TASK_ABORT [iter=0] BuildRoute = 'a'\n&&&& PASSED TensorRT.trtexec [TensorRT v110100] [b106] # a\n", Log{TensorRT: "11.1.0.106", Status: "PASSED"}},
		"an exception before 8.6": {"terminate called after throwing an instance of 'std::invalid_argument'\n  what():  stoi\n",
			Log{Errors: []Line{{1, "terminate called after throwing an instance of 'std::invalid_argument'"}, {2, "  what():  stoi"}},
				Failures: []Line{{1, "terminate called after throwing an instance of 'std::invalid_argument'"}, {2, "  what():  stoi"}}}},
		"a plugin that gives up": {"Assertion failed: status == 0\n/plugin.cpp:12\nAborting...\n",
			Log{Errors: []Line{{1, "Assertion failed: status == 0"}}, Failures: []Line{{1, "Assertion failed: status == 0"}}}},
		"a time that is none is part of text": {"[99/99/2026-02:11:26] [E] x\n", Log{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadLog(iotest.OneByteReader(strings.NewReader(tc.text)))
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("ReadLog(%q)\n got %+v, %v\nwant %+v", tc.text, got, err, tc.want)
			}
		})
	}
}

// TestEveryGenerationSaysTheSameInItsWay reads one run as each generation prints it:
// the lines differ, what they mean does not.
func TestEveryGenerationSaysTheSameInItsWay(t *testing.T) {
	for _, v := range catalog.Releases() {
		var b strings.Builder
		info := func(format string, args ...any) { fmt.Fprintf(&b, "[07/07/2026-02:11:26] [I] "+format+"\n", args...) }
		later := func(major, minor int, yes, no string) string {
			if v.AtLeast(major, minor) {
				return yes
			}
			return no
		}
		v.Patch, v.Build = 3, 9
		fmt.Fprintf(&b, "&&&& RUNNING TensorRT.trtexec [%s] # trtexec --onnx=m\n", Banner(v))
		info("=== Device Information ===")
		if v.AtLeast(9, 1) {
			info("Available Devices: ")
			info("  Device 0: \"NVIDIA A100-SXM4-80GB\" UUID: GPU-1")
		}
		info("Selected Device: NVIDIA A100-SXM4-80GB")
		if v.AtLeast(9, 1) {
			info("Selected Device ID: 0")
			info("Selected Device UUID: GPU-1")
		}
		for _, line := range []string{"Compute Capability: 8.0", "SMs: 108", "Device Global Memory: 81037 MiB", "Shared Memory per SM: 164 KiB",
			later(8, 6, "Application Compute Clock Rate: 1.41 GHz", "Compute Clock Rate: 1.41 GHz"),
			fmt.Sprintf("TensorRT version: %d.%d.%d", v.Major, v.Minor, v.Patch)} {
			info("%s", line)
		}
		built := []string{"Engine built in 8.5 sec."}
		if v.AtLeast(9, 0) {
			built = append(built, "Created engine with size: 12.5 MiB")
		} else {
			built = append(built, "[TRT] Loaded engine size: 12 MiB")
		}
		if v.AtLeast(10, 13) {
			slices.Reverse(built)
		}
		for _, line := range built {
			info("%s", line)
		}
		info("Engine deserialized in 0.25 sec.")
		info("Throughput: 320.5 qps")
		percentiles := later(8, 5, "percentile(90%) = 3.25 ms, percentile(95%) = 3.5 ms, percentile(99%) = 3.75 ms", "percentile(99%) = 3.75 ms")
		for _, name := range []string{"Latency", "Enqueue Time", "H2D Latency", "GPU Compute Time", "D2H Latency"} {
			info("%s: min = 3 ms, max = 4 ms, mean = 3.125 ms, median = 3.0625 ms, %s", name, percentiles)
		}
		fmt.Fprintf(&b, "&&&& PASSED TensorRT.trtexec [%s] # trtexec --onnx=m\n", Banner(v))

		want := Log{TensorRT: v.String(), Status: "PASSED", Device: Device{Name: "NVIDIA A100-SXM4-80GB", UUID: "GPU-1", SM: "8.0", SMs: 108, MemoryMiB: 81037},
			BuildSeconds: 8.5, EngineMiB: 12.5, Deserialized: true, DeserializeSeconds: 0.25, ThroughputQPS: 320.5,
			Latency: Summary{3, 4, 3.125, 3.0625, 3.25, 3.5, 3.75}}
		if !v.AtLeast(10, 4) { // no build number
			want.TensorRT = fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
		}
		if !v.AtLeast(9, 1) {
			want.Device.UUID = ""
		}
		if !v.AtLeast(9, 0) {
			want.EngineMiB = 12
		}
		if !v.AtLeast(8, 5) {
			want.Latency.P90, want.Latency.P95 = 0, 0
		}
		want.GPUCompute = want.Latency
		got, err := ReadLog(strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", v, got, err, want)
		}
		if ok, why := got.OK(0, true); !ok {
			t.Errorf("%s: %s", v, why)
		}
	}
}

// TestHelpAfterAMistakeHidesNothing reads what trtexec prints for an unknown
// option: the reason, then hundreds of lines of help, and in 11.1 no trailer.
func TestHelpAfterAMistakeHidesNothing(t *testing.T) {
	help := "=== Build Options ===\n" + strings.Repeat("  --saveEngine=<file>         Save the serialized engine. Engine set up failed is not said here\n", 400)
	text := "&&&& RUNNING TensorRT.trtexec [TensorRT v110100] [b106] # trtexec --fp16\n" + help + "[07/07/2026-02:11:26] [E] Unknown option: --fp16 \n"
	log, err := ReadLog(strings.NewReader(text))
	if ok, why := log.OK(1, false); err != nil || ok || len(log.Failures) != 1 || !strings.Contains(why, "Unknown option: --fp16") {
		t.Errorf("%+v, %v: %s", log, err, why)
	}
}

func TestEveryFailureTextIsRecognized(t *testing.T) {
	for _, text := range failureTexts {
		log, _ := ReadLog(strings.NewReader("[07/07/2026-02:11:26] [E] " + text + " more\n"))
		if len(log.Failures) != 1 || len(log.Errors) != 1 {
			t.Errorf("%q: %d failures and %d errors, want 1 and 1", text, len(log.Failures), len(log.Errors))
		}
	}
}

func TestOK(t *testing.T) {
	passed := Log{Status: "PASSED", Deserialized: true}
	for name, tc := range map[string]struct {
		log       Log
		exit      int
		inference bool
		why       string // "" is success
	}{
		"a build":                                  {Log{Status: "PASSED"}, 0, false, ""},
		"a build that logged an error":             {Log{Status: "PASSED", Errors: []Line{{1, "tactic"}}}, 0, false, ""},
		"a run":                                    {passed, 0, true, ""},
		"a run that never loaded":                  {Log{Status: "PASSED"}, 0, true, "never said"},
		"a run that ran nothing":                   {Log{Status: "PASSED", Deserialized: true, Skipped: true}, 0, true, "skipped the inference"},
		"exit code 0 without a trailer":            {Log{Deserialized: true}, 0, true, "without a PASSED line"},
		"exit code 0 and FAILED":                   {Log{Status: "FAILED"}, 0, false, "said FAILED"},
		"WAIVED is not PASSED":                     {Log{Status: "WAIVED"}, 0, false, "said WAIVED"},
		"PASSED and another exit code":             {passed, 1, true, "exit code 1"},
		"killed":                                   {Log{}, 137, false, "killed from outside"},
		"aborted":                                  {Log{}, 134, false, "aborted"},
		"crashed":                                  {Log{Errors: []Line{{1, "the reason"}}}, 139, false, `"the reason" (exit code 139, it crashed (SIGSEGV))`},
		"PASSED after a failed deserialization":    {Log{Status: "PASSED", Failures: []Line{{9, "Engine deserialization failed"}}}, 0, false, "Engine deserialization failed"},
		"the failure says more than the exit code": {Log{Failures: []Line{{9, "Engine set up failed"}}}, 1, false, `"Engine set up failed" (exit code 1)`},
	} {
		t.Run(name, func(t *testing.T) {
			ok, why := tc.log.OK(tc.exit, tc.inference)
			if ok != (tc.why == "") || !strings.Contains(why, tc.why) || ok && why != "" {
				t.Errorf("OK(%d, %v) = %v, %q, want %q", tc.exit, tc.inference, ok, why, tc.why)
			}
		})
	}
}

func TestReadLogIsBounded(t *testing.T) {
	long := "[07/07/2026-02:11:26] [E] " + strings.Repeat("x", 1<<20) + "\n"
	many := strings.Repeat("[07/07/2026-02:11:26] [E] Engine set up failed\n", 500)
	log, err := ReadLog(strings.NewReader(long + many + "[07/07/2026-02:11:26] [I] SMs: 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(log.Errors) != mostLines || len(log.Failures) != mostLines || len(log.Errors[0].Text) != longestText {
		t.Errorf("kept %d errors, %d failures, the first of %d bytes", len(log.Errors), len(log.Failures), len(log.Errors[0].Text))
	}
	if log.Errors[1].N != 2 || log.Device.SMs != 3 {
		t.Errorf("lost count after a long line: %+v, %d SMs", log.Errors[1].N, log.Device.SMs)
	}
	var forced bytes.Buffer
	for n := range 300 {
		fmt.Fprintf(&forced, "[07/07/2026-02:11:26] [W] Dynamic dimensions required for input: x%d, but no shapes were provided.\n", n)
	}
	if log, _ := ReadLog(&forced); len(log.Forced) != mostLines {
		t.Errorf("kept %d forced inputs", len(log.Forced))
	}
	allocated := testing.AllocsPerRun(5, func() {
		ReadLog(io.LimitReader(endless{}, 8<<20))
	})
	if allocated > 300 {
		t.Errorf("%v allocations for one endless line: memory grows with the log", allocated)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReadLogReportsFailedReads(t *testing.T) {
	broken := errors.New("broken pipe")
	log, err := ReadLog(io.MultiReader(strings.NewReader("[07/07/2026-02:11:26] [I] SMs: 3\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || log.Device.SMs != 3 {
		t.Errorf("ReadLog = %+v, %v, want what was read and %v", log, err, broken)
	}
}

func FuzzReadLog(f *testing.F) {
	entries, err := os.ReadDir("testdata/logs")
	if err != nil || len(entries) < 2 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join("testdata", "logs", e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("[07/07/2026-02:11:26] [I] Latency: min = inf ms, max = 1e999 ms\n\xff[E] \xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		log, err := ReadLog(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("reading memory failed: %v", err)
		}
		if _, err := json.Marshal(log); err != nil {
			t.Errorf("the log cannot be written as JSON: %v", err)
		}
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, list := range [][]Line{log.Errors, log.Failures} {
			if len(list) > mostLines {
				t.Errorf("%d lines kept", len(list))
			}
			for i, l := range list {
				if l.N < 1 || l.N > lines || i > 0 && l.N < list[i-1].N || !utf8.ValidString(l.Text) {
					t.Errorf("line %d of %d: %q", l.N, lines, l.Text)
				}
			}
		}
		// Small reads see the same.
		again, err := ReadLog(bufio.NewReaderSize(iotest.HalfReader(bytes.NewReader(text)), 16))
		if err != nil || !reflect.DeepEqual(log, again) {
			t.Errorf("read in pieces:\n got %+v, %v\nwant %+v", again, err, log)
		}
	})
}
