package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryBoardBelongsToAGPU(t *testing.T) {
	order := GPUNames()
	last := 0
	for _, b := range Boards() {
		g, ok := FindGPU(b.GPU)
		if !ok || g.Name != b.GPU || g.Members != nil || g.SM == "" {
			t.Errorf("board %q: the catalogue has %+v, %v", b.GPU, g, ok)
		}
		if at := slices.Index(order, b.GPU); at < last {
			t.Errorf("%s is not in the order of gpus.csv", b.GPU)
		} else {
			last = at
		}
		if b.Product != "" && !g.Matches(b.Product) {
			t.Errorf("%s does not list the product %q of its board", b.GPU, b.Product)
		}
		if b.SMs == 0 || b.Source == "" {
			t.Errorf("%s: a board without its SM count or a source says nothing: %+v", b.GPU, b)
		}
		if g.MemoryGiB > 0 && b.MemoryMiB > 0 && (b.MemoryMiB > int64(g.MemoryGiB)<<10 || b.MemoryMiB < int64(g.MemoryGiB)*900) {
			t.Errorf("%s: %d MiB do not fit %d GiB", b.GPU, b.MemoryMiB, g.MemoryGiB)
		}
		if b.PersistL2 > b.L2Bytes {
			t.Errorf("%s: more of the L2 may be set aside than there is", b.GPU)
		}
	}
}

func TestBoards(t *testing.T) {
	sms := func(gpu string) (list []int) {
		for _, b := range Boards() {
			if b.GPU == gpu {
				list = append(list, b.SMs)
			}
		}
		return list
	}
	for gpu, want := range map[string][]int{
		"T4": {40}, "A100-80GB": {108, 108}, "H100-80GB": {132, 114}, "GeForce RTX 3080": {68, 70}, "no such": nil,
	} {
		if got := sms(gpu); !slices.Equal(got, want) {
			t.Errorf("boards of %s have %v SMs, want %v", gpu, got, want)
		}
	}
	first := Boards()[0]
	if want := (Board{
		GPU: "T4", Product: "Tesla T4", SMs: 40, BusBits: 256, MemoryMiB: 15102, MemoryBytes: 15835660288,
		CoreKHz: 1590000, MemoryKHz: 5001000, L2Bytes: 4 << 20, SharedKiB: 64, ECC: true, Source: first.Source,
	}); first != want {
		t.Errorf("the first board is\n%+v, want\n%+v", first, want)
	}
	Boards()[0].SMs = 1
	if Boards()[0].SMs == 1 {
		t.Error("the catalogue was changed through what it returned")
	}
}

func TestABadTableOfBoardsNamesLineAndColumn(t *testing.T) {
	const header = "gpu,product,sms,bus_bits,memory_mib,memory_bytes,core_khz,memory_khz,l2_bytes,persist_l2_bytes,shared_kib,ecc,source\n"
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                 {"", "x.csv:1: no header"},
		"another header":          {"gpu,sms\n", "x.csv:1: header is"},
		"a short row":             {header + "T4,Tesla T4\n", "line 2: wrong number of fields"},
		"a word for a number":     {header + "T4,,many,,,,,,,,,,s\n", `x.csv:2: column sms: "many": want a number above 0`},
		"a number below 0":        {header + "T4,,40,-1,,,,,,,,,s\n", "x.csv:2: column bus_bits"},
		"a number beyond a clock": {header + "T4,,40,,,,9999999999,,,,,,s\n", "x.csv:2: column core_khz"},
		"another word":            {header + "T4,,40,,,,,,,,,perhaps,s\n", "x.csv:2: column ecc"},
		"memory in two minds":     {header + "\nT4,,40,,1,999,,,,,,,s\n", "x.csv:3: column memory_bytes"},
		"no name":                 {header + ",,40,,,,,,,,,,s\n", "x.csv:2: column gpu"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseBoards("x.csv", []byte(tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("parseBoards = %v, %v, want an error with %q", got, err, tc.want)
			}
		})
	}
}
