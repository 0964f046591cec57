package matrix

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/diag"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestParseReportsEveryMistakeAtOnce(t *testing.T) {
	src, err := os.ReadFile("testdata/mistakes.toml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse("mistakes.toml", src)
	if err == nil || m != nil {
		t.Fatalf("Parse() = %v, %v", m, err)
	}
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile("testdata/mistakes.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/mistakes.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("Parse reports\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(got, "hunter2") {
		t.Error("a password is repeated")
	}
}

// file wraps the text of a [matrix] table into a file that is whole otherwise.
func file(matrix string) string {
	return "version = 1\n[model.m]\nonnx = \"m.onnx\"\n[matrix]\n" + matrix
}

const axesText = `images = ["t:1", "t:2"]
gpus = ["T4", "A10"]
precisions = ["fp16"]
`

// short renders mistakes without their source lines.
func short(err error) string {
	var lines []string
	for _, d := range diag.All(err) {
		line := d.Error()
		if d.Fix != "" {
			line += " | " + d.Fix
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"an empty file": {"", `m:1:1: version is missing | write version = 1 at the top of the file
m:1:1: [model.NAME] is missing | add a table such as [model.resnet50] with onnx = "models/resnet50.onnx"
m:1:1: [matrix] is missing | add a table [matrix] with images, gpus and precisions`},
		"no models": {"version = 1\n[model]\n[matrix]\n" + axesText,
			`m:2:2: no model is given | add a table such as [model.resnet50] with onnx = "models/resnet50.onnx"`},
		"an axis without values": {file("images = [\"t:1\"]\ngpus = []\nprecisions = [\"fp16\"]\n"),
			"m:4:2: the matrix has no cells: gpus is empty | list at least one gpu"},
		"exclude that leaves nothing": {file(axesText + "exclude = [{model = \"*\"}]\n"),
			"m:4:2: the matrix has no cells: exclude leaves none"},
		"images that cell IDs could not tell apart": {file("images = [\"t:1\", \"u/t:1\"]\ngpus = [\"T4\"]\nprecisions = [\"fp16\"]\n"),
			`m:5:18: image "u/t:1" is called "t-1" in cell IDs, as is "t:1"`},
		"an included image that cell IDs could not tell apart": {file(axesText + "include = [{image = \"u/t:1\"}]\n"),
			`m:8:21: image "u/t:1" is called "t-1" in cell IDs, as is "t:1"`},
		"include that changes nothing": {file(axesText + "include = [{gpu = \"T4\"}]\n"),
			"m:8:12: this entry changes nothing: its cells are in the matrix already | remove it, or give it a build or verify table"},
		"include of which exclude takes every cell": {
			file(axesText + "exclude = [{gpu = \"T4\", image = \"*\"}]\ninclude = [{gpu = \"T4\", precision = \"int8\"}]\n"),
			"m:9:12: this entry changes nothing: exclude takes every cell that it means | name in it every key that the exclude entry names, to win over exclude; or remove it"},
		"a pattern that only an included value would match": {
			file(axesText + "include = [{gpu = \"L4\"}, {gpu = \"L*\", variant = \"v\"}]\n"), `m:8:33: no gpu of the matrix matches "L*"`},
		"a name that is not of a model": {file(axesText + "include = [{model = \"n\"}]\n"),
			`m:8:21: model "n" is not known`},
		"a limit for a GPU that no cell has": {file(axesText + "[verify]\nmax_p99_ms = { A30 = 1 }\n"),
			`m:9:16: gpu "A30" is not in the matrix, so its limit would never be checked`},
		"a matrix of too many cells": {file(axesText + manyModels(25_001)),
			"m:4:2: the matrix has more than 100000 cells before exclude"},
		"include that brings too many cells": {file(axesText + "include = [{variant = \"a\"}, {variant = \"b\"}]\n" + manyModels(12_000)),
			"m:8:29: the matrix has more than 100000 cells"},
		"include that names cells too often": {file(axesText + "include = [" + strings.Repeat("{build = {retries = 0}},", 30) + "]\n" + manyModels(9_999)),
			"m:8:612: include names cells more than 1000000 times"},
		"a size with a space": {file(axesText + "[build]\nworkspace = \"512 MiB\"\n"),
			`m:9:13: "512 MiB" is not a size of memory | write "512MiB"`},
		"a size that is no whole MiB": {file(axesText + "[build]\nworkspace = \"1000KiB\"\n"),
			`m:9:13: build.workspace is 0.9765625 MiB; trtexec takes whole MiB`},
		"a negative size": {file(axesText + "[build]\nworkspace = -1\n"), `m:9:13: build.workspace is -1 MiB`},
		"an address without a host": {"version = 1\n[model.m]\nonnx = \"s3:///x\"\n[matrix]\n" + axesText,
			"m:3:8: the address of the model is not complete"},
		"an option and its value as two words": {file(axesText + "[build]\nextra_args = [\"--avgTiming 8\"]\n"),
			`m:9:15: trtexec takes an option and its value as one word | write "--avgTiming=8"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("m", []byte(tc.src))
			if got := short(err); got != tc.want {
				t.Errorf("Parse reports\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}
