package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// ReferenceKey names the content that MakeReference will make of a case, so that
// it is made once and kept: equal keys, equal files. It covers the model, the
// runtime and what the inputs follow from: name, type and shape where they are
// generated, and their content where they are given. c is a case as Cases or
// Golden return it.
func ReferenceKey(modelDigest string, c Case, runtime string) string {
	fields := []string{"trtfarm reference v1", modelDigest, runtime, c.Name, strconv.Itoa(c.Profile)}
	for _, side := range [][]Tensor{c.Inputs, c.Outputs} {
		fields = append(fields, strconv.Itoa(len(side)))
		for _, t := range side {
			content := t.SHA256
			if c.Name != goldenCase {
				content = "" // follows from the model's digest and the names
			}
			fields = append(fields, t.Name, strconv.Itoa(int(t.Type)), fmt.Sprint(t.Shape), t.File, content)
		}
		if c.Name != goldenCase {
			break // outputs follow from the inputs
		}
	}
	sum := fingerprint(fields...)
	return hex.EncodeToString(sum[:])
}

// maxIndex bounds an encoded case; real ones have a few KiB.
const maxIndex = 1 << 20

// EncodeCase writes a complete case: one whose tensors all have their files.
func EncodeCase(c Case) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("encode case %s: %w", c.Name, err)
	}
	data, err := json.Marshal(c)
	if err == nil && len(data) > maxIndex {
		err = fmt.Errorf("encode case %s: it needs %d KiB, more than %d", c.Name, len(data)>>10, maxIndex>>10)
	}
	return data, err
}

// DecodeCase reads what EncodeCase wrote. It refuses anything else: unknown
// fields, files outside ref/, sizes that do not fit the shape.
func DecodeCase(data []byte) (Case, error) {
	if len(data) > maxIndex {
		return Case{}, fmt.Errorf("reference index: %d KiB, more than %d", len(data)>>10, maxIndex>>10)
	}
	var c Case
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Case{}, fmt.Errorf("reference index: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Case{}, errors.New("reference index: more than one document")
	}
	if err := c.check(); err != nil {
		return Case{}, fmt.Errorf("reference index: %w", err)
	}
	return c, nil
}

// check reports what keeps a case from being complete and safe to use.
func (c Case) check() error {
	profile, corner, _ := strings.Cut(c.Name, "/")
	if !plainName(profile) || corner != "" && !plainName(corner) {
		return fmt.Errorf("case name %q is not one of ours", c.Name)
	}
	if c.Profile < 0 {
		return fmt.Errorf("profile %d is negative", c.Profile)
	}
	if len(c.Outputs) == 0 {
		return errors.New("no outputs")
	}
	files := map[string]bool{}
	for _, side := range [][]Tensor{c.Inputs, c.Outputs} {
		names := map[string]bool{}
		for _, t := range side {
			if err := t.check(); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
			if names[t.Name] || files[t.File] {
				return fmt.Errorf("tensor %q: its name or its file stands twice", t.Name)
			}
			names[t.Name], files[t.File] = true, true
		}
	}
	return nil
}

func (t Tensor) check() error {
	e, err := elementOf(t.Type)
	if err != nil {
		return err
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("more than %d dimensions", maxRank)
	}
	_, size, err := count(t.Shape, e.size)
	if err != nil {
		return err
	}
	if size != t.Size {
		return fmt.Errorf("%d bytes where %s of %s needs %d", t.Size, shapeText(t.Shape), t.Type, size)
	}
	if !fs.ValidPath(t.File) || !strings.HasPrefix(t.File, "ref/") {
		return fmt.Errorf("file %q lies outside ref/", t.File)
	}
	if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != 32 || strings.ToLower(t.SHA256) != t.SHA256 {
		return fmt.Errorf("%q is no SHA-256", t.SHA256)
	}
	return nil
}
