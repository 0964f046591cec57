package compat

import (
	"errors"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/engine"
)

func describe(f engine.File) Engine {
	return Engine{TensorRT: f.TensorRT, SM: f.SM}
}

func judge(Engine, Place) Answer { return Answer{Verdict: Unknown, Reasons: []string{}} }

func versions(built, runtime catalog.Version, _ bool) (Verdict, string) {
	if built.Agrees(runtime) {
		return Valid, "it is the TensorRT that built it"
	}
	return Invalid, "a plan is loaded by the TensorRT that built it"
}

func parsePlace(text string) (Place, error) {
	if text == "" {
		return Place{}, errors.New("no place is given")
	}
	return Place{Name: text}, nil
}
