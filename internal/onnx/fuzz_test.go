package onnx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
)

// seeds adds the small models of others and one of everything else. Large ones
// would keep the fuzzer busy making them smaller.
func seeds(f *testing.F) {
	f.Helper()
	models, err := filepath.Glob("testdata/*/model.onnx")
	if err != nil || len(models) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range models {
		model, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(model) < 4<<10 {
			f.Add(model)
		}
	}
	f.Add(Model(nested(3), Input("x", onnx.Int64, -1), Initializer(Tensor("w", onnx.Float32, 1), External("location", "w"))))
	f.Add(slices.Concat(localFunction("pkg", "F", call("pkg", "G"), call("", "Add")), Model(call("pkg", "F")), localFunction("pkg", "G", call("", "QuantizeLinear"))))
	f.Add(Model(Initializer(Tensor("packed", 22, 3), Raw(make([]byte, 2))), Initializer(Tensor("floats", onnx.Float32, 2), Bytes(4, make([]byte, 8))),
		Initializer(Tensor("words", onnx.String, 1), Text(6, "cat")), Bytes(15, Bytes(1, Tensor("s", onnx.Float32, 1), Raw(make([]byte, 4))))))
}

func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, model []byte) {
		m, err := read(model)
		// A source that can only seek must tell the same.
		again, errAgain := onnx.Read(struct{ io.ReadSeeker }{bytes.NewReader(model)}, int64(len(model)))
		if !reflect.DeepEqual(m, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("two readings differ: %+v %v and %+v %v", m, err, again, errAgain)
		}
		if e, ok := errors.AsType[*onnx.Error](err); ok && (e.Offset < -1 || e.Offset > int64(len(model))) {
			t.Errorf("the error names byte %d of %d", e.Offset, len(model))
		}
		if m == nil {
			return
		}
		for _, e := range m.External {
			if !filepath.IsLocal(e.Location) || strings.Contains(e.Location, `\`) || e.Bytes < 0 {
				t.Errorf("external data %+v leaves the folder", e)
			}
		}
		sum := int64(0)
		for _, n := range m.WeightTypes {
			sum += n
		}
		if m.WeightBytes < 0 || sum != m.WeightBytes {
			t.Errorf("%d bytes of weights, %d by type", m.WeightBytes, sum)
		}
		for _, o := range m.Operators {
			if o.Count < 1 || slices.ContainsFunc(m.Functions, func(f onnx.Function) bool { return f.Domain == o.Domain && f.Name == o.Name }) {
				t.Errorf("operator %+v beside functions %+v", o, m.Functions)
			}
		}
	})
}

// FuzzRewrite checks that a rewritten model needs what the model needs, but
// nothing outside.
func FuzzRewrite(f *testing.F) {
	seeds(f)
	outside, err := os.ReadFile("testdata/qdq-external-data/conv_qdq_external_ini.bin")
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	for _, name := range []string{"w", "conv_qdq_external_ini.bin"} {
		if err := os.WriteFile(filepath.Join(dir, name), outside, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		file, err := os.CreateTemp(dir, "*.onnx")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file.Name())
		_, err = file.Write(model)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		for _, round := range []func([]float32){nil, func([]float32) {}} {
			var out bytes.Buffer
			if err := onnx.Rewrite(&out, file.Name(), round); err != nil {
				continue
			}
			want, got := mustRead(t, model), mustRead(t, out.Bytes())
			if round == nil && want.External == nil && !bytes.Equal(out.Bytes(), model) {
				t.Error("a model that needs no change was changed")
			}
			want.External, want.FileBytes, got.FileBytes = nil, 0, 0
			if !reflect.DeepEqual(got, want) {
				t.Errorf("rewritten\n is %+v\nwas %+v", got, want)
			}
		}
	})
}

// FuzzExternal checks that no location leads out of the model's folder.
func FuzzExternal(f *testing.F) {
	for _, location := range []string{"w.bin", "./d//w.bin", "d/", "../secret", "/etc/passwd", `..\secret`, "C:/w", "a\x00b", "link/secret", "link", "pipe", ".", "d/../w.bin", "w.bin/x", "https://x/y", "~/w", "d/./w.bin", strings.Repeat("d/", 3000)} {
		f.Add(location, "0", "4")
	}
	f.Add("w.bin", "18446744073709551615", "-1")
	f.Add("w.bin", "4", "0")
	above := f.TempDir()
	dir := filepath.Join(above, "m")
	data := map[string][]byte{"m/w.bin": make([]byte, 64), "m/d/w.bin": make([]byte, 64), "secret": make([]byte, 1<<20), "private/secret": make([]byte, 1<<20)}
	for name, content := range data {
		name := filepath.Join(above, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, content, 0o600)); err != nil {
			f.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("../private", filepath.Join(dir, "link")), os.Symlink("w.bin", filepath.Join(dir, "inside"))); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, location, offset, length string) {
		m, err := read(Model(Initializer(Tensor("w", onnx.Float32, 1), External("location", location, "offset", offset, "length", length))))
		if err != nil {
			return
		}
		got := m.External[0].Location
		if !filepath.IsLocal(got) || got != path.Clean(got) || strings.ContainsAny(got, "\\\x00") || path.Clean(location) != got {
			t.Errorf("location %q became %q", location, got)
		}
		if err := onnx.CheckExternal(filepath.Join(dir, "model.onnx"), m); err != nil {
			return
		}
		real, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(got)))
		if err != nil || !strings.HasPrefix(real, dir+"/") {
			t.Errorf("location %q is %q, outside %s (%v)", location, real, dir, err)
		}
		if st, err := os.Stat(real); err != nil || st.Size() < m.External[0].Bytes {
			t.Errorf("location %q reaches %d bytes into %v (%v)", location, m.External[0].Bytes, st, err)
		}
	})
}
