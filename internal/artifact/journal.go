package artifact

import (
	"context"
	"fmt"
)

// PutJournal publishes the journal of a run, a file of JSON lines that nobody
// writes to any more. A run has one journal: a second is refused with ErrExist.
func PutJournal(ctx context.Context, s Store, run, path string) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := SumFile(path)
	if err != nil {
		return err
	}
	if err := s.Create(ctx, RunKey(run), f, Object{Digest: d, ContentType: "application/x-ndjson"}); err != nil {
		return fmt.Errorf("publish the journal of run %s: %w", run, err)
	}
	return nil
}
