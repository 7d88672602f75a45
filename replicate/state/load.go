package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Snapshot is all that a run starts from. It is empty for a new file.
type Snapshot struct {
	Checkpoint *Checkpoint // nil: nothing has been saved yet
	Plans      []Plan
	Ranges     []Range
	Jobs       []Job // in the order they were queued
	Leases     []Lease
	Letters    int // how many dead letters there are
}

// Load reads the state as of one transaction. Progress without a position is ErrCorrupt.
func (s *Store) Load(ctx context.Context) (Snapshot, error) {
	var snap Snapshot
	err := s.inTx(ctx, func(tx *sql.Tx) error { return snap.load(ctx, tx) })
	if err == nil && snap.Checkpoint == nil && len(snap.Plans)+len(snap.Ranges)+len(snap.Jobs) > 0 {
		err = fmt.Errorf("%w: progress without a position", ErrCorrupt)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("load state from %s: %w", s.path, err)
	}
	return snap, nil
}

func (snap *Snapshot) load(ctx context.Context, tx *sql.Tx) error {
	var c Checkpoint
	var committed, saved int64
	err := tx.QueryRowContext(ctx, `SELECT position, fence, committed_us, saved_us FROM position`).Scan(&c.Position, &c.Fence, &committed, &saved)
	switch {
	case err == nil:
		c.Committed, c.Saved = fromMicros(committed), fromMicros(saved)
		snap.Checkpoint = &c
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	return errors.Join(
		each(ctx, tx, `SELECT plan, source, destination, fingerprint FROM plans ORDER BY plan`, func(r *sql.Rows) error {
			var p Plan
			defer func() { snap.Plans = append(snap.Plans, p) }()
			return r.Scan(&p.Plan, &p.Source, &p.Destination, &p.Fingerprint)
		}),
		each(ctx, tx, `SELECT plan, number, rest, rows FROM ranges ORDER BY plan, number`, func(r *sql.Rows) error {
			var p Range
			defer func() { snap.Ranges = append(snap.Ranges, p) }()
			return r.Scan(&p.Plan, &p.Number, &p.Rest, &p.Rows)
		}),
		each(ctx, tx, `SELECT id, plan, kind, reason FROM jobs ORDER BY id`, func(r *sql.Rows) error {
			var j Job
			defer func() { snap.Jobs = append(snap.Jobs, j) }()
			return r.Scan(&j.ID, &j.Plan, (*string)(&j.Kind), &j.Reason)
		}),
		each(ctx, tx, `SELECT low, high FROM leases ORDER BY low`, func(r *sql.Rows) error {
			var l Lease
			defer func() { snap.Leases = append(snap.Leases, l) }()
			return r.Scan(&l.Low, &l.High)
		}),
		tx.QueryRowContext(ctx, `SELECT count(*) FROM letters`).Scan(&snap.Letters),
	)
}

// Letters returns up to limit dead letters, the newest first.
func (s *Store) Letters(ctx context.Context, limit int) ([]Letter, error) {
	var letters []Letter
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, fmt.Sprintf(`SELECT plan, key, key_text, document, reason, at_us FROM letters ORDER BY at_us DESC LIMIT %d`, limit), func(r *sql.Rows) error {
			var l Letter
			var key []byte
			var at int64
			err := r.Scan(&l.Plan, &key, &l.KeyText, &l.Document, &l.Reason, &at)
			l.Key, l.At = string(key), fromMicros(at)
			letters = append(letters, l)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters from %s: %w", s.path, err)
	}
	return letters, nil
}

func each(ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// LetterRefs names the documents that have a dead letter.
func (s *Store) LetterRefs(ctx context.Context) ([]LetterRef, error) {
	var refs []LetterRef
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT plan, key FROM letters`, func(r *sql.Rows) error {
			var ref LetterRef
			var key []byte
			err := r.Scan(&ref.Plan, &key)
			ref.Key = string(key)
			refs = append(refs, ref)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters from %s: %w", s.path, err)
	}
	return refs, nil
}
