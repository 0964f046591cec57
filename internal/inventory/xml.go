package inventory

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// startsXML reports whether a line starts what nvidia-smi -q -x prints. Any XML
// counts: what it is instead is said later.
func startsXML(line string) bool {
	return strings.HasPrefix(line, "<?xml") || strings.HasPrefix(line, "<!DOCTYPE nvidia_smi_log") || strings.HasPrefix(line, "<nvidia_smi_log")
}

// xmlGPU is what is read of one <gpu>. Neither its compute capability nor the
// profiles of its slices are there.
type xmlGPU struct {
	Product string `xml:"product_name"`
	UUID    string `xml:"uuid"`
	Memory  string `xml:"fb_memory_usage>total"`
	MIG     string `xml:"mig_mode>current_mig"`
	Slices  []struct {
		Memory string `xml:"fb_memory_usage>total"`
	} `xml:"mig_devices>mig_device"`
}

// readXML reads what nvidia-smi -q -x prints, one GPU at a time.
func readXML(src source) ([]GPU, error) {
	dec := xml.NewDecoder(bytes.NewReader(src.text))
	// Product names are ASCII, which all encodings that XML declares share.
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var gpus []GPU
	root, driver, open := "", "", 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if root != "" && open == 0 {
				break // what follows the list is not part of it
			}
			return nil, wrongXML(src, dec, err)
		}
		switch t := token.(type) {
		case xml.EndElement:
			open--
		case xml.StartElement:
			switch {
			case root == "" && t.Name.Local != "nvidia_smi_log":
				return nil, fmt.Errorf("line %d: this is XML of <%s>: save what %s prints", src.line, shortened(t.Name.Local), xmlCommand)
			case open == 1 && t.Name.Local == "driver_version":
				err = dec.DecodeElement(&driver, &t)
			case open == 1 && t.Name.Local == "gpu":
				var g xmlGPU
				if err = dec.DecodeElement(&g, &t); err == nil {
					gpus = append(gpus, g.gpus(told(driver))...)
				}
			case open == 1:
				err = dec.Skip()
			default:
				root, open = t.Name.Local, open+1
			}
			if err != nil {
				return nil, wrongXML(src, dec, err)
			}
		}
	}
	switch {
	case root == "":
		return nil, fmt.Errorf("line %d: the XML ends before its first element: save it again with %s", src.line, xmlCommand)
	case len(gpus) == 0:
		return nil, fmt.Errorf("line %d: %s found no GPU on that host", src.line, xmlCommand)
	}
	return gpus, nil
}

func wrongXML(src source, dec *xml.Decoder, err error) error {
	line, _ := dec.InputPos()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF") {
		return fmt.Errorf("line %d: the XML ends in its middle: the list was cut off; save it again with %s", src.line+line-1, xmlCommand)
	}
	return fmt.Errorf("line %d: this is no XML: %v", src.line+line-1, err)
}

// gpus lists a GPU, or its slices.
func (x xmlGPU) gpus(driver string) []GPU {
	g := GPU{Product: told(x.Product), UUID: told(x.UUID), MemoryMiB: mebibytes(x.Memory), Driver: driver, MIG: mode(told(x.MIG)), Count: 1}
	if g.MIG == "" || len(x.Slices) == 0 {
		return []GPU{g}
	}
	var list []GPU
	for _, s := range x.Slices {
		slice := g
		slice.UUID, slice.MemoryMiB = "", mebibytes(s.Memory)
		list = append(list, slice)
	}
	return list
}
