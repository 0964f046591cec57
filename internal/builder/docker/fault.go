package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/client"

	"github.com/trtfarm/trtfarm/internal/builder"
	"github.com/trtfarm/trtfarm/internal/fault"
)

// symptom is a text by which an engine's error is known, since the API has codes
// for few of them, and what to tell the user.
type symptom struct {
	text  string // part of the error, in lower case
	cause string
	why   string // what it means; stands before the engine's own words
	fix   string
	infra bool // worth another try
}

// symptoms are tried from the first to the last.
var symptoms = []symptom{
	{"permission denied while trying to connect", "docker-permission", "this user may not use the docker engine",
		"add the user to the group that owns the socket (docker, on most systems) and log in again", false},
	{"client.timeout exceeded", "docker-down", "the docker engine does not answer",
		"see whether the host is up and its docker service runs", true},
	{"permission denied (publickey", "docker-ssh", "ssh does not let this user in",
		"make `ssh HOST docker version` work without a password for this user", false},
	{"host key verification failed", "docker-ssh", "ssh does not know the host's key",
		"connect once by hand with ssh to accept the key, or add it to known_hosts", false},
	{"could not resolve hostname", "docker-ssh", "ssh does not know such a host",
		"correct the host's name in docker = \"ssh://…\" in trtfarm.toml", false},
	{"exit status 255", "docker-ssh", "ssh could not connect",
		"make `ssh HOST docker version` work without a password for this user", true},
	{"malformed http response", "docker-address", "the docker engine wants TLS",
		"set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem", false},
	{"certificate", "docker-tls", "the docker engine and this client do not trust each other's certificates",
		"set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem for this engine", false},
	{"no such host", "docker-address", "there is no such host",
		"correct docker = \"…\" in trtfarm.toml", false},
	{"cannot connect to the docker daemon", "docker-down", "the docker engine does not answer",
		"start it (systemctl start docker), or correct docker = \"…\" in trtfarm.toml", true},
	{"could not select device driver", "gpu-toolkit", "the docker engine knows no NVIDIA GPUs",
		"install the NVIDIA container toolkit on the host, run `nvidia-ctk runtime configure --runtime=docker`, and restart docker", false},
	{"nvidia-container-cli", "gpu-driver", "the NVIDIA container toolkit could not bring the GPU into the container",
		"see whether nvidia-smi works on the host and knows the device named in trtfarm.toml", false},
	{"unresolvable cdi devices", "gpu-toolkit", "the docker engine does not know this GPU",
		"run `nvidia-ctk cdi generate` on the host, and see whether nvidia-smi knows the device", false},
	{"no space left on device", "disk-full", "the docker engine's disk is full",
		"free space on the host: docker system df shows what takes it", true},
	{"bind source path does not exist", "mount-missing", "a folder of this machine is not there for the docker engine",
		"if the engine runs in another machine or container, use a store with an s3:// address", false},
	{"network bridge not found", "docker-network", "the docker engine has no bridge network",
		"let fetch and publish use the host's network, or start the engine with its bridge", false},
}

// fault turns an error of the engine into one that says what happened, to which
// engine, and what to do. The result wraps builder.ErrRunner, and err.
func (e *Executor) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, builder.ErrRunner) {
		return err
	}
	beneath := fmt.Errorf("%w: %w", builder.ErrRunner, err)
	said := strings.TrimSpace(err.Error())
	text := strings.ToLower(said)
	for _, s := range symptoms {
		if strings.Contains(text, s.text) {
			f := fault.New(fault.Environment, s.cause, s.fix, "%s: %s: %s: %s", e.o.Host, doing, s.why, said)
			f.Infra, f.Err = s.infra, beneath
			return f
		}
	}
	if client.IsErrConnectionFailed(err) || errors.Is(err, context.DeadlineExceeded) {
		f := fault.New(fault.Environment, "docker-down", "see whether the host is up and its docker service runs",
			"%s: %s: the docker engine does not answer: %s", e.o.Host, doing, said)
		f.Infra, f.Err = true, beneath
		return f
	}
	f := fault.New(fault.Environment, "docker", "", "%s: %s: %s", e.o.Host, doing, said)
	f.Infra, f.Err = true, beneath
	return f
}
