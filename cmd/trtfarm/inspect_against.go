package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/compat"
	"github.com/trtfarm/trtfarm/internal/engine"
	"github.com/trtfarm/trtfarm/internal/farmfile"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/inventory"
	"github.com/trtfarm/trtfarm/internal/report"
	"github.com/trtfarm/trtfarm/internal/trtexec"
)

// judge holds engines against the places that a user asks for.
type judge struct {
	modes  *trtexec.Modes
	groups []group
}

// group is what one --against names: a place, or a list of them.
type group struct {
	list   string // "" for a single place
	places []place
}

type place struct {
	compat.Place
	count int
}

func newJudge(ctx context.Context, s streams, o inspectOptions) (*judge, error) {
	if o.builtWith != "" && len(o.against) == 0 {
		return nil, fault.New(fault.Usage, "usage", "add --against PLACE, or leave --built-with out", "--built-with decides where an engine runs, and no place is asked for")
	}
	j := &judge{modes: builtModes(o.builtWith)}
	for _, text := range o.against {
		g, err := readPlaces(ctx, s, text)
		if err != nil {
			return nil, err
		}
		j.groups = append(j.groups, g)
	}
	return j, nil
}

// ask says where a file runs.
func (j *judge) ask(f engine.File) []report.Judged {
	e := compat.Describe(f)
	if j.modes != nil {
		e.Modes = j.modes
	}
	var all []report.Judged
	for _, g := range j.groups {
		var answers []report.Judged
		for _, p := range g.places {
			a := compat.Judge(e, p.Place)
			answers = append(answers, report.Judged{
				Place: p.Name, Verdict: a.Verdict, Reasons: append([]string{}, a.Reasons...), Fix: a.Fix, Count: p.count, List: g.list,
			})
		}
		slices.SortStableFunc(answers, func(a, b report.Judged) int { return a.Verdict.Compare(b.Verdict) })
		all = append(all, answers...)
	}
	return all
}

// readPlaces reads one --against.
func readPlaces(ctx context.Context, s streams, text string) (group, error) {
	bad := func(fix string, err error) (group, error) {
		return group{}, fault.New(fault.Usage, "usage", fix, "--against %s: %w", text, err)
	}
	name, software, _ := strings.Cut(text, ",")
	var gpus []inventory.GPU
	switch info, err := os.Stat(name); {
	case name == "host":
		if gpus, err = askHost(ctx); err != nil {
			return group{}, err
		}
	case err == nil && info.Mode().IsRegular() && filepath.Ext(name) == ".toml":
		if gpus, err = farmGPUs(s, name); err != nil {
			return group{}, err
		}
	case err == nil && info.Mode().IsRegular():
		if gpus, err = listedGPUs(name); err != nil {
			return bad("", err)
		}
	case err == nil:
		return bad("", errors.New("it is not a regular file"))
	case looksLikeAFile(name):
		return bad("", unnamed(err))
	default:
		p, err := compat.ParsePlace(text)
		if err != nil {
			return bad("see: trtfarm inspect --help", err)
		}
		return group{places: []place{{Place: p}}}, nil
	}
	runs := compat.Place{}
	if software != "" {
		var err error
		if runs, err = compat.ParsePlace(software); err != nil {
			return bad("after the list, say what runs there, such as image=24.08-py3", err)
		}
	}
	g := group{list: text}
	for _, gpu := range gpus {
		g.places = append(g.places, place{compat.Merge(compat.PlaceOf(gpu), runs), gpu.Count})
	}
	return g, nil
}

// looksLikeAFile says that a name which is no file was meant as one.
func looksLikeAFile(name string) bool {
	if strings.Contains(name, "=") {
		return false
	}
	return strings.ContainsAny(name, `/\`) && !strings.Contains(name, ":") || slices.Contains([]string{".json", ".toml", ".xml", ".csv", ".txt", ".yaml"}, filepath.Ext(name))
}

// listedGPUs reads the list of GPUs in a file.
func listedGPUs(name string) ([]inventory.GPU, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, unnamed(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, inventory.MaxBytes+1))
	if err != nil {
		return nil, unnamed(err)
	}
	return inventory.Read(text)
}

// farmGPUs lists the GPUs that a farm file names.
func farmGPUs(s streams, name string) ([]inventory.GPU, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.New(fault.Usage, "farm-file", "", "read farm file: %w", err)
	}
	file, err := farmfile.Parse(name, src)
	if err != nil {
		return nil, inFile(err)
	}
	var gpus []inventory.GPU
	for _, r := range file.Runners {
		if r.Auto {
			fmt.Fprintf(s.err, "trtfarm: %s: runner %s asks its host for GPUs, and inspect asks no host: it is passed over\n", name, r.Name)
		}
		where := "runner " + r.Name
		if r.Simulate {
			where += " (simulated)"
		}
		first := len(gpus)
		for _, gpu := range r.GPUs {
			g := inventory.GPU{Where: where, Product: gpu, Driver: r.Driver, Count: 1}
			if i := slices.Index(gpus[first:], g); i >= 0 {
				gpus[first+i].Count++
				continue
			}
			gpus = append(gpus, g)
		}
	}
	if len(gpus) == 0 {
		return nil, fault.New(fault.Usage, "farm-file", `name them: gpus = ["T4"]`, "%s names no GPU of any runner", name)
	}
	return gpus, nil
}
