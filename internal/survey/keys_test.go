package survey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/matrix"
)

func TestModelsAreHashedForKeysAlone(t *testing.T) {
	dir := t.TempDir()
	copySample(t, "qdq-external-data", dir)
	noKeys := func(o *Options) { o.NoKeys = true }
	hashed, _ := model(t, dir, matrix.Model{ONNX: "model.onnx"})
	if hashed.Err != nil || len(hashed.Files) != 2 || len(hashed.Files[0].SHA256) != 64 || len(hashed.Files[1].SHA256) != 64 {
		t.Fatalf("%v, files %+v", hashed.Err, hashed.Files)
	}
	sized, _ := model(t, dir, matrix.Model{ONNX: "model.onnx"}, noKeys)
	if sized.Err != nil || len(sized.Files) != 2 {
		t.Fatalf("%v, files %+v", sized.Err, sized.Files)
	}
	for i, f := range sized.Files {
		if f.SHA256 != "" || f.Size != hashed.Files[i].Size {
			t.Errorf("without keys: %+v, with keys %+v", f, hashed.Files[i])
		}
	}
	pinned, _ := model(t, dir, matrix.Model{ONNX: "model.onnx", SHA256: hashed.Files[0].SHA256}, noKeys)
	if pinned.Err != nil || pinned.Files[0].SHA256 != hashed.Files[0].SHA256 {
		t.Errorf("pinned: %v, %+v", pinned.Err, pinned.Files)
	}
	wrong, _ := model(t, dir, matrix.Model{ONNX: "model.onnx", SHA256: strings.Repeat("0", 64)}, noKeys)
	if wrong.Err == nil || !strings.Contains(wrong.Err.Error(), "not the pinned model") {
		t.Errorf("another model than the pinned one: %v", wrong.Err)
	}
}

func TestLongHashingIsAnnounced(t *testing.T) {
	dir := t.TempDir()
	copySample(t, "qdq-external-data", dir)
	if err := os.Truncate(filepath.Join(dir, "conv_qdq_external_ini.bin"), 512<<20); err != nil {
		t.Fatal(err)
	}
	m, notes := model(t, dir, matrix.Model{ONNX: "model.onnx"})
	if m.Err != nil || len(notes) != 1 || notes[0] != "hash conv_qdq_external_ini.bin (512 MiB)" {
		t.Errorf("%v, notes %q", m.Err, notes)
	}
}
