// Package fault says what went wrong in the terms that users script against: an
// exit code, a cause, what happened, and what to do about it.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is a process exit code. The numbers are part of the command line's
// contract and never change their meaning.
type Code int

// The exit codes of trtfarm.
const (
	OK          Code = 0   // done, or nothing to do
	Unknown     Code = 1   // unclassified
	Usage       Code = 2   // usage or configuration
	Build       Code = 3   // a build failed
	Load        Code = 4   // an engine did not load or infer
	Accuracy    Code = 5   // accuracy or speed gate
	NoRunner    Code = 6   // no runner can take a cell
	Environment Code = 7   // docker, driver, a tool that is missing
	Storage     Code = 8   // storage or registry
	Provenance  Code = 9   // provenance or audit
	Several     Code = 10  // several kinds of failure in one run
	Locked      Code = 11  // lock held
	StaleLock   Code = 12  // lock file out of date
	TimedOut    Code = 124 // timed out
	Interrupted Code = 130 // interrupted
)

// Fault is a failure that knows its exit code, its cause and its remedy.
type Fault struct {
	Code    Code   `json:"code"`
	Cause   string `json:"cause"`   // a label of the diagnosis table, such as "gpu-oom", or a word of ours
	Message string `json:"message"` // what happened, to what
	Fix     string `json:"fix"`     // what to do; "" when nothing is sure
	Infra   bool   `json:"-"`       // the farm is at fault, not the model: worth another try
	Err     error  `json:"-"`       // the error beneath, or nil
}

// Error gives the message, and the fix on a line of its own.
func (f *Fault) Error() string {
	if f.Fix == "" {
		return f.Message
	}
	return f.Message + fixMark + f.Fix
}

// fixMark stands between a message and its remedy.
const fixMark = "\n  fix: "

// Unwrap returns the error beneath.
func (f *Fault) Unwrap() error { return f.Err }

// New makes a fault with a formatted message; a %w operand becomes its Err.
func New(code Code, cause, fix, format string, args ...any) *Fault {
	err := fmt.Errorf(format, args...)
	return &Fault{Code: code, Cause: cause, Fix: fix, Message: err.Error(), Err: errors.Unwrap(err)}
}

// In returns a copy of the first fault in err that says all that err says: what
// was wrapped around it is in its message, and its remedy stands apart. Without a
// fault in err it returns nil.
func In(err error) *Fault {
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		return nil
	}
	whole := *f
	whole.Message = err.Error()
	if f.Fix != "" {
		whole.Message = strings.TrimSuffix(whole.Message, fixMark+f.Fix)
	}
	return &whole
}

// CodeOf returns the exit code for err: that of the Fault in it, or Unknown.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Code
	}
	return Unknown
}

// Because returns the cause of ctx's end when err came of it, and err otherwise:
// work that was cut short did not fail, whatever the words in which it says so.
func Because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause != nil && (errors.Is(err, cause) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return cause
	}
	return err
}

// Combine returns the exit code of a run from those of its cells: the common
// one, or Several when they differ. Interrupted wins over all, since what else
// failed may have failed because of it.
func Combine(codes []Code) Code {
	all := OK
	for _, c := range codes {
		switch {
		case c == OK || c == all:
		case c == Interrupted || all == OK:
			all = c
		case all != Interrupted:
			all = Several
		}
	}
	return all
}
