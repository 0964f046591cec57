package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/farm"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// farmText fills in the farm file of a farm with one docker host. Empty fields
// are those of the testbed.
type farmText struct{ Store, Mirror, Docker string }

// TestFaultsOfTheFarm are runs on a real docker engine, registry and S3 server, of
// which one is not as it should be.
func TestFaultsOfTheFarm(t *testing.T) {
	registry, server := testbed.Registry(t), testbed.S3(t)
	good := farmText{Docker: testbed.Docker(t), Mirror: registry, Store: testbed.Bucket(t) + "/engines"}
	pushes := strings.ToLower(t.Name())
	s := newSite(t, good.String())
	s.docker = good.Docker
	s.copy("mnist.onnx", mnist)
	s.write("good.toml", matrixText{GPUs: `["A10"]`}.String())
	s.mustRun(0, "good.toml")
	gone := "sha256:" + strings.Repeat("0", 64)

	for _, f := range []struct {
		failure
		farm farmText
	}{
		{failure: failure{
			name: "image that does not exist", matrix: matrixText{Images: `["nvcr.io/nvidia/tensorrt:23.13-py3"]`},
			code: fault.Storage, state: farm.Refused, cause: "image-missing", says: []string{"23.13-py3 does not exist", registry + " has no nvidia/tensorrt:23.13-py3"}, fix: "correct the image",
		}}, {failure: failure{
			name: "image that the catalogue knows and the registry does not", matrix: matrixText{Images: `["nvcr.io/nvidia/tensorrt:24.07-py3"]`},
			code: fault.Storage, state: farm.Failed, cause: "image-missing", says: []string{"24.07-py3 does not exist", registry}, fix: "correct the image",
		}}, {failure: failure{
			name: "image that is gone from the registry since it was locked",
			before: func(_ *testing.T, s *site) {
				s.write("trtfarm.lock", fmt.Sprintf("version = 1\n\n[image.\"nvcr.io/nvidia/tensorrt:24.08-py3\"]\ndigest = %q\nmanifest = %q\ntensorrt = \"10.3.0.26\"\ncuda = \"12.6.0\"\n", gone, gone))
			},
			code: fault.Storage, state: farm.Failed, cause: "image-missing", says: []string{"24.08-py3", gone}, fix: "trtfarm lock --update",
		}}, {failure: failure{
			name: "image without trtexec", matrix: matrixText{Images: `["nvcr.io/` + pushes + `/empty:24.08-py3"]`},
			before: func(t *testing.T, _ *site) {
				push(t, registry, pushes+"/empty:24.08-py3", nil)
			},
			code: fault.Environment, state: farm.Failed, cause: "tool", says: []string{"build of", "trtexec is neither"}, fix: "nvcr.io/nvidia/tensorrt",
		}}, {failure: failure{
			name: "registry down",
			code: fault.Storage, state: farm.Failed, cause: "registry-down", says: []string{"24.08-py3", "127.0.0.1:1", "refused"}, fix: "mirror",
		}, farm: farmText{Mirror: "127.0.0.1:1"}}, {failure: failure{
			name: "docker daemon down",
			code: fault.Environment, state: farm.Failed, cause: "docker-down", says: []string{"runner host", "/nowhere/docker.sock", "does not answer"}, fix: "systemctl start docker",
		}, farm: farmText{Docker: "unix:///nowhere/docker.sock"}}, {failure: failure{
			name: "another GPU in the container", env: []string{"TRTSIM_FAULT=wrong-gpu:A10"},
			code: fault.Environment, state: farm.Failed, cause: "wrong-gpu", says: []string{"build of", "NVIDIA A10", "T4"}, fix: "trtfarm.toml",
		}}, {failure: failure{
			name: "hang in a container", matrix: matrixText{Build: `timeout = "2s"`}, env: []string{"TRTSIM_FAULT=hang@load"},
			code: fault.TimedOut, state: farm.Failed, cause: "timeout-or-hang", says: []string{"verify of", "2s"}, fix: "timeout",
		}}, {failure: failure{
			name: "host out of memory in a container", env: []string{"TRTSIM_FAULT=host-oom@build"},
			code: fault.Environment, state: farm.Failed, cause: "host-oom", says: []string{"build of", "137"}, fix: "more host memory",
		}}, {failure: failure{
			name: "access key that the store does not know", env: []string{"AWS_ACCESS_KEY_ID=nobody"},
			code: fault.Storage, says: []string{good.Store, "refused"}, fix: "AWS_*",
		}}, {failure: failure{
			name: "wrong secret for the store", env: []string{"AWS_SECRET_ACCESS_KEY=wrong"},
			code: fault.Storage, says: []string{good.Store, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"}, fix: "AWS_*",
		}}, {failure: failure{
			name: "no credentials for the store", env: []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="},
			code: fault.Storage, says: []string{good.Store, "no AWS credentials"}, fix: "AWS_*",
		}}, {failure: failure{
			name: "bucket that is not there",
			code: fault.Storage, says: []string{"s3://nobodys-bucket/engines", "NoSuchBucket", "create the bucket"}, fix: "[store]",
		}, farm: farmText{Store: "s3://nobodys-bucket/engines"}}, {failure: failure{
			name: "store that does not answer", env: []string{"AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"},
			code: fault.Storage, says: []string{"127.0.0.1:1", "refused"}, fix: "AWS_*",
		}}, {failure: failure{
			name: "store that takes blobs and refuses the record", env: []string{"AWS_ENDPOINT_URL_S3=" + refusing(t, server.Endpoint, "/records/")},
			code: fault.Storage, state: farm.Failed, cause: "storage", says: []string{"publish the record of", "AccessDenied"}, fix: "written",
		}}, {failure: failure{
			name: "store that takes no blobs from the runner", env: []string{"AWS_ENDPOINT_URL_S3=" + refusing(t, server.Endpoint, "/blobs/")},
			code: fault.Storage, state: farm.Failed, cause: "storage", says: []string{"publish", "AccessDenied"}, fix: "written",
		}}, {failure: failure{
			name: "locked, and the tag means another image by now", args: []string{"--locked"}, matrix: matrixText{Images: `["nvcr.io/` + pushes + `/moved:24.08-py3"]`},
			before: func(t *testing.T, s *site) {
				push(t, registry, pushes+"/moved:24.08-py3", map[string]string{"org.test": "first"})
				if _, errs, code := s.run("lock", "fault.toml"); code != 0 {
					t.Fatal(errs)
				}
				push(t, registry, pushes+"/moved:24.08-py3", map[string]string{"org.test": "second"})
			},
			code: fault.StaleLock, says: []string{"trtfarm.lock says that nvcr.io/" + pushes + "/moved:24.08-py3 is sha256:", "but the registry says sha256:"}, fix: "trtfarm lock --update",
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			text := farmText{cmp.Or(f.farm.Store, good.Store), cmp.Or(f.farm.Mirror, good.Mirror), cmp.Or(f.farm.Docker, good.Docker)}
			s := newSite(t, text.String())
			s.docker = good.Docker
			s.copy("mnist.onnx", mnist)
			f.check(t, s, good.Store)
		})
	}
}

func (f farmText) String() string {
	return fmt.Sprintf(`version = 1

[store]
url = %q

[registry]
mirrors = { "nvcr.io" = %q }

[runner.host]
docker   = %q
gpus     = ["T4", "A10"]
simulate = true
`, f.Store, f.Mirror, f.Docker)
}

// push pushes an image that declares a TensorRT and holds none.
func push(t *testing.T, registry, name string, labels map[string]string) {
	t.Helper()
	empty := testbed.Contents{Env: []string{"PATH=/bin", "TRT_VERSION=10.3.0.26", "CUDA_VERSION=12.6.0"}, Label: labels}
	if err := empty.Push(t.Context(), registry+"/"+name); err != nil {
		t.Fatal(err)
	}
}

// refusing serves what the server at address serves, but takes nothing that would
// be kept under a name with part in it.
func refusing(t *testing.T, address, part string) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}, ErrorLog: nil}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && strings.Contains(r.URL.Path, part) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
