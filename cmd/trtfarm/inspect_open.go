package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/fault"
	"github.com/trtfarm/trtfarm/internal/httpfile"
	"github.com/trtfarm/trtfarm/internal/report"
)

// maxSpool bounds what is kept of standard input.
const maxSpool = 8 << 30

// subjectFile is a file that is looked into.
type subjectFile struct {
	name  string // as it is shown: without secrets
	path  string // on this machine, or ""
	r     io.ReaderAt
	size  int64
	far   bool // behind a network: its bytes are dear
	whole bool // far, and the server knows no ranges
	notes []string
	close func()
}

func (o *subjectFile) section() *io.SectionReader { return io.NewSectionReader(o.r, 0, o.size) }

// short says why not all of a far file was seen.
func (o *subjectFile) short() string {
	if o.whole {
		return fmt.Sprintf("its server ignores ranges, so only the first %s of it were read", report.Size(httpfile.Budget))
	}
	return fmt.Sprintf("no more than %s of a file that is far away are read", report.Size(httpfile.Budget))
}

// fault classifies an error of reading the file.
func (o *subjectFile) fault(err error) error {
	if o.far {
		return fault.New(fault.Storage, "storage", "", "%w", err)
	}
	return fault.New(fault.Usage, "usage", "", "read %s: %w", o.name, err)
}

// openSubject opens what a user names.
func openSubject(ctx context.Context, s streams, name string) (*subjectFile, error) {
	scheme, _, isURL := strings.Cut(name, "://")
	switch {
	case name == "-":
		return openStdin(ctx, s, maxSpool)
	case isURL && strings.EqualFold(scheme, "s3") && !places(name):
		return nil, fault.New(fault.Usage, "usage", "write s3://BUCKET/KEY", "%s names no object", name)
	case isURL && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) && !places(name):
		return nil, fault.New(fault.Usage, "usage", "write https://HOST/PATH", "the address that begins with %s:// names no host", scheme)
	case isURL && strings.EqualFold(scheme, "s3"):
		return openS3(ctx, name)
	case isURL && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")):
		return openHTTP(ctx, name)
	case isURL && strings.EqualFold(scheme, "file"):
		return openPath(name[len("file://"):])
	case isURL:
		if _, err := os.Stat(name); err != nil {
			return nil, fault.New(fault.Usage, "usage", "use a path, s3://BUCKET/KEY, http:// or https://", "%s: files cannot be read by %s://", httpfile.Name(name), scheme)
		}
	}
	return openPath(name)
}

func openPath(path string) (*subjectFile, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fault.New(fault.Usage, "usage", "", "inspect %s: %w", path, unnamed(err))
	case info.IsDir():
		return nil, fault.New(fault.Usage, "usage", "name the files in it: trtfarm inspect "+strings.TrimSuffix(path, "/")+"/*", "inspect %s: it is a folder", path)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Usage, "usage", "copy what it gives to a file, or pipe it: trtfarm inspect -", "inspect %s: it is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "usage", "", "inspect %s: %w", path, unnamed(err))
	}
	return &subjectFile{name: path, path: path, r: f, size: info.Size(), close: func() { f.Close() }}, nil
}

// unnamed is an error of the operating system without the name of its file, for a
// message that has it already.
func unnamed(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// openStdin keeps standard input, up to so many bytes, in a temporary file: what a
// file is stands at its end, too.
func openStdin(ctx context.Context, s streams, most int64) (*subjectFile, error) {
	fail := func(fix string, err error) (*subjectFile, error) {
		return nil, fault.New(fault.Usage, "usage", fix, "inspect standard input: %w", err)
	}
	f, err := os.CreateTemp("", "trtfarm-inspect-*")
	if err != nil {
		return fail("set TMPDIR to a folder with room, or name the file", err)
	}
	os.Remove(f.Name()) // it lives as long as it is open
	n, err := io.Copy(f, &watched{ctx: ctx, r: io.LimitReader(s.in, most+1), name: "standard input", say: s.err})
	if err == nil && n > most {
		err = fmt.Errorf("it is longer than %s", report.Size(most))
	}
	if err != nil {
		f.Close()
		return fail("write it to a file, and name that", err)
	}
	return &subjectFile{name: "-", r: f, size: n, close: func() { f.Close() }}, nil
}

// places reports whether an address names a host, or a bucket and an object in it.
func places(address string) bool {
	scheme, rest, _ := strings.Cut(address, "://")
	host, key, _ := strings.Cut(rest, "/")
	return host != "" && (key != "" || !strings.EqualFold(scheme, "s3"))
}

func openHTTP(ctx context.Context, address string) (*subjectFile, error) {
	f, err := httpfile.Open(ctx, nil, address)
	if err != nil {
		return nil, fault.New(fault.Storage, "storage", "", "%w", err)
	}
	return &subjectFile{name: f.Name, r: f, size: f.Size(), far: true, whole: f.Whole, close: func() {}}, nil
}

func openS3(ctx context.Context, address string) (*subjectFile, error) {
	address = "s3" + address[len("s3"):] // schemes know no case
	object, err := s3.OpenObject(ctx, address, httpfile.HeadBytes)
	if err != nil {
		return nil, fault.New(fault.Storage, "storage", "", "%w", err)
	}
	o := &subjectFile{name: address, size: object.Size, far: true, close: func() {}}
	o.r = httpfile.NewPieces(ctx, object.Size, object.Head, object.ReadRange)
	var says []string
	for _, name := range []string{"sha256", "md5"} {
		if value := object.Meta[name]; value != "" {
			says = append(says, name+" "+value)
		}
	}
	if len(says) > 0 {
		slices.Sort(says)
		o.notes = append(o.notes, "its metadata says "+strings.Join(says, ", ")+"; not checked")
	}
	return o, nil
}

// watched reads on until ctx ends, and tells how far it is when that takes long.
type watched struct {
	ctx  context.Context // an io.Reader is given none
	r    io.Reader
	name string
	size int64 // 0 when it is not known
	say  io.Writer

	done int64
	next time.Time
}

func (w *watched) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.r.Read(p)
	w.done += int64(n)
	now := time.Now()
	switch {
	case w.next.IsZero():
		w.next = now.Add(time.Second)
	case now.After(w.next) && !errors.Is(err, io.EOF):
		w.next = now.Add(5 * time.Second)
		of := ""
		if w.size > 0 {
			of = fmt.Sprintf(" of %s (%d %%)", report.Size(w.size), w.done*100/w.size)
		}
		fmt.Fprintf(w.say, "trtfarm: read %s%s of %s\n", report.Size(w.done), of, w.name)
	}
	return n, err
}
