package compat_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// Engines as their bytes describe them; the numbers of T4 and RTX 3060 are those
// of plan files that were built on them.
var (
	t4     = compat.Engine{TensorRT: "10.3.0.26", SM: "7.5", SMs: 40, MemoryBytes: 15835660288, BusBits: 256, Likely: []string{"T4"}}
	v100   = compat.Engine{TensorRT: "10.3.0.26", SM: "7.0", SMs: 80, BusBits: 4096, Likely: []string{"V100-32GB"}}
	p100   = compat.Engine{TensorRT: "8.6.1.6", SM: "6.0", SMs: 56, BusBits: 3072, Likely: []string{"P100-12GB"}}
	a100   = compat.Engine{TensorRT: "10.3.0.26", SM: "8.0", SMs: 108, MemoryBytes: 81037 << 20, BusBits: 5120, Likely: []string{"A100-80GB"}}
	a40    = compat.Engine{TensorRT: "10.9.0.34", SM: "8.6", SMs: 84, BusBits: 384, Likely: []string{"A40", "RTX A6000"}}
	h100   = compat.Engine{TensorRT: "10.3.0.26", SM: "9.0", SMs: 132, BusBits: 5120, Likely: []string{"H100-80GB"}}
	xavier = compat.Engine{TensorRT: "7.1.3.0", SM: "7.2", SMs: 6, BusBits: 256, Likely: []string{"Jetson Xavier NX"}}
	slice  = compat.Engine{TensorRT: "10.3.0.26", SM: "8.0", SMs: 14, BusBits: 640}
	old    = compat.Engine{TensorRT: "8.5.1.7", SM: "7.5", SMs: 40, BusBits: 256, Likely: []string{"T4"}}
	bare   = compat.Engine{TensorRT: "10.3.0.26", SM: "7.5"}
)

func with(e compat.Engine, m trtexec.Modes) compat.Engine {
	e.Modes = &m
	return e
}

func place(t testing.TB, text string) compat.Place {
	t.Helper()
	p, err := compat.ParsePlace(text)
	if err != nil {
		t.Fatalf("ParsePlace(%q): %v", text, err)
	}
	return p
}

func TestRules(t *testing.T) {
	vc := trtexec.Modes{VersionCompatible: true}
	ampere := trtexec.Modes{Hardware: "ampere+"}
	same := trtexec.Modes{Hardware: "sameComputeCapability"}
	windows := trtexec.Modes{Platform: "WindowsAMD64"}
	for name, tc := range map[string]struct {
		engine compat.Engine
		place  string
		want   compat.Verdict
		first  string // in the first reason
		fix    string // in the fix; "" when there is none
	}{
		// TensorRT
		"the same TensorRT on the same GPU":                   {t4, "t4,trt=10.3.0.26", compat.Valid, "written by TensorRT 10.3.0.26, and the same runs there", ""},
		"the TensorRT of an image":                            {t4, "t4,image=24.08-py3", compat.Valid, "and the same runs there", ""},
		"numbers that are not given agree, and that is said":  {t4, "t4,trt=10.3", compat.Valid, "10.3 runs there: the same as far as the numbers go, patch and build are not given", ""},
		"another TensorRT names the image that has the right": {t4, "t4,trt=8.6.1", compat.Invalid, "written by TensorRT 10.3.0.26, 8.6.1 runs there: a plan loads only in the very TensorRT that wrote it", "run nvcr.io/nvidia/tensorrt:24.08-py3 there, which has TensorRT 10.3.0.26, or build it again with TensorRT 8.6.1: add images = [\"nvcr.io/nvidia/tensorrt:24.01-py3\"]"},
		"another build is another TensorRT":                   {t4, "t4,trt=10.3.0.30", compat.Invalid, "10.3.0.30 runs there", "24.08-py3"},
		"a newer TensorRT may be saved by what nobody knows":  {t4, "t4,trt=10.8", compat.Invalid, "unless it was built with --versionCompatible, which its bytes do not tell", "if it was built with --versionCompatible, say so: --built-with=--versionCompatible; otherwise run nvcr.io/nvidia/tensorrt:24.08-py3 there"},
		"nothing saves a plan from before 8.6":                {old, "t4,trt=8.6.1", compat.Invalid, "a plan loads only in the very TensorRT that wrote it", "run nvcr.io/nvidia/tensorrt:22.12-py3 there"},
		"what is known to be no mode saves nothing":           {with(t4, trtexec.Modes{}), "t4,trt=10.8", compat.Invalid, "a plan loads only in the very TensorRT that wrote it", "run nvcr.io/nvidia/tensorrt:24.08-py3 there"},
		"a version compatible plan in a newer TensorRT":       {with(t4, vc), "t4,trt=10.8.0.43", compat.Valid, "a newer TensorRT loads a version compatible plan", ""},
		"over the next major":                                 {with(t4, vc), "t4,trt=11.1", compat.Valid, "TensorRT 11 loads version compatible plans of TensorRT 10", ""},
		"not in an older one":                                 {with(t4, vc), "t4,trt=10.2", compat.Invalid, "an older TensorRT never loads the plan of a newer one", "24.08-py3"},
		"not before it was there":                             {with(old, vc), "t4,trt=8.6.1", compat.Invalid, "version compatible plans came with TensorRT 8.6", "22.12-py3"},
		"not below Volta":                                     {with(p100, vc), "p100,trt=9.0", compat.Invalid, "version compatible plans need Volta (7.0) or newer", "run nvcr.io/nvidia/tensorrt:24.01-py3 there"},
		"its lean runtime may be missing":                     {with(t4, trtexec.Modes{VersionCompatible: true, ExcludesRuntime: true}), "t4,trt=10.8", compat.Unknown, "the lean runtime library of TensorRT 10.3.0.26 must be there", "--leanDLLPath"},
		"its lean runtime is not needed in the same TensorRT": {with(t4, trtexec.Modes{VersionCompatible: true, ExcludesRuntime: true}), "t4,trt=10.3.0.26", compat.Valid, "the same runs there", ""},
		"no TensorRT is given":                                {t4, "t4", compat.Unknown, "which TensorRT runs there is not given", "say which TensorRT runs there, as in trt=10.3 or image=24.08-py3"},
		"no TensorRT is given, and the GPU rules it out":      {t4, "a10", compat.Invalid, "a plan runs only on the kind of GPU that built it", "build it again for that GPU: add gpus = [\"A10\"]"},
		"no TensorRT in the bytes":                            {compat.Engine{SM: "7.5", Likely: []string{"T4"}}, "t4,trt=10.3", compat.Unknown, "which TensorRT wrote the plan is not known", ""},
		"an image whose TensorRT is disputed":                 {t4, "t4,image=24.04-py3", compat.Unknown, "which TensorRT runs there is not given", "say which TensorRT runs there"},
		"TensorRT of a Jetson comes with JetPack":             {xavier, "jetson xavier,trt=8.0.1", compat.Invalid, "8.0.1 runs there", "install the JetPack with TensorRT 7.1.3.0 there, or build it again with TensorRT 8.0.1"},
		"no image is known to have it":                        {compat.Engine{TensorRT: "10.5.0.99", SM: "7.5", Likely: []string{"T4"}}, "t4,trt=10.3", compat.Invalid, "10.3 runs there", "run TensorRT 10.5.0.99 there, or build it again with TensorRT 10.3: add images = [\"nvcr.io/nvidia/tensorrt:24.08-py3\"]"},
		"an image that may have it":                           {compat.Engine{TensorRT: "10.4.0.26", SM: "7.5", Likely: []string{"T4"}}, "t4,trt=10.3", compat.Invalid, "10.3 runs there", "run nvcr.io/nvidia/tensorrt:24.09-py3 there, which may have TensorRT 10.4.0.26"},

		"no image is known to the third number":  {compat.Engine{TensorRT: "8.6.2.3", SM: "7.5", Likely: []string{"T4"}}, "t4,trt=10.3", compat.Invalid, "10.3 runs there", "otherwise run TensorRT 8.6.2.3 there, or"},
		"a mode that is not needed is not named": {a40, "a40,trt=10.11", compat.Invalid, "10.11 runs there", "if it was built with --versionCompatible, say so: --built-with=--versionCompatible; otherwise"},
		"boards of one name":                     {compat.Engine{TensorRT: "8.6.1.6", SM: "8.6", SMs: 68, BusBits: 320, Likely: []string{"GeForce RTX 3080"}}, "rtx 3080,trt=8.6.1.6", compat.Suboptimal, "names boards that differ, with 68 or 70 SMs", "for full speed build it for that GPU"},

		// The GPU
		"another compute capability":                          {t4, "a10,trt=10.3.0.26", compat.Invalid, "built on compute capability 7.5, most likely a T4, and an A10 (8.6) is there: a plan runs only on the kind of GPU that built it", "build it again for that GPU: add gpus = [\"A10\"]"},
		"below Ampere no level saves it":                      {v100, "t4,trt=10.3", compat.Invalid, "a plan runs only on the kind of GPU that built it", "build it again for that GPU: add gpus = [\"T4\"]"},
		"from Ampere on a level may save it":                  {a40, "l4,trt=10.9", compat.Invalid, "unless it was built with --hardwareCompatibilityLevel=ampere+, which its bytes do not tell", "if it was built with --hardwareCompatibilityLevel=ampere+, say so: --built-with=--hardwareCompatibilityLevel=ampere+; otherwise build it again for that GPU: add gpus = [\"L4\"]"},
		"both rules broken, and both may be saved":            {a40, "l4,trt=10.11", compat.Invalid, "written by TensorRT 10.9.0.34, 10.11 runs there", "--built-with=\"--versionCompatible --hardwareCompatibilityLevel=ampere+\"; otherwise build it again for that place: add images = [\"nvcr.io/nvidia/tensorrt:25.07-py3\"] and gpus = [\"L4\"]"},
		"both rules broken, and one cannot be saved":          {t4, "a10,trt=10.8", compat.Invalid, "10.8 runs there", "build it again for that place: add images = [\"nvcr.io/nvidia/tensorrt:25.02-py3\"] and gpus = [\"A10\"]"},
		"another product of the same capability":              {a40, "a10,trt=10.9", compat.Suboptimal, "an A10 is there: the compute capability is the same, but the product is another; NVIDIA promises only the kind of GPU that built a plan, for which it was tuned, unless it was built with --hardwareCompatibilityLevel=sameComputeCapability", "for full speed build it for that GPU: add gpus = [\"A10\"]"},
		"before 10.9 no level promises the same capability":   {t4, "quadro rtx 4000,trt=10.3", compat.Suboptimal, "for which it was tuned", "add gpus = [\"Quadro RTX 4000\"]"},
		"one of the products that fit":                        {a40, "rtx a6000,trt=10.9", compat.Valid, "TensorRT 10.9.0.34", ""},
		"the numbers fit, though the name was not thought of": {compat.Engine{TensorRT: "10.3.0.26", SM: "7.5", SMs: 40, BusBits: 256, MemoryBytes: 15102 << 20}, "t4,trt=10.3", compat.Valid, "10.3.0.26", ""},
		"a family of one chip":                                {a100, "a100,trt=10.3.0.26", compat.Valid, "10.3.0.26", ""},
		"less memory is another product":                      {a100, "a100-40gb,trt=10.3", compat.Suboptimal, "the product is another", "add gpus = [\"A100-40GB\"]"},
		"a family of several chips":                           {h100, "h100,trt=10.3", compat.Suboptimal, "H100 names boards that differ, with 132 or 114 SMs", "say which it is, as its driver calls it: NVIDIA H100 80GB HBM3 or NVIDIA H100 PCIe"},
		"the board of a kind":                                 {h100, "NVIDIA-H100-80GB-HBM3,trt=10.3", compat.Valid, "10.3.0.26", ""},
		"another board of a kind":                             {h100, "NVIDIA H100 PCIe,trt=10.3", compat.Suboptimal, "the board is another, with 114 SMs", "gpus"},
		"boards of a Jetson":                                  {xavier, "jetson xavier,trt=7.1.3", compat.Suboptimal, "Jetson Xavier names boards that differ", "gpus"},
		"a plan that a slice built, on the whole":             {slice, "a100,trt=10.3", compat.Suboptimal, "built on compute capability 8.0 (14 SMs, 640-bit memory bus), and an A100 is there: the compute capability is the same, but the product is another, or only a slice of it built the plan", "gpus"},
		"a plan on a slice":                                   {a100, "a100-80gb,mig=1g.10gb,trt=10.3", compat.Unknown, "a slice 1g.10gb of an A100-80GB is there: that a plan runs well on another part of a GPU than built it is documented nowhere", "build it on a slice of the same profile"},
		"a slice of another capability":                       {t4, "a100-80gb,mig=1g.10gb,trt=10.3", compat.Invalid, "a plan runs only on the kind of GPU that built it", "gpus"},
		"a shared GPU":                                        {t4, "Tesla-T4-SHARED,trt=10.3.0.26", compat.Valid, "the same runs there", ""},
		"a capability alone":                                  {t4, "sm=7.5,trt=10.3", compat.Suboptimal, "which product is there is not given", "say which GPU it is, as in t4"},
		"another capability alone":                            {t4, "sm=8.6,trt=10.3", compat.Invalid, "a GPU of compute capability 8.6 is there", "build it again on that GPU"},
		"no GPU is given":                                     {t4, "trt=10.3", compat.Unknown, "which GPU is there is not given", "say it, as in t4 or sm=7.5"},
		"no GPU is given, and TensorRT rules it out":          {t4, "trt=8.6.1", compat.Invalid, "8.6.1 runs there", "24.08-py3"},
		"no GPU in the bytes":                                 {compat.Engine{TensorRT: "10.3.0.26"}, "t4,trt=10.3", compat.Unknown, "on which GPU the plan was built its bytes do not tell", ""},
		"no product in the bytes":                             {bare, "t4,trt=10.3", compat.Suboptimal, "which product built it its bytes do not tell", "gpus"},
		"ampere+ on a later GPU":                              {with(a40, ampere), "l4,trt=10.9", compat.Suboptimal, "an ampere+ plan runs on Ampere and newer, but gives speed away", "add gpus = [\"L4\"]"},
		"ampere+ on an older GPU":                             {with(a40, ampere), "t4,trt=10.9", compat.Invalid, "an ampere+ plan runs on Ampere (8.0) and newer", "gpus"},
		"ampere+ on the GPU that built it":                    {with(a40, ampere), "a40,trt=10.9", compat.Valid, "10.9.0.34", ""},
		"ampere+ on another of the same capability":           {with(a40, ampere), "a10,trt=10.9", compat.Suboptimal, "gives speed away", "gpus"},
		"ampere+ on a GPU that its TensorRT did not know":     {with(a100, trtexec.Modes{Hardware: "ampere+", VersionCompatible: true}), "b200,trt=10.8", compat.Unknown, "that GPU is newer than TensorRT 10.3.0.26 knew, and NVIDIA does not promise that its kernels run", ""},
		"ampere+ cannot come from Turing":                     {with(t4, ampere), "t4,trt=10.3", compat.Unknown, "--hardwareCompatibilityLevel=ampere+ needs Ampere (8.0) or newer: it cannot be the plan that those flags made", ""},
		"sameComputeCapability on another product":            {with(a40, same), "a10,trt=10.9", compat.Suboptimal, "a sameComputeCapability plan runs there, but it was tuned for another GPU", "gpus"},
		"sameComputeCapability on another capability":         {with(a40, same), "l4,trt=10.9", compat.Invalid, "a sameComputeCapability plan runs on the very same compute capability only", "gpus"},
		"sameComputeCapability cannot come from 10.3":         {with(t4, same), "t4,trt=10.3", compat.Unknown, "--hardwareCompatibilityLevel=sameComputeCapability came with 10.9", ""},
		"a TensorRT that serves no such GPU":                  {with(t4, vc), "v100,trt=10.5", compat.Invalid, "a plan runs only on the kind of GPU that built it", "run a TensorRT there that serves that GPU (nvcr.io/nvidia/tensorrt:24.09-py3 is the newest image that does), and build the plan again with it: add images = [\"nvcr.io/nvidia/tensorrt:24.09-py3\"] and gpus = [\"V100\"]"},
		"a TensorRT that dropped the GPU of the plan":         {with(v100, vc), "v100,trt=10.5", compat.Invalid, "TensorRT 10.5, which runs there, runs no plan on it: TensorRT 10.5 begins at 7.5", "24.09-py3"},
		"a TensorRT of which nobody knows":                    {with(t4, vc), "t4,trt=11.99", compat.Unknown, "whether TensorRT 11.99, which runs there, runs plans on a T4 (7.5) is not known", ""},
		"what nobody knows does not matter to what is known":  {t4, "t4,trt=11.99", compat.Invalid, "11.99 runs there", "--versionCompatible"},

		// The driver
		"a driver that serves the image":            {t4, "t4,image=24.08-py3,driver=560.35.03", compat.Valid, "the same runs there", ""},
		"a driver of the same CUDA major":           {t4, "t4,image=24.08-py3,driver=535.129.03", compat.Valid, "the same runs there", ""},
		"a driver that the image's package bridges": {t4, "t4,image=24.08-py3,driver=470.256.02", compat.Valid, "the same runs there", ""},
		"a driver that nothing bridges":             {t4, "t4,image=24.08-py3,driver=450.51", compat.Invalid, "driver 450.51 is there, and CUDA 12.6 needs 525", "update the driver there, or run an image with an older CUDA"},
		"no package bridges it on other GPUs":       {with(compat.Engine{TensorRT: "10.3.0.26", SM: "8.9", SMs: 128, BusBits: 384, Likely: []string{"GeForce RTX 4090"}}, trtexec.Modes{}), "rtx 4090,image=24.08-py3,driver=470.256.02", compat.Invalid, "only data-center GPUs have a way around", "update the driver"},
		"a driver on a GPU that is not known":       {t4, "sm=7.5,image=24.08-py3,driver=470.256.02", compat.Unknown, "but for data-center GPUs", "update the driver there, or try it"},
		"no driver is not asked for":                {t4, "t4,image=24.08-py3", compat.Valid, "the same runs there", ""},
		"a driver on Windows is not known":          {with(t4, windows), "t4,trt=10.3.0.26,cuda=12.6,os=windows,driver=470.57", compat.Valid, "the same runs there", ""},
		"a Jetson's driver comes with it":           {xavier, "jetson xavier,trt=7.1.3,cuda=13.0,driver=470.57", compat.Suboptimal, "names boards that differ", "gpus"},

		// Platform and weights
		"a plan for Windows on Linux":             {with(t4, windows), "t4,trt=10.3,os=linux", compat.Invalid, "built for Windows on x86-64 (--runtimePlatform=WindowsAMD64), linux runs there", "without --runtimePlatform"},
		"a plan for Windows in an image":          {with(t4, windows), "t4,image=24.08-py3", compat.Invalid, "linux runs there", "without --runtimePlatform"},
		"a plan for Windows there":                {with(t4, windows), "t4,trt=10.3.0.26,os=windows,arch=amd64", compat.Valid, "the same runs there", ""},
		"a plan for Windows on ARM":               {with(t4, windows), "t4,trt=10.3.0.26,os=windows,arch=arm64", compat.Invalid, "windows arm64 runs there", "without --runtimePlatform"},
		"a plan for Windows somewhere":            {with(t4, windows), "t4,trt=10.3", compat.Unknown, "which operating system runs there is not given", "os=windows"},
		"a plan of unknown making on Windows":     {t4, "t4,trt=10.3,os=windows", compat.Unknown, "plans do not cross operating systems and kinds of CPU: windows runs there", "build it there"},
		"a plan of unknown making on ARM":         {h100, "gh200-96gb,trt=10.3,arch=arm64", compat.Unknown, "arm64 runs there", "build it there"},
		"a Jetson's plan on ARM":                  {compat.Engine{TensorRT: "7.1.3.0", SM: "5.3"}, "sm=5.3,trt=7.1.3,arch=arm64", compat.Suboptimal, "which product", "say which GPU"},
		"a stripped plan":                         {with(t4, trtexec.Modes{Stripped: true}), "t4,trt=10.3.0.26", compat.Invalid, "built without its weights (--stripWeights)", "refit it with the weights of its model when it is loaded (IParserRefitter)"},
		"a stripped plan where trtexec can refit": {with(compat.Engine{TensorRT: "10.14.1.48", SM: "7.5", Likely: []string{"T4"}}, trtexec.Modes{Stripped: true}), "t4,image=25.12-py3", compat.Invalid, "built without its weights", "trtexec --refitFromOnnx"},
		"a stripped plan is not saved by a mode":  {with(t4, trtexec.Modes{Stripped: true}), "t4,trt=10.8", compat.Invalid, "10.8 runs there", "or build it again with TensorRT 10.8"},
		"what TensorRT may not load":              {compat.Engine{Doubt: "9 bytes follow", Remedy: "cut them off", TensorRT: "10.3.0.26", SM: "7.5", SMs: 40, Likely: []string{"T4"}}, "t4,trt=10.3", compat.Unknown, "9 bytes follow", "cut them off"},
		"what no TensorRT loads":                  {compat.Engine{Trouble: "the plan is cut off: TensorRT cannot load it", Remedy: "take a whole engine", TensorRT: "10.3.0.26", SM: "7.5"}, "t4,trt=10.3", compat.Invalid, "the plan is cut off", "take a whole engine"},
	} {
		t.Run(name, func(t *testing.T) {
			got := compat.Judge(tc.engine, place(t, tc.place))
			if got.Verdict != tc.want || !strings.Contains(got.Reasons[0], tc.first) {
				t.Errorf("Judge on %s: %s\n%s\nwant %s first with %q", tc.place, got.Verdict, strings.Join(got.Reasons, "\n"), tc.want, tc.first)
			}
			if !strings.Contains(got.Fix, tc.fix) || tc.fix == "" && got.Fix != "" {
				t.Errorf("Judge on %s: fix %q, want one with %q", tc.place, got.Fix, tc.fix)
			}
		})
	}
}

// The reasons behind the first are worth as much to whoever reads on.
func TestEveryRuleSaysItsReason(t *testing.T) {
	for name, tc := range map[string]struct {
		engine compat.Engine
		place  string
		want   string
	}{
		"host code must be allowed":             {with(t4, trtexec.Modes{VersionCompatible: true}), "t4,trt=10.8", "whoever loads the plan must allow the host code in it"},
		"but not in the TensorRT that wrote it": {with(t4, trtexec.Modes{VersionCompatible: true}), "t4,trt=10.3.0.26", "!host code"},
		"a pair that one documentation names":   {with(compat.Engine{TensorRT: "9.2.0.5", SM: "7.5", Likely: []string{"T4"}}, trtexec.Modes{VersionCompatible: true}), "t4,trt=10.3", "that of 11.4 no longer does"},
		"a shared GPU answers at varying speed": {t4, "Tesla-T4-SHARED,trt=10.3", "the GPU there is shared with other work"},
		"but not where it does not run":         {t4, "NVIDIA-A10-SHARED,trt=10.3", "!shared"},
		"a family is named with its members":    {a100, "a100,trt=10.3", "that names A100-40GB, A100-80GB and A100-64GB, which have the same chip, as far as is known, but not the same memory"},
		"ampere+ is slower at home, too":        {with(a40, trtexec.Modes{Hardware: "ampere+"}), "a40,trt=10.9", "it runs, though ampere+ gives speed away"},
		"what the catalogue is not sure of":     {t4, "t4,image=24.04-py3", "sources differ on which TensorRT the image 24.04 has, perhaps 8.6"},
		"what was not read from NVIDIA":         {t4, "t4,image=25.01-py3,trt=10.8", "!not read from NVIDIA"},
		"and where it was not":                  {t4, "t4,image=23.10-py3", "that the image 23.10 has TensorRT 8.6.1.6 was not read from NVIDIA"},
		"the platform of a plan for Windows":    {with(t4, trtexec.Modes{Platform: "WindowsAMD64"}), "t4,trt=10.3,os=windows", "NVIDIA calls that experimental"},
		"a Jetson's plan on ARM is not doubted": {xavier, "jetson xavier,trt=7.1.3,arch=arm64", "!kinds of CPU"},
		"no serving of a GPU that is not known": {t4, "trt=10.3", "!whether TensorRT"},
		"the serving of what is there is not":   {with(t4, trtexec.Modes{VersionCompatible: true}), "v100,trt=10.5", "a V100 (7.0) is there, and TensorRT 10.5, which runs there, runs no plan on it"},
		"many that fit are not all named":       {compat.Engine{TensorRT: "10.3.0.26", SM: "7.5", SMs: 48, Likely: []string{"T4", "A10", "L4", "A2"}}, "t4,trt=10.3", "most likely a T4 or one of its like"},
	} {
		t.Run(name, func(t *testing.T) {
			got := compat.Judge(tc.engine, place(t, tc.place))
			want, absent := strings.CutPrefix(tc.want, "!")
			if has := slices.ContainsFunc(got.Reasons, func(r string) bool { return strings.Contains(r, want) }); has == absent {
				t.Errorf("Judge on %s: %s\n%s\nwant %q there: %v", tc.place, got.Verdict, strings.Join(got.Reasons, "\n"), want, !absent)
			}
		})
	}
}

// A driver that the user gave is not passed over in silence.
func TestADriverIsSpokenOf(t *testing.T) {
	const want = "driver 450.51 is there, and whether it serves what runs there was not judged: say image=, or cuda="
	for text, told := range map[string]bool{"t4,trt=10.3.0.26,driver=450.51": true, "t4,driver=450.51": true, "t4,trt=10.3.0.26": false, "t4,image=24.08-py3,driver=450.51": false} {
		if a := compat.Judge(t4, place(t, text)); slices.Contains(a.Reasons, want) != told {
			t.Errorf("%s: reasons %q", text, a.Reasons)
		}
	}
}
