package plan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/catalog"
	"github.com/trtfarm/trtfarm/internal/matrix"
	"github.com/trtfarm/trtfarm/internal/onnx"
	"github.com/trtfarm/trtfarm/internal/plan"
)

var update = flag.Bool("update", false, "rewrite golden files")

// everyTag lists the NGC tags from 20.12 on whose image the catalogue lists.
func everyTag() []string {
	var tags []string
	for at := 20*12 + 11; at <= 26*12+7; at++ {
		tag := fmt.Sprintf("%02d.%02d", at/12, at%12+1)
		if _, ok := catalog.NGC(tag); ok {
			tags = append(tags, tag)
		}
	}
	return tags
}

var (
	tenGPUs        = []string{"T4", "V100", "A100", "A10", "L4", "H100-80GB", "B200", "GeForce RTX 4090", "GeForce RTX 5090", "P4"}
	fivePrecisions = []matrix.Precision{matrix.FP32, matrix.FP16, matrix.BF16, matrix.INT8, matrix.FP8}
)

// everything plans one small model for every tag, ten GPUs and five precisions.
func everything(t *testing.T) []plan.Cell {
	t.Helper()
	const model = "../../matrices/models/mnist/model.onnx"
	graph, err := onnx.Inspect(model)
	if err != nil {
		t.Fatal(err)
	}
	m := &matrix.Matrix{Models: []*matrix.Model{{Name: "mnist", ONNX: model}}}
	f := plan.Facts{Images: map[string]plan.Image{},
		Models: map[string]plan.Model{"mnist": {Graph: graph, Files: []plan.File{{Name: "model.onnx", SHA256: sum('a')}}}}}
	for _, tag := range everyTag() {
		ref := "nvcr.io/nvidia/tensorrt:" + tag + "-py3"
		known, _ := catalog.NGC(tag)
		f.Images[ref] = plan.Image{Digest: "sha256:" + sum('d'), TensorRT: known.TensorRT, CUDA: known.CUDA, Source: "catalogue"}
		for _, gpu := range tenGPUs {
			for _, p := range fivePrecisions {
				m.Cells = append(m.Cells, &matrix.Cell{ID: "mnist/" + tag + "/" + gpu + "/" + string(p), Model: m.Models[0], Image: ref, GPU: gpu, Precision: p,
					Build: matrix.Build{OptimizationLevel: -1, TimingCache: true}, Verify: matrix.Verify{Corners: true}})
			}
		}
	}
	return plan.Make(m, f)
}

// TestVerdictsOverEveryImage shows what becomes of every cell as a picture that a
// reviewer can read: one row an image, one column a GPU, one letter a precision.
func TestVerdictsOverEveryImage(t *testing.T) {
	cells := everything(t)
	if len(cells) < 3000 {
		t.Fatalf("%d cells: the catalogue has lost images", len(cells))
	}
	letters := map[string]string{"": ".", "sm-mismatch": "s", "precision-unsupported": "p", "image-unknown": "?", "trtexec-usage": "t"}
	var out strings.Builder
	fmt.Fprintf(&out, "One letter for each of %v.\n. builds, s the GPU is not served, p the precision is not there, ? the TensorRT is not known, t its trtexec is not known\n\n", fivePrecisions)
	fmt.Fprintf(&out, "%-18s", "")
	for _, gpu := range tenGPUs {
		fmt.Fprintf(&out, " %-9s", strings.TrimPrefix(gpu, "GeForce "))
	}
	perImage := len(tenGPUs) * len(fivePrecisions)
	reasons := map[string]int{}
	for at := 0; at < len(cells); at += perImage {
		fmt.Fprintf(&out, "\n%-6s%-12s", strings.TrimSuffix(matrix.TagLabel(cells[at].Image), "-py3"), cells[at].TensorRT)
		for i, c := range cells[at : at+perImage] {
			if i%len(fivePrecisions) == 0 {
				out.WriteString("  ")
			}
			letter, ok := letters[c.Cause]
			if !ok {
				t.Errorf("%s is refused because of %s", c.ID, c.Cause)
			}
			out.WriteString(letter)
			if i%len(fivePrecisions) == len(fivePrecisions)-1 {
				out.WriteString("   ")
			}
			if c.Status != plan.Refused {
				continue
			}
			if reason := c.Reasons[0]; strings.Contains(reason, "\n") || c.Fix == "" || !strings.HasSuffix(reason, c.Fix) || len(reason) > 320 {
				t.Errorf("%s: reason %q, fix %q: want one line that ends in what to do", c.ID, reason, c.Fix)
			}
			reasons[general(c.Reasons[0])]++
		}
	}
	out.WriteString("\n\nEvery reason, and how many cells have it:\n\n")
	for _, r := range sortedKeys(reasons) {
		fmt.Fprintf(&out, "%4d  %s\n", reasons[r], r)
	}
	warnings := map[string]int{}
	for _, c := range cells {
		for _, w := range c.Warnings {
			warnings[general(w)]++
		}
	}
	out.WriteString("\nEvery warning:\n\n")
	for _, w := range sortedKeys(warnings) {
		fmt.Fprintf(&out, "%4d  %s\n", warnings[w], w)
	}
	got := strings.ReplaceAll(out.String(), " \n", "\n")
	for strings.Contains(got, " \n") {
		got = strings.ReplaceAll(got, " \n", "\n")
	}
	golden := filepath.Join("testdata", "verdicts.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("verdicts have moved; look at them, then go test -run %s -update\n%s", t.Name(), got)
	}
}

// general takes tags and versions out of a sentence.
func general(sentence string) string {
	sentence = tagForm.ReplaceAllString(sentence, "YY.MM")
	return releaseForm.ReplaceAllString(sentence, "TensorRT N")
}

var (
	tagForm     = regexp.MustCompile(`\b2\d\.\d\d\b`)
	releaseForm = regexp.MustCompile(`TensorRT \d+(\.\d+)*`)
)

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
