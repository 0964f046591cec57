package cmdline

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func version(t testing.TB, s string) catalog.Version {
	t.Helper()
	v, err := catalog.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseRefuses(t *testing.T) {
	const onnx = "--onnx=m.onnx"
	for name, tc := range map[string]struct {
		version string
		args    []string
		want    []string
	}{
		"a flag that nobody knows":               {"10.3", []string{onnx, "--fp4"}, []string{"Unknown option: --fp4 "}},
		"names in another case":                  {"10.3", []string{onnx, "--warmup=1"}, []string{"Unknown option: --warmup 1"}},
		"a value behind a space":                 {"10.3", []string{onnx, "--saveEngine", "e.plan"}, []string{"Unknown option: e.plan "}},
		"a repeated switch":                      {"8.6", []string{onnx, "--fp16", "--fp16"}, []string{"Unknown option: --fp16 "}},
		"a repeated value, even an equal one":    {"8.6", []string{onnx, onnx}, []string{"Unknown option: --onnx m.onnx"}},
		"all unknown flags at once":              {"10.3", []string{onnx, "--buildOnly", "--workspace=1"}, []string{"Unknown option: --buildOnly ", "Unknown option: --workspace 1"}},
		"precision flags in 11":                  {"11.1", []string{onnx, "--fp16"}, []string{"Unknown option: --fp16 "}},
		"bf16 in 8.6":                            {"8.6", []string{onnx, "--bf16"}, []string{"Unknown option: --bf16 "}},
		"no model and no engine":                 {"10.3", []string{"--fp16"}, []string{"Model missing or format not recognized"}},
		"saving what is loaded":                  {"10.3", []string{"--loadEngine=a", "--saveEngine=b"}, nil},
		"fp8 with int8":                          {"10.3", []string{onnx, "--fp8", "--int8"}, []string{"Invalid usage, fp8 and int8 aren't allowed to be enabled together."}},
		"a number without digits":                {"8.6", []string{onnx, "--iterations=many"}, []string{"stoi"}},
		"a pool that does not exist":             {"10.3", []string{onnx, "--memPoolSize=worksp:1"}, []string{"Unknown memory pool: worksp"}},
		"a pool that came later":                 {"8.6", []string{onnx, "--memPoolSize=tacticSharedMem:1"}, []string{"Unknown memory pool: tacticSharedMem"}},
		"a negative pool":                        {"10.3", []string{onnx, "--memPoolSize=workspace:-1"}, []string{"Negative memory pool size: -1048576.000000"}},
		"shape flags twice without a profile":    {"10.3", []string{onnx, "--minShapes=x:1", "--minShapes=x:2"}, []string{"Multiple --minShapes/--optShapes/--maxShapes without --profile are not allowed. "}},
		"shape flags twice in 8.6":               {"8.6", []string{onnx, "--minShapes=x:1", "--minShapes=x:2"}, []string{"Unknown option: --minShapes x:2"}},
		"a profile that is left out":             {"10.3", []string{onnx, "--profile=0", "--minShapes=x:1", "--profile=2", "--minShapes=x:2"}, []string{"Found invalid or missing shape spec at profile index 1."}},
		"profiles in 8.6":                        {"8.6", []string{onnx, "--profile=0", "--minShapes=x:1"}, []string{"Unknown option: --profile 0"}},
		"a scalar shape in 8.6":                  {"8.6", []string{onnx, "--shapes=x:"}, []string{"stoi"}},
		"CUBLAS tactics in 11":                   {"11.1", []string{onnx, "--tacticSources=-CUBLAS"}, []string{"Unknown tactic source: CUBLAS"}},
		"typed formats in 11":                    {"11.1", []string{onnx, "--inputIOFormats=fp16:chw"}, []string{"Invalid TensorFormat fp16:chw"}},
		"untyped formats before 11":              {"10.3", []string{onnx, "--inputIOFormats=chw"}, []string{"Invalid IOFormat chw"}},
		"a lean runtime for a build":             {"8.6", []string{onnx, "--useRuntime=lean"}, []string{"Building a TensorRT engine requires --useRuntime=full."}},
		"plugins with a lean runtime":            {"8.6", []string{"--loadEngine=e", "--useRuntime=lean", "--staticPlugins=p.so"}, []string{"TRT-18412: Plugins require --useRuntime=full."}},
		"a weight budget without its permission": {"10.3", []string{onnx, "--weightStreamingBudget=1G"}, []string{"The weight streaming budget can only be set with --allowWeightStreaming specified."}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.args, version(t, tc.version))
			m, ok := errors.AsType[*Mistake](err)
			if !ok {
				t.Fatalf("Parse(%q) for %s: error %v, want a Mistake", tc.args, tc.version, err)
			}
			if tc.want != nil && !slices.Equal(m.Lines, tc.want) {
				t.Errorf("Parse(%q) for %s\n got %q\nwant %q", tc.args, tc.version, m.Lines, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		args    []string
		got     func(Options) any
		want    any
	}{
		"switches ignore their value": {"8.6", []string{"--fp16=false"}, func(o Options) any { return o.Types }, []string{"fp16"}},
		"a numeric prefix is enough":  {"8.6", []string{"--iterations=3abc"}, func(o Options) any { return o.Iterations }, 3},
		"plugins repeat": {"10.3", []string{"--staticPlugins=a.so", "--plugins=b.so", "--staticPlugins=a.so"},
			func(o Options) any { return o.StaticPlugins }, []string{"a.so", "b.so", "a.so"}},
		"a GiB is a MiB in 8.6":        {"8.6", []string{"--memPoolSize=workspace:1GiB"}, func(o Options) any { return o.Pools["workspace"] }, 1.0},
		"a GiB is a byte in 10":        {"10.3", []string{"--memPoolSize=workspace:1GiB"}, func(o Options) any { return o.Pools["workspace"] }, 1.0 / (1 << 20)},
		"a G is a GiB in 10":           {"10.3", []string{"--memPoolSize=workspace:1g"}, func(o Options) any { return o.Pools["workspace"] }, 1024.0},
		"bare numbers are MiB":         {"10.3", []string{"--memPoolSize=workspace:64,dlaSRAM:2"}, func(o Options) any { return o.Pools }, Pools{"workspace": 64, "dlaSRAM": 2}},
		"tactic memory counts in KiB":  {"10.3", []string{"--memPoolSize=tacticSharedMem:512"}, func(o Options) any { return o.Pools["tacticSharedMem"] }, 0.5},
		"names may hold colons":        {"8.6", []string{"--shapes=input:0:1x3"}, func(o Options) any { return o.Shapes }, []Shape{{"input:0", []int64{1, 3}}}},
		"names may be quoted":          {"8.6", []string{"--shapes='in':2"}, func(o Options) any { return o.Shapes }, []Shape{{"in", []int64{2}}}},
		"scalars have no dims from 10": {"10.3", []string{"--shapes=s:scalar,t:"}, func(o Options) any { return o.Shapes }, []Shape{{"s", []int64{}}, {"t", []int64{}}}},
		"missing members are filled": {"8.6", []string{"--optShapes=x:2"}, func(o Options) any { return o.Profiles },
			[][]Range{{{"x", []int64{2}, []int64{2}, []int64{2}}}}},
		"inference shapes make a profile": {"10.3", []string{"--shapes=x:2"}, func(o Options) any { return o.Profiles },
			[][]Range{{{"x", []int64{2}, []int64{2}, []int64{2}}}}},
		"profiles come in groups": {"9.0", []string{"--profile=0", "--minShapes=x:1", "--optShapes=x:2", "--maxShapes=x:3", "--profile=1", "--minShapes=x:4", "--optShapes=x:5", "--maxShapes=x:6"},
			func(o Options) any { return o.Profiles }, [][]Range{{{"x", []int64{1}, []int64{2}, []int64{3}}}, {{"x", []int64{4}, []int64{5}, []int64{6}}}}},
		"strong typing drops the precision": {"10.3", []string{"--stronglyTyped", "--fp16"}, func(o Options) any { return o.Types }, []string(nil)},
		"11 is always strongly typed":       {"11.1", nil, func(o Options) any { return o.Typed }, true},
		"transfers are off in 11":           {"11.1", nil, func(o Options) any { return []bool{o.Transfers, o.SpinWait, o.CUDAGraph} }, []bool{false, true, true}},
		"transfers are on before":           {"10.3", nil, func(o Options) any { return []bool{o.Transfers, o.SpinWait, o.CUDAGraph} }, []bool{true, false, false}},
		"input files split at the last colon": {"10.3", []string{"--loadInputs=x:0:a.raw,'y':c:b.raw"}, func(o Options) any { return o.Inputs },
			[]InputFile{{"x:0", "a.raw"}, {"y", "c:b.raw"}}},
		"known flags without meaning here are accepted": {"10.3", []string{"--avgTiming=4", "--sparsity=enable"}, func(o Options) any { return o.Help }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse(append([]string{"--onnx=m.onnx"}, tc.args...), version(t, tc.version))
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.got(o); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Parse(%q) for %s: got %#v, want %#v", tc.args, tc.version, got, tc.want)
			}
		})
	}
}

func TestWeaklyTypedFlagsWarnFrom1014(t *testing.T) {
	for v, want := range map[string]bool{"10.13": false, "10.14": true, "10.16": true} {
		o, err := Parse([]string{"--onnx=m", "--fp16"}, version(t, v))
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(o.Warnings, func(w string) bool {
			return strings.HasPrefix(w, "Weakly-typed networks have been deprecated in TensorRT.")
		})
		if got != want {
			t.Errorf("%s warns: %v, want %v", v, got, want)
		}
	}
}

// FuzzParse holds that what is accepted was made of flags that the release
// knows, and that what is refused says why.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"--onnx=m --fp16", "--loadEngine=e --shapes=x:1x2,y:3", "--onnx=m --profile=0 --minShapes=a:1 --profile=1 --maxShapes=a:2",
		"--onnx=m --memPoolSize=workspace:1G,dlaSRAM:2", "--onnx=m --loadInputs='x':a,b:c", "--onnx=m --percentile=1,2,300", "--help", "x=y",
	} {
		f.Add(s, uint8(0))
	}
	releases := catalog.Releases()
	f.Fuzz(func(t *testing.T, line string, n uint8) {
		v := releases[int(n)%len(releases)]
		args := strings.Fields(line)
		o, err := Parse(args, v)
		if err != nil {
			if m, ok := errors.AsType[*Mistake](err); !ok || len(m.Lines) == 0 || m.Lines[0] == "" {
				t.Fatalf("Parse(%q): %v says nothing", args, err)
			}
			return
		}
		if o.Help {
			return
		}
		for _, a := range args {
			if name, _, _ := strings.Cut(a, "="); !accepts(name, v) {
				t.Errorf("Parse(%q) for %s accepts %s", args, v, name)
			}
		}
		for _, p := range o.Profiles {
			for _, r := range p {
				if r.Min == nil || r.Opt == nil || r.Max == nil {
					t.Errorf("Parse(%q): profile of %s has holes: %v", args, r.Input, r)
				}
			}
		}
	})
}
