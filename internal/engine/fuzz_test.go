package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// FuzzInspect holds any bytes against what is promised of every answer.
func FuzzInspect(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*")
	if err != nil || len(seeds) < 2 {
		f.Fatal("no seeds", err)
	}
	for _, path := range seeds {
		if st, err := os.Stat(path); err != nil || st.IsDir() {
			continue
		}
		f.Add(load(f, filepath.Base(path)))
	}
	for _, data := range everyLayout(f) {
		f.Add(data)
	}
	for _, data := range everyLookalike(f) {
		if len(data) < 64<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &counting{t: t, head: data}
		got, err := engine.Inspect(r, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(16<<10 + len(data)); r.read > limit {
			t.Errorf("%d bytes were read of %d", r.read, len(data))
		}
		if again := inspect(t, data); !reflect.DeepEqual(got, again) {
			t.Errorf("two readings differ: %+v and %+v", got, again)
		}
		agree(t, data, got)
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back engine.File
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(got, back) {
			t.Errorf("JSON %s gives %+v, %v", text, back, err)
		}
		consistent(t, got, int64(len(data)))
	})
}

// consistent checks that no part of an answer belies another.
func consistent(t *testing.T, f engine.File, size int64) {
	t.Helper()
	if (f.Truncated || f.Damaged || f.Simulated || f.Kind != engine.Plan) && len(f.Notes) == 0 {
		t.Errorf("no note says why: %+v", f)
	}
	if f.Kind == engine.Empty && (f.Truncated || f.Damaged || size > 0) || (f.Kind == "") {
		t.Errorf("an empty file that is not: %+v", f)
	}
	if f.Kind != engine.Plan && (f.TensorRT != "" || f.SM != "" || f.Device != nil || f.Sections != nil || f.Simulated) {
		t.Errorf("facts of a plan in what is none: %+v", f)
	}
	for _, s := range f.Sections {
		if s.Offset < 0 || s.Size < 0 || !f.Truncated && s.Offset+s.Size > size {
			t.Errorf("section %+v leaves a file of %d bytes", s, size)
		}
	}
	if (f.Device == nil) != (f.SM == "") || f.Device != nil && f.Device.Likely == nil {
		t.Errorf("a device without capability, or the reverse: %+v", f)
	}
}
