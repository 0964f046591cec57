package engine

import (
	"slices"

	"github.com/trtfarm/trtfarm/internal/catalog"
)

// boards lists, for GPUs of the catalogue, how many SMs the kinds of board with
// that name have and how wide their memory bus is (0: differs, or not known).
// From NVIDIA's data sheets and architecture white papers; the CUDA core count
// there divided by the cores of one SM. T4, RTX 3060, RTX 3080, RTX 4070, RTX
// 4090 and the Jetsons agree with plan files built on them.
var boards = map[string]struct {
	sms []int
	bus int
}{
	"T4":               {[]int{40}, 256},
	"V100-32GB":        {[]int{80}, 4096},
	"P100-12GB":        {[]int{56}, 3072},
	"P4":               {[]int{20}, 256},
	"A100-40GB":        {[]int{108}, 5120},
	"A100-80GB":        {[]int{108}, 5120},
	"A30":              {[]int{56}, 3072},
	"A10":              {[]int{72}, 384},
	"A2":               {[]int{10}, 128},
	"A16":              {[]int{10}, 128},
	"A40":              {[]int{84}, 384},
	"L4":               {[]int{58}, 192},
	"L40":              {[]int{142}, 384},
	"L40S":             {[]int{142}, 384},
	"H100-80GB":        {[]int{114, 132}, 5120},
	"H100-NVL":         {[]int{132}, 0},
	"H200":             {[]int{132}, 6144},
	"RTX 6000 Ada":     {[]int{142}, 384},
	"RTX 5000 Ada":     {[]int{100}, 256},
	"RTX 4500 Ada":     {[]int{60}, 192},
	"RTX 4000 Ada":     {[]int{48}, 160},
	"RTX 2000 Ada":     {[]int{22}, 128},
	"RTX A6000":        {[]int{84}, 384},
	"RTX A5000":        {[]int{64}, 384},
	"RTX A4000":        {[]int{48}, 256},
	"RTX A2000":        {[]int{26}, 192},
	"Quadro RTX 8000":  {[]int{72}, 384},
	"Quadro RTX 6000":  {[]int{72}, 384},
	"Quadro RTX 5000":  {[]int{48}, 256},
	"Quadro RTX 4000":  {[]int{36}, 256},
	"GeForce RTX 5090": {[]int{170}, 512},
	"GeForce RTX 5080": {[]int{84}, 256},
	"GeForce RTX 5070": {[]int{48}, 192},
	"GeForce RTX 4090": {[]int{128}, 384},
	"GeForce RTX 4080": {[]int{76}, 256},
	"GeForce RTX 4070": {[]int{46}, 192},
	"GeForce RTX 3090": {[]int{82}, 384},
	"GeForce RTX 3080": {[]int{68, 70}, 0},
	"GeForce RTX 3060": {[]int{28}, 192},

	"GeForce RTX 5070 Ti": {[]int{70}, 256},
	"GeForce RTX 5060 Ti": {[]int{36}, 128},
	"GeForce RTX 4070 Ti": {[]int{60}, 192},
	"GeForce RTX 4060 Ti": {[]int{34}, 128},
	"GeForce RTX 4060":    {[]int{24}, 128},
	"GeForce RTX 2080 Ti": {[]int{68}, 352},
	"GeForce RTX 2080":    {[]int{46}, 256},
	"GeForce RTX 2060":    {[]int{30}, 192},

	"Jetson Orin":             {[]int{4, 8, 14, 16}, 0},
	"Jetson Xavier":           {[]int{6, 8}, 0},
	"Jetson Thor T5000/T4000": {[]int{12, 20}, 0},
}

// likely lists the GPUs of the catalogue that fit a device: the capability, and
// the SM count with the bus width, or the memory where a board is not known.
// What is known to differ rules a GPU out; a name is never given on the
// capability alone.
func likely(sm string, d *Device) []string {
	names := []string{}
	for _, g := range catalog.GPUs() {
		if g.Members != nil || g.SM != sm {
			continue
		}
		b, known := boards[g.Name]
		switch {
		case known && !slices.Contains(b.sms, d.SMs):
		case known && b.bus > 0 && b.bus != d.MemoryBusBits:
		case g.MemoryGiB > 0 && d.MemoryBytes > 0 && !holds(g.MemoryGiB, d.MemoryBytes):
		case !known && (g.MemoryGiB == 0 || d.MemoryBytes == 0):
		default:
			names = append(names, g.Name)
		}
	}
	return names
}

// holds reports whether a GPU of a nominal size shows that much memory. Error
// correction and firmware take up to an eighth; some sizes are meant in decimal.
func holds(gib int, bytes int64) bool {
	nominal := int64(gib) << 30
	return bytes <= nominal+nominal/50 && bytes >= nominal-nominal/8
}
