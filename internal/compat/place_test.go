package compat_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/inventory"
)

func TestParsePlace(t *testing.T) {
	inferred := []string{"that the image 23.10 has TensorRT 8.6.1.6 was not read from NVIDIA"}
	for text, want := range map[string]compat.Place{
		"t4,trt=8.6.1":                      {Name: "t4,trt=8.6.1", GPU: "T4", SM: "7.5", TensorRT: "8.6.1"},
		"T4":                                {Name: "T4", GPU: "T4", SM: "7.5"},
		" T4 , TRT = 10.3 ":                 {Name: "T4,TRT = 10.3", GPU: "T4", SM: "7.5", TensorRT: "10.3"},
		"trt=10.3":                          {Name: "trt=10.3", TensorRT: "10.3"},
		",trt=10.3,":                        {Name: "trt=10.3", TensorRT: "10.3"},
		"tensorrt=10.3.0.26+cuda12":         {Name: "tensorrt=10.3.0.26+cuda12", TensorRT: "10.3.0.26"},
		"gpu=a100":                          {Name: "gpu=a100", GPU: "A100", SM: "8.0"},
		"rtx 4090":                          {Name: "rtx 4090", GPU: "GeForce RTX 4090", SM: "8.9"},
		"sm=7.5,trt=10.3.0.26":              {Name: "sm=7.5,trt=10.3.0.26", SM: "7.5", TensorRT: "10.3.0.26"},
		"sm=sm_86":                          {Name: "sm=sm_86", SM: "8.6"},
		"sm=120":                            {Name: "sm=120", SM: "12.0"},
		"t4,sm=7.5":                         {Name: "t4,sm=7.5", GPU: "T4", SM: "7.5"},
		"Tesla T4":                          {Name: "Tesla T4", GPU: "T4", Product: "Tesla T4", SM: "7.5"},
		"a100-80gb,image=24.08-py3":         {Name: "a100-80gb,image=24.08-py3", GPU: "A100-80GB", SM: "8.0", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"t4,8.6.1":                          {Name: "t4,8.6.1", GPU: "T4", SM: "7.5", TensorRT: "8.6.1"},
		"t4,8.6":                            {Name: "t4,8.6", GPU: "T4", SM: "7.5", TensorRT: "8.6"},
		"sm_75,V10.3.0.26":                  {Name: "sm_75,V10.3.0.26", SM: "7.5", TensorRT: "10.3.0.26"},
		"t4,8.6.1.6+cuda12.0.1.011":         {Name: "t4,8.6.1.6+cuda12.0.1.011", GPU: "T4", SM: "7.5", TensorRT: "8.6.1.6"},
		"24.08-py3":                         {Name: "24.08-py3", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"nvcr.io/nvidia/tensorrt:24.08-py3": {Name: "nvcr.io/nvidia/tensorrt:24.08-py3", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"a100-80gb,1g.10gb":                 {Name: "a100-80gb,1g.10gb", GPU: "A100-80GB", SM: "8.0", MIG: "1g.10gb"},
		"nvidia.com/gpu.product=Tesla-T4":   {Name: "nvidia.com/gpu.product=Tesla-T4", GPU: "T4", Product: "Tesla-T4", SM: "7.5"},
		"image=24.08":                       {Name: "image=24.08", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"image=24.08-py3,trt=10.3":          {Name: "image=24.08-py3,trt=10.3", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"image=23.10-py3":                   {Name: "image=23.10-py3", TensorRT: "8.6.1.6", OS: "linux", Notes: inferred},
		"image=24.04-py3,trt=8.6.1":         {Name: "image=24.04-py3,trt=8.6.1", TensorRT: "8.6.1", CUDA: "12.4.1", OS: "linux"},
		"t4,driver=550.54.15":               {Name: "t4,driver=550.54.15", GPU: "T4", SM: "7.5", Driver: "550.54.15"},
		"cuda=12.6,os=Linux":                {Name: "cuda=12.6,os=Linux", CUDA: "12.6", OS: "linux"},
		"arch=aarch64":                      {Name: "arch=aarch64", Arch: "arm64"},
		"a100-80gb,mig=1G.10GB":             {Name: "a100-80gb,mig=1G.10GB", GPU: "A100-80GB", SM: "8.0", MIG: "1g.10gb"},
		"a100-80gb,mig=1g.10gb+me":          {Name: "a100-80gb,mig=1g.10gb+me", GPU: "A100-80GB", SM: "8.0", MIG: "1g.10gb+me"},
		"image=nvcr.io/nvidia/tensorrt:24.08-py3":                 {Name: "image=nvcr.io/nvidia/tensorrt:24.08-py3", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"image=127.0.0.1:5000/nvidia/tensorrt:24.08-py3@sha256:1": {Name: "image=127.0.0.1:5000/nvidia/tensorrt:24.08-py3@sha256:1", TensorRT: "10.3.0.26", CUDA: "12.6.0.022", OS: "linux"},
		"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED,mig=1g.5gb":      {Name: "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED,mig=1g.5gb", GPU: "A100-40GB", Product: "NVIDIA-A100-SXM4-40GB", SM: "8.0", MIG: "1g.5gb", Shared: true},
		"image=my.registry/base:1.2,trt=10.3": {Name: "image=my.registry/base:1.2,trt=10.3", TensorRT: "10.3",
			Notes: []string{"the catalogue knows the images nvcr.io/nvidia/tensorrt, not my.registry/base: say trt="}},
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := compat.ParsePlace(text); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("ParsePlace(%q): %v\n got %+v\nwant %+v", text, err, got, want)
			}
		})
	}
}

func TestWhatIsNoPlaceIsRefusedWithTheRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "no place is given: say a GPU, or what runs there, as in t4,trt=8.6.1",
		" , ,":                                   "no place is given",
		"t44":                                    `GPU "t44" is not known: write T4, or its compute capability, as in sm=8.6`,
		"wombat":                                 `GPU "wombat" is not known: say one of T4, V100,`,
		"8.6,t4":                                 `"8.6" is no GPU: write sm=8.6 for a compute capability, trt=8.6 for a TensorRT`,
		"t4,8.6.1,trt=8.6.1":                     `trt is said twice, "8.6.1" and "8.6.1"`,
		"t4,docker.io/ubuntu:22.04":              "image=docker.io/ubuntu:22.04: the catalogue knows the images nvcr.io/nvidia/tensorrt, not docker.io/ubuntu",
		"t4,trt=v":                               `trt=v: TensorRT version "v"`,
		"t4,a10":                                 `gpu is said twice, "t4" and "a10": give every place on its own`,
		"trt=10.3,tensorrt=10.4":                 `trt is said twice, "10.3" and "10.4"`,
		"t4,trt=":                                "trt= says nothing",
		"t4,drivr=550":                           `"drivr" is not known: write driver= (allowed: gpu, sm, trt, image, driver, cuda, mig, os, arch; as in t4,trt=8.6.1`,
		"t4,colour=red":                          `"colour" is not known (allowed: gpu, sm,`,
		"t4,trt=new":                             `trt=new: TensorRT version "new": want two to four numbers`,
		"t4,trt=10":                              "want two to four numbers",
		"sm=turing":                              "sm=turing: want a compute capability such as 7.5",
		"a100,sm=8.6":                            "sm=8.6: an A100 has compute capability 8.0",
		"image=24.99-py3":                        `image=24.99-py3: tag "24.99-py3" of nvcr.io/nvidia/tensorrt is not in the catalogue`,
		"image=24.08-trtllm-python-py3":          "is not in the catalogue",
		"image=nvcr.io/nvidia/pytorch:24.08-py3": "not nvcr.io/nvidia/pytorch: say trt=",
		"image=nvcr.io/nvidia/tensorrt@sha256:1": "the image has no tag, by which the catalogue knows its TensorRT: say trt=",
		"image=24.08-py3,trt=8.6.1":              "trt=8.6.1: the image 24.08 has TensorRT 10.3.0.26",
		"t4,driver=new":                          `"new": want a version such as 550.54.15`,
		"t4,cuda=12":                             `"12": want a version such as 12.6`,
		"t4,mig=half":                            `"half": want a profile such as 1g.5gb`,
		"NVIDIA-A30-MIG-1g.6gb,mig=2g.12gb":      "mig=2g.12gb: the name of the GPU says 1g.6gb",
		"t4,os=mac":                              `"mac": want linux or windows`,
		"t4,arch=sparc":                          `"sparc": want amd64 or arm64`,
		strings.Repeat("x", 2000):                "a place has 1000 characters at most",
	} {
		t.Run(text[:min(len(text), 40)], func(t *testing.T) {
			got, err := compat.ParsePlace(text)
			if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(got, compat.Place{}) {
				t.Errorf("ParsePlace(%q) = %+v, error %v, want one with %q", text, got, err, want)
			}
		})
	}
}

func TestPlaceOf(t *testing.T) {
	for name, tc := range map[string]struct {
		gpu  inventory.GPU
		want compat.Place
	}{
		"a GPU of a node": {
			inventory.GPU{Where: "node gpu-7", Product: "NVIDIA-A10", SM: "8.6", MemoryMiB: 23028, Driver: "570.172.08", OS: "linux", Arch: "amd64", Count: 2},
			compat.Place{Name: "node gpu-7: NVIDIA-A10", GPU: "A10", Product: "NVIDIA-A10", SM: "8.6", MemoryMiB: 23028, Driver: "570.172.08", OS: "linux", Arch: "amd64"}},
		"a slice": {
			inventory.GPU{Product: "NVIDIA A100-SXM4-40GB", MIG: "1g.5gb", Shared: true, Count: 7},
			compat.Place{Name: "NVIDIA A100-SXM4-40GB (slice 1g.5gb)", GPU: "A100-40GB", Product: "NVIDIA A100-SXM4-40GB", SM: "8.0", MIG: "1g.5gb", Shared: true}},
		"slices without a profile": {
			inventory.GPU{Product: "NVIDIA A30", MIG: inventory.UnknownSlice, Count: 1},
			compat.Place{Name: "NVIDIA A30 (slices)", GPU: "A30", Product: "NVIDIA A30", SM: "8.0", MIG: inventory.UnknownSlice}},
		"a name that is cut": {
			inventory.GPU{Product: "NVIDIA A100 80G...", MemoryMiB: 81920, Count: 1},
			compat.Place{Name: "NVIDIA A100 80G...", Product: "NVIDIA A100 80G...", MemoryMiB: 81920}},
		"no name": {
			inventory.GPU{Where: "node bare-1", Count: 8},
			compat.Place{Name: "node bare-1: a GPU without a name"}},
		"a GPU that nobody knows, with its capability": {
			inventory.GPU{Product: "NVIDIA B999", SM: "10.0", Count: 1},
			compat.Place{Name: "NVIDIA B999", Product: "NVIDIA B999", SM: "10.0"}},
		"a cloud's name": {
			inventory.GPU{Where: "node gke-1", Product: "nvidia-tesla-t4", Count: 1},
			compat.Place{Name: "node gke-1: nvidia-tesla-t4", GPU: "T4", Product: "nvidia-tesla-t4", SM: "7.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := compat.PlaceOf(tc.gpu); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("PlaceOf(%+v)\n got %+v\nwant %+v", tc.gpu, got, tc.want)
			}
		})
	}
}

// What a list does not tell of a GPU is a reason of its own.
func TestPlacesOfListsAreJudged(t *testing.T) {
	software := place(t, "trt=10.3.0.26")
	for name, tc := range map[string]struct {
		gpu  inventory.GPU
		want compat.Verdict
		why  string
	}{
		"the GPU that built it":            {inventory.GPU{Product: "Tesla T4"}, compat.Valid, "the same runs there"},
		"a name that is cut":               {inventory.GPU{Product: "NVIDIA A100 80G..."}, compat.Unknown, `the list cuts its name to "NVIDIA A100 80G..."`},
		"a GPU that nobody knows":          {inventory.GPU{Product: "NVIDIA T4242"}, compat.Unknown, `"NVIDIA T4242", which is there, is not known to trtfarm`},
		"with its capability":              {inventory.GPU{Product: "NVIDIA T4242", SM: "7.5"}, compat.Suboptimal, "that product is not known to trtfarm"},
		"a GPU whose capability is not":    {inventory.GPU{Product: "NVIDIA A10M"}, compat.Unknown, "the compute capability of an A10M is not known to trtfarm"},
		"a node that names no GPU":         {inventory.GPU{Where: "node a"}, compat.Unknown, "which GPU is there is not given"},
		"slices of another GPU":            {inventory.GPU{Product: "NVIDIA A30", MIG: "1g.6gb"}, compat.Invalid, "a plan runs only on the kind of GPU that built it"},
		"the TensorRT of the place counts": {inventory.GPU{Product: "Tesla T4", Driver: "535.129.03"}, compat.Valid, "the same runs there"},
	} {
		t.Run(name, func(t *testing.T) {
			got := compat.Judge(t4, compat.Merge(compat.PlaceOf(tc.gpu), software))
			if got.Verdict != tc.want || !strings.Contains(got.Reasons[0], tc.why) {
				t.Errorf("%s: %s, want %s with %q", got.Verdict, strings.Join(got.Reasons, "\n"), tc.want, tc.why)
			}
		})
	}
	for mig, why := range map[string]string{
		inventory.UnknownSlice: "whose profile the list does not name",
		inventory.BrokenSlices: "which offers none of them",
		"3g.40gb":              "a slice 3g.40gb of an A100-80GB is there",
	} {
		got := compat.Judge(a100, compat.Merge(compat.PlaceOf(inventory.GPU{Product: "NVIDIA A100-SXM4-80GB", MIG: mig}), software))
		if got.Verdict != compat.Unknown || !strings.Contains(got.Reasons[0], why) {
			t.Errorf("%s: %s, %q, want unknown with %q", mig, got.Verdict, got.Reasons, why)
		}
	}
}

func TestMerge(t *testing.T) {
	full := compat.Place{Name: "n", GPU: "T4", Product: "Tesla T4", SM: "7.5", MemoryMiB: 1, MIG: "1g.5gb", Shared: true,
		TensorRT: "10.3", CUDA: "12.6", Driver: "550", OS: "linux", Arch: "amd64", Notes: []string{"x"}}
	other := compat.Place{Name: "o", GPU: "A10", Product: "NVIDIA A10", SM: "8.6", MemoryMiB: 2, MIG: "2g.10gb",
		TensorRT: "8.6", CUDA: "11.8", Driver: "470", OS: "windows", Arch: "arm64"}
	if got := compat.Merge(full, compat.Place{}); !reflect.DeepEqual(got, full) {
		t.Errorf("nothing changes to %+v", got)
	}
	if got := compat.Merge(compat.Place{}, full); !reflect.DeepEqual(got, full) {
		t.Errorf("nothing takes over %+v", got)
	}
	if got := compat.Merge(full, other); !reflect.DeepEqual(got, full) {
		t.Errorf("what is there gives way to %+v", got)
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, s := range []string{"t4,trt=8.6.1", "image=24.08-py3", "a100,mig=1g.5gb,driver=550.1,cuda=12.6", "sm=7.5,os=linux,arch=amd64", "=,=", "gpu=gpu=", "image=a/b:c@d", "NVIDIA-A30-MIG-1g.6gb-SHARED"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := compat.ParsePlace(text)
		if err != nil {
			if !reflect.DeepEqual(p, compat.Place{}) || err.Error() == "" || strings.Contains(err.Error(), "\n") && !strings.Contains(text, "\n") {
				t.Errorf("ParsePlace(%q) = %+v, %q", text, p, err)
			}
			return
		}
		again, err := compat.ParsePlace(p.Name)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%q is %+v, called %q, which is %+v, %v", text, p, p.Name, again, err)
		}
		if g, ok := catalog.FindGPU(p.GPU); p.GPU != "" && (!ok || g.Name != p.GPU) {
			t.Errorf("%q is the GPU %q, which is none", text, p.GPU)
		}
		if a := compat.Judge(t4, p); len(a.Reasons) == 0 || !reflect.DeepEqual(a, compat.Judge(t4, p)) {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
