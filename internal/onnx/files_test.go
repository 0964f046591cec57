package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"google.golang.org/protobuf/encoding/protowire"
)

// save writes a model and the files beside it into a new folder.
func save(t testing.TB, model []byte, beside map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	for name, data := range beside {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalWeightsMustBeWholeFilesBelowTheModel(t *testing.T) {
	model := Model(Initializer(Tensor("w", onnx.Float32, 2), External("location", "d/w.bin")))
	data := make([]byte, 8)
	for name, tc := range map[string]struct {
		beside map[string][]byte
		change func(dir string) error
		want   string // "" when they are usable
	}{
		"a file":       {beside: map[string][]byte{"d/w.bin": data}},
		"a longer one": {beside: map[string][]byte{"d/w.bin": append(data, 0)}},
		"a link below": {beside: map[string][]byte{"v.bin": data, "d/x": nil}, change: func(dir string) error {
			return os.Symlink("../v.bin", filepath.Join(dir, "d/w.bin"))
		}},
		"no file":   {want: "external weights d/w.bin: no such file beside the model"},
		"too short": {beside: map[string][]byte{"d/w.bin": data[1:]}, want: "has 7 bytes, the model refers to 8"},
		"a folder":  {beside: map[string][]byte{"d/w.bin/x": nil}, want: "not a regular file"},
		"a link out": {beside: map[string][]byte{"../v.bin": data, "d/x": nil}, want: "not a link out of it", change: func(dir string) error {
			return os.Symlink("../../v.bin", filepath.Join(dir, "d/w.bin"))
		}},
		"a pipe": {beside: map[string][]byte{"d/x": nil}, want: "not a regular file", change: func(dir string) error {
			return syscall.Mkfifo(filepath.Join(dir, "d/w.bin"), 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := save(t, model, tc.beside)
			if tc.change != nil {
				if err := tc.change(filepath.Dir(path)); err != nil {
					t.Fatal(err)
				}
			}
			m, err := onnx.Inspect(path)
			if err != nil {
				t.Fatal(err)
			}
			err = onnx.CheckExternal(path, m)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, onnx.ErrExternal) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("CheckExternal gives %v, want ErrExternal with %q", err, tc.want)
			}
			var out bytes.Buffer
			if err := onnx.Rewrite(&out, path, nil); !errors.Is(err, onnx.ErrExternal) || out.Len() > 0 {
				t.Errorf("Rewrite gives %v and %d bytes", err, out.Len())
			}
		})
	}
}

func floatBytes(values ...float32) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}

func TestRewriteRoundsEveryFloatTensorAndTakesWeightsInside(t *testing.T) {
	unpacked := slices.Concat(protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(3)),
		protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(4)))
	tensor := func(name string, n int64) []byte { return Tensor(name, onnx.Float32, n) }
	model := func(a, b, c, d, e, f, g []byte) []byte {
		return Model(
			Initializer(tensor("raw", 2), a),
			Node("Add", []string{"x", "raw"}, []string{"y"}),
			Initializer(tensor("packed", 1), b),
			Initializer(tensor("unpacked", 2), c),
			Node("Constant", nil, []string{"k"}, Attribute("value", TensorAttribute, Bytes(5, tensor("", 1), d))),
			Node("If", nil, nil, Attribute("then_branch", GraphAttribute, Bytes(6, Node("Add", nil, nil), Initializer(tensor("inner", 1), e)))),
			Initializer(tensor("external", 1), f),
			Initializer(Tensor("integers", onnx.Uint8, 3), g),
			Initializer(Tensor("kept", onnx.Int64, 1), Bytes(7, []byte{9})),
			Input("x", onnx.Float32, 2), Output("y", onnx.Float32, 2),
		)
	}
	path := save(t, model(Raw(floatBytes(1, 2)), Bytes(4, floatBytes(5)), unpacked, Raw(floatBytes(6)), Raw(floatBytes(7)),
		External("location", "w.bin", "offset", "4", "length", "4"), External("location", "w.bin", "offset", "1")),
		map[string][]byte{"w.bin": slices.Concat([]byte{0, 10, 11, 12}, floatBytes(8))})
	want := model(Raw(floatBytes(-1, -2)), Raw(floatBytes(-5)), Raw(floatBytes(-3, -4)), Raw(floatBytes(-6)), Raw(floatBytes(-7)),
		Raw(floatBytes(-8)), Raw([]byte{10, 11, 12}))
	var got bytes.Buffer
	err := onnx.Rewrite(&got, path, func(values []float32) {
		for i := range values {
			values[i] = -values[i]
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("Rewrite\n got %x\nwant %x", got.Bytes(), want)
	}
}

func TestRewriteWithoutRoundingKeepsEveryByteOfAWholeModel(t *testing.T) {
	for _, name := range []string{"mnist-opset8", "trt-plugin-domain", "sequence-ops"} {
		path := filepath.Join("testdata", name, "model.onnx")
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := onnx.Rewrite(&got, path, nil); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: %v, %d bytes, want the same %d", name, err, got.Len(), len(want))
		}
	}
}

func TestRewrittenModelsNeedTheSameAndNothingOutside(t *testing.T) {
	for _, name := range []string{"mnist-opset8", "qdq-external-data", "conv4-dynamic-batch-external"} {
		path := filepath.Join("testdata", name, "model.onnx")
		before, err := onnx.Inspect(path)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		floats := int64(0)
		if err := onnx.Rewrite(&got, path, func(v []float32) { floats += 4 * int64(len(v)) }); err != nil {
			t.Fatal(err)
		}
		after := mustRead(t, got.Bytes())
		if after.External != nil || after.WeightBytes != before.WeightBytes || len(after.Inputs) != len(before.Inputs) {
			t.Errorf("%s: was %+v, is %+v", name, before, after)
		}
		if floats != before.WeightTypes[onnx.Float32] {
			t.Errorf("%s: %d bytes of float32 were rounded, want %d", name, floats, before.WeightTypes[onnx.Float32])
		}
	}
}

func TestRewriteRefusesWhatItCannotWrite(t *testing.T) {
	negate := func([]float32) {}
	for name, tc := range map[string]struct {
		model []byte
		want  string
	}{
		"too little data":   {Model(Initializer(Tensor("w", onnx.Float32, 2), Bytes(4, floatBytes(1)))), `tensor "w" of shape [2] has 1 elements of data`},
		"segmented tensors": {Model(Initializer(Tensor("w", onnx.Float32, 2), Bytes(3), Raw(floatBytes(1)))), `tensor "w" is stored in segments`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			path := save(t, tc.model, nil)
			err := onnx.Rewrite(&out, path, negate)
			if err == nil || !strings.HasPrefix(err.Error(), path+": byte ") || !strings.Contains(err.Error(), tc.want) || out.Len() > 0 {
				t.Errorf("Rewrite gives %v and %d bytes, want %q", err, out.Len(), tc.want)
			}
		})
	}
}
