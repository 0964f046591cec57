package main

import (
	"errors"
	"testing"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
)

func TestOnlyALostRunnerExcusesATargetThatNobodyServes(t *testing.T) {
	down := fault.New(fault.Environment, "docker-down", "start it", "no answer")
	open := func(gpus ...string) farm.Runner {
		r := farm.Runner{Name: "open"}
		for _, g := range gpus {
			r.GPUs = append(r.GPUs, farm.GPU{Target: g})
		}
		return r
	}
	for name, tc := range map[string]struct {
		fleet fleet
		want  string // message; "" for no excuse
		code  fault.Code
	}{
		"a lost runner that has it": {fleet{lost: []lostRunner{{"a", []string{"T4"}, down}}},
			"runner a: no answer", fault.Environment},
		"of several lost runners, the one that has it": {fleet{lost: []lostRunner{{"a", []string{"A10"}, down}, {"b", []string{"T4"}, errors.New("broken")}}},
			"runner b: broken", fault.Environment},
		"another one that is there serves it":     {fleet{open: []farm.Runner{open("A10", "T4")}, lost: []lostRunner{{"a", []string{"T4"}, down}}}, "", 0},
		"no runner would ever have it":            {fleet{open: []farm.Runner{open("A10")}, lost: []lostRunner{{"a", []string{"A100"}, down}}}, "", 0},
		"what is there does not serve the target": {fleet{open: []farm.Runner{open("A10")}, lost: []lostRunner{{"a", []string{"T4"}, down}}}, "runner a: no answer", fault.Environment},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.fleet.excuse("T4")
			if got == nil {
				got = &fault.Fault{}
			}
			if got.Message != tc.want || got.Code != tc.code {
				t.Errorf("%q, code %d; want %q, code %d", got.Message, got.Code, tc.want, tc.code)
			}
		})
	}
}
