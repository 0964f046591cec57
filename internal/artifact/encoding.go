package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxManifest bounds what is read as a manifest. A real one has tens of
// kilobytes; a model with hundreds of outputs and profiles has a few megabytes.
const maxManifest = 16 << 20

// maxDepth is how deep a manifest's JSON may nest; ours nests five deep.
const maxDepth = 64

// manifestVersion is the only version there is.
const manifestVersion = 1

// Encode returns m as it is published: the same bytes for the same manifest,
// and only ones that ParseManifest accepts.
func (m *Manifest) Encode() ([]byte, error) {
	c := *m
	c.BuiltAt = m.BuiltAt.UTC()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // argv is for people to read and to paste
	e.SetIndent("", "  ")
	if err := e.Encode(&c); err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", m.Cell, err)
	}
	if _, err := ParseManifest(b.Bytes()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ParseManifest reads a manifest and refuses one that is incomplete, ambiguous,
// or of a version that this program does not know. Fields that it does not know
// are passed over, since fields are added.
func ParseManifest(data []byte) (*Manifest, error) {
	bad := func(err error) (*Manifest, error) { return nil, fmt.Errorf("manifest: %w", err) }
	switch {
	case len(data) > maxManifest:
		return bad(fmt.Errorf("%d bytes are more than %d", len(data), maxManifest))
	case !utf8.Valid(data):
		return bad(errors.New("not UTF-8"))
	}
	if err := unambiguous(data); err != nil {
		return bad(err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return bad(err)
	}
	if err := m.validate(); err != nil {
		return bad(err)
	}
	return &m, nil
}

func (m *Manifest) validate() error {
	switch {
	case m.Version > manifestVersion:
		return fmt.Errorf("version %d was written by a newer trtfarm; this one reads version %d", m.Version, manifestVersion)
	case m.Version != manifestVersion:
		return fmt.Errorf("version is %d, should be %d", m.Version, manifestVersion)
	case m.Cell == "":
		return errors.New("cell is missing")
	case m.Model == "":
		return errors.New("model is missing")
	case !isDigest(m.Key, 32):
		return fmt.Errorf("key %.80q is not 64 lower-case hex digits", m.Key)
	case m.BuiltAt.IsZero():
		return errors.New("built_at is missing")
	}
	if err := m.Engine.validate(); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	for i, b := range m.Blobs {
		if err := b.validate(); err != nil {
			return fmt.Errorf("blobs[%d]: %w", i, err)
		}
	}
	return nil
}

func (b Blob) validate() error {
	switch {
	case b.Size < 0:
		return fmt.Errorf("size is %d", b.Size)
	case !isDigest(b.SHA256, 32):
		return fmt.Errorf("sha256 %.80q is not 64 lower-case hex digits", b.SHA256)
	case !isDigest(b.MD5, 16):
		return fmt.Errorf("md5 %.80q is not 32 lower-case hex digits", b.MD5)
	case b.Path != BlobKey(b.SHA256):
		return fmt.Errorf("path %.200q is not where a blob with that sha256 lies", b.Path)
	}
	return nil
}

// unambiguous refuses JSON in which two names of one object are equal but for
// case: encoding/json takes the last of them and others the first, so that two
// readers of one signed text would see different records.
func unambiguous(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		names map[string]bool // nil in an array
		value bool            // in an object: a value comes next
	}
	var open []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil // json.Unmarshal finds what else is wrong
		}
		if err != nil {
			return err
		}
		var top *level
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		switch t {
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			continue
		}
		if top != nil && top.names != nil && !top.value {
			name := strings.ToLower(t.(string))
			if top.names[name] {
				return fmt.Errorf("the name %.80q appears twice in one object", t)
			}
			top.names[name], top.value = true, true
			continue
		}
		if top != nil {
			top.value = false
		}
		if len(open) == maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}

// ReadManifest reads the manifest that lies under key, as RecordKey makes it,
// and refuses one that says it belongs elsewhere.
func ReadManifest(ctx context.Context, s Store, key string) (*Manifest, error) {
	r, err := s.Open(ctx, key, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", key, ErrCorrupt, err)
	}
	if want := RecordKey(m.Model, m.Key); want != key {
		return nil, fmt.Errorf("%s: %w: manifest belongs at %s", key, ErrCorrupt, want)
	}
	return m, nil
}
