package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/report"
)

func newPlan(s streams) *cobra.Command {
	var q question
	var asJSON, commands bool
	cmd := &cobra.Command{
		Use:   "plan MATRIX",
		Short: "show what a run would do: cells, commands, keys, hit or miss and why",
		Long: `plan shows every cell of a matrix before any GPU is touched: whether it is
published already, which input moved if it is not, or why it is refused. It works
without network too, and then says what it could not find out.`,
		Example: "  trtfarm plan matrices/demo.toml --commands",
		Args:    args(1, 1, "one matrix file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			q.file = files[0]
			a, err := answer(cmd.Context(), s, q, false)
			if err != nil {
				return err
			}
			if asJSON {
				encode := json.NewEncoder(s.out)
				encode.SetIndent("", "  ")
				return encode.Encode(plan.NewDocument(a.cells))
			}
			return writePlan(s, a, commands)
		},
	}
	q.flags(cmd.Flags())
	cmd.Flags().BoolVar(&q.offline, "offline", false, "ask no registry")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&commands, "commands", false, "print the command lines too")
	return cmd
}

func writePlan(s streams, a *session, commands bool) error {
	t := report.Table{Head: []string{"CELL", "STATUS", "TENSORRT", "KEY", "WHY"}}
	count := map[plan.Status]int{}
	for _, c := range a.cells {
		count[c.Status]++
		why := "-"
		if len(c.Reasons) > 0 {
			why = c.Reasons[0]
		}
		key := "unknown"
		switch {
		case c.Key != "":
			key = c.Key[:12]
		case c.Status == plan.Refused:
			key = "-"
		}
		t.Rows = append(t.Rows, []string{c.ID, string(c.Status), c.TensorRT, key, why})
		for _, more := range rest(c.Reasons) {
			t.Rows = append(t.Rows, []string{"", "", "", "", more})
		}
	}
	if err := t.Write(s.out); err != nil {
		return err
	}
	if err := writeWarnings(s.out, a.cells); err != nil {
		return err
	}
	if commands {
		for _, c := range a.cells {
			if len(c.Argv) == 0 {
				continue
			}
			fmt.Fprintf(s.out, "\n%s\n  build   %s\n", c.ID, strings.Join(c.Argv, " "))
			for _, r := range c.Runs {
				fmt.Fprintf(s.out, "  verify  %s\n", strings.Join(r.Argv, " "))
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "\n%d to build, %d cached, %d refused; store: %s\n",
		count[plan.Build], count[plan.Cached], count[plan.Refused], a.house.file.StoreURL)
	if err == nil && a.house.simulated {
		_, err = fmt.Fprintf(s.out, "simulated: %s, so trtsim would stand in for trtexec\n", a.house.lacks())
	}
	return err
}

func rest(reasons []string) []string {
	if len(reasons) < 2 {
		return nil
	}
	return reasons[1:]
}

// writeWarnings says each warning once, however many cells it is about.
func writeWarnings(w io.Writer, cells []plan.Cell) error {
	var texts []string
	about := map[string][]string{}
	for _, c := range cells {
		for _, text := range c.Warnings {
			if about[text] == nil {
				texts = append(texts, text)
			}
			about[text] = append(about[text], c.ID)
		}
	}
	for i, text := range texts {
		if i == 0 {
			fmt.Fprintln(w)
		}
		where := about[text][0]
		if n := len(about[text]); n > 1 {
			where += fmt.Sprintf(" and %d more", n-1)
		}
		if _, err := fmt.Fprintf(w, "warning: %s (%s)\n", text, where); err != nil {
			return err
		}
	}
	return nil
}
