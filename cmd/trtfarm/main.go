// Command trtfarm builds, verifies and publishes TensorRT engine variants: one
// for every model, image, GPU and precision of a matrix.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	// Fetch and publish run in an image that holds this binary and nothing else:
	// there, the roots of trust must come with it.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/report"
)

// version is set by the linker.
var version = "unknown"

// streams are the ways in and out of the program.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run is the whole program: arguments in, exit code out.
func run(args []string, s streams) int {
	s.out, s.err = report.Safe(s.out), report.Safe(s.err)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		sig, ok := <-signals
		if !ok {
			return
		}
		signal.Stop(signals) // a second signal kills at once
		fmt.Fprintf(s.err, "trtfarm: %s: stopping what runs; once more kills at once\n", sig)
		cancel(fault.New(fault.Interrupted, "cancelled", "run again: what is published is kept", "interrupted by signal: %s", sig))
	}()

	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return int(fault.OK)
	}
	if exit, ok := errors.AsType[exitCode](err); ok {
		return int(exit)
	}
	err = fault.Because(ctx, err)
	if cause := context.Cause(ctx); cause != nil && fault.CodeOf(err) == fault.Unknown {
		err = cause
	}
	fmt.Fprintln(s.err, "trtfarm:", err)
	return int(fault.CodeOf(err))
}

// exitCode ends the program with a code after everything was said already.
type exitCode fault.Code

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// verbs are the subcommands, in the order in which help shows them.
var verbs = []func(streams) *cobra.Command{
	newInit, newCheck, newPlan, newLock, newRun, newVerify, newInspect,
	newList, newShow, newCompletion, newVersion, newAgent, newConfine,
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "trtfarm",
		Short: "build, verify and publish one TensorRT engine per model, image, GPU and precision",
		Long: `trtfarm builds one TensorRT engine for every model, NGC image, GPU and precision
of a matrix, proves each by loading it in a fresh container and comparing its
outputs with the model's own, and publishes what passed.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownVerb(cmd, args[0])
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours refuses shells that it does not know
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Usage, "usage", "see: "+cmd.CommandPath()+" --help", "%w", err)
	})
	for _, verb := range verbs {
		root.AddCommand(verb(s))
	}
	return root
}

// unknownVerb says which verb may have been meant.
func unknownVerb(root *cobra.Command, got string) error {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	fix := "see: trtfarm --help"
	if near := diag.Nearest(got, names); near != "" {
		fix = "write: trtfarm " + near
	}
	return fault.New(fault.Usage, "usage", fix, "there is no verb %q", got)
}

// args checks the number of arguments and says what they are for.
func args(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return fault.New(fault.Usage, "usage", "see: "+cmd.CommandPath()+" --help", "%s wants %s, got %d arguments", cmd.CommandPath(), what, len(args))
	}
}
