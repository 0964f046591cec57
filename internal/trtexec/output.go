package trtexec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// ReadExportedOutput reads what --exportOutput wrote: for each output tensor it
// calls begin once, then value for each of its elements, in C order. Values have
// six significant digits and may be NaN or infinite. It fails when a tensor has
// another number of values than its dimensions say, as after a run that was cut
// short, and when begin or value does. Memory does not grow with the file.
//
// The document is not quite JSON: nan and inf stand bare, and names are not
// escaped.
// Source: NVIDIA/TensorRT, exportJSONOutput in samples/common/sampleReporting.cpp.
func ReadExportedOutput(r io.Reader, begin func(name string, dims []int64) error, value func(v float64) error) error {
	e := exportReader{scanner: newScanner(r), begin: begin, value: value}
	if err := e.document(); err != nil {
		return fmt.Errorf("read exported outputs: %w", err)
	}
	return nil
}

type exportReader struct {
	*scanner
	begin func(name string, dims []int64) error
	value func(v float64) error
}

func (e exportReader) document() error {
	if _, err := e.expect('['); err != nil {
		return err
	}
	err := e.elements(func(t token) error {
		if t.kind != '{' {
			return e.unexpected(t)
		}
		return e.tensor()
	})
	if err != nil {
		return err
	}
	if t, err := e.next(); err != nil || t.kind != 0 {
		return errors.Join(err, errors.New("more follows the end of the document"))
	}
	return nil
}

// tensor reads one object, whose brace was just taken. Its keys come in order.
func (e exportReader) tensor() error {
	if err := e.key("name"); err != nil {
		return err
	}
	name, err := e.name()
	if err != nil {
		return err
	}
	if _, err := e.expect(','); err != nil {
		return err
	}
	if err := e.key("dimensions"); err != nil {
		return err
	}
	text, err := e.expect('"')
	if err != nil {
		return err
	}
	dims, volume, err := parseDims(text.text)
	if err != nil {
		return fmt.Errorf("output %q: %w", name, err)
	}
	if err := e.begin(name, dims); err != nil {
		return err
	}
	if _, err := e.expect(','); err != nil {
		return err
	}
	if err := e.key("values"); err != nil {
		return err
	}
	if _, err := e.expect('['); err != nil {
		return err
	}
	n, err := e.values(volume)
	if err != nil {
		return fmt.Errorf("output %q: %w", name, err)
	}
	if n != volume {
		return fmt.Errorf("output %q: %d values, want %d", name, n, volume)
	}
	_, err = e.expect('}')
	return err
}

func (e exportReader) key(want string) error {
	t, err := e.expect('"')
	if err == nil && t.text != want {
		err = fmt.Errorf("byte %d: key %q, want %q", e.read, t.text, want)
	}
	if err == nil {
		_, err = e.expect(':')
	}
	return err
}

// name reads a string that may hold quotes and backslashes as they are: the
// quote that ends it is the one before the next key.
func (e exportReader) name() (string, error) {
	if _, err := e.expectQuote(); err != nil {
		return "", err
	}
	var text []byte
	for {
		c, err := e.byte()
		if err != nil {
			return "", errors.Join(err, fmt.Errorf("byte %d: a name does not end", e.read))
		}
		if c == '"' && nextKey(e.in) {
			return printable(text), nil
		}
		if len(text) == longestText {
			return "", fmt.Errorf("byte %d: a name of more than %d bytes", e.read, longestText)
		}
		text = append(text, c)
	}
}

func (e exportReader) expectQuote() (byte, error) {
	for {
		c, err := e.byte()
		switch {
		case err != nil:
			return 0, errors.Join(err, e.unexpected(token{}))
		case c == '"':
			return c, nil
		case c != ' ' && c != '\n' && c != '\t' && c != '\r':
			return 0, fmt.Errorf("byte %d: unexpected %q", e.read, c)
		}
	}
}

// nextKey reports whether what comes next, but for white space, is
// , "dimensions".
func nextKey(in *bufio.Reader) bool {
	const comma, key = ",", `"dimensions"`
	peek, _ := in.Peek(64) // at the end it is shorter, which is all right
	rest, ok := strings.CutPrefix(strings.TrimLeft(string(peek), " \t\r\n"), comma)
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), key)
}

// values hands over the numbers of the array whose bracket was just taken, and
// counts them. It stops at the first one that is too many.
func (e exportReader) values(most int64) (int64, error) {
	var n int64
	err := e.elements(func(t token) error {
		if t.kind != 'a' {
			return e.unexpected(t)
		}
		v, err := parseValue(t.text)
		if err != nil {
			return err
		}
		if n++; n > most {
			return fmt.Errorf("more than %d values", most)
		}
		return e.value(v)
	})
	return n, err
}

// parseValue reads a number as C++ prints it.
func parseValue(s string) (float64, error) {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "nan", "nan(ind)", "nan(snan)":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // beyond the range is infinite
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return v, nil
}

// parseDims reads "1x1000", which 8.4 may write as "(1, 1000)"; "" is a scalar.
func parseDims(s string) (dims []int64, volume int64, err error) {
	separator := "x"
	if inner, ok := strings.CutPrefix(s, "("); ok {
		s, separator = strings.TrimSuffix(inner, ")"), ", "
	}
	volume = 1
	if s == "" {
		return nil, volume, nil
	}
	for part := range strings.SplitSeq(s, separator) {
		d, err := strconv.ParseInt(part, 10, 64)
		if err != nil || d < 0 || len(dims) == 64 || d > 0 && volume > math.MaxInt64/d {
			return nil, 0, fmt.Errorf("dimensions %q make no sense", s)
		}
		dims = append(dims, d)
		volume *= d
	}
	return dims, volume, nil
}
