package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/confine"
	"github.com/trtfarm/trtfarm/internal/fault"
)

func newAgent(s streams) *cobra.Command {
	return &cobra.Command{
		Use:    "agent",
		Short:  "carry out one step's task (standard input) in the working directory",
		Hidden: true,
		Args:   args(0, 0, "no arguments"),
		RunE:   func(cmd *cobra.Command, _ []string) error { return runAgent(cmd.Context(), s) },
	}
}

// runAgent reads a task, carries it out, and writes its events as JSON lines.
func runAgent(ctx context.Context, s streams) error {
	task, err := builder.ReadTask(s.in)
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.out)
	encode := json.NewEncoder(out)
	var broken error
	emit := func(e builder.Event) {
		if err := encode.Encode(e); err != nil && broken == nil {
			broken = err
		}
		if err := out.Flush(); err != nil && broken == nil {
			broken = err
		}
	}
	agent := builder.Agent{Dir: dir, OpenStore: openStore, Confine: []string{self, "confine", "--"}}
	result := agent.Run(ctx, task, emit)
	emit(builder.Event{Result: &result})
	return broken
}

func newConfine(streams) *cobra.Command {
	return &cobra.Command{
		Use:    "confine -- PROGRAM [ARG...]",
		Short:  "become PROGRAM without any way to the network",
		Hidden: true,
		Args:   args(1, -1, "a program"),
		RunE: func(_ *cobra.Command, argv []string) error {
			err := confine.Exec(argv, os.Environ())
			return fault.New(fault.Environment, "confine", "", "start %s: %w", argv[0], err)
		},
	}
}
