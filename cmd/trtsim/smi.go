package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/trtfarm/trtfarm/cmd/trtsim/internal/device"
)

// Driver is the version that the simulated driver reports.
const driver = "550.54.15"

// host is the GPUs of the simulated host, in order.
func host(env func(string) string) ([]device.Device, error) {
	list := env("TRTSIM_HOST_GPUS")
	variable := "TRTSIM_HOST_GPUS"
	if list == "" {
		list, variable = env("TRTSIM_GPU"), "TRTSIM_GPU"
	}
	var out []device.Device
	for _, name := range strings.Split(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		d, err := device.Find(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		if n := len(out); n > 0 {
			d.UUID = device.UUID(fmt.Sprintf("%s %d", d.Product, n))
		} else if variable == "TRTSIM_GPU" {
			d.UUID = uuidOf(d, env)
		}
		out = append(out, d)
	}
	return out, nil
}

// smi answers the two questions that trtfarm asks nvidia-smi.
func smi(args []string, env func(string) string, out, errs io.Writer) int {
	gpus, err := host(env)
	if err != nil {
		fmt.Fprintf(errs, "trtsim: %v\n", err)
		return misuse
	}
	if len(gpus) == 0 {
		fmt.Fprintln(out, "No devices were found")
		return 6
	}
	if len(args) == 1 && (args[0] == "-L" || args[0] == "--list-gpus") {
		for i, d := range gpus {
			fmt.Fprintf(out, "GPU %d: %s (UUID: %s)\n", i, d.Product, d.UUID)
		}
		return 0
	}
	var query, format string
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "--query-gpu":
			query = value
		case "--format":
			format = value
		default:
			fmt.Fprintf(out, "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n")
			return misuse
		}
	}
	return smiQuery(gpus, strings.Split(query, ","), strings.Split(format, ","), out)
}

// smiFields gives a field of one GPU, with its unit.
var smiFields = map[string]func(i int, d device.Device) (value, unit string){
	"index":          func(i int, _ device.Device) (string, string) { return fmt.Sprint(i), "" },
	"name":           func(_ int, d device.Device) (string, string) { return d.Product, "" },
	"gpu_name":       func(_ int, d device.Device) (string, string) { return d.Product, "" },
	"uuid":           func(_ int, d device.Device) (string, string) { return d.UUID, "" },
	"gpu_uuid":       func(_ int, d device.Device) (string, string) { return d.UUID, "" },
	"compute_cap":    func(_ int, d device.Device) (string, string) { return d.SM, "" },
	"memory.total":   func(_ int, d device.Device) (string, string) { return fmt.Sprint(d.MemoryMiB), " MiB" },
	"driver_version": func(int, device.Device) (string, string) { return driver, "" },
}

func smiQuery(gpus []device.Device, fields, format []string, out io.Writer) int {
	units, header := true, true
	for _, f := range format {
		switch f {
		case "csv":
		case "noheader":
			header = false
		case "nounits":
			units = false
		default:
			fmt.Fprintln(out, `"--format=" switch: value is not recognised.`)
			return misuse
		}
	}
	var lines []string
	if header {
		lines = append(lines, strings.Join(fields, ", "))
	}
	for i, d := range gpus {
		var row []string
		for _, f := range fields {
			get, ok := smiFields[strings.TrimSpace(f)]
			if !ok {
				fmt.Fprintf(out, "Field %q is not a valid field to query.\n", f)
				return misuse
			}
			value, unit := get(i, d)
			if units {
				value += unit
			}
			row = append(row, value)
		}
		lines = append(lines, strings.Join(row, ", "))
	}
	fmt.Fprintln(out, strings.Join(lines, "\n"))
	return 0
}
