package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestInKeepsWhatWasWrappedAroundAFault(t *testing.T) {
	inner := New(Storage, "storage", "make room", "the disk is full")
	got := In(fmt.Errorf("cell m: publish x: %w", inner))
	if got == nil || got.Message != "cell m: publish x: the disk is full" || got.Fix != "make room" || got.Code != Storage {
		t.Errorf("got %+v", got)
	}
	if inner.Message != "the disk is full" {
		t.Errorf("the fault itself now says %q", inner.Message)
	}
}

func TestInKeepsEveryOneOfSeveralFaults(t *testing.T) {
	got := In(errors.Join(New(Usage, "a", "fix a", "a is wrong"), New(Build, "b", "fix b", "b is wrong")))
	if got == nil || got.Code != Usage || got.Message != "a is wrong\n  fix: fix a\nb is wrong\n  fix: fix b" {
		t.Errorf("got %+v", got)
	}
}

func TestInFindsNoFaultInOtherErrors(t *testing.T) {
	if got := In(errors.New("x")); got != nil {
		t.Errorf("got %+v", got)
	}
}

func TestCombine(t *testing.T) {
	for name, tc := range map[string]struct {
		codes []Code
		want  Code
	}{
		"nothing failed":                   {[]Code{OK, OK}, OK},
		"one kind is that kind":            {[]Code{OK, Build, Build}, Build},
		"two kinds are several":            {[]Code{Build, OK, Load}, Several},
		"several stay several":             {[]Code{Build, Load, Build}, Several},
		"an interruption comes before all": {[]Code{Build, Interrupted, Load}, Interrupted},
		"also when it comes late":          {[]Code{Build, Load, Interrupted}, Interrupted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Combine(tc.codes); got != tc.want {
				t.Errorf("Combine(%v) is %d, want %d", tc.codes, got, tc.want)
			}
		})
	}
}

func TestWorkThatWasCutShortDidNotFail(t *testing.T) {
	stopped := New(Interrupted, "cancelled", "", "interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	storage := New(Storage, "storage", "", "write: %w", stopped)
	other := errors.New("disk full")
	if got := Because(ctx, storage); got != storage {
		t.Errorf("before the end: %v", got)
	}
	cancel(stopped)
	for name, tc := range map[string]struct{ err, want error }{
		"none":                 {nil, nil},
		"wraps the cause":      {storage, stopped},
		"only says cancelled":  {fmt.Errorf("send: %w", context.Canceled), stopped},
		"is of something else": {other, other},
	} {
		if got := Because(ctx, tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
