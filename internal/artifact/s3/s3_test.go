package s3_test

import (
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/s3"
	"github.com/trtfarm/trtfarm/internal/artifact/storetest"
	"github.com/trtfarm/trtfarm/internal/testbed"
)

func TestStore(t *testing.T) {
	for name, prefix := range map[string]string{"below a prefix": "/engines/prod", "in the bucket itself": ""} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) artifact.Store { return open(t, testbed.Bucket(t)+prefix) })
		})
	}
}

func open(t *testing.T, url string) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
