package verify

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/onnx"
)

// source is one tensor of reference data, found in a file but not yet read.
type source struct {
	header
	from    string   // the file, and the entry in it, for messages
	labels  []string // names that it may go by, the most telling first
	role    string   // "input" or "output" where the file's name says so
	ordinal int      // position among the model's inputs or outputs; -1 when unknown
	shaped  bool     // header has type and shape
	raw     bool     // the file is nothing but values
	size    int64    // of a raw file
	write   func(io.Writer) error
}

// maxEntries bounds the tensors of one folder or archive.
const maxEntries = 4096

// sources finds the tensors in a folder, or in the one file that path names. The
// returned function closes what they are read from.
func sources(path string) (found []source, done func(), err error) {
	var archives []*zip.ReadCloser
	done = func() {
		for _, a := range archives {
			a.Close()
		}
	}
	files, err := dataFiles(path)
	if err != nil {
		return nil, done, err
	}
	var errs []error
	for _, file := range files {
		var s source
		switch strings.ToLower(filepath.Ext(file)) {
		case ".pb":
			s, err = protoSource(file)
		case ".npy":
			s, err = npySource(file)
		case ".raw", ".bin":
			s, err = rawSource(file)
		case ".npz":
			var archive *zip.ReadCloser
			if archive, err = zip.OpenReader(file); err != nil {
				errs = append(errs, dataFault("save it again with numpy.savez", "%s: not an archive of arrays: %w", file, err))
				continue
			}
			archives = append(archives, archive)
			entries, err := npzSources(file, &archive.Reader)
			found = append(found, entries...)
			errs = append(errs, err)
			continue
		default:
			continue // a README, a script: not data
		}
		if err != nil {
			errs = append(errs, dataFault("save it again", "%s: %w", file, err))
			continue
		}
		found = append(found, s)
	}
	return found, done, errors.Join(errs...)
}

// dataFiles lists path if it is a file, else the files in it, by name.
func dataFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, dataFault("correct inputs or outputs in the matrix, or remove it", "reference data: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("list reference data: %w", err)
	}
	var files []string
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(path, e.Name())); err == nil && info.Mode().IsRegular() {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) > maxEntries {
		return nil, dataFault("keep only the reference data there", "%s: %d files where at most %d are expected", path, len(files), maxEntries)
	}
	return files, nil
}

// numbered matches the names of the ONNX model zoo and our own, and those of
// numpy.savez for arrays without names.
var numbered = regexp.MustCompile(`^(?:(in|out)(?:put)?[_-]?|arr_)(\d{1,4})$`)

// newSource makes a source with the labels that base, a file's name without its
// extension, can mean.
func newSource(from, base string) source {
	s := source{from: from, labels: []string{base}, ordinal: -1}
	if m := numbered.FindStringSubmatch(base); m != nil {
		if m[1] != "" {
			s.role = m[1] + "put"
		}
		s.ordinal, _ = strconv.Atoi(m[2])
	}
	return s
}

func stem(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func protoSource(file string) (source, error) {
	s := newSource(file, stem(file))
	err := reading(file, func(r io.Reader) (err error) {
		s.header, err = protoHeader(r)
		return err
	})
	if s.name != "" {
		s.labels = append([]string{s.name}, s.labels...)
	}
	s.shaped = true
	s.write = func(w io.Writer) error {
		return reading(file, func(r io.Reader) error { return protoData(w, r, s.header) })
	}
	return s, err
}

func npySource(file string) (source, error) {
	s := newSource(file, stem(file))
	err := reading(file, func(r io.Reader) (err error) {
		s.header, err = npyHeader(r)
		return err
	})
	s.shaped = true
	s.write = func(w io.Writer) error {
		return reading(file, func(r io.Reader) error { return npyData(w, r) })
	}
	return s, err
}

// npyData copies the values of a .npy file.
func npyData(w io.Writer, r io.Reader) error {
	h, err := npyHeader(r)
	if err != nil {
		return err
	}
	n, err := h.bytes()
	if err != nil {
		return err
	}
	return exactly(w, r, n)
}

// npzSources lists the arrays of an archive. Their names are only ever compared
// with those of tensors, so they cannot lead out of any folder.
func npzSources(file string, archive *zip.Reader) (found []source, err error) {
	if len(archive.File) > maxEntries {
		return nil, dataFault("keep only the reference data there",
			"%s: %d arrays where at most %d are expected", file, len(archive.File), maxEntries)
	}
	var errs []error
	for _, entry := range archive.File {
		from := file + ": " + entry.Name
		base, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			errs = append(errs, dataFault("save it again with numpy.savez", "%s: not an array", from))
			continue
		}
		s := newSource(from, base)
		s.shaped = true
		err := inEntry(entry, func(r io.Reader) (err error) {
			s.header, err = npyHeader(r)
			return err
		})
		if err != nil {
			errs = append(errs, dataFault("save it again with numpy.savez", "%s: %w", from, err))
			continue
		}
		s.write = func(w io.Writer) error {
			return inEntry(entry, func(r io.Reader) error { return npyData(w, r) })
		}
		found = append(found, s)
	}
	return found, errors.Join(errs...)
}

func inEntry(entry *zip.File, read func(io.Reader) error) error {
	r, err := entry.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return read(bufio.NewReader(r))
}

// reading calls read with the content of a file.
func reading(file string, read func(io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return read(bufio.NewReader(f))
}

func rawSource(file string) (source, error) {
	info, err := os.Stat(file)
	if err != nil {
		return source{}, err
	}
	base := stem(file)
	s := newSource(file, base)
	s.raw, s.size = true, info.Size()
	if name, role, h, ok := rawName(base); ok {
		plain := newSource(file, name)
		s.labels = append(s.labels, plain.labels...)
		s.ordinal, s.role = plain.ordinal, plain.role
		if role != "" {
			s.role = role
		}
		s.header, s.shaped = h, true
	}
	s.write = func(w io.Writer) error {
		return reading(file, func(r io.Reader) error { return exactly(w, r, s.size) })
	}
	return s, nil
}

// rawTypes are the element types in the file names that trtexec gives to raw
// bindings. Source: the printing of DataType in NVIDIA/TensorRT samples/common.
var rawTypes = map[string]onnx.DataType{
	"fp32": onnx.Float32, "fp16": onnx.Float16, "bf16": onnx.BFloat16,
	"int64": onnx.Int64, "int32": onnx.Int32, "int8": onnx.Int8, "uint8": onnx.Uint8, "bool": onnx.Bool,
}

// rawName takes NAME.D.D.D.TYPE or NAME.input.D.D.D.TYPE apart; role is "input",
// "output" or "". Types may also be spelt as NumPy does.
func rawName(base string) (name, role string, h header, ok bool) {
	parts := strings.Split(base, ".")
	last := len(parts) - 1
	if h.typ, ok = rawTypes[parts[last]]; !ok {
		typ, err := onnx.ParseDataType(parts[last])
		if err != nil {
			return "", "", header{}, false
		}
		h.typ = typ
	}
	first := last
	for first > 1 && last-first < maxRank {
		d, err := strconv.ParseInt(parts[first-1], 10, 64)
		if err != nil || d < 0 {
			break
		}
		h.shape = slices.Insert(h.shape, 0, d)
		first--
	}
	if first > 1 && parts[first-1] == "" { // a scalar has no dimensions to print
		first--
	}
	if first > 1 && (parts[first-1] == "input" || parts[first-1] == "output") {
		first--
		role = parts[first]
	}
	if first < 1 {
		return "", "", header{}, false
	}
	return strings.Join(parts[:first], "."), role, h, true
}

// fileName is a tensor's name with everything replaced that trtexec replaces in
// file names, and that file systems do not take.
func fileName(tensor string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-,", c) {
			return c
		}
		return '_'
	}, tensor)
}

// match returns the positions in values that the source's names fit: an exact
// name wins over a file name, and both over a number.
func (s source) match(values []onnx.Value) []int {
	for _, fits := range []func(label, name string) bool{
		func(label, name string) bool { return label == name },
		func(label, name string) bool { return label == fileName(name) },
	} {
		for _, label := range s.labels {
			var at []int
			for i, v := range values {
				if fits(label, v.Name) {
					at = append(at, i)
				}
			}
			if len(at) > 0 {
				return at
			}
		}
	}
	if s.ordinal >= 0 && s.ordinal < len(values) {
		return []int{s.ordinal}
	}
	return nil
}

// named reports whether one of values has exactly the name that the source says.
func (s source) named(values []onnx.Value) bool {
	return slices.ContainsFunc(values, func(v onnx.Value) bool { return slices.Contains(s.labels, v.Name) })
}

// dataFault is a mistake in a user's reference data.
func dataFault(fix, format string, args ...any) error {
	return fault.New(fault.Usage, "reference-data", fix, format, args...)
}

// plainFile creates a file below dir, with its folders, for a tensor.
func plainFile(dir, file string) (*os.File, error) {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return nil, fmt.Errorf("%s leads out of its folder: %w", file, fs.ErrInvalid)
	}
	path := filepath.Join(dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}
