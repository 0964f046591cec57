package docker

import (
	"context"
	"errors"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
)

// Sweep removes the containers and then the volumes of orchestrators that died.
// What belongs to another host's is removed only once it has expired.
func (e *Executor) Sweep(ctx context.Context) ([]string, error) {
	ours := filters.NewArgs(filters.Arg("label", labelOwner))
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, e.fault("list containers", err)
	}
	var removed []string
	var errs []error
	for _, c := range containers {
		if !abandoned(c.Labels, time.Now()) {
			continue
		}
		if err := e.remove(ctx, c.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		name := c.ID
		if len(c.Names) > 0 {
			name = c.Names[0]
		}
		removed = append(removed, "container "+name)
	}
	volumes, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: ours})
	if err != nil {
		return removed, errors.Join(append(errs, e.fault("list volumes", err))...)
	}
	for _, v := range volumes.Volumes {
		if !abandoned(v.Labels, time.Now()) {
			continue
		}
		switch err := e.removeVolume(ctx, v.Name); {
		case cerrdefs.IsConflict(err): // a container that is not ours to remove uses it
		case err != nil:
			errs = append(errs, err)
		default:
			removed = append(removed, "volume "+v.Name)
		}
	}
	return removed, errors.Join(errs...)
}

// remove ends a container and removes it. One that is gone is as good.
func (e *Executor) remove(ctx context.Context, id string) error {
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
	for cerrdefs.IsConflict(err) { // somebody else is removing it just now
		select {
		case <-ctx.Done():
			return e.fault("remove container "+id, err)
		case <-time.After(20 * time.Millisecond):
		}
		err = e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return e.fault("remove container "+id, err)
	}
	return nil
}

// makeVolume makes an empty volume. The engine is given a moment to answer even
// when ctx is done, so that nothing is made of which nobody knows.
func (e *Executor) makeVolume(ctx context.Context, labels map[string]string) (name string, err error) {
	api, cancel := afterward(ctx)
	defer cancel()
	name = newName()
	_, err = e.api.VolumeCreate(api, volume.CreateOptions{Name: name, Labels: labels})
	if ctx.Err() != nil {
		e.dropVolume(ctx, name)
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", e.fault("make a volume", err)
	}
	return name, nil
}

// dropVolume removes a volume in the background, once the container is gone that
// may just be on its way to it.
func (e *Executor) dropVolume(ctx context.Context, name string) {
	whole := context.WithoutCancel(ctx)
	e.background.Go(func() {
		clean, cancel := context.WithTimeout(whole, cleanTime)
		defer cancel()
		_ = e.removeFreed(clean, name) // what cannot be removed now is left to a sweep
	})
}

// removeFreed removes a volume as soon as no container has it any more.
func (e *Executor) removeFreed(ctx context.Context, name string) error {
	err := e.removeVolume(ctx, name)
	for cerrdefs.IsConflict(err) {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
		err = e.removeVolume(ctx, name)
	}
	return err
}

// removeVolume removes a volume. One that is gone is as good.
func (e *Executor) removeVolume(ctx context.Context, name string) error {
	err := e.api.VolumeRemove(ctx, name, false)
	if err != nil && !cerrdefs.IsNotFound(err) {
		return e.fault("remove volume "+name, err)
	}
	return nil
}
