package catalog

import "slices"

// Board is what CUDA reports of one kind of GPU. One catalogue name may have
// several boards: H100-80GB has 132 SMs as an SXM module and 114 as a PCIe card.
// A number that is not known is 0.
type Board struct {
	GPU         string // catalogue name
	Product     string // as the driver prints it
	SMs         int
	BusBits     int   // width of the memory bus
	MemoryMiB   int64 // as CUDA reports it, below the nominal size; drivers differ by a few MiB
	MemoryBytes int64 // the same to the byte, as the source has it
	CoreKHz     int
	MemoryKHz   int
	L2Bytes     int64
	PersistL2   int64 // largest part of the L2 that may be set aside
	SharedKiB   int   // shared memory of one SM
	ECC         bool  // error correction is there
	Source      string
}

var boards = embedded("gpu-boards.csv", parseBoards)

func parseBoards(name string, text []byte) ([]Board, error) {
	body, err := readRows(name, text, "gpu", "product", "sms", "bus_bits", "memory_mib", "memory_bytes",
		"core_khz", "memory_khz", "l2_bytes", "persist_l2_bytes", "shared_kib", "ecc", "source")
	if err != nil {
		return nil, err
	}
	list := make([]Board, 0, len(body))
	for _, r := range body {
		b := Board{
			GPU: r.text("gpu"), Product: r.text("product"), SMs: r.small("sms"), BusBits: r.small("bus_bits"),
			MemoryMiB: r.number("memory_mib"), MemoryBytes: r.number("memory_bytes"),
			CoreKHz: r.small("core_khz"), MemoryKHz: r.small("memory_khz"),
			L2Bytes: r.number("l2_bytes"), PersistL2: r.number("persist_l2_bytes"), SharedKiB: r.small("shared_kib"),
			ECC: r.choice("ecc", "yes", "no") == "yes", Source: r.text("source"),
		}
		if b.GPU == "" {
			r.wrong("gpu", "want a name")
		}
		if b.MemoryBytes > 0 && b.MemoryBytes>>20 != b.MemoryMiB {
			r.wrong("memory_bytes", "is not what memory_mib says")
		}
		if *r.err != nil {
			return nil, *r.err
		}
		list = append(list, b)
	}
	return list, nil
}

// Boards lists every board that is known, in the order of GPUs.
func Boards() []Board { return slices.Clone(boards()) }
