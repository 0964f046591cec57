package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExternal is wrapped by errors about a file of external weights that is
// missing, too short, or not a file of its own below the model's folder.
var ErrExternal = errors.New("external weights are not usable")

// externalError carries a whole sentence and still answers to ErrExternal.
type externalError struct {
	text string
	err  error
}

func (e *externalError) Error() string   { return e.text }
func (e *externalError) Unwrap() []error { return []error{ErrExternal, e.err} }

// CheckExternal checks that every file of external weights of m, the model at
// path, is a regular file below the model's folder and long enough. It follows
// symbolic links only as long as they stay below that folder. All files that
// are not usable are reported, joined.
func CheckExternal(path string, m *Model) error {
	if len(m.External) == 0 {
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the folder of %s: %w", path, err)
	}
	defer root.Close()
	var errs []error
	for _, e := range m.External {
		f, err := openExternal(root, path, e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Close()
	}
	return errors.Join(errs...)
}

// openExternal opens one file of external weights below root, the folder of the
// model at path.
func openExternal(root *os.Root, path string, e External) (*os.File, error) {
	bad := func(err error, format string, args ...any) error {
		return &externalError{fmt.Sprintf("%s: external weights %s: ", path, e.Location) + fmt.Sprintf(format, args...), err}
	}
	// A look before opening: opening a named pipe would block.
	st, err := root.Stat(filepath.FromSlash(e.Location))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bad(err, "no such file beside the model; copy it there, it belongs to the model")
	case err != nil:
		return nil, bad(err, "%v; it must be a file below the model's folder, not a link out of it", unwrapPath(err))
	case !st.Mode().IsRegular():
		return nil, bad(nil, "not a regular file")
	case st.Size() < e.Bytes:
		return nil, bad(nil, "the file has %d bytes, the model refers to %d; it is cut short, a Git LFS pointer, or of another model", st.Size(), e.Bytes)
	}
	f, err := root.Open(filepath.FromSlash(e.Location))
	if err != nil {
		return nil, bad(err, "%v", unwrapPath(err))
	}
	return f, nil
}

// unwrapPath drops the operation and name from an error that will be printed
// behind the name.
func unwrapPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
