package trtexec

import (
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

func TestExtraArgumentsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		release string
		extra   string   // separated by spaces
		says    []string // in the error
	}{
		"a flag that came later":           {"8.6.1", "--maxTactics=4", []string{"--maxTactics", "8.6.1", "10.4 and later"}},
		"a flag that is gone":              {"10.0.1", "--minTiming=2", []string{"--minTiming", "8.4 to 9.3", "use --avgTiming"}},
		"a flag that was away for a while": {"10.4.0", "--consistency", []string{"8.4 to 10.3, 10.13 and later"}},
		"a misspelt flag":                  {"10.3", "--avgTimings=4", []string{"--avgTimings", "write --avgTiming"}},
		"a flag in the wrong case":         {"10.3", "--avgtiming=4", []string{"write --avgTiming"}},
		"a near flag of another release":   {"8.6.1", "--maxTactic=4", []string{"write --maxTactics (TensorRT 10.4 and later)"}},

		"a path of ours":                 {"10.3", "--saveEngine=/tmp/x", []string{"--saveEngine", "trtfarm"}},
		"a shape":                        {"10.3", "--minShapes=x:1", []string{"profile"}},
		"a batch size":                   {"8.6.1", "--maxBatch=8", []string{"[model.NAME.profile.NAME]"}},
		"a precision":                    {"10.3", "--fp16", []string{"precisions"}},
		"help":                           {"10.3", "--help", []string{"before it has built"}},
		"the safety runtime":             {"10.3", "--safe", []string{"no safety runtime"}},
		"what only the safe mode can do": {"10.15", "--cpuOnly", []string{"no safety runtime"}},
		"kernels of the safety runtime":  {"10.13", "--dumpKernelText", []string{"no safety runtime"}},
		"a loadable of a DLA":            {"10.3", "--buildDLAStandalone", []string{"no engine"}},
		"a size in the old way":          {"8.6.1", "--workspace=1024", []string{"workspace in [build]"}},
		"a library for the build alone":  {"10.3", "--dynamicPlugins=a.so", []string{"could not be loaded without it", "dynamic_plugins in [model.NAME]", "--setPluginsToSerialize=a.so"}},

		"a flag given twice":                          {"10.3", "--avgTiming=4 --avgTiming=4", []string{"twice"}},
		"a flag and its other name":                   {"10.3", "--vc --versionCompatible", []string{"--vc", "the same option"}},
		"a value in an argument of its own":           {"10.3", "--avgTiming 4", []string{"write --avgTiming=4"}},
		"a short flag":                                {"10.3", "-v", []string{"one piece"}},
		"a switch that is meant to be off":            {"10.3", "--refit=false", []string{"leave --refit out"}},
		"a switch that is off in another way":         {"10.3", "--allowGPUFallback=0", []string{"turns the switch on"}},
		"a switch that is meant to be on":             {"10.3", "--refit=true", []string{"write --refit alone"}},
		"a budget without its switch":                 {"10.3", "--weightStreamingBudget=50%", []string{"give --allowWeightStreaming"}},
		"a budget that is none":                       {"10.3", "--allowWeightStreaming --weightStreamingBudget=half", []string{`"half"`}},
		"a plan for an older TensorRT to be refitted": {"8.6.1", "--vc --refit", []string{"both version compatible and refittable"}},
		"the plugin in a version compatible plan":     {"10.3", "--versionCompatible --pi", []string{"InstanceNormalization", "remove --pluginInstanceNorm"}},
		"the plugin in a plan for many GPUs":          {"10.3", "--hardwareCompatibilityLevel=AMPERE+ --pluginInstanceNorm", []string{"all of Ampere"}},

		"an engine for Windows":               {"10.3", "--runtimePlatform=WindowsAMD64", []string{"nothing could prove it"}},
		"another platform":                    {"10.3", "--runtimePlatform=Darwin", []string{`"Darwin"`, "SameAsBuild"}},
		"the lean runtime in a build":         {"10.3", "--useRuntime=lean", []string{"full runtime"}},
		"a level that nobody knows":           {"10.3", "--hardwareCompatibilityLevel=turing+", []string{`"turing+"`, "ampere+"}},
		"none in another case":                {"10.3", "--hardwareCompatibilityLevel=None", []string{`"None"`}},
		"a level that came later":             {"10.8", "--hardwareCompatibilityLevel=sameComputeCapability", []string{"10.9", "tensorrt:25.03-py3"}},
		"a number with letters after it":      {"10.3", "--avgTiming=3abc", []string{`"3abc"`, "before the first other character"}},
		"a number in the way of scientists":   {"10.3", "--maxAuxStreams=1e3", []string{`"1e3"`}},
		"a number that is missing":            {"10.3", "--avgTiming", []string{"missing"}},
		"a number that is none":               {"10.3", "--warmUp=soon", []string{`"soon"`}},
		"a level beyond the range":            {"10.8", "--tilingOptimizationLevel=4", []string{"0 to 3"}},
		"a size with a suffix":                {"10.3", "--memPoolSize=dlaSRAM:1,tacticSharedMem:1GiB", []string{`"1GiB"`, "MiB"}},
		"a pool that came later":              {"9.3", "--memPoolSize=tacticSharedMem:48", []string{`"tacticSharedMem"`, "dlaSRAM"}},
		"a pool that is none":                 {"10.3", "--memPoolSize=work:48", []string{`"work"`, "workspace"}},
		"a source without a sign":             {"10.3", "--tacticSources=CUBLAS", []string{"sign"}},
		"a source that nobody knows":          {"10.3", "--tacticSources=+CUBLASS", []string{"write +CUBLAS"}},
		"a source that is gone":               {"11.0", "--tacticSources=-CUDNN,+JIT_CONVOLUTIONS", []string{`"CUDNN"`, "TensorRT 11"}},
		"a preview without a sign":            {"10.3", "--preview=aliasedPluginIO1003", []string{"sign"}},
		"a format without a type":             {"10.3", "--inputIOFormats=chw", []string{"write TYPE:chw"}},
		"a format with a type":                {"11.0", "--outputIOFormats=fp16:chw", []string{"without a type", "write chw"}},
		"a format that nobody can feed":       {"10.3", "--inputIOFormats=fp16:chw+hwc8", []string{`"hwc8"`, "prove"}},
		"weights that are made sparse":        {"10.3", "--sparsity=force", []string{"overwrites"}},
		"constraints that are no more":        {"11.0", "--precisionConstraints=obey", []string{"TensorRT 11 takes precision from the model"}},
		"constraints that nobody knows":       {"10.3", "--precisionConstraints=must", []string{"prefer"}},
		"layers' precisions that are no more": {"11.1", "--layerPrecisions=*:fp16", []string{"takes precision from the model"}},
		"a name that is not yet there":        {"9.3", "--stripWeights", []string{"strip_weights in [build]"}},
		"a name that is no more":              {"11.0", "--weightless", []string{"strip_weights in [build]"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := Build{TensorRT: release(t, tc.release), Model: "m.onnx", Engine: "e.plan", Precision: "tf32", Typed: true, OptimizationLevel: -1,
				Extra: strings.Fields(tc.extra)}
			argv, err := b.Args()
			refused(t, argv, err, "trtexec-usage", tc.says)
		})
	}
}

func TestAFlagThatAKeyGivesIsNotTakenAgain(t *testing.T) {
	for extra, tc := range map[string]struct {
		build Build
		says  string
	}{
		"--builderOptimizationLevel=5":         {Build{OptimizationLevel: 3}, "given already by optimization_level in [build]"},
		"--memPoolSize=dlaSRAM:1":              {Build{WorkspaceMiB: 64}, "name every pool in one --memPoolSize"},
		"--vc":                                 {Build{Modes: Modes{VersionCompatible: true}}, "given already by version_compatible in [build]"},
		"--hardwareCompatibilityLevel=ampere+": {Build{Modes: Modes{Hardware: "ampere+"}}, "given already by hardware_compatibility in [build]"},
		"--refit":                              {Build{Modes: Modes{Refit: true}}, "given already by refit in [build]"},
		"--weightless":                         {Build{Modes: Modes{Stripped: true}}, "given already by strip_weights in [build]"},
		"--profilingVerbosity=none":            {Build{LayerInfo: "l"}, "given already by trtfarm"},
	} {
		b := tc.build
		b.TensorRT, b.Model, b.Engine, b.Precision, b.Extra = release(t, "10.3"), "m", "e", "tf32", []string{extra}
		argv, err := b.Args()
		refused(t, argv, err, "trtexec-usage", []string{tc.says})
	}
}

func TestExtraArgumentsPass(t *testing.T) {
	for _, tc := range []struct{ release, extra string }{
		{"10.3", "--memPoolSize=workspace:64,dlaSRAM:1,tacticSharedMem:48"},
		{"10.3", "--versionCompatible --dynamicPlugins=a.so --setPluginsToSerialize=a.so --dynamicPlugins=b.so --setPluginsToSerialize=b.so"},
		{"10.3", "--stripAllWeights"},
		{"10.3", "--hardwareCompatibilityLevel=Ampere+ --runtimePlatform=SameAsBuild --useRuntime=full"},
		{"10.9", "--hardwareCompatibilityLevel=samecomputecapability --tilingOptimizationLevel=3"},
		{"8.5", "--tacticSources=-CUBLAS,+CUDNN,-CUBLAS_LT --precisionConstraints=prefer --minTiming=2 --sparsity=enable"},
		{"11.1", "--tacticSources=+EDGE_MASK_CONVOLUTIONS --inputIOFormats=chw,chw --allowWeightStreaming --weightStreamingBudget=-1"},
		{"10.3", "--outputIOFormats=fp32:chw --allowWeightStreaming --weightStreamingBudget=1.5G --persistentCacheRatio=0.5"},
	} {
		b := Build{TensorRT: release(t, tc.release), Model: "m", Engine: "e", Precision: "tf32", Typed: true, OptimizationLevel: -1, Extra: strings.Fields(tc.extra)}
		argv, err := b.Args()
		if err != nil {
			t.Errorf("%s: %v", tc.extra, err)
			continue
		}
		if !slices.Equal(argv[len(argv)-len(b.Extra):], b.Extra) {
			t.Errorf("Args() = %q, want the extra arguments at the end", argv)
		}
	}
}

func TestModesOf(t *testing.T) {
	for argv, want := range map[string]Modes{
		"":                                     {},
		"trtexec --onnx=--vc":                  {},
		"--vc":                                 {VersionCompatible: true},
		"--versionCompatible --refit":          {VersionCompatible: true, Refit: true},
		"--excludeLeanRuntime":                 {ExcludesRuntime: true},
		"--weightless":                         {Stripped: true},
		"--stripWeights":                       {Stripped: true},
		"--stripAllWeights":                    {Stripped: true, Refit: true},
		"--runtimePlatform=SameAsBuild":        {},
		"--runtimePlatform=WindowsAMD64":       {Platform: "WindowsAMD64"},
		"--hardwareCompatibilityLevel=none":    {},
		"--hardwareCompatibilityLevel=AMPERE+": {Hardware: "ampere+"},
		"--hardwareCompatibilityLevel=samecomputecapability": {Hardware: "sameComputeCapability"},
		"--hardwareCompatibilityLevel=later+":                {},
	} {
		if got := ModesOf(strings.Fields(argv)); got != want {
			t.Errorf("ModesOf(%s) = %+v, want %+v", argv, got, want)
		}
	}
}

// TestModesComeBack reads the modes of every build from its command line.
func TestModesComeBack(t *testing.T) {
	for _, v := range catalog.Releases() {
		for _, m := range someModes {
			argv, err := Build{TensorRT: v, Model: "m", Engine: "e", Precision: "tf32", Typed: true, OptimizationLevel: -1, Modes: m}.Args()
			if err == nil && ModesOf(argv) != m {
				t.Errorf("%s: ModesOf(%q) = %+v, want %+v", v, argv, ModesOf(argv), m)
			}
		}
	}
}

func TestEmbeddedLibrariesAreThoseToSerialize(t *testing.T) {
	got := Embedded([]string{"trtexec", "--dynamicPlugins=a.so", "--setPluginsToSerialize=b.so", "--setPluginsToSerialize=a.so"})
	if !slices.Equal(got, []string{"b.so", "a.so"}) {
		t.Errorf("Embedded = %q", got)
	}
}

func TestTheOldestImageIsNamed(t *testing.T) {
	for v, want := range map[string]string{"8.6": "23.04-py3", "9.0": "24.05-py3", "10.9": "25.03-py3", "10.14": "25.11-py3", "11.0": "26.06-py3", "99.0": ""} {
		if got := oldestTag(release(t, v)); got != want {
			t.Errorf("oldestTag(%s) = %q, want %q", v, got, want)
		}
	}
	if tag := oldestTag(release(t, "9.0")); !strings.Contains(oneProfileEach, "tensorrt:"+tag+" ") {
		t.Errorf("%q does not name %s", oneProfileEach, tag)
	}
}

// FuzzExtra gives arbitrary extra arguments to each generation: what passes is
// known to the release, stands in one piece, and comes once.
func FuzzExtra(f *testing.F) {
	for _, s := range []string{"--avgTiming=4 --refit", "--vc --pi", "--memPoolSize=workspace:1GiB,", "--tacticSources=+,-", "--inputIOFormats=a:b+c,", "--weightStreamingBudget=%", "--=", "--hardwareCompatibilityLevel=AMPERE+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		extra := strings.Fields(text)
		for _, r := range []string{"8.4", "8.6", "9.3", "10.3", "10.16", "11.1"} {
			v := release(t, r)
			argv, err := Build{TensorRT: v, Model: "m", Engine: "e", Precision: "tf32", Typed: true, OptimizationLevel: -1, Extra: extra}.Args()
			if err != nil {
				if err.(*Refusal).Fix == "" {
					t.Errorf("%s: no fix in %v", v, err)
				}
				continue
			}
			seen := map[string]bool{}
			for _, a := range argv[1:] {
				name := same(flagName(a))
				if !takes(flagName(a), v) || seen[name] && !slices.Contains(repeatable, name) {
					t.Errorf("%s: %q of %q", v, a, argv)
				}
				seen[name] = true
			}
			if ModesOf(argv).Platform != "" {
				t.Errorf("%s: an engine for another platform: %q", v, argv)
			}
		}
	})
}
