package engine_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// What is nearly something else is not taken for it.
func TestAnAlmostIsNotNamed(t *testing.T) {
	long := strings.Repeat("m", 100)
	tensors := func(n uint64) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, n), `{"__metadata__":{}}`+"\x00"...)
	}
	for name, data := range map[string][]byte{
		"a model without a version":         message(7, message(2, "g")),
		"a model of version 0":              message(1, 0, 7, message(2, "g")),
		"a model of version 100":            message(1, 100, 7, message(2, "g")),
		"a model without a graph":           message(1, 8, 2, "pytorch"),
		"a model whose graph is none":       message(1, 8, 7, message(1, 5)),
		"a model whose graph has field 17":  message(1, 8, 7, message(17, "x")),
		"a model with a field of another":   message(1, 8, 7, message(2, "g"), 9, "x"),
		"a model with a number as graph":    message(1, 8, 7, 3),
		"a tensor without a type":           message(1, 3, 9, "abc"),
		"a tensor of type 64":               message(1, 3, 2, 64, 9, "abc"),
		"a tensor with a text as type":      message(1, 3, 2, "x", 9, "abc"),
		"a tensor without values":           message(1, 3, 2, 1, 8, "name"),
		"UFF of version 100":                message(1, 100, 2, 1, 3, message(1, "x")),
		"UFF without descriptors":           message(1, 1, 2, 1, 15, "x"),
		"UFF with empty descriptors":        message(1, 1, 2, 1, 3, ""),
		"UFF with other descriptors":        message(1, 1, 2, 1, 3, message(2, "x")),
		"Core ML of version 0":              message(1, 0, 2, "d", 500, "x"),
		"Core ML of version 100":            message(1, 100, 2, "d", 500, "x"),
		"Core ML with a version in text":    message(1, "x", 2, "d", 500, "x"),
		"Core ML without a description":     message(1, 5, 3, "d", 500, "x"),
		"Core ML with a number as model":    message(1, 5, 2, "d", 500, 7),
		"Core ML with a model of 199":       message(1, 5, 2, "d", 199, "x"),
		"Core ML with a model of 4000":      message(1, 5, 2, "d", 4000, "x"),
		"a SavedModel of schema 2":          message(1, 2, 2, message(1, long)),
		"a SavedModel without content":      message(1, 1, 2, ""),
		"a SavedModel with other content":   message(1, 1, 2, message(3, long)),
		"a graph of one node":               message(1, message(1, "x", 2, "Op")),
		"a graph whose node has no name":    message(1, message(1, "", 2, "Op"), 1, "\x0a"),
		"a graph whose name is no text":     message(1, message(1, "\x01", 2, "Op"), 1, "\x0a"),
		"a graph whose operator is missing": message(1, message(1, "x", 3, "Op"), 1, "\x0a"),
		"a graph whose operator is number":  message(1, message(1, "x", 2, 7), 1, "\x0a"),
		"a graph of other things":           message(2, message(1, "x", 2, "Op"), 1, "\x0a"),
		"a graph of numbers":                message(1, 4, 1, 5),

		"safetensors of no header":      tensors(1),
		"safetensors of 100 MB":         tensors(100e6 + 1),
		"a pickle of protocol 1":        []byte("\x80\x01}q\x00"),
		"a pickle of protocol 6":        []byte("\x80\x06}q\x00"),
		"a pickle of no opcode":         []byte("\x80\x02\x00\x00"),
		"half an ELF header":            []byte("\x7fELF\x02\x01\x01\x00"),
		"bzip2 of level 0":              []byte("BZh01AY&SY\x00"),
		"bzip2 without a block":         []byte("BZh91AY&SX\x00"),
		"an odd number of 16-bit bytes": []byte("\xff\xfeh\x00i"),
		"a mark and no 16-bit text":     []byte("\xff\xfehi"),
		"text with a zero in it":        []byte("some text and\x00no more"),
		"text with a control character": []byte("some text and\x01no more"),
		"text that is no UTF-8":         []byte("some text and \xff no more"),
		"text cut where it should end":  []byte("some text and \xc3"),
		"too few letters":               []byte("hello"),
		"a JSON length of nothing":      []byte("\x01\x00\x00\x00{\"a\": 1}"),
		"a JSON length of 16 MiB":       []byte("\x01\x00\x00\x01{\"a\": 1}"),
	} {
		if f := inspect(t, data); f.Kind != engine.Unknown || f.Truncated || f.Damaged {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestOthersAtTheirBoundsAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want engine.Kind
	}{
		"an empty bzip2 file":           {[]byte("BZh1\x17rE8P\x90"), engine.Bzip2},
		"a pickle of the first opcode":  {[]byte("\x80\x02}q\x00"), engine.Pickle},
		"a pickle of protocol 5":        {[]byte("\x80\x05]q\x00"), engine.Pickle},
		"the shortest header":           {binary.LittleEndian.AppendUint64(nil, 2), engine.Unknown},
		"the shortest safetensors":      {append(binary.LittleEndian.AppendUint64(nil, 2), `{"`...), engine.Safetensors},
		"Core ML of version 99":         {message(1, 99, 2, "d", 200, "x"), engine.CoreML},
		"a model of version 99":         {message(1, 99, 7, ""), engine.ONNX},
		"a tensor of type 63":           {message(2, 63, 4, "x"), engine.ONNXTensor},
		"a text of few letters":         {[]byte("hello!"), engine.Text},
		"a text cut at 4 KiB in a rune": {[]byte(strings.Repeat("x", 4095) + "é and more"), engine.Text},
		"a pointer without its size":    {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"), engine.GitLFSPointer},
	} {
		if f := inspect(t, tc.data); f.Kind != tc.want || f.Truncated || f.Damaged || noted(f, "points to") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestAPlanWithAWrongFirstWordIsDamaged(t *testing.T) {
	for _, r := range releases {
		whole := r.plan(t4)
		for _, word := range []string{"gtrt", "qtrt", "\x00\x00\x00\x00", "PK\x03\x04"} {
			f := inspect(t, slices.Concat([]byte(word), whole[4:]))
			if f.Kind != engine.Plan || !f.Damaged || f.TensorRT != r.version || f.SM != "7.5" || len(f.Sections) != r.sections ||
				!strings.HasPrefix(f.Notes[0], "the first word is ") || noted(f, "precede") {
				t.Errorf("%s with %q: %+v", r.version, word, f)
			}
		}
	}
}

func TestAContainerIsKnownByAnyOfItsNumbers(t *testing.T) {
	whole := releaseOf(t, "10.3.0.26").plan(t4)
	change := func(places ...int) []byte {
		data := bytes.Clone(whole)
		for _, at := range places {
			data[at] ^= 0x90
		}
		return data
	}
	const count, size, offset = 8, 16, 40
	for name, tc := range map[string]struct {
		data []byte
		want engine.Kind
	}{
		"its count":             {change(size, offset), engine.Plan},
		"its size":              {change(count, offset), engine.Plan},
		"its section table":     {change(size), engine.Plan},
		"none":                  {change(count, size, offset), engine.Unknown},
		"a letter of the magic": {[]byte("ftrtune teller"), engine.Plan}, // too short to be anything else
	} {
		if f := inspect(t, tc.data); f.Kind != tc.want && !noted(f, "precede") || tc.want == engine.Plan && !f.Damaged && !f.Truncated {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestATensorRT5FileIsFollowedWithinBounds(t *testing.T) {
	good := flat("5.0.6.3", "NVIDIA Tegra X2", tx2)
	// Any change leaves a hint, damage or nothing known: never a panic, never
	// another release.
	for i := range good[:200] {
		for _, bits := range []byte{1, 0x80, 0xff} {
			data := bytes.Clone(good)
			data[i] ^= bits
			f := inspect(t, data)
			if f.Kind != engine.Unknown && (f.Kind != engine.Plan || f.Container != "flatbuffer") && f.Kind != engine.Zeros {
				t.Errorf("byte %d ^ %x: %+v", i, bits, f)
			}
		}
	}
	name := strings.Repeat("n", 127)
	if f := inspect(t, flat("5.0.6.3", name, tx2)); !noted(f, name) {
		t.Errorf("a long name: %+v", f)
	}
	if f := inspect(t, flat("5.0.6.3", name+"n", tx2)); noted(f, name) || f.SM != "6.2" {
		t.Errorf("a name that is too long: %+v", f)
	}
	for _, version := range []string{"1.0.0.0", "5.99.99.255"} {
		if f := inspect(t, flat(version, "", tx2)); f.TensorRT != version {
			t.Errorf("%s: %+v", version, f)
		}
	}
	for _, version := range []string{"5.100.0.0", "5.0.100.0"} {
		if f := inspect(t, flat(version, "", tx2)); f.Kind != engine.Unknown {
			t.Errorf("%s: %+v", version, f)
		}
	}
	if f := inspect(t, flat("5.1.2.2", "A100", board{major: 8, minor: 0, sms: 108})); !slices.Equal(f.Device.Likely, []string{"A100-40GB", "A100-80GB"}) {
		t.Errorf("a name of several kinds: %+v", f.Device)
	}
}
