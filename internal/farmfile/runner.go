package farmfile

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/diag"
	"github.com/trtfarm/trtfarm/internal/tomlfile"
)

const (
	maxRunners = 1000
	maxGPUs    = 64 // of one runner
)

// kinds are the keys of which a runner has exactly one.
var kinds = []string{"docker", "local", "kubernetes"}

func (p *parser) readRunners(v *tomlfile.Value) {
	entries, ok := v.Entries()
	if !ok {
		return
	}
	if len(entries) > maxRunners {
		v.MistakeAtKey("%d runners are given; at most %d can be", len(entries), maxRunners)
		return
	}
	for _, e := range entries {
		if _, ok := e.Entries(); ok {
			p.f.Runners = append(p.f.Runners, p.runner(e))
		}
	}
	p.checkTogether(entries)
}

func (p *parser) runner(v *tomlfile.Value) Runner {
	r := Runner{Name: v.Name, Pos: v.KeyPos, Auto: true}
	if !isSafeName(v.Name) {
		v.MistakeAtKey("runner name %s cannot stand in a path", tomlfile.Quote(v.Name)).Allowed =
			[]string{"1 to 63 letters, digits, \".\", \"_\" or \"-\", beginning with a letter or a digit"}
	}
	v.Fields(
		tomlfile.Field{Name: "docker", Read: tomlfile.Into(&r.Docker, dockerAddress)},
		tomlfile.Field{Name: "local", Read: tomlfile.Into(&r.Local, p.program)},
		tomlfile.Field{Name: "kubernetes", Read: tomlfile.Into(&r.Kubernetes, cluster)},
		tomlfile.Field{Name: "gpus", Read: func(v *tomlfile.Value) { r.GPUs, r.Auto = gpus(v) }},
		tomlfile.Field{Name: "driver", Read: tomlfile.Into(&r.Driver, driver)},
		tomlfile.Field{Name: "simulate", Read: tomlfile.Into(&r.Simulate, (*tomlfile.Value).Bool)},
	)
	switch given := names(v, slices.Clone(kinds)...); {
	case len(given) == 0:
		m := v.MistakeAtKey("runner %s does not say what it is", tomlfile.Quote(v.Name))
		m.Allowed = []string{`docker = "unix:///var/run/docker.sock"`, `local = "trtexec"`, `kubernetes = { context = "…", namespace = "…" }`}
	case len(given) > 1:
		v.Get(given[1]).MistakeAtKey("runner %s is %s and %s at once", tomlfile.Quote(v.Name), given[0], given[1]).Fix = "make two runners of it"
	case given[0] == "kubernetes" && r.Simulate:
		v.Get("simulate").MistakeAtKey("a cluster cannot be simulated").Fix = "remove simulate, or give docker or local"
	}
	if r.Simulate && r.Auto {
		m := v.Get("simulate").MistakeAtKey("a simulated runner has no GPUs that could be asked for")
		m.Fix = `add the GPUs that it plays, such as gpus = ["T4", "A10"]`
	}
	return r
}

// checkTogether checks what runners mean for one another.
func (p *parser) checkTogether(entries []*tomlfile.Value) {
	var local, other *tomlfile.Value
	first := map[string]*tomlfile.Value{} // by what a runner's GPUs hang on
	for _, e := range entries {
		if e.Get("local") != nil && local == nil {
			local = e
		}
		if (e.Get("docker") != nil || e.Get("kubernetes") != nil) && other == nil {
			other = e
		}
		where := ""
		if d := e.Get("docker"); d != nil && d.IsText() {
			where, _ = d.Text()
		} else if e.Get("local") != nil {
			where = "this machine"
		}
		if where == "" || simulated(e) {
			continue
		}
		if f := first[where]; f != nil {
			e.MistakeAtKey("runner %s has the same GPUs as runner %s; both would time kernels on them at once",
				tomlfile.Quote(e.Name), tomlfile.Quote(f.Name)).Fix = "remove one of the two"
			continue
		}
		first[where] = e
	}
	if local != nil && other != nil {
		local.Get("local").MistakeAtKey("runner %s is local and runner %s is not: a local runner has no images, so the same cell would be another engine on each",
			tomlfile.Quote(local.Name), tomlfile.Quote(other.Name)).Fix = "keep runners of one kind in this file, and the others in a second one"
	}
}

// simulated reports whether a runner's table asks for the simulator.
func simulated(v *tomlfile.Value) bool {
	s := v.Get("simulate")
	return s != nil && s.IsTrue()
}

// dockerForms lists what the address of a docker engine may look like.
var dockerForms = []string{`"unix:///var/run/docker.sock"`, `"tcp://host:2376"`, `"ssh://user@host"`}

// dockerAddress reads the address of a docker engine.
func dockerAddress(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if !ok {
		return "", false
	}
	u, err := url.Parse(s)
	credentials := err != nil && strings.Contains(s, "@")
	if err == nil && u.User != nil {
		_, password := u.User.Password()
		credentials = password || u.Scheme != "ssh"
	}
	var m *diag.Diagnostic
	switch {
	case credentials || err == nil && (u.RawQuery != "" || u.Fragment != ""):
		v.Secret()
		v.Mistake("the address of the docker engine holds credentials or a query").Fix =
			"remove them: ssh takes its key from the agent, TLS from DOCKER_CERT_PATH"
		return "", false
	case err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/") && len(u.Path) > 1:
		return s, true
	case err == nil && u.Scheme == "tcp" && hostForm.MatchString(u.Host) && (u.Path == "" || u.Path == "/"):
		return s, true
	case err == nil && u.Scheme == "ssh" && hostForm.MatchString(u.Host):
		return s, true
	default:
		m = v.Mistake("%s is not the address of a docker engine", tomlfile.Quote(s))
		m.Allowed = dockerForms
	}
	if strings.HasPrefix(s, "/") {
		m.Fix = "write " + tomlfile.Quote("unix://"+s)
	}
	return "", false
}

// program reads the program that stands as trtexec: a name on the PATH, or a
// path, which is relative to the farm file's folder.
func (p *parser) program(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	switch {
	case !ok:
		return "", false
	case s == "" || strings.ContainsAny(s, "\x00\n"):
		v.Mistake("%s is not a program", tomlfile.Quote(s)).Allowed = []string{`a name on the PATH, such as "trtexec"`, "the path of a program"}
		return "", false
	case strings.Contains(s, "/"):
		return p.abs(s), true
	}
	return s, true
}

// label is what Kubernetes lets a namespace be called.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func cluster(v *tomlfile.Value) (*Cluster, bool) {
	c := &Cluster{}
	before := v.Mistakes()
	v.Fields(
		tomlfile.Field{Name: "context", Read: tomlfile.Into(&c.Context, (*tomlfile.Value).Text)},
		tomlfile.Field{Name: "namespace", Read: tomlfile.Into(&c.Namespace, namespace)},
	)
	return c, v.Mistakes() == before
}

func namespace(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if ok && !label.MatchString(s) {
		v.Mistake("%s cannot be a namespace", tomlfile.Quote(s)).Allowed = []string{"1 to 63 small letters, digits or \"-\", a letter or a digit at both ends"}
		return "", false
	}
	return s, ok
}

// driverForm is how nvidia-smi prints the version of a driver.
var driverForm = regexp.MustCompile(`^[1-9]\d{2,3}(\.\d{1,4}){0,2}$`)

// driver reads the version of a host's NVIDIA driver.
func driver(v *tomlfile.Value) (string, bool) {
	s, ok := v.Text()
	if ok && !driverForm.MatchString(s) {
		v.Mistake("%s is not the version of an NVIDIA driver", tomlfile.Quote(s)).Allowed = []string{`what nvidia-smi prints, such as "535.161.08"`}
		return "", false
	}
	return s, ok
}

// gpus reads "auto" or the list of a runner's GPUs, one name per device.
func gpus(v *tomlfile.Value) (list []string, auto bool) {
	if v.IsText() {
		if s, _ := v.Text(); s == "auto" {
			return nil, true
		} else if g, ok := catalog.FindGPU(s); ok {
			v.Mistake("gpus must be \"auto\" or a list with one name per device").Fix = fmt.Sprintf("write [%q]", g.Name)
		} else {
			v.Mistake("gpus is %s", tomlfile.Quote(s)).Allowed = []string{`"auto"`, `a list with one name per device, such as ["T4", "T4"]`}
		}
		return nil, false
	}
	elements, ok := v.Elements()
	if ok && (len(elements) == 0 || len(elements) > maxGPUs) {
		v.Mistake("%s lists %d GPUs", v.Path(), len(elements)).Allowed = []string{`"auto"`, fmt.Sprintf("1 to %d names", maxGPUs)}
		return nil, false
	}
	for _, e := range elements {
		s, ok := e.Text()
		if !ok {
			continue
		}
		if g, ok := catalog.FindGPU(s); ok {
			list = append(list, g.Name)
			continue
		}
		m := e.Mistake("gpu %s is not known", tomlfile.Quote(s))
		m.Allowed = catalog.GPUNames()
		if n := diag.Nearest(s, m.Allowed); n != "" {
			m.Fix = fmt.Sprintf("write %q", n)
		}
	}
	return list, false
}
