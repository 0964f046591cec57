package catalog

// Board is what CUDA reports of one kind of GPU. One catalogue name may have
// several boards: H100-80GB has 132 SMs as an SXM module and 114 as a PCIe card.
// A number that is not known is 0.
type Board struct {
	GPU       string // catalogue name
	Product   string // as the driver prints it
	SMs       int
	BusBits   int   // width of the memory bus
	MemoryMiB int64 // as CUDA reports it, below the nominal size
	CoreKHz   int
	MemoryKHz int
	L2Bytes   int64
	PersistL2 int64 // largest part of the L2 that may be set aside
	SharedKiB int   // shared memory of one SM
	ECC       bool  // error correction is there
	Source    string
}

// Boards lists every board that is known, in the order of GPUs.
func Boards() []Board { return nil }
