package inventory_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/trtfarm/trtfarm/internal/inventory"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const h200 = "GPU-33333333-aaaa-bbbb-cccc-000000000001"

// lists says what every file in testdata holds.
var lists = map[string][]inventory.GPU{
	"nodes.json": {
		{Where: "node gpu-7", Product: "NVIDIA-A10", SM: "8.6", MemoryMiB: 23028, Driver: "570.172.08", OS: "linux", Arch: "amd64", Count: 2},
		{Where: "node shared-1", Product: "Tesla-T4", SM: "7.5", MemoryMiB: 15360, Driver: "535.129.03", Shared: true, Count: 1},
		{Where: "node mig-single", Product: "NVIDIA-A100-SXM4-40GB", SM: "8.0", MemoryMiB: 4864, Driver: "550.120", MIG: "1g.5gb", Count: 7},
		{Where: "node mig-mixed", Product: "NVIDIA-H100-80GB-HBM3", SM: "9.0", MemoryMiB: 81559, Driver: "550.54.15", Count: 3},
		{Where: "node mig-mixed", Product: "NVIDIA-H100-80GB-HBM3", SM: "9.0", Driver: "550.54.15", MIG: "1g.10gb+me", Count: 1},
		{Where: "node mig-mixed", Product: "NVIDIA-H100-80GB-HBM3", SM: "9.0", MemoryMiB: 40320, Driver: "550.54.15", MIG: "3g.40gb", Shared: true, Count: 2},
		{Where: "node mig-broken", Product: "NVIDIA-A30", MIG: inventory.BrokenSlices, Count: 1},
		{Where: "node gke-1", Product: "nvidia-tesla-t4", Count: 1},
		{Where: "node bare-1", Count: 8},
	},
	"list-slices.txt": {
		{Product: "NVIDIA A100-SXM4-40GB", MIG: "3g.20gb", UUID: "MIG-0c1d2e3f-1111-5ba5-b310-98568efd0001", Count: 1},
		{Product: "NVIDIA A100-SXM4-40GB", MIG: "1g.5gb", Count: 2},
		{Product: "NVIDIA A100-SXM4-40GB", UUID: "GPU-5c7f1f2a-11aa-22bb-33cc-0123456789ac", Count: 1},
	},
	"query.csv": {
		{Product: "NVIDIA L4", SM: "8.9", MemoryMiB: 24564, Driver: "550.90.07", Count: 2},
		{Product: "NVIDIA GB10", UUID: "GPU-11111111-aaaa-bbbb-cccc-000000000003", SM: "12.1", Driver: "550.90.07", Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", UUID: "GPU-11111111-aaaa-bbbb-cccc-000000000004", SM: "8.0", MemoryMiB: 81920, Driver: "550.90.07", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", UUID: "GPU-11111111-aaaa-bbbb-cccc-000000000005", SM: "8.0", MemoryMiB: 81920, Driver: "550.90.07", Count: 1},
	},
	"query.xml": {
		{Product: "NVIDIA A100-SXM4-80GB", MemoryMiB: 40448, Driver: "535.129.03", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", MemoryMiB: 9728, Driver: "535.129.03", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", UUID: "GPU-22222222-aaaa-bbbb-cccc-000000000002", MemoryMiB: 81920, Driver: "535.129.03", Count: 1},
	},
	"log-slices.txt": {
		{Product: "NVIDIA A100-SXM4-80GB", MemoryMiB: 40448, Driver: "535.129.03", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", MemoryMiB: 9728, Driver: "535.129.03", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-80GB", UUID: "GPU-22222222-aaaa-bbbb-cccc-000000000002", MemoryMiB: 81920, Driver: "535.129.03", Count: 1},
	},
	"list-580.txt":  {{Product: "NVIDIA H200", UUID: h200, Count: 1}},
	"log-580.txt":   {{Product: "NVIDIA H200", UUID: h200, MemoryMiB: 143771, Driver: "580.159.04", Count: 1}},
	"query-580.csv": {{Product: "NVIDIA H200", UUID: h200, SM: "9.0", MemoryMiB: 143771, Driver: "580.159.04", Count: 1}},
	"query-580.xml": {{Product: "NVIDIA H200", UUID: h200, MemoryMiB: 143771, Driver: "580.159.04", Count: 1}},
	"table-580.txt": {{Product: "NVIDIA H200", MemoryMiB: 143771, Driver: "580.159.04", Count: 1}},
	"table-460.txt": {
		{Product: "Tesla V100-PCIE...", MemoryMiB: 32510, Driver: "460.32.03", Count: 1},
		{Product: "Tesla T4", MemoryMiB: 15109, Driver: "460.32.03", Count: 1},
	},
	"table-610.txt": {
		{Product: "NVIDIA A100-SXM4-40GB", MemoryMiB: 20096, Driver: "610.43.02", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-40GB", MemoryMiB: 9984, Driver: "610.43.02", MIG: inventory.UnknownSlice, Count: 1},
		{Product: "NVIDIA A100-SXM4-40GB", MemoryMiB: 40960, Driver: "610.43.02", Count: 1},
	},
}

func TestListsAreRead(t *testing.T) {
	for name, want := range lists {
		t.Run(name, func(t *testing.T) {
			got, err := inventory.Read(load(t, name))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Read: %v\n got %+v\nwant %+v", err, got, want)
			}
		})
	}
}

// Editors, shells and terminals change files without changing what they say.
func TestWhatSurroundsAListDoesNotMatter(t *testing.T) {
	utf16le := func(text []byte) []byte {
		out := []byte("\xff\xfe")
		for _, unit := range utf16.Encode([]rune(string(text))) {
			out = binary.LittleEndian.AppendUint16(out, unit)
		}
		return out
	}
	for what, change := range map[string]func(text []byte) []byte{
		"a byte order mark":    func(text []byte) []byte { return append([]byte("\xef\xbb\xbf"), text...) },
		"Windows line ends":    func(text []byte) []byte { return []byte(strings.ReplaceAll(string(text), "\n", "\r\n")) },
		"UTF-16 of PowerShell": utf16le,
		"no line end":          func(text []byte) []byte { return []byte(strings.TrimRight(string(text), "\n")) },
		"empty lines":          func(text []byte) []byte { return []byte("\n\n" + string(text) + "\n\n") },
		"warnings of kubectl": func(text []byte) []byte {
			return append([]byte("W1012 12:00:00.000000  4242 warnings.go:70] use v2\nWarning: old\n"), text...)
		},
		"a log line in bracket": func(text []byte) []byte { return append([]byte("[2026-10-12 12:00:00] asking the hosts\n"), text...) },
	} {
		for name, want := range lists {
			t.Run(what+" in "+name, func(t *testing.T) {
				got, err := inventory.Read(change(load(t, name)))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("Read: %v\n got %+v\nwant %+v", err, got, want)
				}
			})
		}
	}
}

func TestShapesOfOneKind(t *testing.T) {
	a10 := inventory.GPU{Product: "NVIDIA A10", Count: 1}
	node := `{"kind":"Node","metadata":{"name":"n1","labels":{"nvidia.com/gpu.product":"NVIDIA-A10"}},"status":{"capacity":{"nvidia.com/gpu":"3"}}}`
	want := inventory.GPU{Where: "node n1", Product: "NVIDIA-A10", Count: 3}
	for name, tc := range map[string]struct {
		text string
		want []inventory.GPU
	}{
		"one node alone":                         {node, []inventory.GPU{want}},
		"nodes one behind another, as jq -c":     {node + "\n" + strings.Replace(node, "n1", "n2", 1), []inventory.GPU{want, {Where: "node n2", Product: "NVIDIA-A10", Count: 3}}},
		"a bare list of nodes":                   {"[\n" + node + "]", []inventory.GPU{want}},
		"a NodeList whose items do not say Node": {`{"kind":"NodeList","items":[` + strings.Replace(node, `"kind":"Node",`, "", 1) + `]}`, []inventory.GPU{want}},
		"nodes among other objects":              {`{"items":[{"kind":"Pod","status":{"phase":"Running"}},` + node + `],"kind":"List"}`, []inventory.GPU{want}},
		"a prompt behind it":                     {node + "\nuser@host:~$ ", []inventory.GPU{want}},
		"equal nodes stay apart":                 {`[` + node + `,` + strings.Replace(node, "n1", "n2", 1) + `]`, []inventory.GPU{want, {Where: "node n2", Product: "NVIDIA-A10", Count: 3}}},
		"numbers where kubectl prints strings":   {strings.Replace(node, `"3"`, `3`, 1), []inventory.GPU{want}},
		"labels alone":                           {strings.Replace(node, `"nvidia.com/gpu":"3"`, ``, 1), []inventory.GPU{{Where: "node n1", Product: "NVIDIA-A10", Count: 1}}},
		"a count of 0 is no GPU, beside one":     {`[` + strings.Replace(node, `{"nvidia.com/gpu.product"`, `{"nvidia.com/gpu.count":"0","nvidia.com/gpu.product"`, 1) + `,` + node + `]`, []inventory.GPU{want}},
		"a GPU that is all slices":               {strings.Replace(node, `"nvidia.com/gpu":"3"`, `"nvidia.com/gpu":"0","nvidia.com/mig-1g.5gb":"7"`, 1), []inventory.GPU{{Where: "node n1", Product: "NVIDIA-A10", MIG: "1g.5gb", Count: 7}}},
		"a slice of GKE":                         {`{"kind":"Node","metadata":{"name":"g","labels":{"cloud.google.com/gke-accelerator":"nvidia-a100-80gb","cloud.google.com/gke-gpu-partition-size":"1g.10gb","cloud.google.com/gke-gpu-sharing-strategy":"time-sharing"}},"status":{"capacity":{"nvidia.com/gpu":"7"}}}`, []inventory.GPU{{Where: "node g", Product: "nvidia-a100-80gb", MIG: "1g.10gb", Shared: true, Count: 7}}},
		"a list without UUIDs":                   {"GPU 0: NVIDIA A10\n", []inventory.GPU{a10}},
		"a list of one slice in a container":     {"GPU 0: NVIDIA A10 (UUID: GPU-1)\n  MIG 1g.6gb     Device  0: (UUID: MIG-GPU-1/1/0)\n", []inventory.GPU{{Product: "NVIDIA A10", MIG: "1g.6gb", UUID: "MIG-GPU-1/1/0", Count: 1}}},
		"a name with parentheses":                {"GPU 0: NVIDIA T4 (Max-Q) (UUID: GPU-1)", []inventory.GPU{{Product: "NVIDIA T4 (Max-Q)", UUID: "GPU-1", Count: 1}}},
		"one column":                             {"name\nNVIDIA A10\n", []inventory.GPU{a10}},
		"old column names":                       {"gpu_name, gpu_uuid\nNVIDIA A10, GPU-1\n", []inventory.GPU{{Product: "NVIDIA A10", UUID: "GPU-1", Count: 1}}},
		"no units":                               {"name, memory.total [MiB]\nNVIDIA A10, 23028\n", []inventory.GPU{{Product: "NVIDIA A10", MemoryMiB: 23028, Count: 1}}},
		"quoted by a spreadsheet":                {"\"name\",\"compute_cap\"\n\"NVIDIA A10\",\"8.6\"\n", []inventory.GPU{{Product: "NVIDIA A10", SM: "8.6", Count: 1}}},
		"two hosts behind one another":           {"name\nNVIDIA A10\nname\nNVIDIA A10\n", []inventory.GPU{{Product: "NVIDIA A10", Count: 2}}},
		"an XML without its declaration":         {"<nvidia_smi_log><gpu><product_name>NVIDIA A10</product_name></gpu></nvidia_smi_log>", []inventory.GPU{a10}},
		"an XML in MIG mode without slices":      {"<nvidia_smi_log><gpu><product_name>NVIDIA A10</product_name><mig_mode><current_mig>Enabled</current_mig></mig_mode></gpu></nvidia_smi_log>", []inventory.GPU{{Product: "NVIDIA A10", MIG: inventory.UnknownSlice, Count: 1}}},
		"a Windows table":                        {"| NVIDIA-SMI 560.94  Driver Version: 560.94  CUDA Version: 12.6 |\n|   0  NVIDIA GeForce RTX 3060      WDDM  |   00000000:01:00.0  On |\n| 0%   40C    P8   18W / 170W |    345MiB /  12288MiB |\n", []inventory.GPU{{Product: "NVIDIA GeForce RTX 3060", MemoryMiB: 12288, Driver: "560.94", Count: 1}}},
		"a prompt behind an XML":                 {"<nvidia_smi_log><gpu><product_name>NVIDIA A10</product_name></gpu></nvidia_smi_log>\nuser@host:~$ <&", []inventory.GPU{a10}},
		"a memory below nothing":                 {"name, memory.total [MiB]\nNVIDIA A10, -1\n", []inventory.GPU{a10}},
		"an integrated GPU in a table": {"| NVIDIA-SMI 580.95.05  Driver Version: 580.95.05  CUDA Version: 13.0 |\n|   0  NVIDIA GB10                    On  |   0000000F:01:00.0 Off |                  N/A |\n| N/A   40C    P8              4W /  N/A  |    Not Supported       |      0%      Default |\n|   1  NVIDIA A10                     On  |   00000000:01:00.0 Off |                  N/A |\n",
			[]inventory.GPU{{Product: "NVIDIA GB10", Driver: "580.95.05", Count: 1}, {Product: "NVIDIA A10", Driver: "580.95.05", Count: 1}}},
		"slices of two GPUs in a table": {tableOf("Enabled") + "|  0    2   0   0  |  1MiB /  5952MiB    | 14 |\n" + strings.Replace(tableOf("Enabled"), "A30", "A100-PCIE-40GB", 1) + "|  0    2   0   0  |  1MiB /  4864MiB    | 14 |\n|  7    2   0   0  |  1MiB /  9984MiB    | 14 |\n",
			[]inventory.GPU{{Product: "NVIDIA A30", MemoryMiB: 5952, Driver: "535.1", MIG: inventory.UnknownSlice, Count: 1}, {Product: "NVIDIA A100-PCIE-40GB", MemoryMiB: 4864, Driver: "535.1", MIG: inventory.UnknownSlice, Count: 1}}},
		"a log of two hosts behind one another":   {logOf("550.1") + logOf("535.2"), []inventory.GPU{{Product: "NVIDIA A10", Driver: "550.1", Count: 1}, {Product: "NVIDIA A10", Driver: "535.2", Count: 1}}},
		"a log of a GPU whose slices are gone":    {logOf("550.1") + "    MIG Mode\n        Current : Enabled\n    MIG Device : None\n        FB Memory Usage\n            Total : 1 MiB\n", []inventory.GPU{{Product: "NVIDIA A10", Driver: "550.1", MIG: inventory.UnknownSlice, Count: 1}}},
		"a GPU in MIG mode whose slices are gone": {tableOf("Enabled"), []inventory.GPU{{Product: "NVIDIA A30", MemoryMiB: 24576, Driver: "535.1", MIG: inventory.UnknownSlice, Count: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inventory.Read([]byte(tc.text))
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Read(%s): %v\n got %+v\nwant %+v", tc.text, err, got, tc.want)
			}
		})
	}
}

func logOf(driver string) string {
	return "==============NVSMI LOG==============\n\nDriver Version : " + driver + "\nGPU 00000000:00:06.0\n    Product Name : NVIDIA A10\n"
}

func tableOf(mode string) string {
	return "| NVIDIA-SMI 535.1    Driver Version: 535.1    CUDA Version: 12.2     |\n" +
		"|   0  NVIDIA A30                     On  |   00000000:10:1C.0 Off |                   On |\n" +
		"| N/A   40C    P0             43W /  165W |       0MiB /  24576MiB |     N/A      Default |\n" +
		"|                                         |                        |              " + mode + " |\n" +
		"| MIG devices:                                                                            |\n" +
		"|  No MIG devices found                                                                   |\n"
}

func TestWhatIsNoListIsRefusedWithTheRemedy(t *testing.T) {
	node := `{"kind":"Node","metadata":{"name":"n1","labels":{"nvidia.com/gpu.count":"eight"}}}`
	for name, tc := range map[string]struct {
		text string
		want string // in the error
	}{
		"nothing":                       {"", "the list is empty: save what kubectl get nodes -o json"},
		"white space":                   {" \r\n\n", "the list is empty"},
		"any text":                      {"\nhello\n", `line 2: "hello" starts no list of GPUs: save what kubectl`},
		"a list too far down":           {strings.Repeat("x\n", 200) + "GPU 0: NVIDIA A10\n", `line 1: "x" starts no list`},
		"no driver":                     {"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", "line 1: \"NVIDIA-SMI has failed because it couldn't communicate with t...\": nvidia-smi reached no driver"},
		"another driver than library":   {"Failed to initialize NVML: Driver/library version mismatch\n", "nvidia-smi reached no driver"},
		"no GPU on the host":            {"No devices were found\n", "sees no GPU"},
		"no GPU below a header":         {"name, uuid\nNo devices were found\n", "line 2: \"No devices were found\": the driver of that host sees no GPU"},
		"no nvidia-smi":                 {"bash: nvidia-smi: command not found\n", "that host has no nvidia-smi"},
		"no access":                     {"Error from server (Forbidden): nodes is forbidden\n", "kubectl did not get the nodes"},
		"a lost GPU in the list":        {"GPU 0: NVIDIA A10 (UUID: GPU-1)\nUnable to determine the device handle for GPU1: 0000:21:00.0: Unknown Error\n", "line 2: \"Unable to determine the device handle for GPU1: 0000:21:00.0...\": the driver of that host lost a GPU"},
		"YAML":                          {"apiVersion: v1\nitems:\n", "this is YAML: save what kubectl get nodes -o json prints"},
		"kubectl's table":               {"NAME    STATUS   ROLES    AGE   VERSION\ngpu-7   Ready    <none>   1d    v1.33\n", "output for people: save what kubectl get nodes -o json prints"},
		"kubectl describe":              {"Name:               gpu-7\nRoles:              <none>\n", "output for people"},
		"a log without a GPU":           {"\n==============NVSMI LOG==============\n\nDriver Version : 550\n", "line 2: this log of nvidia-smi -q names no GPU"},
		"a log of memory alone":         {"==============NVSMI LOG==============\nGPU 00000000:00:06.0\n    FB Memory Usage\n        Total : 3 MiB\n", "line 1: this log of nvidia-smi -q does not name the product of every GPU: save what nvidia-smi -q -x prints"},
		"a log with a complaint":        {"==============NVSMI LOG==============\n\nUnable to determine the device handle for GPU 0000:21:00.0: Unknown Error\n", "line 3: \"Unable to determine the device handle"},
		"noheader":                      {"NVIDIA A10, 550.54.15, 23028 MiB\n", "leave out noheader"},
		"noheader with an index":        {"0, Tesla T4\n", "leave out noheader"},
		"a foreign line in a list":      {"GPU 0: NVIDIA A10\nGPU one: NVIDIA A10\n", `line 2: "GPU one: NVIDIA A10" is no line of nvidia-smi -L`},
		"a header without names":        {"uuid, driver_version\nGPU-1, 550\n", "line 1: no column name among uuid, driver_version: run nvidia-smi --query-gpu=name"},
		"a header alone":                {"name, uuid\n", "no GPU below it"},
		"a short row":                   {"name, uuid\nNVIDIA A10\n", `line 2: 1 values for the 2 columns of line 1: "NVIDIA A10"`},
		"a table that was cut off":      {"| NVIDIA-SMI 535.1    Driver Version: 535.1    CUDA Version: 12.2     |\n", "names no GPU, or was cut off: save what nvidia-smi -L prints"},
		"JSON of pods":                  {`{"kind":"PodList","items":[{"metadata":{"name":"p"}}]}`, "line 1: this is JSON of kind PodList, and no node is in it"},
		"JSON of pods in a List":        {`{"kind":"List","items":[{"kind":"Pod"},{"kind":"Pod"}]}`, "JSON of kind Pod, and no node is in it"},
		"other JSON":                    {`{"gpus":[{"name":"NVIDIA A10"}]}`, "line 1: no node is in this JSON"},
		"an error of the API as JSON":   {"{\n\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Unauthorized\"}", "kubectl did not get the nodes: Unauthorized"},
		"nodes without a GPU":           {`{"kind":"NodeList","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}`, "none of the 2 nodes has an NVIDIA GPU"},
		"a list without nodes":          {`{"kind":"NodeList","items":[]}`, "no node is in this JSON"},
		"JSON that was cut off":         {"{\"kind\":\"NodeList\",\"items\":[\n{\"metadata\":\n", "line 2: the JSON ends in its middle: the list was cut off"},
		"JSON with a slip":              {"{\"kind\":\"NodeList\",\n\"items\":[\n{\"metadata\" 1}]}", "line 3: this is no JSON"},
		"labels that are a list":        {"[\n{\"metadata\":{\"labels\":[]}}]", "this is no list of nodes"},
		"a label that is no number":     {"[\n\n" + node + "]", `line 3: node n1: nvidia.com/gpu.count is "eight", want a whole number`},
		"a label of minus one":          {strings.Replace(node, "eight", "-1", 1), `nvidia.com/gpu.count is "-1"`},
		"a label of a trillion":         {strings.Replace(node, "eight", "1000000000000", 1), `nvidia.com/gpu.count is "1000000000000"`},
		"items that are null":           {`{"kind":"NodeList","items":null}`, "no node is in this JSON"},
		"items that are no list":        {`{"kind":"NodeList","items":7}`, "items is no list"},
		"other XML":                     {"<?xml version=\"1.0\"?>\n<html></html>\n", "this is XML of <html>: save what nvidia-smi -q -x prints"},
		"XML that was cut off":          {"<?xml version=\"1.0\"?>\n<nvidia_smi_log>\n<gpu>\n<uuid>", "line 4: the XML ends in its middle: the list was cut off"},
		"XML with a slip":               {"\n<nvidia_smi_log>\n<gpu></log>\n", "line 3: this is no XML"},
		"XML without an element":        {"<?xml version=\"1.0\"?>\n", "the XML ends before its first element"},
		"XML without a GPU":             {"<nvidia_smi_log><attached_gpus>0</attached_gpus></nvidia_smi_log>", "found no GPU on that host"},
		"a binary":                      {"ftrt\x00\x00\x00\x00", "starts no list of GPUs"},
		"more than the limit":           {strings.Repeat(" ", inventory.MaxBytes+1), "larger than 64 MiB"},
		"a long line is quoted briefly": {strings.Repeat("é", 500), strings.Repeat("é", 60) + "..."},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inventory.Read([]byte(tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) || got != nil {
				t.Errorf("Read: %+v, error %v, want one with %q", got, err, tc.want)
			}
		})
	}
}

// A cluster of ten thousand nodes is read in a moment: nothing is done per node
// that takes longer the more nodes there are.
func TestALargeClusterIsRead(t *testing.T) {
	const nodes = 20000
	one := `{"metadata":{"name":"n","labels":{"nvidia.com/gpu.product":"NVIDIA-A10","x":"` + strings.Repeat("y", 1000) + `"}},"status":{"capacity":{"nvidia.com/gpu":"2"}}}`
	text := `{"kind":"NodeList","items":[` + one + strings.Repeat(",\n"+one, nodes-1) + `]}`
	got, err := inventory.Read([]byte(text))
	if want := []inventory.GPU{{Where: "node n", Product: "NVIDIA-A10", Count: 2 * nodes}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read: %v, %+v, want %+v", err, got, want)
	}
}

func FuzzRead(f *testing.F) {
	for name := range lists {
		f.Add(load(f, name))
	}
	for _, s := range []string{"", "{}", "[", "[{}]", "GPU 0: x", "name\nx", "<nvidia_smi_log>", "\xff\xfe{\x00", tableOf("Enabled")} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		gpus, err := inventory.Read(text)
		if (err == nil) != (len(gpus) > 0) {
			t.Fatalf("%d GPUs and error %v", len(gpus), err)
		}
		kinds := map[inventory.GPU]bool{}
		for _, g := range gpus {
			if g.Count < 1 || g.MemoryMiB < 0 || g.Count > 1 && g.UUID != "" {
				t.Errorf("%+v makes no sense", g)
			}
			g.Count, g.UUID = 0, ""
			if kinds[g] {
				t.Errorf("%+v is listed twice", g)
			}
			kinds[g] = true
		}
	})
}
