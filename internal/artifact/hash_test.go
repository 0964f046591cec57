package artifact

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The digests are those of md5sum and sha256sum; the CRC64NVME of "123456789" is
// the check value of its definition, ae8b14860a799888.
func TestSumAgreesWithTheTools(t *testing.T) {
	for text, want := range map[string]Digest{
		"":          {0, "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "AAAAAAAAAAA="},
		"123456789": {9, "25f9e794323b453885f5181f1b624d0b", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225", "rosUhgp5mIg="},
	} {
		if got, err := Sum(strings.NewReader(text)); err != nil || got != want {
			t.Errorf("Sum(%q)\n got %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

func TestSumIsTheSameHoweverTheInputArrives(t *testing.T) {
	for _, size := range []int{0, 1, hashBlock - 1, hashBlock, hashBlock + 1, 2 * hashBlock, 9*hashBlock + 7} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * i >> 7)
		}
		h := NewHasher()
		h.Write(data[:size/3])
		h.Write(data[size/3:])
		want := h.Digest()
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := SumFile(path); err != nil || got != want {
			t.Errorf("SumFile of %d bytes\n got %+v, %v\nwant %+v", size, got, err, want)
		}
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(data), "halves": iotest.HalfReader(bytes.NewReader(data)), "error with data": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			if got, err := Sum(r); err != nil || got != want {
				t.Errorf("Sum of %d bytes, %s\n got %+v, %v\nwant %+v", size, name, got, err, want)
			}
		}
	}
}

func TestSumReportsWhatReadingCameToAndLeavesNothingRunning(t *testing.T) {
	broken := errors.New("the disk went away")
	before := runtime.NumGoroutine()
	for _, size := range []int64{0, 10, 5 << 20} {
		if _, err := Sum(io.MultiReader(io.LimitReader(zeros{}, size), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v, want %v", size, err, broken)
		}
	}
	// A goroutine that has done its work may take a moment to be gone.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	if _, err := SumFile("/dev/zero"); err == nil {
		t.Error("SumFile of a device succeeded")
	}
	if _, err := SumFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("SumFile of nothing: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func BenchmarkSum(b *testing.B) {
	const size = 256 << 20
	b.SetBytes(size)
	for b.Loop() {
		if _, err := Sum(io.LimitReader(zeros{}, size)); err != nil {
			b.Fatal(err)
		}
	}
}
