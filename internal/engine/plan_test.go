package engine_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/trtfarm/trtfarm/internal/engine"
)

// everyLayout is a whole plan of each layout.
func everyLayout(t testing.TB) map[string][]byte {
	all := map[string][]byte{
		"5.0":                      flat("5.0.6.3", "NVIDIA Tegra X2", tx2),
		"8.6, as published":        load(t, "trt8.6.1.6-rtx4090-tiny.plan"),
		"10.3 behind a JSON":       behind(`{"task": "detect", "names": {"0": "person"}}`, releaseOf(t, "10.3.0.26").plan(t4)),
		"8.2 behind a JSON":        behind(`{"task": "detect"}`, releaseOf(t, "8.2.1.8").plan(t4)),
		"10.15, simulated":         container("10.15.1.29", "rtrt", "ENGN", archive(releaseOf(t, "10.15.1.29"), releaseOf(t, "10.15.1.29").stream(t4)), "SIMU", []byte("{}")),
		"variant A in a container": container("7.1.3.4", "", "ENGN", releaseOf(t, "7.1.3.4").plan(t4)),
	}
	for _, r := range releases {
		all[r.version] = r.plan(t4)
	}
	return all
}

func TestEveryLayoutTellsItsReleaseAndNumbers(t *testing.T) {
	for _, r := range releases {
		t.Run(r.version, func(t *testing.T) {
			f := inspect(t, r.plan(t4))
			number := int64(r.a)
			if r.variant == 'C' {
				number = int64(r.b)
			}
			container := map[int]string{0: "ptrt"}[r.sections]
			if container == "" {
				container = "ftrt"
			}
			if f.Kind != engine.Plan || f.TensorRT != r.version || f.SM != "7.5" || f.Container != container || f.Serialization == nil || *f.Serialization != number ||
				len(f.Sections) != r.sections || f.Truncated || f.Damaged || f.Simulated {
				t.Errorf("Inspect gives %+v", f)
			}
			switch {
			case r.variant == 'A' && noted(f, "second serialization number is") && len(f.Notes) == 1:
			case r.variant == 'B' && noted(f, "second serialization number is 256") && len(f.Notes) == 1:
			case r.platform == "utrt" && noted(f, "the platform word is utrt") && len(f.Notes) == 1:
			case r.variant > 'B' && r.platform != "utrt" && len(f.Notes) == 0:
			default:
				t.Errorf("notes are %q", f.Notes)
			}
		})
	}
}

func TestEveryCutOfAPlanIsSeen(t *testing.T) {
	for name, whole := range everyLayout(t) {
		all := inspect(t, whole)
		if all.Kind != engine.Plan || all.Truncated || all.Damaged {
			t.Errorf("%s: the whole file gives %+v", name, all)
		}
		json := bytes.HasPrefix(whole[4:], []byte("{"))
		for n := 1; n < len(whole); n++ {
			f := inspect(t, whole[:n])
			if f.TensorRT != "" && f.TensorRT != all.TensorRT || f.SM != "" && f.SM != all.SM {
				t.Fatalf("%s: the first %d bytes are of TensorRT %s and capability %s, all are of %s and %s", name, n, f.TensorRT, f.SM, all.TensorRT, all.SM)
			}
			switch {
			case f.Damaged || f.Kind == engine.Empty:
				t.Fatalf("%s: the first %d of %d bytes give %+v", name, n, len(whole), f)
			case f.Truncated && (f.Kind == engine.Plan || n < 4 || json || name == "5.0"):
			case f.Kind != engine.Plan && json && n < 6: // no JSON yet
			case f.Kind == engine.Unknown && name == "5.0" && n < 40: // no FlatBuffer yet
			default:
				t.Fatalf("%s: the first %d of %d bytes give %+v", name, n, len(whole), f)
			}
		}
	}
}

func TestWhatFollowsAPlanIsCounted(t *testing.T) {
	for name, whole := range everyLayout(t) {
		for what, tc := range map[string]struct{ tail, want string }{
			"one byte":     {"x", "1 bytes follow the end of the plan"},
			"text":         {"trailing", "8 bytes follow the end of the plan"},
			"a few zeros":  {strings.Repeat("\x00", 100), "100 bytes follow the end of the plan: all are zero"},
			"many zeros":   {strings.Repeat("\x00", 5000), "5000 bytes follow the end of the plan: the first 1024 are zero"},
			"another plan": {string(whole), "bytes follow the end of the plan"},
		} {
			f := inspect(t, append(slices.Clone(whole), tc.tail...))
			if f.Kind != engine.Plan || f.Truncated || f.Damaged || !noted(f, tc.want) || f.Trailing != int64(len(tc.tail)) {
				t.Errorf("%s and %s: %+v", name, what, f)
			}
			if twice := what == "another plan" && (whole[0] == 'f' || whole[0] == 'p'); noted(f, "another plan starts there") != twice {
				t.Errorf("%s and %s: notes %q", name, what, f.Notes)
			}
		}
	}
}

func TestAPlanOfSectionsThatNobodyKnowsIsNotDamaged(t *testing.T) {
	f := inspect(t, container("12.0.0.1", "rtrt", "HEAD", make([]byte, 64), "BODY", make([]byte, 64)))
	if f.Kind != engine.Plan || f.Damaged || f.TensorRT != "12.0.0.1" || f.SM != "" || !noted(f, "no ENGN section: of what it holds instead nothing is known") {
		t.Errorf("Inspect gives %+v", f)
	}
}

func TestAPlanThatWasCopiedAsTextSaysSo(t *testing.T) {
	for _, version := range []string{"7.1.3.4", "8.2.1.8", "10.3.0.26", "10.15.1.29"} {
		r := releaseOf(t, version)
		whole := append(r.plan(t4), strings.Repeat("\x7f\n\x80\xc1", 20)...)
		var wide strings.Builder
		for _, c := range whole {
			wide.WriteRune(rune(c))
		}
		for want, data := range map[string][]byte{
			"written as characters of UTF-8":           []byte(wide.String()),
			"a carriage return stands before every li": bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")),
		} {
			if f := inspect(t, data); f.Kind != engine.Plan || !f.Damaged || f.TensorRT != "" || f.SM != "" || !noted(f, want) {
				t.Errorf("%s: %+v, want the note %q", version, f, want)
			}
		}
	}
}

func TestAPlanThatWentThroughATextProgramSaysSo(t *testing.T) {
	whole := releaseOf(t, "10.3.0.26").plan(t4)
	var mangled []byte
	for _, c := range whole {
		if c < 0x80 {
			mangled = append(mangled, c)
		} else {
			mangled = append(mangled, "\ufffd"...)
		}
	}
	if f := inspect(t, mangled); f.Kind != engine.Plan || !f.Damaged || f.TensorRT != "" || !noted(f, "took it for text") {
		t.Errorf("Inspect gives %+v", f)
	}
}

// TestAnyFlippedByteInAnOldEngineIsSeen flips every byte of engines of which a
// checksum tells.
func TestAnyFlippedByteInAnOldEngineIsSeen(t *testing.T) {
	for _, version := range []string{"6.0.1.10", "7.0.0.11", "7.1.3.4", "8.0.1.6"} {
		whole := releaseOf(t, version).plan(t4)
		for i := range whole {
			for _, bits := range []byte{1, 0x80, 0xff} {
				data := slices.Clone(whole)
				data[i] ^= bits
				f := inspect(t, data)
				// A flip in the size makes it too long or too short.
				if !f.Damaged && !f.Truncated && !noted(f, "follow the end of the plan") || f.Kind != engine.Plan {
					t.Errorf("%s: byte %d ^ %x: %+v", version, i, bits, f)
				}
			}
		}
	}
}

func TestAFlippedByteInTheBodyOfALaterEngineIsNotClaimed(t *testing.T) {
	for _, version := range []string{"8.2.1.8", "8.6.1.6", "10.6.0.26"} {
		whole := releaseOf(t, version).plan(t4)
		whole[len(whole)-100] ^= 1
		if f := inspect(t, whole); f.Damaged || f.Truncated || len(f.Notes) > 0 {
			t.Errorf("%s: %+v", version, f)
		}
	}
}

// TestAFlippedByteInTheFrameOfALaterPlanIsSeen flips every byte of head, section
// table and end mark.
func TestAFlippedByteInTheFrameOfALaterPlanIsSeen(t *testing.T) {
	for _, tc := range []struct {
		version string
		frame   int   // bytes of header, table and archive head
		free    []int // bytes that may have any value
	}{
		{"8.2.1.8", 24, nil},
		{"8.5.1.7", 24, nil},
		{"8.6.1.6", 80, nil},
		{"10.3.0.26", 80, nil},
		{"10.15.1.29", 100, []int{56, 57, 58, 59}}, // the tag of the second section
	} {
		whole := releaseOf(t, tc.version).plan(t4)
		var places []int
		for i := range tc.frame {
			places = append(places, i)
		}
		if whole[0] == 'f' {
			places = append(places, len(whole)-4, len(whole)-3, len(whole)-2, len(whole)-1)
		}
		for _, i := range places {
			data := slices.Clone(whole)
			data[i] ^= 0x40
			f := inspect(t, data)
			silent := !f.Damaged && !f.Truncated && len(f.Notes) == 0
			if silent != slices.Contains(tc.free, i) {
				t.Errorf("%s: byte %d: %+v", tc.version, i, f)
			}
		}
	}
}

func TestABrokenContainerIsDamaged(t *testing.T) {
	r := releaseOf(t, "10.3.0.26")
	inner := archive(r, r.stream(t4))
	whole := container("10.3.0.26", "rtrt", "ENGN", inner, "WGHT", make([]byte, 20))
	if f := inspect(t, whole); f.Damaged || len(f.Sections) != 2 || len(f.Notes) > 0 {
		t.Fatalf("the whole file gives %+v", f)
	}
	for name, tc := range map[string]struct {
		at    int
		bytes string
		want  string
	}{
		"no sections":               {8, "\x00", "counts 0 sections"},
		"too many sections":         {8, "\xff\xff\xff", "counts 16777215 sections"},
		"a size below zero":         {16, "\xff\xff\xff\xff\xff\xff\xff\xff", "total size of 18446744073709551615 bytes"},
		"a section outside":         {40, "\xff\xff", "at 65535 overlaps another or does not fit"},
		"a section that grew":       {48, "\xff\xff", "section ENGN of 65535 bytes at 80 overlaps another or does not fit"},
		"overlapping sections":      {64, "\x50\x00", "section WGHT of 20 bytes at 80 overlaps"},
		"an odd section":            {40, "\x51", "section ENGN starts at 81"},
		"a lost end mark":           {len(whole) - 1, "\x00", "end mark of the plan is missing"},
		"an engine by another name": {32, "xxxx", "the section of the engine is called xxxx, not ENGN"},
		"another engine inside":     {80, "xxxx", "does not start as an engine does"},
		"another version":           {24, "\x08", "the plan says TensorRT 8.3.0.26, the engine in it 10.3.0.26"},
		"an engine that shrank":     {96, "\x01\x00", "the engine says 25 bytes, its section has"},
		"a section of no size":      {48, "\x1b\x00", "a section of 27 bytes is too short for an engine"},
		"an engine of no size":      {96, "\xf0\xff\xff\xff\xff\xff\xff\xff", "a size that makes no sense"},
	} {
		t.Run(name, func(t *testing.T) {
			data := slices.Clone(whole)
			copy(data[tc.at:], tc.bytes)
			f := inspect(t, data)
			if f.Kind != engine.Plan || !f.Damaged || !noted(f, tc.want) {
				t.Errorf("Inspect gives %+v, want the note %q", f, tc.want)
			}
		})
	}
}

func TestAnArchiveThatIsNoEngineIsUnknown(t *testing.T) {
	r := releaseOf(t, "8.5.1.7")
	if f := inspect(t, archive(r, make([]byte, 100))); f.Kind != engine.Unknown || f.Damaged || f.TensorRT != "" || !noted(f, "timing cache") {
		t.Errorf("Inspect gives %+v", f)
	}
	if f := inspect(t, append(archive(r, make([]byte, 100)), 0)); f.Kind != engine.Unknown || !noted(f, "70 74 72 74") {
		t.Errorf("with a byte behind it: %+v", f)
	}
}

// No checksum tells of a broken byte here; the values around it do.
func TestAFlippedByteInTheVersionOfABareEngineIsSeen(t *testing.T) {
	const version, length = 24, 20
	r := releaseOf(t, "8.5.1.7")
	for i := range length {
		data := r.plan(t4)
		data[version+i] ^= 0x40
		if f := inspect(t, data); f.Kind != engine.Plan || i%5 != 4 && (!f.Damaged || f.TensorRT != "") {
			t.Errorf("byte %d: %+v", version+i, f)
		}
	}
}

func TestAPlanBehindAJSONHeaderIsFound(t *testing.T) {
	header := `{"task": "detect", "names": {"0": "person"}}`
	plan := load(t, "trt8.6.1.6-rtx4090-tiny.plan")
	f := inspect(t, behind(header, plan))
	if f.Kind != engine.Plan || f.TensorRT != "8.6.1.6" || f.SM != "8.9" || f.Sections[0].Offset != 56 || f.Truncated || f.Damaged ||
		!noted(f, "a JSON header of 44 bytes") || f.Leading != 48 || !noted(f, "without its first 48 bytes") {
		t.Errorf("Inspect gives %+v", f)
	}
	long := `{"names": "` + strings.Repeat("x", 100_000) + `"}`
	if f := inspect(t, behind(long, plan)); f.Kind != engine.Plan || f.SM != "8.9" || f.Truncated || f.Damaged || !noted(f, "100013 bytes") {
		t.Errorf("behind a long header: %+v", f)
	}
	for _, n := range []int{0, 1, 45, 1 << 30, -1} {
		data := behind(header, plan)
		le.PutUint32(data, uint32(n))
		if f := inspect(t, data); f.Kind != engine.Plan || f.TensorRT != "8.6.1.6" || !noted(f, "48 bytes that do not belong to the plan precede it") {
			t.Errorf("a header that claims %d bytes gives %+v", n, f)
		}
	}
}

func TestForeignBytesBeforeAPlanAreCounted(t *testing.T) {
	for name, whole := range everyLayout(t) {
		if name == "5.0" || strings.Contains(name, "JSON") {
			continue
		}
		for what, before := range map[string]string{
			"a byte order mark":  "\xef\xbb\xbf",
			"an HTTP header":     "HTTP/1.1 200 OK\r\nServer: trtserver\r\nContent-Length: 12\r\n\r\n",
			"one zero":           "\x00",
			"nearly 4 KiB":       strings.Repeat("\x01", 4092),
			"words like a magic": "ftrt ptrt trtexec on a server",
		} {
			f := inspect(t, slices.Concat([]byte(before), whole))
			if f.Kind != engine.Plan || f.TensorRT == "" || f.SM == "" || f.Truncated || f.Damaged || f.Leading != int64(len(before)) || f.Trailing != 0 || !noted(f, "bytes that do not belong to the plan precede it") {
				t.Errorf("%s behind %s: %+v", name, what, f)
			}
		}
	}
	cut := releaseOf(t, "10.3.0.26").plan(t4)
	if f := inspect(t, append([]byte("\x00\x00"), cut[:300]...)); f.Kind != engine.Unknown {
		t.Errorf("half a plan behind two bytes: %+v", f)
	}
}
