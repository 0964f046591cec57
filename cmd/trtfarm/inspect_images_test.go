package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

func TestImagesThatLoadAnEngine(t *testing.T) {
	plan := func(tensorRT, sm string) engine.File {
		return engine.File{Kind: engine.Plan, TensorRT: tensorRT, SM: sm}
	}
	cut, broken, simulated, wrapped := plan("10.3.0.26", "7.5"), plan("10.3.0.26", "7.5"), plan("10.3.0.26", "7.5"), plan("10.3.0.26", "7.5")
	cut.Truncated, broken.Damaged, simulated.Simulated, wrapped.Leading = true, true, true, 48
	for name, tc := range map[string]struct {
		file    engine.File
		certain string // tags
		notes   string // in the only note
	}{
		"the image of its TensorRT":                    {plan("10.3.0.26", "7.5"), "24.08-py3", ""},
		"several, newest first":                        {plan("10.16.1.11", "9.0"), "26.05-py3 26.04-py3", ""},
		"an image of which too little is known":        {plan("10.15.1.29", "8.6"), "", "26.02-py3 may load it: of the TensorRT in this image only 10.15.1 is known"},
		"an image that others reported":                {plan("11.2.1.2", "9.0"), "", "26.08-py3 may load it: that this image has TensorRT 11.2.1.2 was not read from NVIDIA"},
		"none for a TensorRT of no image":              {plan("10.3.0.30", "8.0"), "", ""},
		"none for a Jetson, which has JetPack":         {plan("8.2.1.8", "7.2"), "", ""},
		"none for a GPU that nobody knows":             {plan("8.2.1.8", "5.3"), "", ""},
		"the same TensorRT on a server, though":        {plan("8.2.1.8", "7.0"), "21.12-py3", ""},
		"none without a version":                       {plan("", "7.5"), "", ""},
		"none for what is cut":                         {cut, "", ""},
		"none for what is damaged":                     {broken, "", ""},
		"none for what is simulated":                   {simulated, "", ""},
		"none for what must be cut out of a file":      {wrapped, "", ""},
		"none for what is no engine, whatever it says": {engine.File{Kind: engine.Unknown, TensorRT: "10.3.0.26", SM: "7.5"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			certain, notes := images(tc.file)
			for i, ref := range certain {
				certain[i] = strings.TrimPrefix(ref, "nvcr.io/nvidia/tensorrt:")
			}
			if !slices.Equal(certain, strings.Fields(tc.certain)) || (tc.notes == "") != (len(notes) == 0) || len(notes) > 0 && !strings.HasSuffix(notes[0], tc.notes) {
				t.Errorf("images(%s, %s) = %q, %q", tc.file.TensorRT, tc.file.SM, certain, notes)
			}
		})
	}
}
