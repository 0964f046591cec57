package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/onnx"
)

// maxNPYHeader is more than any array of 32 dimensions needs; NumPy pads its
// headers to a multiple of 64 bytes.
const maxNPYHeader = 64 << 10

// descrs are NumPy's array-protocol type strings. |V2 is what the bfloat16 of
// ml_dtypes is saved as.
var descrs = map[string]onnx.DataType{
	"<f4": onnx.Float32, "<f2": onnx.Float16, "<f8": onnx.Float64,
	"|V2": onnx.BFloat16, "<V2": onnx.BFloat16,
	"|i1": onnx.Int8, "<i2": onnx.Int16, "<i4": onnx.Int32, "<i8": onnx.Int64,
	"|u1": onnx.Uint8, "<u2": onnx.Uint16, "<u4": onnx.Uint32, "<u8": onnx.Uint64,
	"|b1": onnx.Bool,
}

// npyHeader reads the header of a .npy file of version 1 to 3 and leaves r at the
// data: little endian, C order. Format: numpy.lib.format.
func npyHeader(r io.Reader) (header, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return header{}, cut(err)
	}
	if string(start[:6]) != "\x93NUMPY" {
		return header{}, errors.New("not a .npy file")
	}
	var size uint32
	switch start[6] {
	case 1:
		var n [2]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return header{}, cut(err)
		}
		size = uint32(binary.LittleEndian.Uint16(n[:]))
	case 2, 3:
		var n [4]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return header{}, cut(err)
		}
		size = binary.LittleEndian.Uint32(n[:])
	default:
		return header{}, fmt.Errorf(".npy version %d is not known", start[6])
	}
	if size > maxNPYHeader {
		return header{}, fmt.Errorf("a header of %d bytes is longer than any array needs", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return header{}, cut(err)
	}
	p := npyParser{rest: string(text)}
	h, err := p.dict()
	if err != nil {
		return header{}, fmt.Errorf("header %q: %w", strings.TrimSpace(string(text[:min(len(text), 200)])), err)
	}
	_, err = h.bytes()
	return h, err
}

// npyParser reads the Python dictionary literal of a .npy header.
type npyParser struct {
	rest string
}

// dict reads the three keys that the format knows, in any order.
func (p *npyParser) dict() (header, error) {
	var h header
	seen := map[string]bool{}
	if !p.token("{") {
		return h, errors.New("no dictionary")
	}
	for !p.token("}") {
		key, ok := p.quoted()
		if !ok || !p.token(":") {
			return h, errors.New("no key where one must be")
		}
		if seen[key] {
			return h, fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		if err := p.value(key, &h); err != nil {
			return h, err
		}
		if !p.token(",") && !strings.HasPrefix(p.rest, "}") {
			return h, errors.New("no comma or brace after a value")
		}
	}
	switch {
	case strings.TrimSpace(p.rest) != "":
		return h, errors.New("text after the dictionary")
	case len(seen) != 3:
		return h, errors.New("descr, fortran_order or shape is missing")
	}
	return h, nil
}

func (p *npyParser) value(key string, h *header) error {
	switch key {
	case "descr":
		descr, ok := p.quoted()
		if !ok {
			return errors.New("a structured array is no tensor")
		}
		typ, ok := descrs[descr]
		switch {
		case ok:
			h.typ = typ
			return nil
		case strings.HasPrefix(descr, ">"):
			return fmt.Errorf("type %s is big endian: save it with a.astype(a.dtype.newbyteorder('<'))", descr)
		}
		return fmt.Errorf("type %s is no element type of a tensor", descr)
	case "fortran_order":
		switch {
		case p.token("False"):
			return nil
		case p.token("True"):
			return errors.New("the array is in Fortran order: save numpy.ascontiguousarray(a)")
		}
		return errors.New("fortran_order is neither True nor False")
	case "shape":
		return p.shape(h)
	}
	return fmt.Errorf("key %q is not known", key)
}

func (p *npyParser) shape(h *header) error {
	if !p.token("(") {
		return errors.New("shape is no tuple")
	}
	for !p.token(")") {
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		d, err := strconv.ParseInt(p.rest[:digits], 10, 64)
		if err != nil || len(h.shape) == maxRank {
			return fmt.Errorf("shape has a bad dimension %d", len(h.shape))
		}
		p.rest = strings.TrimLeft(p.rest[digits:], " ")
		h.shape = append(h.shape, d)
		if !p.token(",") && (len(h.shape) == 1 || !strings.HasPrefix(p.rest, ")")) {
			return errors.New("shape is no tuple")
		}
	}
	return nil
}

// token takes t and the blanks after it off the rest, if t is next.
func (p *npyParser) token(t string) bool {
	rest, ok := strings.CutPrefix(p.rest, t)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

// quoted takes a Python string without escapes.
func (p *npyParser) quoted() (string, bool) {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", false
	}
	text, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok || strings.Contains(text, `\`) {
		return "", false
	}
	p.rest = strings.TrimLeft(rest, " ")
	return text, true
}

// exactly copies n bytes from r to w and insists that no more follow.
func exactly(w io.Writer, r io.Reader, n int64) error {
	if copied, err := io.CopyN(w, r, n); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the file is cut short: %d bytes of values where its shape needs %d", copied, n)
		}
		return err
	}
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("more than the %d bytes of values that its shape needs", n)
	default:
		return err
	}
}
