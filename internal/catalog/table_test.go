package catalog

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tableNames lists the tables; the number of one is its place here.
var tableNames = []string{
	"cuda-drivers.csv", "cuda-floors.csv", "driver-branches.csv", "gpu-boards.csv", "gpus.csv", "ngc-tensorrt-images.csv",
	"onnx-operators.csv", "onnx-opsets.csv", "onnx-plugins.csv", "onnx-releases.csv", "onnx-types.csv",
	"precision-support.csv", "sm-exceptions.csv", "tensorrt-sm-support.csv", "trtexec-flags.csv",
}

// parse reads a table as the program reads the embedded one.
func parse(name string, text []byte) (err error) {
	switch name {
	case "cuda-drivers.csv":
		_, err = parseCUDADrivers(name, text)
	case "cuda-floors.csv":
		_, err = parseCUDAFloors(name, text)
	case "driver-branches.csv":
		_, err = parseDriverBranches(name, text)
	case "gpu-boards.csv":
		_, err = parseBoards(name, text)
	case "gpus.csv":
		_, err = parseGPUs(name, text)
	case "ngc-tensorrt-images.csv":
		_, err = parseNGCImages(name, text)
	case "onnx-operators.csv":
		_, err = parseOperators(name, text)
	case "onnx-opsets.csv":
		_, err = parseOpsets(name, text)
	case "onnx-plugins.csv":
		_, err = parsePlugins(name, text)
	case "onnx-releases.csv":
		_, err = parseReleases(name, text)
	case "onnx-types.csv":
		_, err = parseTypes(name, text)
	case "precision-support.csv":
		_, err = parsePrecisions(name, text)
	case "sm-exceptions.csv":
		_, err = parseSMExceptions(name, text)
	case "tensorrt-sm-support.csv":
		_, err = parseSMTable(name, text)
	case "trtexec-flags.csv":
		_, err = parseFlagTable(name, text)
	default:
		panic("no parser for " + name)
	}
	return err
}

func TestEveryTableIsRead(t *testing.T) {
	for name := range headers {
		if !slices.Contains(tableNames, name) {
			t.Errorf("%s is not read here", name)
		} else if err := parse(name, readFile(t, "data/"+name)); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokenTableIsReportedWhereItIsBroken(t *testing.T) {
	const gpu = "name,aliases,product_names,sm,memory_gib,architecture,class,family,mig_capable,source\n"
	for name, tc := range map[string]struct{ table, text, want string }{
		"nothing":                        {"gpus.csv", "", "gpus.csv:1: no header"},
		"another header":                 {"gpus.csv", "name,sm\n", `gpus.csv:1: header is "name,sm", want "name,aliases,`},
		"a column twice":                 {"trtexec-flags.csv", "flag,8.4,8.4\n", "trtexec-flags.csv:1: column 8.4 stands there twice"},
		"a short row":                    {"gpus.csv", gpu + "T4,,Tesla T4\n", "gpus.csv: record on line 2: wrong number of fields"},
		"an open quote":                  {"gpus.csv", gpu + "\"T4,,,,,,,,,x\n", "gpus.csv: parse error on line 2, column 15"},
		"a GPU without a name":           {"gpus.csv", gpu + ",,,,,,,,,x\n", `gpus.csv:2: column name: "": want something`},
		"memory in words":                {"gpus.csv", gpu + "T4,,,7.5,16 GB,,,,,x\n", `gpus.csv:2: column memory_gib: "16 GB": want a number above 0`},
		"memory of minus one":            {"gpus.csv", gpu + "T4,,,7.5,-1,,,,,x\n", `column memory_gib: "-1": want a number above 0`},
		"memory beyond an int":           {"gpus.csv", gpu + "T4,,,7.5,9999999999,,,,,x\n", `column memory_gib: "9999999999": the number is too large`},
		"a capability of one number":     {"gpus.csv", gpu + "T4,,,75,,,,,,x\n", `column sm: "75": want a compute capability such as 8.6`},
		"a class nobody knows":           {"gpus.csv", gpu + "T4,,,,,,server,,,x\n", `column class: "server": want one of datacenter, workstation, geforce, embedded`},
		"a list with a hole":             {"gpus.csv", gpu + "T4,,Tesla T4;,,,,,,,x\n", `column product_names: "Tesla T4;": something is missing beside a semicolon`},
		"a GPU twice":                    {"gpus.csv", gpu + "T4,,,,,,,,,x\nt4,,,,,,,,,x\n", "gpus.csv:3: column name: \"t4\": the name t4 means T4 already"},
		"a product of two GPUs":          {"gpus.csv", gpu + "T4,,Tesla T4,,,,,,,x\nT5,,Tesla-T4,,,,,,,x\n", "gpus.csv:3: column product_names: \"Tesla-T4\": Tesla-T4 is T4 already"},
		"a family named as a GPU":        {"gpus.csv", gpu + "T4,,,,,,,,,x\nT4-16GB,,,,,,,T4,,x\n", "gpus.csv:3: column family: \"T4\": the name T4 means T4 already"},
		"a line after one of two lines":  {"gpus.csv", gpu + "T4,,,,,,,,,\"a\nb\"\nT5,,,x,,,,,,x\n", "gpus.csv:4: column sm"},
		"a driver in words":              {"cuda-drivers.csv", "cuda,min_linux_driver,source\n12.6.0,R560,x\n", `cuda-drivers.csv:2: column min_linux_driver: "R560": want a driver such as 535.54.03`},
		"a toolkit of two numbers":       {"cuda-drivers.csv", "cuda,min_linux_driver,source\n12.6,560.1,x\n", `column cuda: "12.6": want 3 numbers, separated by dots`},
		"a fact without a source":        {"cuda-floors.csv", "cuda_major,min_driver,source\n12,525.60.13,\n", `cuda-floors.csv:2: column source: "": want something`},
		"bytes that are not the MiB":     {"gpu-boards.csv", headers["gpu-boards.csv"] + "\nT4,T4,40,,15000,1,,,,,,,x\n", `gpu-boards.csv:2: column memory_bytes: "1": is not what memory_mib says`},
		"releases that go back":          {"tensorrt-sm-support.csv", "tensorrt_version,min_sm,max_sm,notes,source\n10.3,,,,x\n10.2,,,,x\n", "tensorrt-sm-support.csv:3: column tensorrt_version: \"10.2\": want a newer release"},
		"a release that is none":         {"trtexec-flags.csv", "flag,8.x\n", "trtexec-flags.csv:1: "},
		"a flag of an unknown treatment": {"trtexec-flags.csv", "flag,8.4\n--fp16,perhaps\n", `trtexec-flags.csv:2: column 8.4: "perhaps": want one of yes, no, deprecated`},
		"a flag twice":                   {"trtexec-flags.csv", "flag,8.4\n--fp16,yes\n--fp16,no\n", "trtexec-flags.csv:3: column flag"},
		"a tag twice":                    {"ngc-tensorrt-images.csv", headers["ngc-tensorrt-images.csv"] + "\n24.08,,,,,,x,verified\n24.08,,,,,,x,verified\n", "ngc-tensorrt-images.csv:3: column tag"},
		"a TensorRT in words":            {"ngc-tensorrt-images.csv", headers["ngc-tensorrt-images.csv"] + "\n24.08,ten,,,,,x,verified\n", "column tensorrt"},
		"capabilities with a comma":      {"precision-support.csv", headers["precision-support.csv"] + "\nfp8,8.9,\"9.0,10.0\",no,why,x\n", "precision-support.csv:2: column lacks"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := parse(tc.table, []byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// place is how a mistake in a table begins. A table without rows has no line.
var place = regexp.MustCompile(`^[a-z-]+\.csv:(\d+: | (record|parse error) on line \d+| no [a-z]+$)`)

func FuzzTables(f *testing.F) {
	for i, name := range tableNames {
		text, err := data.ReadFile("data/" + name)
		if err != nil {
			f.Fatal(err)
		}
		lines := bytes.SplitAfterN(text, []byte("\n"), 6) // whole tables make a slow start
		start := bytes.Join(lines[:len(lines)-1], nil)
		f.Add(byte(i), start)
		f.Add(byte(i), start[:len(start)-9])
		f.Add(byte(i), slices.Concat(start, lines[1]))
	}
	f.Fuzz(func(t *testing.T, i byte, text []byte) {
		name := tableNames[int(i)%len(tableNames)]
		err := parse(name, text)
		if err != nil && (!place.MatchString(err.Error()) || !strings.HasPrefix(err.Error(), name)) {
			t.Errorf("%q does not say where in %s", err, name)
		}
	})
}
