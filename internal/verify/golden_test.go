package verify

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// proto serializes a TensorProto with raw values.
func proto(name string, typ onnx.DataType, values []byte, dims ...int64) []byte {
	var b []byte
	for _, d := range dims {
		b = protowire.AppendVarint(protowire.AppendTag(b, protoDims, protowire.VarintType), uint64(d))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, protoType, protowire.VarintType), uint64(typ))
	if name != "" {
		b = protowire.AppendString(protowire.AppendTag(b, protoName, protowire.BytesType), name)
	}
	if values != nil {
		b = protowire.AppendBytes(protowire.AppendTag(b, protoRawData, protowire.BytesType), values)
	}
	return b
}

// npy serializes an array as NumPy does.
func npy(descr string, values []byte, shape string) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(append(b, text...), values...)
}

func npz(t testing.TB, arrays map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range arrays {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// twoIn has names that cannot be file names, one dynamic input, and one output.
var twoIn = &onnx.Model{
	Inputs:  []onnx.Value{value("gpu_0/data:0", onnx.Float32, -1, 2), value("ids", onnx.Int64, 3)},
	Outputs: []onnx.Value{value("out/y", onnx.Float32, -1)},
}

var (
	dataRaw = raw(onnx.Float32, 1, -2, 0.5, 4)
	idsRaw  = raw(onnx.Int64, 7, 8, 9)
	yRaw    = raw(onnx.Float32, 0.25, 3)
)

func TestGoldenReadsEveryKindOfFile(t *testing.T) {
	for name, tc := range map[string]struct{ in, out map[string][]byte }{
		"TensorProtos by the names in them": {
			map[string][]byte{"input_0.pb": proto("ids", onnx.Int64, idsRaw, 3), "input_1.pb": proto("gpu_0/data:0", onnx.Float32, dataRaw, 2, 2)},
			map[string][]byte{"output_0.pb": proto("out/y", onnx.Float32, yRaw, 2)},
		},
		"TensorProtos by number": {
			map[string][]byte{"input_0.pb": proto("", onnx.Float32, dataRaw, 2, 2), "input_1.pb": proto("renamed", onnx.Int64, idsRaw, 3)},
			map[string][]byte{"output_0.pb": proto("", onnx.Float32, yRaw, 2)},
		},
		"an archive by name": {
			map[string][]byte{"all.npz": npz(t, map[string][]byte{"gpu_0/data:0.npy": npy("<f4", dataRaw, "(2, 2)"), "ids.npy": npy("<i8", idsRaw, "(3,)")})},
			map[string][]byte{"all.npz": npz(t, map[string][]byte{"out/y.npy": npy("<f4", yRaw, "(2,)")})},
		},
		"an archive without names": {
			map[string][]byte{"all.npz": npz(t, map[string][]byte{"arr_0.npy": npy("<f4", dataRaw, "(2, 2)"), "arr_1.npy": npy("<i8", idsRaw, "(3,)")})},
			map[string][]byte{"all.npz": npz(t, map[string][]byte{"arr_0.npy": npy("<f4", yRaw, "(2,)")})},
		},
		"arrays and raw files as trtexec names them": {
			map[string][]byte{"gpu_0_data_0.input.2.2.fp32.raw": dataRaw, "ids.npy": npy("<i8", idsRaw, "(3,)"), "README.md": []byte("hello")},
			map[string][]byte{"out_y.output.2.fp32.raw": yRaw},
		},
		"raw files": {
			map[string][]byte{"gpu_0_data_0.2.2.float32.bin": dataRaw, "ids.raw": idsRaw},
			map[string][]byte{"out_y.2.fp32.raw": yRaw},
		},
		"a mixture, with the outputs beside the inputs": {
			map[string][]byte{"input_0.npy": npy("<f4", dataRaw, "(2, 2)"), "ids.bin": idsRaw, "output_0.pb": proto("", onnx.Float32, yRaw, 2)},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, work := folder(t, tc.in), t.TempDir()
			out := in
			if tc.out != nil {
				out = folder(t, tc.out)
			}
			c, err := Golden(in, out, twoIn, work)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tensor := range append(slices.Clone(c.Inputs), c.Outputs...) {
				data, err := os.ReadFile(filepath.Join(work, tensor.File))
				if err != nil || int64(len(data)) != tensor.Size || len(tensor.SHA256) != 64 {
					t.Fatalf("%+v: %d bytes, %v", tensor, len(data), err)
				}
				got = append(got, fmt.Sprintf("%s %s %s %s %x", tensor.Name, tensor.Type, shapeText(tensor.Shape), tensor.File, data))
			}
			want := []string{
				fmt.Sprintf("gpu_0/data:0 float32 [2 2] ref/golden/in-0.raw %x", dataRaw),
				fmt.Sprintf("ids int64 [3] ref/golden/in-1.raw %x", idsRaw),
				fmt.Sprintf("out/y float32 [2] ref/golden/out-0.raw %x", yRaw),
			}
			if c.Name != "golden" || !slices.Equal(got, want) {
				t.Errorf("case %s\n got %q\nwant %q", c.Name, got, want)
			}
		})
	}
}

func TestGoldenWithoutOutputsLeavesThemToTheRuntime(t *testing.T) {
	m := &onnx.Model{Inputs: []onnx.Value{value("sr", onnx.Int64)}, Outputs: twoIn.Outputs}
	in := folder(t, map[string][]byte{"sr.raw": raw(onnx.Int64, 16000)})
	c, err := Golden(filepath.Join(in, "sr.raw"), "", m, t.TempDir())
	if err != nil || len(c.Outputs) != 0 || c.Inputs[0].Shape == nil || len(c.Inputs[0].Shape) != 0 {
		t.Errorf("Golden of one file: %+v, %v", c, err)
	}
	if _, err := Golden("", in, m, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no inputs that belong") {
		t.Errorf("outputs without inputs: %v", err)
	}
}

func TestGoldenReadsTensorsOfOthers(t *testing.T) {
	m := &onnx.Model{
		Inputs:  []onnx.Value{value("X", onnx.Float32, 2, 3, 4), value("Y", onnx.Float32, 1, 3, 4), value("Z", onnx.Float32, 3, 3, 4)},
		Outputs: []onnx.Value{value("out", onnx.Float32, -1, 3, 4)},
	}
	work := t.TempDir()
	c, err := Golden("testdata/sequence", "testdata/sequence", m, work)
	if err != nil {
		t.Fatal(err)
	}
	// The model returns its second input.
	in, _ := os.ReadFile(filepath.Join(work, c.Inputs[1].File))
	out, _ := os.ReadFile(filepath.Join(work, c.Outputs[0].File))
	if len(in) != 48 || !bytes.Equal(in, out) {
		t.Errorf("input Y %x\noutput  %x", in, out)
	}
}

func TestGoldenNamesFileAndRemedy(t *testing.T) {
	good := map[string][]byte{"input_0.pb": proto("", onnx.Float32, dataRaw, 2, 2), "ids.raw": idsRaw}
	with := func(name string, data []byte) map[string][]byte {
		files := map[string][]byte{}
		for n, d := range good {
			if n != "ids.raw" || !strings.HasPrefix(name, "ids") {
				files[n] = d
			}
		}
		if data != nil {
			files[name] = data
		}
		return files
	}
	header := func(text string) []byte {
		return append(append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), 0), text...)
	}
	location := protowire.AppendVarint(protowire.AppendTag(proto("ids", onnx.Int64, nil, 3), protoDataLocation, protowire.VarintType), 1)
	for name, tc := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"a missing input":      {with("ids", nil), []string{`nothing there holds input "ids", int64 [3]`, `fix: add input_1.pb, an array "ids" in a .npz archive, or ids.raw`}},
		"a wrong type":         {with("ids.npy", npy("<i4", raw(onnx.Int32, 1, 2, 3), "(3,)")), []string{`ids.npy: input "ids" is int32 there, the model has int64`, "fix: save it as int64"}},
		"a wrong shape":        {with("ids.pb", proto("", onnx.Int64, idsRaw, 3, 1)), []string{`ids.pb: input "ids" is [3 1]: 2 dimensions where the model has 1`}},
		"a wrong dimension":    {with("ids.pb", proto("", onnx.Int64, idsRaw[:16], 2)), []string{`dimension 0 is 2 where the model fixes 3`}},
		"an unknown tensor":    {with("extra.pb", proto("bogus", onnx.Int64, idsRaw, 3)), []string{`extra.pb: the model has no input "bogus"`, `fix: name it after one of "gpu_0/data:0", "ids"`}},
		"the same twice":       {with("more.npz", npz(t, map[string][]byte{"ids.npy": npy("<i8", idsRaw, "(3,)")})), []string{`ids.raw and `, `more.npz: ids.npy both hold input "ids"`}},
		"raw of another size":  {with("ids.raw", idsRaw[:23]), []string{`ids.raw: 23 bytes where [3] of int64 needs 24`}},
		"an empty raw":         {with("ids.raw", []byte{}), []string{`ids.raw: 0 bytes where`}},
		"raw without a shape":  {map[string][]byte{"gpu_0_data_0.raw": dataRaw, "ids.raw": idsRaw}, []string{`raw bytes say no shape`, `gpu_0_data_0.1.3.224.224.fp32.raw`}},
		"raw of another type":  {with("ids.3.int32.raw", idsRaw[:12]), []string{`input "ids" is int32 there`}},
		"external data":        {with("ids.pb", location), []string{"ids.pb: its values lie in another file"}},
		"a proto cut short":    {with("ids.pb", proto("", onnx.Int64, idsRaw, 3)[:20]), []string{"ids.pb: the file is cut short"}},
		"too few values":       {with("ids.pb", proto("", onnx.Int64, idsRaw[:16], 3)), []string{"ids.pb: raw_data has 16 bytes, [3] of int64 needs 24"}},
		"no values":            {with("ids.pb", proto("", onnx.Int64, nil, 3)), []string{"ids.pb: 3 values are missing"}},
		"no proto at all":      {with("ids.pb", []byte("<html>not found</html>")), []string{"ids.pb: "}},
		"an empty proto":       {with("ids.pb", []byte{}), []string{"ids.pb: no element type: not a TensorProto"}},
		"strings":              {with("ids.pb", proto("", onnx.String, nil, 3)), []string{"ids.pb: elements of string"}},
		"Fortran order":        {with("ids.npy", header("{'descr': '<i8', 'fortran_order': True, 'shape': (3,)}")), []string{"Fortran order: save numpy.ascontiguousarray(a)"}},
		"big endian":           {with("ids.npy", npy(">i8", idsRaw, "(3,)")), []string{"big endian"}},
		"an object array":      {with("ids.npy", npy("|O", idsRaw, "(3,)")), []string{"type |O is no element type"}},
		"a structured array":   {with("ids.npy", header("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (3,)}")), []string{"structured array"}},
		"a header cut short":   {with("ids.npy", npy("<i8", idsRaw, "(3,)")[:50]), []string{"ids.npy: the file is cut short"}},
		"array values missing": {with("ids.npy", npy("<i8", idsRaw[:20], "(3,)")), []string{"cut short: 20 bytes of values where its shape needs 24"}},
		"array values beyond":  {with("ids.npy", append(npy("<i8", idsRaw, "(3,)"), 1)), []string{"more than the 24 bytes"}},
		"no archive":           {with("ids.npz", []byte("PK")), []string{"ids.npz: not an archive"}},
		"no array in it":       {with("ids.npz", npz(t, map[string][]byte{"../ids.txt": nil})), []string{"ids.npz: ../ids.txt: not an array"}},
		"a path in it":         {with("ids.npz", npz(t, map[string][]byte{"../../ids.npy": npy("<i8", idsRaw, "(3,)")})), []string{`the model has no input "../../ids"`}},
		"a header of 4 GiB":    {with("ids.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff")), []string{"longer than any array needs"}},
		"more than fits": {with("gpu_0_data_0.npy", npy("<f4", nil, "(1073741824, 2)")),
			[]string{"gpu_0_data_0.npy: [1073741824 2] of float32 is 8192 MiB"}},
		"nothing at all": {nil, []string{`holds input "gpu_0/data:0", float32 [? 2]`, `holds input "ids"`}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "more than fits" {
				delete(tc.files, "input_0.pb")
			}
			_, err := Golden(folder(t, tc.files), "", twoIn, t.TempDir())
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tc.want, "fix: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\nwants %q", err, want)
				}
			}
			if code := fault.CodeOf(err); code != fault.Usage {
				t.Errorf("exit code %d, want %d", code, fault.Usage)
			}
		})
	}
	if _, err := Golden(filepath.Join(t.TempDir(), "gone"), "", twoIn, t.TempDir()); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a folder that is not there: %v", err)
	}
	_, err := Golden(folder(t, good), folder(t, nil), twoIn, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "or remove outputs, and ONNX Runtime computes them") {
		t.Errorf("a missing output: %v", err)
	}
}

func TestRawNamesAreTakenApart(t *testing.T) {
	for base, want := range map[string]string{
		"data.1.3.224.fp32":                `data "" float32 [1 3 224]`,
		"data.input.1.3.fp16":              `data "input" float16 [1 3]`,
		"a.b.0.output.8.int64":             `a.b.0 "output" int64 [8]`,
		"sr.input..int64":                  `sr "input" int64 scalar`,
		"sr.int64":                         `sr "" int64 scalar`,
		"mask.2.bool":                      `mask "" bool [2]`,
		"3.4.float32":                      `3 "" float32 [4]`,
		"data":                             "",
		"data.1.3":                         "",
		"fp32":                             "",
		"data.1.99999999999999999999.fp32": `data.1.99999999999999999999 "" float32 scalar`,
	} {
		got := ""
		if name, role, h, ok := rawName(base); ok {
			got = fmt.Sprintf("%s %q %s %s", name, role, h.typ, shapeText(h.shape))
		}
		if got != want {
			t.Errorf("rawName(%s) = %s, want %s", base, got, want)
		}
	}
}
