package onnx

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of TensorProto in onnx.proto.
const (
	tensorDims       = 1
	tensorType       = 2
	tensorSegment    = 3
	tensorFloatData  = 4
	tensorStringData = 6
	tensorName       = 8
	tensorRawData    = 9
	tensorExternal   = 13
	tensorLocation   = 14
	maxRank          = 64
	maxTensorBytes   = 1 << 46
	locationExternal = 1
)

// tensor is a TensorProto without its data.
type tensor struct {
	name     string
	typ      DataType
	dims     []int64
	elements int64
	bytes    int64 // of the data, by type and shape, or by its length where the type has no fixed size
	raw      field // raw_data; its start is 0 when there is none
	text     int64 // bytes of string_data

	external       bool
	location       string // cleaned
	offset, length int64  // length is -1 when the model does not say
}

func (t *tensor) label() string { return fmt.Sprintf("tensor %q", t.name) }

// tensor reads the TensorProto in f, all but its data.
func (s *scanner) tensor(f field) (*tensor, error) {
	t := &tensor{offset: -1, length: -1}
	segment := false
	rawLocation := ""
	err := s.message(f, "a tensor", func(f field) (err error) {
		switch f.num {
		case tensorDims:
			return s.numbers(f, "the shape of a tensor", func(d int64) error {
				if len(t.dims) == maxRank {
					return faultAt(f.start, "a tensor has more than %d dimensions", maxRank)
				}
				t.dims = append(t.dims, d)
				return nil
			})
		case tensorType:
			n, err := number(f, "the element type of a tensor")
			t.typ = DataType(int32(n))
			return err
		case tensorSegment:
			segment = true
		case tensorName:
			t.name, err = s.text(f, "the name of a tensor")
		case tensorStringData:
			t.text += f.size()
		case tensorRawData:
			if f.typ != protowire.BytesType {
				return wrongType(f, "the raw data of a tensor")
			}
			t.raw = f
		case tensorExternal:
			rawLocation, err = s.externalEntry(f, t, rawLocation)
		case tensorLocation:
			n, err := number(f, "the data location of a tensor")
			t.external = n == locationExternal
			return err
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t.offset = max(t.offset, 0)
	if err := t.measure(f.start, segment); err != nil {
		return nil, err
	}
	if !t.external {
		return t, nil
	}
	if t.location, err = safeLocation(rawLocation); err != nil {
		return nil, faultAt(f.start, "%s: %v", t.label(), err)
	}
	return t, nil
}

// externalEntry reads one key and value of external_data. Tools differ in which
// of two values they take for a key, so both must be the same.
func (s *scanner) externalEntry(f field, t *tensor, location string) (string, error) {
	var key, value string
	err := s.message(f, "an external data entry", func(f field) (err error) {
		switch f.num {
		case 1:
			key, err = s.text(f, "an external data key")
		case 2:
			value, err = s.text(f, "an external data value")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	switch key {
	case "location":
		if location != "" && location != value {
			return "", faultAt(f.start, "%s: external data names two files, %q and %q", t.label(), location, value)
		}
		return value, nil
	case "offset", "length":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > maxTensorBytes {
			return "", faultAt(f.start, "%s: external data has %s %q, which is not a sensible number of bytes", t.label(), key, value)
		}
		given := &t.offset
		if key == "length" {
			given = &t.length
		}
		if *given >= 0 && *given != n {
			return "", faultAt(f.start, "%s: external data gives two values for %s, %d and %d", t.label(), key, *given, n)
		}
		*given = n
	}
	return location, nil
}

// measure computes how much data the tensor has and checks it against what the
// file holds. Segmented tensors hold a part only.
func (t *tensor) measure(at int64, segment bool) error {
	t.elements = 1
	for _, d := range t.dims {
		if d < 0 {
			return faultAt(at, "%s has the dimension %d", t.label(), d)
		}
		if d > 0 && t.elements > maxTensorBytes/d {
			return faultAt(at, "%s of shape %v is larger than %d bytes", t.label(), t.dims, int64(maxTensorBytes))
		}
		t.elements *= d
	}
	bits := t.typ.bits()
	if bits > 0 && t.elements > maxTensorBytes/bits {
		return faultAt(at, "%s of shape %v is larger than %d bytes", t.label(), t.dims, int64(maxTensorBytes)/8)
	}
	t.bytes = (t.elements*bits + 7) / 8
	have, where := int64(-1), ""
	switch {
	case t.external && t.length >= 0:
		have, where = t.length, "its external data entry gives"
	case !t.external && t.raw.start > 0 && !segment:
		have, where = t.raw.size(), "its raw data has"
	}
	if bits == 0 {
		if t.external && t.length < 0 {
			return faultAt(at, "%s has external data of %s elements, whose size is not known", t.label(), t.typ)
		}
		t.bytes = max(have, t.text)
		return nil
	}
	if have >= 0 && have != t.bytes {
		return faultAt(at, "%s of type %s and shape %v needs %d bytes, but %s %d: the model is damaged", t.label(), t.typ, t.dims, t.bytes, where, have)
	}
	return nil
}

// safeLocation checks that a location of external data names a file strictly
// below the model's folder, on every operating system, and cleans it.
func safeLocation(location string) (string, error) {
	why := ""
	switch {
	case location == "":
		return "", fmt.Errorf("its data is external, but the model names no file for it")
	case strings.ContainsRune(location, '\\'):
		why = "it holds a backslash; ONNX wants forward slashes"
	case strings.ContainsRune(location, 0):
		why = "it holds a zero byte"
	case strings.HasPrefix(location, "/"):
		why = "it is an absolute path"
	case len(location) >= 2 && location[1] == ':':
		why = "it starts with a drive letter"
	case strings.Contains(location, "://"):
		why = "it is an address"
	}
	for part := range strings.SplitSeq(location, "/") {
		if part == ".." {
			why = `it leaves the model's folder with ".."`
		}
	}
	clean := path.Clean(location)
	if why == "" && clean == "." {
		why = "it names a folder"
	}
	if why != "" {
		return "", fmt.Errorf("external data at %q is refused: %s; save the model again with its data beside it", location, why)
	}
	return clean, nil
}
