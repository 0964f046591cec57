package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/fault"
)

// shells maps the shells that can complete to what writes their script.
var shells = map[string]func(root *cobra.Command, w io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

func newCompletion(s streams) *cobra.Command {
	return &cobra.Command{
		Use:                   "completion bash|zsh|fish|powershell",
		Short:                 "print the completion script of a shell",
		Example:               "  source <(trtfarm completion bash)",
		Args:                  args(1, 1, "a shell: bash, zsh, fish or powershell"),
		ValidArgs:             []string{"bash", "zsh", "fish", "powershell"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, names []string) error {
			write, ok := shells[names[0]]
			if !ok {
				return fault.New(fault.Usage, "usage", "name bash, zsh, fish or powershell", "there is no completion for %q", names[0])
			}
			return write(cmd.Root(), s.out)
		},
	}
}
