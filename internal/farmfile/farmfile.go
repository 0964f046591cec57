// Package farmfile turns the text of trtfarm.toml into a checked description of
// where to build and where to publish. Like package matrix, it reads nothing but
// the text and reports every mistake at once, each at its place.
package farmfile

import "github.com/trtfarm/trtfarm/internal/diag"

// File is a checked farm file.
type File struct {
	Path     string
	StoreURL string            // "s3://bucket/prefix" or "file:PATH" with PATH made absolute; "" when absent
	Mirrors  map[string]string // registry host -> host[:port] to ask instead
	SignKey  string            // "env:NAME", an absolute path, or ""
	Runners  []Runner          // in the order of the file
}

// Runner is one [runner.NAME] table. Exactly one of Docker, Local and Kubernetes
// is set.
type Runner struct {
	Name       string
	Docker     string // unix://, tcp:// or ssh:// address of a docker engine
	Local      string // program that stands as trtexec on this machine: an absolute path, or a name on the PATH
	Kubernetes *Cluster
	GPUs       []string // catalogue names, one per device, in device order
	Auto       bool     // gpus = "auto": ask the host
	Driver     string   // NVIDIA driver of the host, "535.161.08"; "" when the file does not say
	Simulate   bool     // the runner has no GPUs; trtsim stands in for trtexec
	Pos        diag.Pos
}

// Cluster names a Kubernetes cluster and a namespace in it.
type Cluster struct {
	Context   string
	Namespace string
}
