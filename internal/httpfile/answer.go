package httpfile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// span is a range of a file as an answer tells it.
type span struct{ first, last, size int64 }

// parseRange reads a Content-Range header: "bytes 0-8191/862484" (RFC 9110, 14.4).
func parseRange(header string) (span, error) {
	bad := fmt.Errorf("the server sends part of the file and does not say which (Content-Range: %.60q)", header)
	bounds, size, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, last, both := strings.Cut(bounds, "-")
	if !ok || !both || !strings.HasPrefix(header, "bytes ") {
		return span{}, bad
	}
	if size == "*" {
		return span{}, errors.New("the server does not say how long the file is; download it and look at the copy")
	}
	var n [3]int64
	for i, text := range []string{first, last, size} {
		v, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return span{}, bad
		}
		n[i] = int64(v)
	}
	if n[0] > n[1] || n[1] >= n[2] {
		return span{}, bad
	}
	return span{n[0], n[1], n[2]}, nil
}

// refusals say what an answer without the file means.
var refusals = map[int]string{
	http.StatusUnauthorized:    "the server wants to know who asks: use a signed address, or download the file and look at the copy",
	http.StatusForbidden:       "the server refuses it: a signed address may have expired",
	http.StatusNotFound:        "there is no such file",
	http.StatusGone:            "the file was taken away",
	http.StatusTooManyRequests: "the server has been asked too often: wait, then try again",
}

func refusal(status int) error {
	text := refusals[status]
	switch {
	case text != "":
	case status >= 500:
		text = "the server is in trouble: try again later"
	default:
		text = "the server does not send the file"
	}
	return fmt.Errorf("HTTP %d: %s", status, text)
}

// explain says why no answer came, without the address.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	return errors.New(secrets.ReplaceAllString(err.Error(), "$1$2..."))
}

// secrets matches the parts of an address in a text that may be secret: what
// stands between "//" and "@", and what follows "?" or "#".
var secrets = regexp.MustCompile(`(//)[^/\s"@]*@|([?#])[^\s"]*`)
