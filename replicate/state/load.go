package state

import (
	"context"
	"database/sql"
	"encoding/json"
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
	Parked     []Parked
	Held       []Held   // by transaction, in order
	Letters    int      // how many dead letters there are
	ID         string   // names this state; never changes
	Mark       int64    // see Change.Mark; 0: none
	LeftOut    []string // plans, see Change.LeaveOut
}

// Load reads the state as of one transaction. Progress without a position is ErrCorrupt.
func (s *Store) Load(ctx context.Context) (Snapshot, error) {
	var snap Snapshot
	err := s.inTx(ctx, func(tx *sql.Tx) error { return snap.load(ctx, tx) })
	if err == nil && snap.Checkpoint == nil && len(snap.Plans)+len(snap.Ranges)+len(snap.Jobs) > 0 {
		err = fmt.Errorf("%w: progress without a position", ErrCorrupt)
	}
	if err != nil {
		return Snapshot{}, advised(fmt.Errorf("load state from %s: %w", s.path, err))
	}
	return snap, nil
}

// Checkpoint reads the saved position alone; nil: nothing has been saved yet.
func (s *Store) Checkpoint(ctx context.Context) (*Checkpoint, error) {
	var c *Checkpoint
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		c, err = loadCheckpoint(ctx, tx)
		return err
	})
	if err != nil {
		return nil, advised(fmt.Errorf("load position from %s: %w", s.path, err))
	}
	return c, nil
}

func loadCheckpoint(ctx context.Context, tx *sql.Tx) (*Checkpoint, error) {
	var c Checkpoint
	var committed, saved int64
	err := tx.QueryRowContext(ctx, `SELECT position, fence, committed_us, saved_us FROM position`).Scan(&c.Position, &c.Fence, &committed, &saved)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	c.Committed, c.Saved = fromMicros(committed), fromMicros(saved)
	return &c, err
}

func (snap *Snapshot) load(ctx context.Context, tx *sql.Tx) error {
	checkpoint, err := loadCheckpoint(ctx, tx)
	if err != nil {
		return err
	}
	snap.Checkpoint = checkpoint
	return errors.Join(
		each(ctx, tx, `SELECT plan, source, destination, fingerprint, identity, definition FROM plans ORDER BY plan`, func(r *sql.Rows) error {
			var p Plan
			defer func() { snap.Plans = append(snap.Plans, p) }()
			return r.Scan(&p.Plan, &p.Source, &p.Destination, &p.Fingerprint, &p.Identity, &p.Definition)
		}),
		each(ctx, tx, `SELECT plan, number, rest, rows, comparing FROM ranges ORDER BY plan, number`, func(r *sql.Rows) error {
			var p Range
			defer func() { snap.Ranges = append(snap.Ranges, p) }()
			return r.Scan(&p.Plan, &p.Number, &p.Rest, &p.Rows, &p.Comparing)
		}),
		each(ctx, tx, `SELECT id, plan, kind, reason, comparing FROM jobs ORDER BY id`, func(r *sql.Rows) error {
			var j Job
			defer func() { snap.Jobs = append(snap.Jobs, j) }()
			return r.Scan(&j.ID, &j.Plan, (*string)(&j.Kind), &j.Reason, &j.Comparing)
		}),
		each(ctx, tx, `SELECT low, high FROM leases ORDER BY low`, func(r *sql.Rows) error {
			var l Lease
			defer func() { snap.Leases = append(snap.Leases, l) }()
			return r.Scan(&l.Low, &l.High)
		}),
		tx.QueryRowContext(ctx, `SELECT count(*) FROM letters`).Scan(&snap.Letters),
		snap.loadRest(ctx, tx),
	)
}

// loadRest reads what does not belong to plans and letters.
func (snap *Snapshot) loadRest(ctx context.Context, tx *sql.Tx) error {
	return errors.Join(
		each(ctx, tx, `SELECT plan, source, destination, reason, advice, position, at_us, was FROM parked ORDER BY plan`, func(r *sql.Rows) error {
			var p Parked
			var at int64
			var was string
			err := r.Scan(&p.Plan, &p.Source, &p.Destination, &p.Reason, &p.Advice, &p.Position, &at, &was)
			p.At = fromMicros(at)
			if err == nil && was != "" {
				var stored wasText
				err = json.Unmarshal([]byte(was), &stored)
				p.Was, p.Whole = stored.Plan, !stored.Partial
			}
			snap.Parked = append(snap.Parked, p)
			return err
		}),
		each(ctx, tx, `SELECT xid, number, source_schema, source_name, action, key FROM held ORDER BY xid, number`, func(r *sql.Rows) error {
			var h Held
			var key []byte
			err := r.Scan(&h.XID, &h.Number, &h.Schema, &h.Name, &h.Action, &key)
			h.Key = string(key)
			snap.Held = append(snap.Held, h)
			return err
		}),
		each(ctx, tx, `SELECT plan FROM left_out ORDER BY plan`, func(r *sql.Rows) error {
			var plan string
			defer func() { snap.LeftOut = append(snap.LeftOut, plan) }()
			return r.Scan(&plan)
		}),
		tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'id'`).Scan(&snap.ID),
		tx.QueryRowContext(ctx, `SELECT coalesce(max(cast(value AS INTEGER)), 0) FROM meta WHERE name = 'mark'`).Scan(&snap.Mark),
	)
}

func each(ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
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
