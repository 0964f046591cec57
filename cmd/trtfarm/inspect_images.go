package main

import (
	"fmt"
	"slices"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
)

// images lists the NGC images that hold the very TensorRT which built an engine,
// newest first; where none is known for certain, notes name those that may. They
// are for servers: what a Jetson built is loaded by JetPack.
func images(f engine.File) (certain, notes []string) {
	built, err := catalog.ParseVersion(f.TensorRT)
	if err != nil || f.Kind != engine.Plan || f.Simulated || f.Truncated || f.Damaged || f.Leading > 0 || catalog.OnlyJetsons(f.SM) {
		return nil, nil
	}
	for _, image := range catalog.NGCImages() {
		holds, err := catalog.ParseVersion(image.TensorRT)
		switch {
		case err != nil || !holds.Agrees(built):
		case holds == built && image.Certain():
			certain = append(certain, image.Ref())
		case holds == built:
			notes = append(notes, fmt.Sprintf("%s may load it: that this image has TensorRT %s was not read from NVIDIA", image.Ref(), image.TensorRT))
		default:
			notes = append(notes, fmt.Sprintf("%s may load it: of the TensorRT in this image only %s is known", image.Ref(), image.TensorRT))
		}
	}
	if len(certain) > 0 {
		notes = nil
	}
	slices.Reverse(certain)
	return certain, notes
}
