package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// requestsPage is how many requests are read at once.
const requestsPage = 1000

// Requests returns what other processes have asked for and the run has not done yet, the oldest
// first: those with an ID above after, a page of them at most. None: there are no more.
func (s *Store) Requests(ctx context.Context, after int64) ([]Request, error) {
	var list []Request
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT id, verb, plan, key, at_us FROM requests WHERE id > ? ORDER BY id LIMIT ?`, func(r *sql.Rows) error {
			var q Request
			var key []byte
			var at int64
			err := r.Scan(&q.ID, (*string)(&q.Verb), &q.Plan, &key, &at)
			q.Key, q.At = string(key), fromMicros(at)
			list = append(list, q)
			return err
		}, after, requestsPage)
	})
	if err != nil {
		return nil, fmt.Errorf("read requests from %s: %w", s.path, err)
	}
	return list, nil
}

// Pending is how many requests of a verb for a plan have not been done yet.
type Pending struct {
	Verb  Verb
	Plan  string
	Count int
	Since time.Time // when the oldest of them was asked
}

// PendingRequests counts the requests that have not been done yet, the oldest first: those with the
// IDs that asked has, or all of them for nil.
func (s *Store) PendingRequests(ctx context.Context, asked *Asked) ([]Pending, error) {
	where, args := "TRUE", []any(nil)
	if asked != nil {
		where, args = "id BETWEEN ? AND ?", []any{asked.First, asked.Last}
	}
	var list []Pending
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT verb, plan, count(*), min(at_us) FROM requests WHERE `+where+` GROUP BY verb, plan ORDER BY min(id)`,
			func(r *sql.Rows) error {
				var p Pending
				var at int64
				err := r.Scan((*string)(&p.Verb), &p.Plan, &p.Count, &at)
				p.Since = fromMicros(at)
				list = append(list, p)
				return err
			}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("count requests in %s: %w", s.path, err)
	}
	return list, nil
}

// OpenToAsk opens an existing state file for reading and for Ask, also while another process runs
// on it. A missing file is an error wrapping fs.ErrNotExist, one of an older format is ErrOlder.
func OpenToAsk(ctx context.Context, path string) (*Store, error) {
	return openExisting(ctx, path, "rw")
}

// Asked are the IDs that requests were given by Ask. The zero value is of no request.
type Asked struct{ First, Last int64 }

// Ask adds requests to the file, for the run that is on it or the next one, and returns when they
// are on disk. Their IDs are given by the file.
func (s *Store) Ask(ctx context.Context, list []Request) (Asked, error) {
	var asked Asked
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		for _, q := range list {
			done, err := tx.ExecContext(ctx, `INSERT INTO requests (verb, plan, key, at_us) VALUES (?, ?, ?, ?)`,
				string(q.Verb), q.Plan, []byte(q.Key), micros(q.At))
			if err != nil {
				return err
			}
			if asked.Last, err = done.LastInsertId(); err != nil {
				return err
			}
			if asked.First == 0 {
				asked.First = asked.Last
			}
		}
		return nil
	})
	if err != nil {
		return Asked{}, fmt.Errorf("write requests to %s: %w", s.path, err)
	}
	return asked, nil
}

// Running reports whether a run is on the file now.
func (s *Store) Running() bool { return s.lock != nil || lockHeld(s.place+".lock") }
