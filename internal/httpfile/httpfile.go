// Package httpfile reads parts of a file that lies behind HTTP, so that a few KiB
// tell what a file of many GiB is. Addresses may carry secrets, in the user part
// or as a signature in the query: no error and no name that it gives holds them.
package httpfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerTimeout bounds one request, from the connection to the last byte of the
// few KiB that it asks for.
const answerTimeout = 30 * time.Second

// ErrChanged is wrapped by errors about a file that became another while it was read.
var ErrChanged = errors.New("it changed while it was read; try again")

// File is a file behind HTTP.
type File struct {
	*Pieces
	Name  string // its address without secrets
	Whole bool   // the server ignores ranges: nothing beyond the first Budget bytes can be read
}

// remote is what requests for one file have in common.
type remote struct {
	client  *http.Client
	address string // where the file was found, behind all redirects; may hold secrets
	name    string
	state   state
}

// state tells one version of a file from another.
type state struct {
	etag, modified string
	size           int64
}

// Open asks for the first bytes of the file at address, http:// or https://, which
// also tell how long it is. A nil client is one of Go's defaults.
func Open(ctx context.Context, client *http.Client, address string) (*File, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address is none of http:// or https:// that can be read")
	}
	r := &remote{client: careful(client), address: address, name: Name(address)}
	f, err := r.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.name, err)
	}
	return f, nil
}

// Name is address without the parts that may be secret: user, password, query
// and fragment.
func Name(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "(an address that is no URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// careful is client, but for redirects that would give up encryption.
func careful(client *http.Client) *http.Client {
	c := http.Client{}
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		switch {
		case len(via) >= 10:
			return errors.New("the server redirects without end")
		case to.URL.Scheme != "https" && via[0].URL.Scheme == "https":
			return errors.New("the server redirects from https to " + to.URL.Scheme + ", which is refused")
		}
		return nil
	}
	return &c
}

func (r *remote) open(ctx context.Context) (*File, error) {
	within, done := withTimeout(ctx)
	defer done()
	resp, err := r.get(within, 0, HeadBytes)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	f := &File{Name: r.name}
	wanted := int64(HeadBytes)
	r.state = stateOf(resp)
	switch resp.StatusCode {
	case http.StatusPartialContent:
		span, err := parseRange(resp.Header.Get("Content-Range"))
		switch {
		case err != nil:
			return nil, err
		case span.first != 0:
			return nil, fmt.Errorf("the server answers with byte %d and on when asked for the first", span.first)
		}
		r.state.size = span.size
	case http.StatusOK:
		f.Whole = true
		r.state.size, wanted = resp.ContentLength, Budget
	case http.StatusRequestedRangeNotSatisfiable:
		if resp.Header.Get("Content-Range") != "bytes */0" {
			return nil, refusal(resp.StatusCode)
		}
		r.state.size = 0
	default:
		return nil, refusal(resp.StatusCode)
	}
	head, err := r.head(within, resp, wanted)
	if err != nil {
		return nil, err
	}
	f.Pieces = NewPieces(ctx, r.state.size, head, r.read)
	return f, nil
}

// head reads the first bytes, and from a server that does not tell the size learns
// it where the file ends soon.
func (r *remote) head(ctx context.Context, resp *http.Response, wanted int64) ([]byte, error) {
	size := r.state.size
	if size == 0 {
		return nil, nil
	}
	if size > 0 {
		wanted = min(wanted, size)
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, wanted))
	switch {
	case err != nil:
		return nil, explain(ctx, err)
	case size > 0 && int64(len(head)) < wanted:
		return nil, fmt.Errorf("the answer ends after %d of %d bytes", len(head), wanted)
	case size < 0 && int64(len(head)) == wanted:
		return nil, errors.New("the server does not say how long the file is; download it and look at the copy")
	case size < 0:
		r.state.size = int64(len(head))
	}
	return head, nil
}

// read is a Range of the file as it was when it was opened.
func (r *remote) read(ctx context.Context, offset, n int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("read %s: %w", r.name, err) }
	ctx, done := withTimeout(ctx)
	defer done()
	resp, err := r.get(ctx, offset, n)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusPreconditionFailed, http.StatusOK, http.StatusRequestedRangeNotSatisfiable:
		return fail(ErrChanged) // it had ranges before, and this one
	default:
		return fail(refusal(resp.StatusCode))
	}
	now := stateOf(resp)
	span, err := parseRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return fail(err)
	}
	if now.size = span.size; now != r.state {
		return fail(ErrChanged)
	}
	if span.first != offset {
		return fail(fmt.Errorf("the server answers with byte %d when asked for byte %d", span.first, offset))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, n))
	if err != nil {
		return fail(explain(ctx, err))
	}
	if int64(len(data)) < n {
		return fail(fmt.Errorf("the answer ends after %d of %d bytes", len(data), n))
	}
	return data, nil
}

// get sends one request. Once the file was found behind redirects it is asked for
// there.
func (r *remote) get(ctx context.Context, offset, n int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.address, nil)
	if err != nil {
		return nil, errors.New("the address is no URL")
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+n-1))
	req.Header.Set("Accept-Encoding", "identity")
	if e := r.state.etag; e != "" && !strings.HasPrefix(e, "W/") { // a weak tag never matches
		req.Header.Set("If-Match", e)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, explain(ctx, err)
	}
	r.address = resp.Request.URL.String()
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		resp.Body.Close()
		return nil, fmt.Errorf("the server sends it compressed (Content-Encoding: %.20q) though asked not to; download it and look at the copy", e)
	}
	return resp, nil
}

func stateOf(resp *http.Response) state {
	return state{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified")}
}

func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no whole answer within %s", answerTimeout))
}
