package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/lock"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/report"
)

// lockFile lies beside the matrix.
const lockFile = "trtfarm.lock"

func newLock(s streams) *cobra.Command {
	var config string
	var update bool
	cmd := &cobra.Command{
		Use:   "lock MATRIX",
		Short: "write down which digest each image tag means",
		Long: `lock asks the registry what every image tag of a matrix means and writes it,
with what the image contains, to ` + lockFile + ` beside the matrix. Tags that are
locked already keep their digest unless --update is given.`,
		Example: "  trtfarm lock matrices/demo.toml --update",
		Args:    args(1, 1, "one matrix file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			return runLock(cmd.Context(), s, files[0], config, update)
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "farm file (default: the nearest "+farmFile+" upward from here)")
	cmd.Flags().BoolVar(&update, "update", false, "ask again for tags that are locked already")
	return cmd
}

func runLock(ctx context.Context, s streams, file, config string, update bool) error {
	m, err := readMatrix(file)
	if err != nil {
		return err
	}
	h, err := openHouse(config)
	if err != nil {
		return err
	}
	l, err := readLock(file)
	if err != nil {
		return err
	}
	if l == nil {
		l = &lock.File{}
	}
	t := report.Table{Head: []string{"IMAGE", "TENSORRT", "CUDA", "DIGEST", ""}}
	var failed error
	for _, ref := range allImages(m) {
		old, known := l.Find(ref)
		if known && !update {
			t.Rows = append(t.Rows, []string{ref, old.TensorRT, old.CUDA, old.Digest, "kept"})
			continue
		}
		fmt.Fprintln(s.err, "trtfarm: ask for", ref)
		found, err := h.ask(ctx, ref)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		l.Put(lock.Image{Ref: ref, Digest: found.Digest, Manifest: found.Manifest, TensorRT: found.TensorRT,
			CUDA: found.CUDA, Driver: found.Driver, Labels: lock.Labels(found.Labels)})
		what := "new"
		switch {
		case known && old.Digest == found.Digest:
			what = "unchanged"
		case known:
			what = "moved from " + old.Digest
		}
		t.Rows = append(t.Rows, []string{ref, found.TensorRT, found.CUDA, found.Digest, what})
	}
	if failed != nil {
		return failed // nothing is written: a lock file is whole or it is the old one
	}
	target := filepath.Join(filepath.Dir(file), lockFile)
	if err := writeWhole(target, l.Encode()); err != nil {
		return fault.New(fault.Usage, "lock", "", "write %s: %w", target, err)
	}
	if err := t.Write(s.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\nwrote %s: commit it beside the matrix\n", target)
	return err
}

// allImages lists the images of a matrix, build images first.
func allImages(m *matrix.Matrix) []string {
	refs := slices.Clone(m.Images)
	for _, c := range m.Cells {
		for _, ref := range []string{c.Image, c.Verify.Image} {
			if ref != "" && !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// readLock reads the lock file beside a matrix; nil when there is none.
func readLock(matrixFile string) (*lock.File, error) {
	at := filepath.Join(filepath.Dir(matrixFile), lockFile)
	src, err := os.ReadFile(at)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "lock", "", "read lock file: %w", err)
	}
	l, err := lock.Parse(at, src)
	return l, inFile(err)
}

// checkLock refuses a lock file that does not name every image, or whose tags
// mean something else by now.
func (a *session) checkLock(ctx context.Context) error {
	const fix = "trtfarm lock --update %s, then review and commit " + lockFile
	stale := func(format string, args ...any) error {
		return fault.New(fault.StaleLock, "stale-lock", fmt.Sprintf(fix, a.question.file), format, args...)
	}
	if a.lock == nil {
		return stale("there is no %s beside %s", lockFile, a.question.file)
	}
	for _, ref := range allImages(a.matrix) {
		locked, ok := a.lock.Find(ref)
		if !ok {
			return stale("%s does not name %s", lockFile, ref)
		}
		if a.house.local() || a.question.offline {
			continue
		}
		now := a.house.resolve(ctx, ref)
		if now.Err == nil && now.Digest != locked.Digest {
			return stale("%s says that %s is %s, but the registry says %s", lockFile, ref, locked.Digest, now.Digest)
		}
	}
	return context.Cause(ctx)
}

// writeWhole replaces a file so that a reader sees the old or the new one.
func writeWhole(file string, data []byte) error {
	part, err := os.CreateTemp(filepath.Dir(file), ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if _, err := part.Write(data); err != nil {
		part.Close()
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	if err := os.Chmod(part.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(part.Name(), file)
}
