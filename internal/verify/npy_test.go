package verify

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

func FuzzNPY(f *testing.F) {
	f.Add(npy("<f4", dataRaw, "(2, 2)"))
	f.Add(npy("|b1", []byte{1}, "()"))
	f.Add(npy("<i8", idsRaw, "(3,)"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		h, err := npyHeader(r)
		if err != nil {
			return
		}
		size, err := h.bytes()
		if err != nil {
			t.Fatalf("a header without a size was accepted: %+v", h)
		}
		rest := int64(r.Len())
		var b bytes.Buffer
		if err := npyData(&b, bytes.NewReader(data)); (err == nil) != (size == rest) {
			t.Errorf("%d bytes of values, %d needed: %v", rest, size, err)
		}
		// What we read is what NumPy would write for the same array, but for blanks.
		again, err := npyHeader(bytes.NewReader(npy(descrOf(h.typ), nil, tuple(h.shape))))
		if err != nil || again.typ != h.typ || !slices.Equal(again.shape, h.shape) {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
	})
}

func descrOf(typ onnx.DataType) string {
	for d, t := range descrs {
		if t == typ {
			return d
		}
	}
	return ""
}

func tuple(shape []int64) string {
	var b strings.Builder
	for _, d := range shape {
		fmt.Fprintf(&b, "%d,", d)
	}
	return "(" + b.String() + ")"
}

func FuzzNPZ(f *testing.F) {
	f.Add(npz(f, map[string][]byte{"ids.npy": npy("<i8", idsRaw, "(3,)"), "gpu_0/data:0.npy": npy("<f4", dataRaw, "(2, 2)")}))
	f.Add(npz(f, map[string][]byte{"../ids.npy": npy("<i8", idsRaw, "(3,)")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		found, _ := npzSources("all.npz", archive)
		for _, s := range found {
			size, err := s.bytes()
			if err != nil {
				t.Fatalf("%s: a header without a size was accepted: %+v", s.from, s.header)
			}
			var d countingWriter
			if err := s.write(&d); err == nil && int64(d) != size {
				t.Errorf("%s: %d bytes came out, want %d", s.from, d, size)
			}
			if int64(d) > size {
				t.Errorf("%s: %d bytes came out before an error, at most %d belong to it", s.from, d, size)
			}
		}
	})
}

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

func TestNPYVersionsTwoAndThree(t *testing.T) {
	one := npy("<f4", dataRaw, "(2, 2)")
	size := binary.LittleEndian.Uint16(one[8:])
	for _, version := range []byte{2, 3} {
		data := append([]byte("\x93NUMPY"), version, 0, byte(size), byte(size>>8), 0, 0)
		var b bytes.Buffer
		if err := npyData(&b, bytes.NewReader(append(data, one[10:]...))); err != nil || !bytes.Equal(b.Bytes(), dataRaw) {
			t.Errorf("version %d: % x, %v", version, b.Bytes(), err)
		}
	}
	if _, err := npyHeader(strings.NewReader("\x93NUMPY\x04\x00")); err == nil || !strings.Contains(err.Error(), "version 4") {
		t.Errorf("version 4: %v", err)
	}
}
