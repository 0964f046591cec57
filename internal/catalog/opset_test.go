package catalog

import (
	"strings"
	"testing"
)

func TestOpset(t *testing.T) {
	for version, want := range map[string]struct {
		n     int64
		known bool
	}{
		"7.2":       {13, false}, // no more than 8.0 documents
		"8.2.1":     {13, true},
		"8.5.3.1":   {17, true},
		"8.6.1":     {17, true},
		"9.0":       {19, false}, // no more than 9.2 documents
		"9.3":       {20, false},
		"10.0.1":    {20, true},
		"10.3":      {22, false},
		"10.7":      {22, true}, // those around it agree
		"10.11":     {23, false},
		"10.12":     {23, true},
		"10.15.1":   {24, true},
		"10.16":     {25, false},
		"11.0":      {25, true},
		"11.1":      {25, true},
		"12.0":      {0, false},
		"9999.9999": {0, false},
	} {
		n, source, known := Opset(release(t, version))
		if n != want.n || known != want.known || (source == "") != (n == 0) {
			t.Errorf("Opset(%s) = %d, %q, %v; want %d, %v", version, n, source, known, want.n, want.known)
		}
	}
}

func TestNewestONNX(t *testing.T) {
	got := NewestONNX()
	if got.Opset < 26 || got.IR < 13 || !strings.HasPrefix(got.Release, "1.") || got.Source == "" {
		t.Errorf("the newest release of ONNX is %+v", got)
	}
	for _, r := range opsetRows() {
		if r.opset > got.Opset {
			t.Errorf("TensorRT %s documents opset %d, which no release of ONNX here defines", r.release, r.opset)
		}
	}
}
