package matrix

import "testing"

func TestSelectorMatchesWhatACellIsMadeOf(t *testing.T) {
	cell := &Cell{ID: "m/24.08-py3/t4/fp16", Model: &Model{Name: "m"}, Image: "nvcr.io/nvidia/tensorrt:24.08-py3", GPU: "T4", Precision: FP16}
	for text, want := range map[string]bool{
		"gpu=T4":                  true,
		"gpu=t4":                  true,
		"gpu=Tesla T4":            true,
		"gpu=A10":                 false,
		"image=24.*":              true,
		"image=*:24.08-py3":       true,
		"image=23.*":              false,
		"gpu=T4,image=24.*":       true,
		"gpu=T4,image=23.*":       false,
		"precision=fp16, model=m": true,
		"id=m/*/t4/*":             true,
		"variant=x":               false,
	} {
		s, err := ParseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := s.Matches(cell); got != want {
			t.Errorf("%q matches: %v, want %v", text, got, want)
		}
	}
	for _, bad := range []string{"", "gpu", "gpu=", "gpus=T4", "gpu=T4,,"} {
		if _, err := ParseSelector(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
