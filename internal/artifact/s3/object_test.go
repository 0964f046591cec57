package s3_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

func TestPartsOfAnObjectAreRead(t *testing.T) {
	server := testbed.S3(t)
	url := testbed.Bucket(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	meta := map[string]string{"sha256": "abc", "built-at": "2026"}
	if err := open(t, url).Create(t.Context(), "a dir/e.plan", bytes.NewReader(body), artifact.Object{Meta: meta}); err != nil {
		t.Fatal(err)
	}
	var requests, sent atomic.Int64
	faulty(t, server, fault{after: func(r *http.Request, resp *http.Response) bool {
		requests.Add(1)
		sent.Add(resp.ContentLength)
		return true
	}})
	o, err := s3.OpenObject(t.Context(), url+"/a dir/e.plan", 8192)
	if err != nil {
		t.Fatal(err)
	}
	if o.Size != 1<<20 || !bytes.Equal(o.Head, body[:8192]) || o.Meta["sha256"] != "abc" {
		t.Errorf("%d bytes, %d of them read, metadata %v", o.Size, len(o.Head), o.Meta)
	}
	got, err := o.ReadRange(t.Context(), 1<<20-10, 10)
	if err != nil || string(got) != "6789abcdef" {
		t.Errorf("ReadRange: %q, %v", got, err)
	}
	if requests.Load() != 2 || sent.Load() != 8202 {
		t.Errorf("%d requests for %d bytes, want 2 for 8202", requests.Load(), sent.Load())
	}
}

func TestAnObjectThatIsReplacedIsNotPiecedTogether(t *testing.T) {
	url := testbed.Bucket(t)
	s := open(t, url)
	if err := create(t, s, "e", strings.Repeat("a", 100)); err != nil {
		t.Fatal(err)
	}
	o, err := s3.OpenObject(t.Context(), url+"/e", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Repeat("b", 100), "short"} {
		if err := s.Delete(t.Context(), "e"); err != nil {
			t.Fatal(err)
		}
		if err := create(t, s, "e", text); err != nil {
			t.Fatal(err)
		}
		if _, err := o.ReadRange(t.Context(), 50, 10); !errors.Is(err, artifact.ErrChanged) {
			t.Errorf("ReadRange of %q: %v, want ErrChanged", text, err)
		}
	}
}

func TestAnEmptyObjectHasASizeAndNoHead(t *testing.T) {
	url := testbed.Bucket(t)
	if err := create(t, open(t, url), "empty", ""); err != nil {
		t.Fatal(err)
	}
	o, err := s3.OpenObject(t.Context(), url+"/empty", 8192)
	if err != nil || o.Size != 0 || len(o.Head) != 0 {
		t.Errorf("OpenObject: %+v, %v", o, err)
	}
}

func TestObjectsThatAreNotThere(t *testing.T) {
	url := testbed.Bucket(t)
	for address, want := range map[string]error{
		url + "/none":            artifact.ErrNotExist,
		url + "-none/none":       artifact.ErrRefused,
		url:                      nil,
		url + "/":                nil,
		url + "/folder/":         nil,
		"s3://":                  nil,
		"s3://ab/x":              nil,
		"s3://k:secret@bucket/x": nil,
	} {
		_, err := s3.OpenObject(t.Context(), address, 10)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("OpenObject(%s): %v, want %v", address, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), os.Getenv("AWS_SECRET_ACCESS_KEY")) {
			t.Errorf("OpenObject(%s) says too much: %v", address, err)
		}
		t.Log(err)
	}
}

func TestAStoreThatCutsItsAnswerIsNotBelieved(t *testing.T) {
	server := testbed.S3(t)
	url := testbed.Bucket(t)
	if err := create(t, open(t, url), "e", strings.Repeat("a", 100)); err != nil {
		t.Fatal(err)
	}
	faulty(t, server, fault{answer: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Range", "bytes 0-49/100")
		w.Header().Set("Content-Length", "20")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 20))
		return true
	}})
	if o, err := s3.OpenObject(t.Context(), url+"/e", 50); err == nil {
		t.Errorf("OpenObject: %+v, want an error", o)
	}
}
