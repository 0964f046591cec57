package verify

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

func TestTypedFieldsOfTensorProtoAreRead(t *testing.T) {
	packed := func(num protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), body)
	}
	varints := func(values ...int64) (b []byte) {
		for _, v := range values {
			b = protowire.AppendVarint(b, uint64(v))
		}
		return b
	}
	single := func(num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
	}
	f32 := math.Float32bits(1.5)
	for name, tc := range map[string]struct {
		typ  onnx.DataType
		dims []int64
		data []byte
		want []byte // nil: an error
		err  string
	}{
		"packed floats":             {onnx.Float32, []int64{2}, packed(protoFloatData, raw(onnx.Float32, 1.5, -2)), raw(onnx.Float32, 1.5, -2), ""},
		"a single float":            {onnx.Float32, nil, protowire.AppendFixed32(protowire.AppendTag(nil, protoFloatData, protowire.Fixed32Type), f32), raw(onnx.Float32, 1.5), ""},
		"packed doubles":            {onnx.Float64, []int64{1}, packed(protoDoubleData, raw(onnx.Float64, 0.1)), raw(onnx.Float64, 0.1), ""},
		"packed int64":              {onnx.Int64, []int64{2}, packed(protoInt64Data, varints(-5, 1<<40)), raw(onnx.Int64, -5, 1<<40), ""},
		"single int64":              {onnx.Int64, []int64{2}, append(single(protoInt64Data, 3), single(protoInt64Data, 4)...), raw(onnx.Int64, 3, 4), ""},
		"int32 with a sign":         {onnx.Int32, []int64{2}, packed(protoInt32Data, varints(-5, 6)), raw(onnx.Int32, -5, 6), ""},
		"int8 with a sign":          {onnx.Int8, []int64{2}, packed(protoInt32Data, varints(-128, 127)), raw(onnx.Int8, -128, 127), ""},
		"booleans":                  {onnx.Bool, []int64{2}, packed(protoInt32Data, varints(1, 0)), []byte{1, 0}, ""},
		"half precision as bits":    {onnx.Float16, []int64{2}, packed(protoInt32Data, varints(0x3c00, 0xc000)), raw(onnx.Float16, 1, -2), ""},
		"bfloat16 as bits":          {onnx.BFloat16, []int64{1}, packed(protoInt32Data, varints(0x3f80)), raw(onnx.BFloat16, 1), ""},
		"uint32":                    {onnx.Uint32, []int64{1}, packed(protoUint64Data, varints(1<<32-1)), []byte{255, 255, 255, 255}, ""},
		"an empty tensor":           {onnx.Float32, []int64{0, 3}, nil, []byte{}, ""},
		"an int8 beyond its range":  {onnx.Int8, []int64{1}, packed(protoInt32Data, varints(128)), nil, "value 128 does not fit into int8"},
		"a bool that is two":        {onnx.Bool, []int64{1}, packed(protoInt32Data, varints(2)), nil, "value 2 does not fit into bool"},
		"too many values":           {onnx.Int64, []int64{1}, packed(protoInt64Data, varints(1, 2)), nil, "more values than the shape has"},
		"a field of another type":   {onnx.Float32, []int64{1}, packed(protoInt32Data, varints(1)), nil, "field 5, which is not theirs"},
		"raw and typed":             {onnx.Int64, []int64{1}, append(packed(protoInt64Data, varints(1)), packed(protoRawData, make([]byte, 8))...), nil, "twice"},
		"raw and raw":               {onnx.Int64, []int64{1}, append(packed(protoRawData, make([]byte, 8)), packed(protoRawData, make([]byte, 8))...), nil, "twice"},
		"floats cut within a value": {onnx.Float32, []int64{1}, packed(protoFloatData, make([]byte, 5)), nil, "no list of 4-byte numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			data := append(proto("x", tc.typ, nil, tc.dims...), tc.data...)
			h, err := protoHeader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			err = protoData(&b, bytes.NewReader(data), h)
			if tc.want == nil {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q", err, tc.err)
				}
			} else if err != nil || !bytes.Equal(b.Bytes(), tc.want) {
				t.Errorf("% x, %v; want % x", b.Bytes(), err, tc.want)
			}
		})
	}
}

func FuzzTensorProto(f *testing.F) {
	for _, file := range []string{"testdata/squeezenet/output_0.pb", "testdata/sequence/input_1.pb"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(proto("x", onnx.Float16, raw(onnx.Float16, 1, 2), 2))
	f.Add(append(proto("", onnx.Int8, nil, 2), protowire.AppendBytes(protowire.AppendTag(nil, protoInt32Data, protowire.BytesType), []byte{1, 2})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := protoHeader(bytes.NewReader(data))
		if err != nil {
			return
		}
		size, err := h.bytes()
		if err != nil {
			t.Fatalf("a header without a size was accepted: %+v", h)
		}
		var b bytes.Buffer
		if err := protoData(&b, bytes.NewReader(data), h); err == nil && int64(b.Len()) != size {
			t.Errorf("%+v: %d bytes came out, want %d", h, b.Len(), size)
		}
		if b.Len() > 16*len(data)+blockElements {
			t.Errorf("%d bytes came out of %d", b.Len(), len(data))
		}
	})
}
