package inventory

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

const (
	kubectlCommand = "kubectl get nodes -o json"
	listCommand    = "nvidia-smi -L"
	xmlCommand     = "nvidia-smi -q -x"
	csvCommand     = "nvidia-smi --query-gpu=name,uuid,compute_cap,memory.total,driver_version,mig.mode.current --format=csv"
)

// wanted tells a user what to give instead.
const wanted = "save what " + kubectlCommand + ", " + listCommand + ", " + xmlCommand + " or " + csvCommand + " prints"

// A mistake is a line by which something else than a list is known.
type mistake struct {
	line *regexp.Regexp
	what string
}

// complaints are what a command prints instead of a list, or in its middle.
var complaints = []mistake{
	{regexp.MustCompile(`(?i)nvidia-smi has failed|failed to initialize nvml|couldn't communicate with the nvidia driver`),
		"nvidia-smi reached no driver on that host: load or install the driver there, then list its GPUs again"},
	{regexp.MustCompile(`(?i)^no devices were found`),
		"the driver of that host sees no GPU: look for the GPU in lspci, and for NVRM lines in the kernel's log"},
	{regexp.MustCompile(`(?i)^unable to determine the device handle`),
		"the driver of that host lost a GPU: reset it or restart the host, then list its GPUs again"},
	{regexp.MustCompile(`(?i)nvidia-smi: (command )?not found|executable file not found`),
		"that host has no nvidia-smi: it has no NVIDIA driver, or the container was started without GPUs"},
	{regexp.MustCompile(`(?i)^error from server|^the connection to the server|^unable to connect to the server`),
		"kubectl did not get the nodes: see to the access first, then run " + kubectlCommand},
}

// mistakes are what people give in place of a list.
var mistakes = []mistake{
	{regexp.MustCompile(`^apiVersion:|^- apiVersion:`),
		"this is YAML: save what " + kubectlCommand + " prints"},
	{regexp.MustCompile(`^NAME\s+STATUS\s+ROLES\b|^Name:\s+\S+$`),
		"this is kubectl's output for people: save what " + kubectlCommand + " prints"},
	{regexp.MustCompile(`^"?(\d+, *"?)?(NVIDIA |Tesla |GeForce |Quadro |GPU-[0-9a-f]{8}-)`),
		"the columns have no names: leave out noheader, as in " + csvCommand},
}

// complained recognizes a line in which a command says that it failed.
func complained(n int, line string) error { return found(complaints, n, line) }

// mistaken recognizes a line of something that is no list.
func mistaken(n int, line string) error {
	return cmp.Or(complained(n, line), found(mistakes, n, line))
}

func found(list []mistake, n int, line string) error {
	for _, m := range list {
		if m.line.MatchString(line) {
			return fmt.Errorf("line %d: %q: %s", n, shortened(line), m.what)
		}
	}
	return nil
}

// aside reports whether a line between those of a list tells nothing of a GPU.
// nvidia-smi warns of a corrupted infoROM between the lines that it prints.
func aside(line string) bool {
	return line == "" || strings.HasPrefix(strings.ToLower(line), "warning")
}
