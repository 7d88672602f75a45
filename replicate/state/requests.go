package state

import (
	"context"
	"database/sql"
	"fmt"
)

// Requests returns what other processes have asked for and the run has not done yet, the oldest first.
func (s *Store) Requests(ctx context.Context) ([]Request, error) {
	var list []Request
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT id, verb, plan, key, at_us FROM requests ORDER BY id`, func(r *sql.Rows) error {
			var q Request
			var key []byte
			var at int64
			err := r.Scan(&q.ID, (*string)(&q.Verb), &q.Plan, &key, &at)
			q.Key, q.At = string(key), fromMicros(at)
			list = append(list, q)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read requests from %s: %w", s.path, err)
	}
	return list, nil
}

// OpenToAsk opens an existing state file for reading and for Ask, also while another process runs
// on it. A missing file is an error wrapping fs.ErrNotExist.
func OpenToAsk(ctx context.Context, path string) (*Store, error) {
	return openExisting(ctx, path, "rw")
}

// Ask adds requests to the file, for the run that is on it or the next one, and returns when they
// are on disk. Their IDs are given by the file. It also reports whether a run is on the file now.
func (s *Store) Ask(ctx context.Context, list []Request) (running bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		for _, q := range list {
			if _, err := tx.ExecContext(ctx, `INSERT INTO requests (verb, plan, key, at_us) VALUES (?, ?, ?, ?)`,
				string(q.Verb), q.Plan, []byte(q.Key), micros(q.At)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("write requests to %s: %w", s.path, err)
	}
	return lockHeld(s.path + ".lock"), nil
}
