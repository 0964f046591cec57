package onnx

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// value appends a graph input or output. Of values with the same name the first
// counts: some tools leave a second one behind.
func (w *walk) value(f field, list *[]Value) error {
	var v Value
	err := w.message(f, "a graph input or output", func(f field) (err error) {
		switch f.num {
		case 1:
			v.Name, err = w.text(f, "the name of a graph input or output")
		case 2:
			err = w.valueType(f, &v)
		}
		return err
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(*list, func(o Value) bool { return o.Name == v.Name }) {
		return nil
	}
	*list = append(*list, v)
	if len(*list) > 4096 {
		return faultAt(f.start, "more than 4096 graph inputs or outputs")
	}
	return w.keep(f.start, len(v.Name))
}

// containers are the members of TypeProto that are not tensors.
var containers = map[protowire.Number]string{4: "sequence", 5: "map", 7: "opaque", 8: "sparse tensor", 9: "optional"}

// valueType reads a TypeProto.
func (w *walk) valueType(f field, v *Value) error {
	return w.message(f, "a type", func(f field) error {
		if c := containers[f.num]; c != "" {
			v.Container = c
		}
		if f.num != 1 {
			return nil
		}
		return w.message(f, "a tensor type", func(f field) error {
			switch f.num {
			case 1:
				n, err := number(f, "an element type")
				v.Type = DataType(int32(n))
				return err
			case 2:
				if v.Shape == nil {
					v.Shape = []Dim{}
				}
				return w.shape(f, v)
			}
			return nil
		})
	})
}

// shape reads a TensorShapeProto.
func (w *walk) shape(f field, v *Value) error {
	return w.message(f, "a shape", func(f field) error {
		if f.num != 1 {
			return nil
		}
		d := Dim{Size: -1}
		err := w.message(f, "a dimension", func(f field) (err error) {
			switch f.num {
			case 1:
				if d.Size, err = number(f, "a dimension"); d.Size < 0 {
					d.Size = -1 // written by exporters that mean "dynamic"
				}
			case 2:
				d.Param, err = w.text(f, "the name of a dimension")
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(v.Shape) == maxRank {
			return faultAt(f.start, "%q has more than %d dimensions", v.Name, maxRank)
		}
		if d.Size >= 0 {
			d.Param = ""
		}
		v.Shape = append(v.Shape, d)
		return w.keep(f.start, len(d.Param))
	})
}
