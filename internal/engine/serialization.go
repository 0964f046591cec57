package engine

import "encoding/binary"

// serializations are the numbers in the heads of plans that were read; second is
// 0 where the layout has none. Several releases share a number: it is no way to
// tell the version.
var serializations = map[string]struct{ number, second uint32 }{
	"6.0.1.10":   {87, 170},
	"7.0.0.11":   {89, 194},
	"7.1.0.16":   {95, 209},
	"7.1.3.0":    {97, 211},
	"7.1.3.4":    {97, 211},
	"8.0.1.6":    {43, 256},
	"8.2.1.8":    {205, 0},
	"8.5.1.7":    {232, 0},
	"8.6.1.6":    {236, 0},
	"10.0.1.6":   {237, 0},
	"10.3.0.26":  {239, 0},
	"10.3.0.30":  {239, 0},
	"10.6.0.26":  {239, 0},
	"10.15.1.29": {240, 0},
}

// numbers compares the numbers in the head, which no checksum covers, with those
// of other plans of the very same release.
func (x *inspection) numbers(v variant, head []byte) {
	want, ok := serializations[x.f.TensorRT]
	if !ok {
		return
	}
	got := binary.LittleEndian.Uint32(head[v.number:])
	second := want.second
	if v.second > 0 {
		second = binary.LittleEndian.Uint32(head[v.second:])
	}
	switch {
	case got == want.number && second == want.second:
	case v.second > 0: // before 8.2 a release wrote one kind of plan only
		x.damage("the serialization numbers are %d and %d; plans of TensorRT %s have %d and %d", got, second, x.f.TensorRT, want.number, want.second)
	default:
		x.note("the serialization number is %d; plans of TensorRT %s that are known have %d", got, x.f.TensorRT, want.number)
	}
}
