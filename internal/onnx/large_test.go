package onnx_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trtfarm/trtfarm/internal/onnx"
	. "github.com/trtfarm/trtfarm/internal/onnx/onnxtest"
	"google.golang.org/protobuf/encoding/protowire"
)

// What reading the needs of a model of any size may take.
const (
	memoryBound = 32 << 20
	timeBound   = 2 * time.Second // of a busy machine; the benchmark tells what a quiet one takes
)

// span is a length-delimited field of n bytes without those bytes.
func span(num protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.BytesType), uint64(n))
}

// giant is a model file whose weights are holes.
type giant struct {
	graph []byte // what is written of the graph
	holes []hole // in order
	size  int64  // of the graph with its holes
}

type hole struct{ at, size int64 }

func (g *giant) add(b []byte) {
	g.graph = append(g.graph, b...)
	g.size += int64(len(b))
}

// weight adds an initializer with inline data.
func (g *giant) weight(name string, typ onnx.DataType, elements, size int64) {
	head := slices.Concat(Tensor(name, typ, elements), span(9, size))
	g.add(slices.Concat(span(5, int64(len(head))+size), head))
	g.holes = append(g.holes, hole{g.size, size})
	g.size += size
}

// write makes the file, sparse, and returns its path.
func (g *giant) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "giant.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := slices.Concat(Int(1, 8), Bytes(8, Int(2, 17)), span(7, g.size))
	w := bufio.NewWriterSize(f, 1<<20)
	put := func(b []byte) {
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	put(head)
	rest, at := g.graph, int64(0)
	for _, h := range g.holes {
		n := h.at - at
		put(rest[:n])
		rest, at = rest[n:], h.at+h.size
		if h.size < 1<<14 {
			put(make([]byte, h.size))
			continue
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(h.size, io.SeekCurrent); err != nil {
			t.Fatal(err)
		}
	}
	put(rest)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(head)) + g.size); err != nil { // a hole at the end counts
		t.Fatal(err)
	}
	return path
}

// giants are models of more than 2 GiB, with the bytes of their weights and how
// often the file may be read: once a weight where they lie between, and rarely
// where they do not.
func giants() map[string]struct {
	make           func() *giant
	weights, reads int64
} {
	return map[string]struct {
		make           func() *giant
		weights, reads int64
	}{
		"few large weights": {func() *giant {
			var g giant
			for i := range 5 {
				g.weight(fmt.Sprint("w", i), onnx.Float32, 128<<20, 512<<20)
				for range 100 {
					g.add(Node("Conv", []string{"x", "w"}, []string{"y"}))
				}
			}
			return &g
		}, 5 * 512 << 20, 40},
		"20 000 weights": {func() *giant {
			var g giant
			for i := range 20_000 {
				g.weight(fmt.Sprintf("model.layers.%d.self_attn.q_proj.weight", i), onnx.Float16, 64<<10, 128<<10)
			}
			for i := range 20_000 {
				g.add(Node("MatMul", []string{"x", "w" + strconv.Itoa(i)}, []string{"y" + strconv.Itoa(i)}))
			}
			return &g
		}, 20_000 * 128 << 10, 21_000},
		"20 000 weights outside": {func() *giant {
			var g giant
			for i := range 20_000 {
				name := fmt.Sprintf("model.layers.%d.self_attn.q_proj.weight", i)
				g.add(Initializer(Tensor(name, onnx.Float16, 64<<10),
					External("location", "giant.onnx.data", "offset", strconv.Itoa(i*128<<10), "length", strconv.Itoa(128<<10))))
				g.add(Node("MatMul", []string{"x", name}, []string{"y" + strconv.Itoa(i)}))
			}
			return &g
		}, 20_000 * 128 << 10, 400},
	}
}

// counted counts what is read of a file.
type counted struct {
	*os.File
	reads, bytes int64
}

func (c *counted) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.File.ReadAt(p, at)
	c.reads++
	c.bytes += int64(n)
	return n, err
}

func TestTheNeedsOfAGiantAreReadWithoutItsWeights(t *testing.T) {
	for name, tc := range giants() {
		t.Run(name, func(t *testing.T) {
			path := tc.make().write(t)
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			st, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			source := &counted{File: f}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			m, err := onnx.Read(source, st.Size())
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if m.WeightBytes != tc.weights || m.FileBytes != st.Size() {
				t.Errorf("%d bytes of weights in a file of %d, want %d in %d", m.WeightBytes, m.FileBytes, tc.weights, st.Size())
			}
			allocated, grown := int64(after.TotalAlloc-before.TotalAlloc), int64(after.HeapSys)-int64(before.HeapSys)
			t.Logf("%d MiB of weights in %v: %d reads of %d KiB in all, %d KiB allocated, the heap grew by %d KiB",
				m.WeightBytes>>20, took, source.reads, source.bytes>>10, allocated>>10, grown>>10)
			if allocated > memoryBound || grown > memoryBound {
				t.Errorf("%d bytes were allocated, the heap grew by %d", allocated, grown)
			}
			if source.bytes > memoryBound || source.reads > tc.reads {
				t.Errorf("%d bytes were read, in %d reads", source.bytes, source.reads)
			}
			if took > timeBound {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAGiantThatDoesNotFitIntoOneFileIsNotRewritten(t *testing.T) {
	path := giants()["few large weights"].make().write(t)
	var out bytes.Buffer
	err := onnx.Rewrite(&out, path, nil)
	if err == nil || !strings.Contains(err.Error(), "one file can hold 2147483647") || out.Len() > 0 {
		t.Errorf("Rewrite gives %v and %d bytes", err, out.Len())
	}
}

func TestWeightsOutsideNeedWholeFilesHoweverLarge(t *testing.T) {
	path := giants()["20 000 weights outside"].make().write(t)
	m, err := onnx.Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 20_000 * 128 << 10
	if want := (onnx.External{Location: "giant.onnx.data", Bytes: size}); len(m.External) != 1 || m.External[0] != want {
		t.Fatalf("external is %v, want %v", m.External, want)
	}
	data := filepath.Join(filepath.Dir(path), "giant.onnx.data")
	for _, tc := range []struct {
		size int64
		want string
	}{{size - 1, "the file has 2621439999 bytes, the model refers to 2621440000"}, {size, ""}} {
		if err := os.WriteFile(data, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(data, tc.size); err != nil {
			t.Fatal(err)
		}
		err := onnx.CheckExternal(path, m)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("with %d bytes: %v, want %q", tc.size, err, tc.want)
		}
	}
}

// endless is a model that is one field again and again.
type endless struct {
	head, field []byte
	at          int64
}

func (e *endless) Seek(offset int64, _ int) (int64, error) {
	e.at = offset
	return offset, nil
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		if e.at < int64(len(e.head)) {
			p[i] = e.head[e.at]
		} else {
			k := e.at - int64(len(e.head))
			p[i] = e.field[k%int64(len(e.field))]
			if number := k / int64(len(e.field)); k%int64(len(e.field)) >= int64(len(e.field))-8 {
				p[i] = byte('a' + number>>(4*(k%8))&15) // eight letters that count
			}
		}
		e.at++
	}
	return len(p), nil
}

func TestMemoryIsBoundedWhateverTheModelHolds(t *testing.T) {
	const body = 256 << 20
	name := make([]byte, 8)
	for what, tc := range map[string]struct {
		num   protowire.Number // of the message that holds the fields
		field []byte
	}{
		"operators":    {7, Bytes(1, Bytes(4, name))},
		"initializers": {7, Bytes(5, Bytes(8, name))},
		"inputs":       {7, Bytes(11, Bytes(1, name))},
		"opsets":       {0, Bytes(8, Bytes(1, name))},
		"functions":    {0, Bytes(25, Bytes(1, name))},
		"types":        {7, Bytes(5, Int(2, 0), Bytes(8, name))},
	} {
		t.Run(what, func(t *testing.T) {
			size := int64(body / len(tc.field) * len(tc.field))
			head := Int(1, 8)
			if tc.num != 0 {
				head = span(tc.num, size)
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := onnx.Read(&endless{head: head, field: tc.field}, int64(len(head))+size)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "more than") {
				t.Error(err)
			}
			kept := int64(after.HeapSys) - int64(before.HeapSys)
			t.Logf("%v; the heap grew by %d MiB", err, kept>>20)
			if kept > memoryBound {
				t.Errorf("the heap grew by %d MiB", kept>>20)
			}
		})
	}
}

func BenchmarkInspectGiant(b *testing.B) {
	for name, tc := range giants() {
		b.Run(name, func(b *testing.B) {
			path := tc.make().write(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := onnx.Inspect(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
