package engine_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// counting is a file that notices reads beyond its end, how many there are and
// how much is read. A body of zeros may lie before its last bytes.
type counting struct {
	t     testing.TB
	head  []byte
	body  int64
	tail  []byte
	reads int
	read  int64
}

func (c *counting) size() int64 { return int64(len(c.head)) + c.body + int64(len(c.tail)) }

func (c *counting) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset+int64(len(p)) > c.size() {
		c.t.Errorf("read of %d bytes at %d of %d", len(p), offset, c.size())
	}
	c.reads++
	c.read += int64(len(p))
	for i := range p {
		switch at := offset + int64(i); {
		case at < int64(len(c.head)):
			p[i] = c.head[at]
		case at < int64(len(c.head))+c.body:
			p[i] = 0
		default:
			p[i] = c.tail[at-int64(len(c.head))-c.body]
		}
	}
	return len(p), nil
}

// large is a plan of the release with so many zeros in it.
func large(r release, zeros int64) *counting {
	c := &counting{body: zeros}
	if r.sections == 0 {
		c.head = r.plan(t4)
		at := map[byte]int{'A': 12, 'B': 16, 'C': 16}[r.variant]
		le.PutUint64(c.head[at:], uint64(int64(len(c.head))-24+zeros))
		return c
	}
	whole := r.plan(t4)
	c.head, c.tail = whole[:len(whole)-40], whole[len(whole)-40:]
	le.PutUint64(c.head[16:], uint64(int64(len(whole))+zeros))
	engine := 32 + 24*r.sections
	grow := func(at int) { le.PutUint64(c.head[at:], le.Uint64(c.head[at:])+uint64(zeros)) }
	grow(48)
	if r.sections == 2 {
		grow(64)
	}
	grow(engine + map[byte]int{'C': 16, 'D': 8}[r.variant])
	return c
}

func TestASkimReadsLittleOfALargeFile(t *testing.T) {
	const gib = 1 << 30
	for _, r := range releases {
		c := large(r, 5*gib/8*8)
		c.t = t
		f, err := engine.Skim(c, c.size())
		if err != nil || f.Kind != engine.Plan || f.TensorRT != r.version || f.SM != "7.5" || f.Truncated || f.Damaged {
			t.Errorf("%s: %+v, %v", r.version, f, err)
		}
		if c.reads > 2 || c.read >= 8<<10 {
			t.Errorf("%s: %d bytes in %d reads", r.version, c.read, c.reads)
		}
		if noted(f, "the checksum was not tried") != (r.variant < 'C') {
			t.Errorf("%s: notes %q", r.version, f.Notes)
		}
		c.head = behind(`{"names": "`+strings.Repeat("x", 50_000)+`"}`, c.head)
		c.reads, c.read = 0, 0
		if f, err := engine.Skim(c, c.size()); err != nil || f.SM != "7.5" || f.Truncated || f.Damaged || c.reads > 3 || c.read >= 8<<10 {
			t.Errorf("%s behind JSON: %d bytes in %d reads: %+v, %v", r.version, c.read, c.reads, f, err)
		}
	}
	c := &counting{t: t, head: flat("5.0.6.3", "NVIDIA Tegra X2", tx2), body: gib}
	le.PutUint64(c.head, uint64(c.size()))
	if f, err := engine.Skim(c, c.size()); err != nil || f.SM != "6.2" || c.reads > 3 || c.read >= 8<<10 {
		t.Errorf("5.0: %d bytes in %d reads: %+v, %v", c.read, c.reads, f, err)
	}
}

func TestTheChecksumOfALargeFileIsComputedInPieces(t *testing.T) {
	r := releaseOf(t, "8.0.1.6")
	c := large(r, 80<<20)
	c.t = t
	f, err := engine.Inspect(c, c.size())
	if err != nil || !f.Damaged || !noted(f, "the checksum of the engine is") || c.read < 80<<20 {
		t.Errorf("%d bytes in %d reads: %+v, %v", c.read, c.reads, f, err)
	}
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := engine.Inspect(bytes.NewReader(c.head), int64(len(c.head))); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 1<<20 {
		t.Errorf("%d bytes of memory", allocated)
	}
}

// agree checks that Skim says what Inspect does, but for the checksum.
func agree(t testing.TB, data []byte, full engine.File) {
	t.Helper()
	c := &counting{t: t, head: data}
	skim, err := engine.Skim(c, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if c.read >= 16<<10 || c.reads > 16 {
		t.Errorf("Skim reads %d bytes in %d pieces", c.read, c.reads)
	}
	isAbout := func(text string) bool { return strings.Contains(text, "checksum") }
	tried := slices.ContainsFunc(full.Notes, isAbout)
	if tried || slices.ContainsFunc(skim.Notes, isAbout) {
		full.Damaged = skim.Damaged
	}
	full.Notes = slices.DeleteFunc(slices.Clone(full.Notes), isAbout)
	skim.Notes = slices.DeleteFunc(slices.Clone(skim.Notes), isAbout)
	if fmt.Sprint(full.Notes) == fmt.Sprint(skim.Notes) {
		full.Notes = skim.Notes
	}
	if !reflect.DeepEqual(full, skim) {
		t.Errorf("Inspect says %+v %+v\nSkim says    %+v %+v", full, full.Device, skim, skim.Device)
	}
}

func TestSkimAndInspectAgree(t *testing.T) {
	for _, data := range everyLayout(t) {
		agree(t, data, inspect(t, data))
	}
	for _, data := range everyLookalike(t) {
		agree(t, data, inspect(t, data))
	}
}
