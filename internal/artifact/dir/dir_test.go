package dir_test

import (
	"testing"

	"github.com/trtfarm/trtfarm/internal/artifact"
	"github.com/trtfarm/trtfarm/internal/artifact/dir"
	"github.com/trtfarm/trtfarm/internal/artifact/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) artifact.Store { return open(t, t.TempDir()) })
}

func open(t *testing.T, path string) *dir.Store {
	t.Helper()
	s, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
