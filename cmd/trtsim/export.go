package main

import (
	"fmt"
	"os"
	"strings"
)

// exportResults prints and writes the values that were asked for.
func (s *sim) exportResults(inputs, outputs []binding) {
	o, l := s.options, s.log
	if o.DumpOutput {
		s.dumpOutput(outputs)
	}
	if o.DumpRaw {
		l.info("Dumping I/O Bindings to RAW Files:")
		for _, group := range []struct {
			direction string
			bindings  []binding
		}{{"input", inputs}, {"output", outputs}} {
			for _, b := range group.bindings {
				s.dumpRaw(group.direction, b)
			}
		}
	}
	if o.ExportOutput != "" {
		// trtexec does not look whether writing worked.
		_ = os.WriteFile(o.ExportOutput, []byte(outputJSON(outputs)), 0o666)
	}
}

func (s *sim) dumpRaw(direction string, b binding) {
	file := rawName(b.Name, direction, b.dims, b.typ())
	s.log.info("Writing file for %s binding %s (with datatype %s and dimensions %s) to %s", direction, b.Name, typeNames[b.typ()], strings.ReplaceAll(dimString(b.dims), "x", "."), file)
	if err := os.WriteFile(file, b.data, 0o666); err != nil {
		s.log.fail("trtsim: %v", err)
	}
}

func (s *sim) dumpOutput(outputs []binding) {
	if !s.version.AtLeast(10, 4) {
		s.log.info("Output Tensors:")
	}
	for _, b := range outputs {
		s.log.info("%s: (%s)", b.Name, dimString(b.dims))
		s.log.info("%s", strings.Join(b.texts(), " "))
	}
}

// texts are the elements of a binding as trtexec prints them.
func (b binding) texts() []string {
	out := make([]string, len(b.data)/int(b.typ().Size()))
	for i := range out {
		out[i] = text(b.data, b.typ(), i)
	}
	return out
}

// outputJSON is the document of --exportOutput. As in trtexec, names are not
// escaped and nan stands bare, so that it may be invalid JSON.
func outputJSON(outputs []binding) string {
	parts := make([]string, len(outputs))
	for i, b := range outputs {
		parts[i] = fmt.Sprintf("  { \"name\" : \"%s\"\n  , \"dimensions\" : \"%s\"\n  , \"values\" : [ %s ]\n  }", b.Name, dimString(b.dims), strings.Join(b.texts(), ", "))
	}
	return "[\n" + strings.Join(parts, ",\n") + "\n]\n"
}
