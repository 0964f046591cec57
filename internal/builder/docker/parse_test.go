package docker

import (
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	for ref, want := range map[string]location{
		"nvcr.io/nvidia/tensorrt:23.09-py3":       {"mirror:5000", "nvidia/tensorrt"},
		"nvcr.io/nvidia/tensorrt@sha256:00":       {"mirror:5000", "nvidia/tensorrt"},
		"nvcr.io/nvidia/tensorrt:23.09@sha256:00": {"mirror:5000", "nvidia/tensorrt"},
		"127.0.0.1:5000/nvidia/tensorrt:23.09":    {"127.0.0.1:5000", "nvidia/tensorrt"},
		"127.0.0.1:5000/nvidia/tensorrt":          {"127.0.0.1:5000", "nvidia/tensorrt"},
		"localhost/x":                             {"localhost", "x"},
		"nvidia/cuda:12":                          {"docker.io", "nvidia/cuda"},
		"debian":                                  {"docker.io", "debian"},
	} {
		if got := locate(ref, map[string]string{"nvcr.io": "mirror:5000"}); got != want {
			t.Errorf("locate(%q) = %+v, want %+v", ref, got, want)
		}
	}
}

func FuzzLocate(f *testing.F) {
	for _, ref := range []string{"nvcr.io/nvidia/tensorrt:23.09-py3", "x@y", "a:b/c:d", "localhost", ":/@", ""} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		at := locate(ref, nil)
		again := locate(at.pinned("sha256:00"), nil)
		if strings.ContainsAny(at.host, "/@") || strings.Contains(at.repository, "@") {
			t.Errorf("locate(%q) = %+v, whose parts are no names", ref, at)
		}
		if strings.ContainsAny(at.host, ".:") && again.host != at.host {
			t.Errorf("locate(%q) = %+v, but its own name is at %+v", ref, at, again)
		}
	})
}

func TestParseGPUs(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []GPU
		bad  bool
	}{
		"a host without GPUs":                    {"", nil, false},
		"what the driver does not know is empty": {"0, Tesla K80, GPU-1, [N/A], [Not Supported], 470.1\n", []GPU{{Name: "Tesla K80", UUID: "GPU-1", Driver: "470.1"}}, false},
		"a message in place of devices":          {"No devices were found\n", nil, true},
		"a line cut short":                       {"0, Tesla T4, GPU-1\n", nil, true},
		"an index that is none":                  {"x, Tesla T4, GPU-1, 7.5, 15360, 535\n", nil, true},
		"memory that is none":                    {"0, Tesla T4, GPU-1, 7.5, much, 535\n", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseGPUs(strings.NewReader(tc.in))
			if (err != nil) != tc.bad || len(got) != len(tc.want) || len(got) > 0 && got[0] != tc.want[0] {
				t.Errorf("ParseGPUs(%q) = %+v, %v, want %+v, error: %v", tc.in, got, err, tc.want, tc.bad)
			}
		})
	}
}

func FuzzParseGPUs(f *testing.F) {
	for _, s := range []string{"", "0, Tesla T4, GPU-1, 7.5, 15360, 535\n", "0,\"a\",b,c,-1,d", "[, [, [, [, [, ["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		gpus, err := ParseGPUs(strings.NewReader(s))
		if err != nil && gpus != nil {
			t.Errorf("ParseGPUs(%q) gives devices besides an error", s)
		}
		for _, g := range gpus {
			if g.Index < 0 || g.MemoryMiB < 0 || strings.HasPrefix(g.Name, "[") {
				t.Errorf("ParseGPUs(%q) holds %+v", s, g)
			}
		}
	})
}
