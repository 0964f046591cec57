package catalog

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// header is the first row of every table; the code wants these columns.
var headers = map[string]string{
	"gpus.csv":                "name,aliases,product_names,sm,memory_gib,architecture,class,family,mig_capable,source",
	"gpu-boards.csv":          "gpu,product,sms,bus_bits,memory_mib,memory_bytes,core_khz,memory_khz,l2_bytes,persist_l2_bytes,shared_kib,ecc,source",
	"ngc-tensorrt-images.csv": "tag,tensorrt,cuda,min_driver,ubuntu,python,source,confidence",
	"tensorrt-sm-support.csv": "tensorrt_version,min_sm,max_sm,notes,source",
	"sm-exceptions.csv":       "sm,absent_until,served_from,served_to,why,source",
	"cuda-floors.csv":         "cuda_major,min_driver,source",
	"driver-branches.csv":     "cuda,branch,min_driver,compatible,source",
	"cuda-drivers.csv":        "cuda,min_linux_driver,source",
	"precision-support.csv":   "precision,min_sm,lacks,below,why,source",
	"onnx-operators.csv":      "operator,since,doubtful_since,takes,source",
	"onnx-opsets.csv":         "tensorrt,opset,source",
	"onnx-plugins.csv":        "plugin,since,doubtful_since,gone_since,source",
	"onnx-releases.csv":       "onnx,ir,opset,source",
	"onnx-types.csv":          "number,type,binding_since,bound_as,bound_so_before,weights_since,source",
	"trtexec-flags.csv":       "flag,8.4,8.5,8.6,9.0,9.1,9.2,9.3,10.0,10.1,10.2,10.3,10.4,10.5,10.6,10.7,10.8,10.9,10.10,10.11,10.12,10.13,10.13.2,10.13.3,10.14,10.15,10.16,11.0,11.1",
}

// cells reads an embedded table without minding what it means.
func cells(t *testing.T, name string) (header []string, body [][]string) {
	t.Helper()
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		t.Fatal(err)
	}
	header, list, err := readTable(name, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		body = append(body, r.cells)
	}
	return header, body
}

func TestTablesAreWellFormed(t *testing.T) {
	entries, err := data.ReadDir("data")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(headers) {
		t.Errorf("%d embedded tables, want %d", len(entries), len(headers))
	}
	for name, want := range headers {
		header, body := cells(t, name)
		if got := strings.Join(header, ","); got != want {
			t.Errorf("%s: header\n got %s\nwant %s", name, got, want)
		}
		source := slices.Index(header, "source")
		seen := map[string]bool{}
		for _, row := range body {
			key := row[0]
			switch name {
			case "gpu-boards.csv": // several boards may have one name
				key = strings.Join(row[:len(row)-1], ",")
			case "driver-branches.csv":
				key = strings.Join(row[:2], ",")
			}
			if row[0] == "" || seen[key] {
				t.Errorf("%s: key %q is empty or twice", name, key)
			}
			seen[key] = true
			if source >= 0 && row[source] == "" {
				t.Errorf("%s: %s has no source", name, row[0])
			}
			for _, cell := range row {
				if cell != strings.TrimSpace(cell) {
					t.Errorf("%s: %s: cell %q has space around it", name, row[0], cell)
				}
			}
		}
	}
}

// wellFormed says what a cell of a column may hold, besides nothing.
var wellFormed = map[string]map[string]*regexp.Regexp{
	"gpus.csv": {
		"name":         regexp.MustCompile(`^\S.*\S$`),
		"sm":           regexp.MustCompile(`^\d+\.\d$`),
		"memory_gib":   regexp.MustCompile(`^[1-9]\d*$`),
		"architecture": regexp.MustCompile(`^[a-z-]+$`),
		"mig_capable":  regexp.MustCompile(`^(yes|no)$`),
	},
	"ngc-tensorrt-images.csv": {
		"tag":        regexp.MustCompile(`^\d\d\.\d\d$`),
		"tensorrt":   regexp.MustCompile(`^\d+(\.\d+){1,3}$`),
		"cuda":       regexp.MustCompile(`^\d+(\.\d+){1,3}$`),
		"min_driver": regexp.MustCompile(`^\d+(\.\d+)*$`),
		"ubuntu":     regexp.MustCompile(`^\d\d\.\d\d$`),
		"python":     regexp.MustCompile(`^3\.\d+$`),
		"confidence": regexp.MustCompile(`^(verified|verified-sibling|third-party|inferred|conflict)$`),
	},
	"tensorrt-sm-support.csv": {
		"tensorrt_version": regexp.MustCompile(`^\d+\.\d+$`),
		"min_sm":           regexp.MustCompile(`^\d+\.\d$`),
		"max_sm":           regexp.MustCompile(`^\d+\.\d$`),
	},
	"sm-exceptions.csv": {
		"sm":  regexp.MustCompile(`^\d+\.\d$`),
		"why": regexp.MustCompile(`^\S.*\S$`),
	},
	"precision-support.csv": {
		"precision": regexp.MustCompile(`^(fp32|tf32|fp16|bf16|int8|fp8|int4)$`),
		"min_sm":    regexp.MustCompile(`^\d+\.\d$`),
		"lacks":     regexp.MustCompile(`^\d+\.\d( \d+\.\d)*$`),
		"below":     regexp.MustCompile(`^(yes|no)$`),
		"why":       regexp.MustCompile(`^\S.*\S$`),
	},
	"cuda-drivers.csv": {
		"cuda":             regexp.MustCompile(`^\d+\.\d+\.\d+$`),
		"min_linux_driver": regexp.MustCompile(`^\d+(\.\d+)+$`),
	},
	"trtexec-flags.csv": {
		"flag": regexp.MustCompile(`^--[A-Za-z0-9]+$`),
		"11.1": regexp.MustCompile(`^(yes|no|deprecated)$`),
	},
}

func TestCellsHoldWhatTheirColumnPromises(t *testing.T) {
	for name, columns := range wellFormed {
		header, body := cells(t, name)
		for column, want := range columns {
			i := slices.Index(header, column)
			if i < 0 {
				t.Fatalf("%s has no column %s", name, column)
			}
			for _, row := range body {
				if row[i] != "" && !want.MatchString(row[i]) {
					t.Errorf("%s: %s: %s is %q, want %s", name, row[0], column, row[i], want)
				}
			}
		}
	}
}

func TestReleasesAreSorted(t *testing.T) {
	if !slices.IsSortedFunc(Releases(), Version.Compare) {
		t.Errorf("columns of trtexec-flags.csv are not in order: %v", Releases())
	}
	if !slices.IsSortedFunc(smTables().releases, Version.Compare) {
		t.Errorf("rows of tensorrt-sm-support.csv are not in order: %v", smTables().releases)
	}
}

func TestEveryFlagCellIsKnown(t *testing.T) {
	if got := len(Releases()); got != 28 {
		t.Errorf("%d releases, want 28", got)
	}
	if len(Flags()) < 150 {
		t.Errorf("%d flags: the table was cut short", len(Flags()))
	}
	for flag, cells := range flagTables().support {
		for i, s := range cells {
			if s != Yes && s != No && s != Deprecated {
				t.Errorf("%s at %s is %q", flag, Releases()[i], s)
			}
		}
		if len(FlagReleases(flag)) == 0 {
			t.Errorf("%s is taken by no release", flag)
		}
	}
}

func TestReadmeNamesEveryTable(t *testing.T) {
	// The README is not embedded: it is for the people who extend the tables.
	readme := string(readFile(t, "data/README.md"))
	for name := range headers {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("data/README.md does not explain %s", name)
		}
	}
}

func TestTablesAreCSVWithoutQuirks(t *testing.T) {
	for name := range headers {
		text := string(readFile(t, "data/"+name))
		if strings.Contains(text, "\r") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: want Unix lines and a newline at the end", name)
		}
		if _, err := csv.NewReader(strings.NewReader(text)).ReadAll(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
