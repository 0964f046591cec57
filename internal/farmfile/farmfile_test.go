package farmfile

import (
	"reflect"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/diag"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		src  string
		want File
	}{
		"everything": {`version = 1
[store]
url = "s3://engines/prod/"
[registry]
mirrors = { "nvcr.io" = "127.0.0.1:5000" }
[sign]
key = "env:TRTFARM_SIGNING_KEY"
[runner.gpu-a]
docker = "unix:///var/run/docker.sock"
gpus   = "auto"
[runner.gpu-b]
docker = "ssh://ci@gpu-b"
gpus   = ["t4", "Tesla T4"]
[runner.cluster]
kubernetes = { context = "gpu", namespace = "trtfarm" }
`, File{StoreURL: "s3://engines/prod", Mirrors: map[string]string{"nvcr.io": "127.0.0.1:5000"}, SignKey: "env:TRTFARM_SIGNING_KEY", Runners: []Runner{
			{Name: "gpu-a", Docker: "unix:///var/run/docker.sock", Auto: true, Pos: diag.Pos{Line: 8, Col: 9, Len: 5}},
			{Name: "gpu-b", Docker: "ssh://ci@gpu-b", GPUs: []string{"T4", "T4"}, Pos: diag.Pos{Line: 11, Col: 9, Len: 5}},
			{Name: "cluster", Kubernetes: &Cluster{"gpu", "trtfarm"}, Auto: true, Pos: diag.Pos{Line: 14, Col: 9, Len: 7}},
		}}},
		"relative paths are relative to the file's folder": {`version = 1
store = { url = "file:./store" }
sign  = { key = "keys/ed25519.pem" }
runner.here = { local = "../bin/trtsim", simulate = true, gpus = ["T4"], driver = "535.161.08" }
runner.also = { local = "trtexec" }
`, File{StoreURL: "file:/farm/store", Mirrors: map[string]string{}, SignKey: "/farm/keys/ed25519.pem", Runners: []Runner{
			{Name: "here", Local: "/bin/trtsim", GPUs: []string{"T4"}, Driver: "535.161.08", Simulate: true, Pos: diag.Pos{Line: 4, Col: 8, Len: 4}},
			{Name: "also", Local: "trtexec", Auto: true, Pos: diag.Pos{Line: 5, Col: 8, Len: 4}},
		}}},
		"a file may be empty but for its version": {"version = 1\n", File{Mirrors: map[string]string{}}},
		"an absolute store": {"version = 1\nstore.url = \"file:///srv/engines\"\n",
			File{StoreURL: "file:/srv/engines", Mirrors: map[string]string{}}},
		"simulated runners may share an engine": {`version = 1
runner.a = { docker = "tcp://host:2376", simulate = true, gpus = ["T4"] }
runner.b = { docker = "tcp://host:2376", simulate = true, gpus = ["A10"] }
`, File{Mirrors: map[string]string{}, Runners: []Runner{
			{Name: "a", Docker: "tcp://host:2376", GPUs: []string{"T4"}, Simulate: true, Pos: diag.Pos{Line: 2, Col: 8, Len: 1}},
			{Name: "b", Docker: "tcp://host:2376", GPUs: []string{"A10"}, Simulate: true, Pos: diag.Pos{Line: 3, Col: 8, Len: 1}},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("/farm/trtfarm.toml", []byte(tc.src))
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Path = "/farm/trtfarm.toml"
			if !reflect.DeepEqual(*got, tc.want) {
				t.Errorf("Parse()\n got %+v\nwant %+v", *got, tc.want)
			}
		})
	}
}

func TestParseReportsEveryMistakeAtOnce(t *testing.T) {
	const src = `[store]
uri = "s3://engines"
[registry]
mirrors = { "nvcr.io" = "http://127.0.0.1:5000/", "a b" = "c" }
[sign]
key = "env:"
[runner."a b"]
docker = "/var/run/docker.sock"
gpus = "T4"
[runner.b]
gpus = []
[runner.c]
docker = "unix:///var/run/docker.sock"
local = "trtexec"
[runner.d]
kubernetes = { context = "gpu", namespace = "No", cluster = 1 }
simulate = true
[runner.e]
docker = "unix:///var/run/docker.sock"
gpus = ["T4", "T44X", 3]
driver = "NVIDIA 535"
[runner.f]
dcoker = "tcp://gpu-f:2376"
`
	const want = `trtfarm.toml:1:1: version is missing | write version = 1 at the top of the file
trtfarm.toml:1:2: url is missing in store | add url = "s3://bucket/prefix" or url = "file:./trtfarm-store"
trtfarm.toml:2:1: key "uri" is not known in store | write url
trtfarm.toml:4:25: "http://127.0.0.1:5000/" is not the host of a registry | write "127.0.0.1:5000"
trtfarm.toml:4:51: "a b" is not the host of a registry
trtfarm.toml:6:7: sign.key is "env:"
trtfarm.toml:7:9: runner name "a b" cannot stand in a path
trtfarm.toml:8:10: "/var/run/docker.sock" is not the address of a docker engine | write "unix:///var/run/docker.sock"
trtfarm.toml:9:8: gpus must be "auto" or a list with one name per device | write ["T4"]
trtfarm.toml:10:9: runner "b" does not say what it is
trtfarm.toml:11:8: runner.b.gpus lists 0 GPUs
trtfarm.toml:14:1: runner "c" is docker and local at once | make two runners of it
trtfarm.toml:14:1: runner "c" is local and runner "a b" is not: a local runner has no images, so the same cell would be another engine on each | keep runners of one kind in this file, and the others in a second one
trtfarm.toml:16:45: "No" cannot be a namespace
trtfarm.toml:16:51: key "cluster" is not known in runner.d.kubernetes
trtfarm.toml:17:1: a cluster cannot be simulated | remove simulate, or give docker or local
trtfarm.toml:17:1: a simulated runner has no GPUs that could be asked for | add the GPUs that it plays, such as gpus = ["T4", "A10"]
trtfarm.toml:18:9: runner "e" has the same GPUs as runner "c"; both would time kernels on them at once | remove one of the two
trtfarm.toml:20:15: gpu "T44X" is not known
trtfarm.toml:20:23: runner.e.gpus[2] must be a string, found an integer | write "3"
trtfarm.toml:21:10: "NVIDIA 535" is not the version of an NVIDIA driver
trtfarm.toml:22:9: runner "f" does not say what it is
trtfarm.toml:23:1: key "dcoker" is not known in runner.f | write docker`
	f, err := Parse("trtfarm.toml", []byte(src))
	var got []string
	for _, d := range diag.All(err) {
		line := d.Error()
		if d.Fix != "" {
			line += " | " + d.Fix
		}
		got = append(got, line)
	}
	if f != nil || strings.Join(got, "\n") != want {
		t.Errorf("Parse reports\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestSecretsAreRefusedAndNotRepeated(t *testing.T) {
	const pem = "MC4CAQAwBQYDK2VwBCIEIBq3n0Zr5bXQ7yVZb0pT9uWm1Jk8Lh2Nf4Sd6Gx0Ac1E"
	for name, tc := range map[string]struct{ line, secret string }{
		"credentials in the store's address":    {`store.url = "s3://AKIA1234:hunter2@engines/prod"`, "hunter2"},
		"credentials without a password":        {`store.url = "s3://hunter2@engines/prod"`, "hunter2"},
		"a signed address":                      {`store.url = "s3://engines/prod?X-Amz-Signature=hunter2"`, "hunter2"},
		"credentials in another kind of store":  {`store.url = "https://me:hunter2@example.com"`, "hunter2"},
		"credentials in the docker address":     {`runner.a.docker = "tcp://me:hunter2@host:2376"`, "hunter2"},
		"a user name for tcp":                   {`runner.a.docker = "tcp://hunter2@host:2376"`, "hunter2"},
		"a password for ssh":                    {`runner.a.docker = "ssh://me:hunter2@host"`, "hunter2"},
		"an address that cannot be parsed":      {`runner.a.docker = "ssh://me:%zz-hunter2@host"`, "hunter2"},
		"credentials of a mirror":               {`registry.mirrors."nvcr.io" = "me:hunter2@127.0.0.1:5000"`, "hunter2"},
		"a key in PEM":                          {"sign.key = '''-----BEGIN PRIVATE KEY-----\n" + pem + "\n-----END PRIVATE KEY-----'''", pem},
		"a key in base64":                       {`sign.key = "` + pem + `"`, pem},
		"a key behind env:":                     {`sign.key = "env:` + pem + `"`, pem},
		"a key in hexadecimal":                  {`sign.key = "` + strings.Repeat("0a9", 24) + `"`, "0a90a9"},
		"a key on the line of another mistake":  {`sign = { keey = 1, key = "` + pem + `" }`, pem},
		"a password on a line that is not TOML": {`store.url = "s3://me:hunter2@engines/prod`, "hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("trtfarm.toml", []byte("version = 1\n"+tc.line+"\n"))
			if err == nil {
				t.Fatalf("Parse takes %s", tc.line)
			}
			if strings.Contains(err.Error(), tc.secret) {
				t.Errorf("the message repeats the secret:\n%v", err)
			}
		})
	}
}

func TestPathsThatAreNoKeys(t *testing.T) {
	for _, key := range []string{"keys/ed25519.pem", "/home/ci/Prod2024SigningKeyOfTheReleaseTeam/signing-key",
		"deploy/keys/production/signing/key-of-the-release-team-2024", "env:TRTFARM_SIGNING_KEY_OF_THE_RELEASE_TEAM_2024"} {
		if _, err := Parse("trtfarm.toml", []byte("version = 1\nsign.key = \""+key+"\"\n")); err != nil {
			t.Errorf("sign.key = %q: %v", key, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version = 1\n[store]\nurl = \"s3://me:pw@engines/prod\"\n[runner.a]\ndocker = \"ssh://ci@gpu-b\"\ngpus = [\"T4\"]\n"))
	f.Add([]byte("version = 1\nstore.url = \"file:../x\"\nregistry.mirrors.\"nvcr.io\" = \"127.0.0.1:5000\"\nrunner.a = {local = \"./t\", simulate = true, gpus = [\"A10\"]}\n"))
	f.Add([]byte("version = 1\n[runner.k]\nkubernetes = {context = \"c\", namespace = \"n\"}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("/farm/trtfarm.toml", src)
		if err != nil {
			if len(diag.All(err)) == 0 {
				t.Fatalf("%v is not a list of mistakes", err)
			}
			return
		}
		if u := file.StoreURL; u != "" && !strings.HasPrefix(u, "s3://") && !strings.HasPrefix(u, "file:/") {
			t.Errorf("store %q is neither a bucket nor an absolute path", u)
		}
		for _, r := range file.Runners {
			given := 0
			for _, is := range []bool{r.Docker != "", r.Local != "", r.Kubernetes != nil} {
				if is {
					given++
				}
			}
			if given != 1 || !r.Auto && len(r.GPUs) == 0 || r.Auto && len(r.GPUs) > 0 || !isSafeName(r.Name) {
				t.Errorf("runner is not whole: %+v", r)
			}
			if strings.Contains(r.Docker, "@") && !strings.HasPrefix(r.Docker, "ssh://") {
				t.Errorf("docker address with a user: %q", r.Docker)
			}
		}
	})
}
