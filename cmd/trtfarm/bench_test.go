package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

// pairs is how often each pair is run in turn; the median ratio is reported.
const pairs = 5

// BenchmarkCell compares trtfarm with the shell loop that people write: docker
// run to build, docker run to verify, md5sum, sha256sum, upload. Both make the
// same six engines one after the other on one GPU, with the same stand-in for
// trtexec, so that what differs is ours. Ratios below one mean that trtfarm is
// faster.
func BenchmarkCell(b *testing.B) {
	docker, registry := testbed.Docker(b), testbed.Registry(b)
	const cells = 6
	image := registry + "/nvidia/tensorrt:24.08-py3"
	model, err := filepath.Abs("../../matrices/models/mnist/model.onnx")
	if err != nil {
		b.Fatal(err)
	}
	shell(b, "docker", "-H", docker, "pull", "--quiet", image)
	for b.Loop() {
		var ratios []float64
		for i := range pairs + 1 {
			ours := timed(b, func() { benchTrtfarm(b, docker, registry, model) })
			theirs := timed(b, func() { benchLoop(b, docker, image, model, cells) })
			if i > 0 { // the first pair warms up
				ratios = append(ratios, ours.Seconds()/theirs.Seconds())
				b.Logf("trtfarm %v, shell loop %v for %d cells", ours.Round(time.Millisecond), theirs.Round(time.Millisecond), cells)
			}
		}
		b.ReportMetric(median(ratios), "x-shell-loop")
	}
	b.ReportMetric(0, "ns/op")
}

func benchTrtfarm(b *testing.B, docker, registry, model string) {
	s := newSite(b, fmt.Sprintf(`version = 1

[store]
url = "%s/engines"

[registry]
mirrors = { "nvcr.io" = %q }

[runner.host]
docker   = %q
gpus     = ["T4"]
simulate = true
`, benchBucket(b), registry, docker))
	s.write("bench.toml", fmt.Sprintf(`version = 1

[model.mnist]
onnx = %q

[matrix]
images     = ["nvcr.io/nvidia/tensorrt:24.08-py3"]
gpus       = ["T4"]
precisions = ["fp16"]
include    = [
  { variant = "o0", build = { optimization_level = 0 } },
  { variant = "o1", build = { optimization_level = 1 } },
  { variant = "o2", build = { optimization_level = 2 } },
  { variant = "o4", build = { optimization_level = 4 } },
  { variant = "o5", build = { optimization_level = 5 } },
]
`, model))
	s.mustRun(0, "--progress", "none", "bench.toml")
}

// benchLoop is what a shell script does for one engine after the other.
func benchLoop(b *testing.B, docker, image, model string, cells int) {
	b.Helper()
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		b.Fatal(err)
	}
	bucket := benchBucket(b)
	server := testbed.S3(b)
	put := func(file, key string) {
		curl(b, server, file, bucket, key)
	}
	run := func(args ...string) {
		shell(b, "docker", append([]string{"-H", docker, "run", "--rm", "--network", "none", "--env", "TRTSIM_GPU=T4",
			"--volume", filepath.Dir(model) + ":/model:ro", "--volume", dir + ":/work", "--workdir", "/work", image, "trtexec"}, args...)...)
	}
	for i := range cells {
		engine := filepath.Join(dir, "engine.plan")
		run("--onnx=/model/model.onnx", "--saveEngine=/work/engine.plan", "--fp16", "--skipInference")
		run("--loadEngine=/work/engine.plan", "--iterations=10", "--duration=0", "--warmUp=0", "--dumpRawBindingsToFile")
		for _, tool := range []string{"md5sum", "sha256sum"} {
			sum := filepath.Join(dir, "engine."+tool)
			if err := os.WriteFile(sum, shell(b, tool, engine), 0o644); err != nil {
				b.Fatal(err)
			}
			put(sum, fmt.Sprintf("%d/engine.%s", i, tool))
		}
		put(engine, fmt.Sprintf("%d/engine.plan", i))
	}
}

// BenchmarkPublish compares hashing and uploading one large file with the plain
// tools: md5sum, sha256sum and curl, one after the other, as scripts do it.
func BenchmarkPublish(b *testing.B) {
	file := filepath.Join(b.TempDir(), "engine.plan")
	writeRandom(b, file, 1<<30)
	server := testbed.S3(b)
	for b.Loop() {
		var hashes, uploads []float64
		for i := range pairs + 1 {
			bucket := benchBucket(b)
			store, err := openStore(b.Context(), bucket+"/engines")
			if err != nil {
				b.Fatal(err)
			}
			var d artifact.Digest
			ourHash := timed(b, func() {
				if d, err = artifact.SumFile(file); err != nil {
					b.Fatal(err)
				}
			})
			theirHash := timed(b, func() { shell(b, "md5sum", file); shell(b, "sha256sum", file) })
			ourPut := timed(b, func() {
				if _, err := artifact.PutBlob(b.Context(), store, file, d, "", nil); err != nil {
					b.Fatal(err)
				}
			})
			theirPut := timed(b, func() {
				curl(b, server, file, bucket, "plain/engine.plan")
			})
			if i > 0 {
				hashes = append(hashes, ourHash.Seconds()/theirHash.Seconds())
				uploads = append(uploads, ourPut.Seconds()/theirPut.Seconds())
				b.Logf("1 GiB: hash %v against %v, upload %v against %v", ourHash.Round(time.Millisecond), theirHash.Round(time.Millisecond), ourPut.Round(time.Millisecond), theirPut.Round(time.Millisecond))
			}
		}
		b.ReportMetric(median(hashes), "x-md5sum+sha256sum")
		b.ReportMetric(median(uploads), "x-curl-upload")
	}
	b.ReportMetric(0, "ns/op")
}

// curl uploads a file as a script does.
func curl(b *testing.B, server testbed.S3Server, file, bucket, key string) {
	b.Helper()
	shell(b, "curl", "--silent", "--show-error", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", server.Key+":"+server.Secret,
		"--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--upload-file", file, server.Endpoint+"/"+strings.TrimPrefix(bucket, "s3://")+"/"+key)
}

func benchBucket(b *testing.B) string {
	b.Helper()
	server := testbed.S3(b)
	b.Setenv("AWS_ACCESS_KEY_ID", server.Key)
	b.Setenv("AWS_SECRET_ACCESS_KEY", server.Secret)
	b.Setenv("AWS_REGION", "us-east-1")
	b.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	return testbed.Bucket(b)
}

func timed(b *testing.B, work func()) time.Duration {
	b.Helper()
	start := time.Now()
	work()
	return time.Since(start)
}

func shell(b *testing.B, name string, args ...string) []byte {
	b.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

func writeRandom(b *testing.B, file string, size int64) {
	b.Helper()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), size); err != nil {
		b.Fatal(err)
	}
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}
