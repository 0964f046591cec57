package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// TestBefore86 holds what trtexec of 8.4 and 8.5 does in its own way.
func TestBefore86(t *testing.T) {
	withRuntime(t)
	for _, release := range []string{"8.4.3.1", "8.5.1.7"} {
		t.Run(release, func(t *testing.T) {
			inFolder(t)
			save(t, "p.so", []byte("any library"))
			o := trtexecRun(t, release, nil, "--onnx=static.onnx", "--saveEngine=e.plan", "--buildOnly", "--plugins=p.so")
			if o.status != passed || o.errs != "" {
				t.Errorf("build ends with %+v\n%s%s", o.status, o.out, o.errs)
			}
			has(t, o.out, "Build only: Enabled", "Plugins: p.so", "Streams: 1", "Compute Clock Rate: 1.59 GHz", "Memory Clock Rate: 5.001 GHz",
				"Start parsing network model\n", "Finish parsing network model\n", "Engine built in ", "Engine deserialized in ",
				"Skipped inference phase since --buildOnly is added.")
			lacks(t, o.out, "Application", "Loading standard plugins", "Skip inference:", "Version Compatible", "BuilderOptimizationLevel", "Created engine with size")
			if strings.Index(o.out, "Compute Clock Rate") > strings.Index(o.out, "Device Global Memory") {
				t.Errorf("the clock does not stand before the memory:\n%s", o.out)
			}

			o = trtexecRun(t, release, nil, "--loadEngine=e.plan", "--iterations=2", "--duration=0", "--streams=1")
			if o.status != passed {
				t.Errorf("run ends with %+v\n%s%s", o.status, o.out, o.errs)
			}
			has(t, o.out, "Engine loaded in ", "Using random values for input x", "Created input binding for x with dimensions 2x3",
				"Using random values for output y", "Created output binding for y with dimensions 2x3")
		})
	}
}

// lacks fails the test when the text has a part.
func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%q is in\n%s", p, text)
		}
	}
}

func TestExceptionsAreNotCaughtBefore86(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	save(t, "small.raw", floats(1))
	for _, release := range []string{"8.5.1.7", "8.6.1.6"} {
		builds(t, release, nil, "--onnx=static.onnx", "--saveEngine=e.plan")
		o := trtexecRun(t, release, nil, "--loadEngine=e.plan", "--loadInputs=x:gone.raw")
		want := failed
		if release < "8.6" {
			want = aborted
			has(t, o.errs, "terminate called after throwing an instance of 'std::invalid_argument'\n  what():  Cannot open file gone.raw!\n")
			lacks(t, o.out, "&&&& FAILED")
		}
		if o.status != want {
			t.Errorf("%s ends with %+v, want %+v", release, o.status, want)
		}
		if o = trtexecRun(t, release, nil, "--loadEngine=e.plan", "--loadInputs=x:small.raw"); o.status != want {
			t.Errorf("%s and a short file: ends with %+v, want %+v", release, o.status, want)
		}
	}
	// 8.4 does not look at the size.
	builds(t, "8.4.3.1", nil, "--onnx=static.onnx", "--saveEngine=e.plan")
	o := trtexecRun(t, "8.4.3.1", nil, "--loadEngine=e.plan", "--loadInputs=x:small.raw", "--exportOutput=out.json")
	if o.status != passed {
		t.Errorf("8.4 and a short file: ends with %+v\n%s", o.status, o.errs)
	}
	has(t, string(must(os.ReadFile("out.json"))), "[ 1, 0, -0, 0, 0, -0 ]")
}

// A library that cannot be loaded ends the run from 8.6 on; before, trtexec goes
// on without it, and what needs it fails later.
func TestLibrariesThatCannotBeLoaded(t *testing.T) {
	inFolder(t)
	for _, release := range []string{"8.4.3.1", "8.5.1.7"} {
		o := trtexecRun(t, release, nil, "--onnx=static.onnx", "--buildOnly", "--plugins=gone.so")
		if o.status != passed || len(o.log(t).Failures) == 0 {
			t.Errorf("%s ends with %+v, and trtfarm sees %v", release, o.status, o.log(t).Failures)
		}
		has(t, o.errs, "[E] Could not load plugin library: gone.so, due to: gone.so: cannot open shared object file: No such file or directory")
		o = trtexecRun(t, release, nil, "--onnx=custom.onnx", "--buildOnly", "--plugins=gone.so")
		if o.status != failed {
			t.Errorf("%s with an operator that needs it ends with %+v", release, o.status)
		}
		has(t, o.errs, "Plugin not found")
	}
}

func TestPluginsFailAsARunBefore86(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	save(t, "p.so", []byte("any library"))
	builds(t, "8.5.1.7", nil, "--onnx=custom.onnx", "--saveEngine=e.plan", "--plugins=p.so")
	o := trtexecRun(t, "8.5.1.7", nil, "--loadEngine=e.plan", "--plugins=p.so")
	if o.status != failed {
		t.Errorf("ends with %+v", o.status)
	}
	has(t, o.errs, "[E] Error occurred during inference")
}

func TestReportsOf84(t *testing.T) {
	withRuntime(t)
	inFolder(t)
	times := map[string]int{}
	for _, release := range []string{"8.4.3.1", "8.5.1.7"} {
		builds(t, release, nil, "--onnx=dynamic.onnx", "--saveEngine=e.plan", "--optShapes=x:1x3")
		o := trtexecRun(t, release, nil, "--loadEngine=e.plan", "--iterations=4", "--duration=0", "--warmUp=0", "--exportTimes=t.json")
		forced := "Dynamic dimensions required for input: x, but no shapes were provided."
		if release > "8.5" {
			forced = "Shape missing for input with dynamic shape: x"
		}
		has(t, o.out, ", percentile(99%) = ")
		if several := strings.Contains(o.out, "percentile(90%)"); several != (release > "8.5") {
			t.Errorf("%s prints several percentiles: %v", release, several)
		}
		has(t, o.errs, forced)
		if got := o.log(t).Forced; len(got) != 1 || got[0] != "x" {
			t.Errorf("%s: trtfarm sees %v forced", release, got)
		}
		var rows []map[string]float64
		if err := json.Unmarshal(must(os.ReadFile("t.json")), &rows); err != nil {
			t.Fatal(err)
		}
		times[release] = len(rows)
	}
	if times["8.5.1.7"] != 4 || times["8.4.3.1"] != 5 {
		t.Errorf("exported times are %v, want the warm-up in those of 8.4 alone", times)
	}
}

func TestPlansAcross86(t *testing.T) {
	inFolder(t)
	const invalid = "[E] Got invalid engine!"
	for _, release := range []string{"8.4.3.1", "8.5.1.7", "8.6.1.6", "10.9.0.34"} {
		builds(t, release, nil, "--onnx=static.onnx", "--saveEngine="+release)
	}
	builds(t, "8.5.2.2", nil, "--onnx=static.onnx", "--saveEngine=8.5.2.2")
	builds(t, "8.5.1.7", []string{"TRTSIM_GPU=A10"}, "--onnx=static.onnx", "--saveEngine=a10")
	builds(t, "8.5.1.7", []string{"TRTSIM_FAULT=truncate"}, "--onnx=static.onnx", "--saveEngine=cut")
	for _, tc := range []struct{ plan, release, want string }{
		{"8.4.3.1", "8.5.1.7", "[stdArchiveReader.cpp::StdArchiveReaderInitCommon::46] Error Code 1: Serialization (Serialization assertion stdVersionRead == serializationVersion failed.Version tag does not match. Note: Current Version: 232, Serialized Engine Version: 213)"},
		{"8.5.2.2", "8.5.1.7", "expecting library version 8.5.1.7 got 8.5.2.2, please rebuild."},
		{"8.6.1.6", "8.5.1.7", "magicTagRead == kMAGIC_TAG failed.Magic tag does not match"},
		{"8.5.1.7", "8.6.1.6", "plan->header.magicTag == rt::kPLAN_MAGIC_TAG failed."},
		{"8.5.1.7", "10.9.0.34", "incompatible serialization version (1953657968 != 1953657958)"},
		{"a10", "8.5.1.7", "expecting compute 7.5 got compute 8.6, please rebuild."},
		{"cut", "8.5.1.7", "Size specified in header does not match archive size"},
	} {
		o := trtexecRun(t, tc.release, nil, "--loadEngine="+tc.plan)
		if o.status != failed {
			t.Errorf("%s loads %s and ends with %+v", tc.release, tc.plan, o.status)
		}
		has(t, o.errs, tc.want, invalid)
	}
	o := trtexecRun(t, "9.0.1.4", nil, "--loadEngine=8.5.1.7", "--getPlanVersionOnly")
	has(t, o.errs, "Failed to verify a plan tag.")
}

// What is bound at which release is the catalogue's knowledge.
func TestTypesAreBoundAsTheReleaseBindsThem(t *testing.T) {
	for _, tc := range []struct {
		release string
		asked   onnx.DataType
		want    onnx.DataType // 0 when it is not bound
	}{
		{"8.6.1", onnx.Int64, onnx.Int32}, {"9.0.1", onnx.Int64, onnx.Int64}, {"11.1", onnx.Int64, onnx.Int64},
		{"8.6.1", onnx.Float64, onnx.Float32}, {"11.1", onnx.Float64, onnx.Float32},
		{"8.4.3", onnx.Uint8, 0}, {"8.5.1", onnx.Uint8, onnx.Uint8},
		{"8.6.1", onnx.BFloat16, 0}, {"9.0.1", onnx.BFloat16, onnx.BFloat16},
		{"11.1", onnx.String, 0},
	} {
		v, err := catalog.ParseVersion(tc.release)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := bindingType(tc.asked, v)
		if ok != (tc.want != 0) || ok && got != tc.want {
			t.Errorf("%s binds %s as %s, %v; want %s", tc.release, tc.asked, got, ok, tc.want)
		}
	}
}
