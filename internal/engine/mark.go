package engine

import "encoding/binary"

// SimulatedTag is the tag of the extra section by which trtsim marks every
// engine it writes, spelled as Section.Tag is. An engine without a section table
// ends with MarkTrailer instead.
const SimulatedTag = "SIMU"

// simulatedWord is SimulatedTag as a number.
const simulatedWord = 0x53494d55

// markSize is the length of MarkTrailer.
const markSize = 16

// MarkTrailer is what trtsim puts at the very end of the payload of an engine
// without a section table (TensorRT before 8.6): the offset of the mark's data,
// counted from the first byte of the engine, then SimulatedTag as a number and
// its complement, all little-endian.
func MarkTrailer(offset uint64) [markSize]byte {
	var t [markSize]byte
	binary.LittleEndian.PutUint64(t[:], offset)
	binary.LittleEndian.PutUint32(t[8:], simulatedWord)
	binary.LittleEndian.PutUint32(t[12:], ^uint32(simulatedWord))
	return t
}

// MarkOffset reads a MarkTrailer from the last bytes of an engine. It is false
// for an engine that is not marked.
func MarkOffset(trailer []byte) (offset uint64, marked bool) {
	if len(trailer) < markSize {
		return 0, false
	}
	t := trailer[len(trailer)-markSize:]
	marked = binary.LittleEndian.Uint32(t[8:]) == simulatedWord && binary.LittleEndian.Uint32(t[12:]) == ^uint32(simulatedWord)
	return binary.LittleEndian.Uint64(t), marked
}

// simulated notes the mark of trtsim.
func (x *inspection) simulated() {
	x.f.Simulated = true
	x.note("written by trtsim, which stands in for TensorRT on machines without a GPU: TensorRT cannot load it")
}
