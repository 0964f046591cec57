package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/plan"
	"github.com/trtfarm/trtfarm/internal/report"
	"github.com/trtfarm/trtfarm/internal/verify"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	config, store, record string
	asJSON                bool
	timeout               time.Duration
}

func newVerify(s streams) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify ENGINE...",
		Short: "load an engine again and compare its outputs with the reference",
		Long: `verify repeats the verification of published engines: each is loaded in its
image on a matching GPU and run with the inputs of its record. ENGINE is a cell
ID, a key, or an engine file; a file is held against the record that has the same
content, or the one named by --record. Nothing is published.`,
		Example: "  trtfarm verify mnist/24.08-py3/t4/fp16\n  trtfarm verify engine.plan --record mnist/24.08-py3/t4/fp16",
		Args:    args(1, -1, "cell IDs, keys or engine files"),
		RunE: func(cmd *cobra.Command, names []string) error {
			return runVerify(cmd.Context(), s, o, names)
		},
	}
	storeFlags(cmd, &o.config, &o.store)
	cmd.Flags().StringVar(&o.record, "record", "", "record to hold an engine file against: a cell ID or key")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Minute, "longest time for one engine")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// verified is one line of the answer.
type verified struct {
	Engine string          `json:"engine"`
	Cell   string          `json:"cell"`
	Key    string          `json:"key"`
	SHA256 string          `json:"sha256"`
	Passed bool            `json:"passed"`
	Cases  []verify.Result `json:"cases"`
	Error  *fault.Fault    `json:"error"`
}

func runVerify(ctx context.Context, s streams, o verifyOptions, names []string) error {
	h, err := openHouse(o.config)
	if err != nil {
		return err
	}
	if o.store != "" {
		h.file.StoreURL = o.store
	}
	store, err := h.store(ctx)
	if err != nil {
		return err
	}
	var answers []verified
	var codes []fault.Code
	for _, name := range names {
		fmt.Fprintln(s.err, "trtfarm: verify", name)
		v, err := verifyOne(ctx, s, h, store, o, name)
		if err != nil {
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok {
				return err
			}
			v.Error = f
			codes = append(codes, f.Code)
		}
		v.Passed = err == nil
		answers = append(answers, v)
	}
	if err := sayVerified(s, o.asJSON, answers); err != nil {
		return err
	}
	if code := fault.Combine(codes); code != fault.OK {
		return exitCode(code)
	}
	return nil
}

// verifyOne verifies the engine of a record, or a file in its place.
func verifyOne(ctx context.Context, s streams, h *house, store artifact.Store, o verifyOptions, name string) (verified, error) {
	v := verified{Engine: name, Cases: []verify.Result{}}
	m, engine, err := subject(ctx, store, name, o.record)
	if err != nil {
		return v, err
	}
	v.Cell, v.Key, v.SHA256 = m.Cell, m.Key, engine.SHA256
	access, err := h.access(ctx, store)
	if err != nil {
		return v, err
	}
	note := func(text string) { fmt.Fprintln(s.err, "trtfarm:", text) }
	run := newRunID(time.Now())
	fleet, err := h.fleet(ctx, request{run: run, gpus: []string{m.GPU.Target}, probe: verifyImage(m), hostNetwork: onLoopback(access), note: note})
	if err != nil {
		return v, err
	}
	defer fleet.close(ctx)
	if f := fleet.excuse(m.GPU.Target); f != nil {
		f.Message = "verify " + name + ": " + f.Message
		return v, f
	}
	r, err := farm.Prove(ctx, replay(run, m, engine, access, o.timeout), fleet.open)
	for _, c := range r.Commands {
		if c.Case != nil {
			v.Cases = append(v.Cases, *c.Case)
		}
	}
	return v, err
}

// subject finds the record, and the engine that is held against it.
func subject(ctx context.Context, store artifact.Store, name, record string) (*artifact.Manifest, artifact.Blob, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		m, err := newest(ctx, store, name)
		if f := fault.In(err); f != nil && f.Code == fault.Usage {
			f.Message = name + " is no file, and as a record: " + f.Message
			return nil, artifact.Blob{}, f
		}
		if err != nil {
			return nil, artifact.Blob{}, err
		}
		return m, m.Engine, nil
	}
	digest, err := artifact.SumFile(name)
	if err != nil {
		return nil, artifact.Blob{}, fault.New(fault.Usage, "usage", "", "%w", err)
	}
	var m *artifact.Manifest
	if record != "" {
		m, err = newest(ctx, store, record)
	} else if m, err = artifact.FindEngine(ctx, store, digest.SHA256); err == nil && m == nil {
		err = fault.New(fault.Usage, "usage", "name the record to hold it against with --record CELL", "%s: no record in %s has this engine", name, store.Location())
	}
	if err != nil {
		return nil, artifact.Blob{}, err
	}
	blob, err := artifact.PutBlob(ctx, store, name, digest, "", nil)
	if err != nil {
		return nil, artifact.Blob{}, fault.New(fault.Storage, "storage", "", "bring %s to the runner: %w", name, err)
	}
	return m, blob, nil
}

func newest(ctx context.Context, store artifact.Store, name string) (*artifact.Manifest, error) {
	found, err := find(ctx, store, name)
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// replay makes the job that repeats a record's verification.
func replay(run string, m *artifact.Manifest, engine artifact.Blob, access builder.Store, timeout time.Duration) builder.Job {
	target, _ := catalog.FindGPU(m.GPU.Target)
	job := builder.Job{Run: run, Cell: m.Cell, Target: target, Store: access, Timeout: timeout, VerifyImage: verifyImage(m)}
	job.Image = job.VerifyImage
	job.Fetch = append(job.Fetch, builder.Download{Key: engine.Path, Path: plan.EnginePath, Size: engine.Size, SHA256: engine.SHA256})
	for _, x := range m.Materials {
		job.Fetch = append(job.Fetch, builder.Download{Key: x.Blob, Path: x.Path, Size: x.Size, SHA256: x.SHA256})
	}
	for _, r := range m.Replays {
		c := builder.Case{Case: r.Case, Argv: r.Argv}
		for _, cast := range r.Casts {
			c.Casts = append(c.Casts, builder.Cast(cast))
		}
		job.Cases = append(job.Cases, c)
		job.Fetch = append(job.Fetch, farm.References(r.Case)...)
	}
	for _, c := range m.Verified { // outputs of integers were held to less than was asked
		for _, o := range c.Outputs {
			job.Tolerance.Abs, job.Tolerance.Rel = max(job.Tolerance.Abs, o.Abs), max(job.Tolerance.Rel, o.Rel)
		}
	}
	return job
}

func verifyImage(m *artifact.Manifest) builder.Image {
	image := builder.Image{Ref: m.Image.Ref, Digest: m.Image.Digest, TensorRT: m.TensorRT.Declared, CUDA: m.CUDA}
	if m.Image.VerifyDigest != "" {
		image.Ref, image.Digest = m.Image.VerifyRef, m.Image.VerifyDigest
	}
	return image
}

func sayVerified(s streams, asJSON bool, answers []verified) error {
	if asJSON {
		encode := json.NewEncoder(s.out)
		encode.SetIndent("", "  ")
		return encode.Encode(answers)
	}
	for _, v := range answers {
		word := "passed"
		if !v.Passed {
			word = "FAILED"
		}
		name := v.Engine
		if v.Cell != "" && v.Cell != v.Engine {
			name += ", held against " + v.Cell
		}
		fmt.Fprintf(s.out, "%s  %s\n", word, name)
		if err := report.Verified(s.out, v.Cases); err != nil {
			return err
		}
		if v.Error != nil {
			fmt.Fprintf(s.out, "  %s\n", v.Error)
		}
	}
	return nil
}
