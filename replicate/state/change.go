package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Checkpoint is a saved position: everything before it is durable in the target or a dead letter.
type Checkpoint struct {
	Position  string
	Fence     string    // goes with the position: reads after a restart must see at least this
	Committed time.Time // of the newest transaction in it, by the source's clock; zero: unknown
	Saved     time.Time // when it was saved, by our clock
}

// Plan is a table under a mapping that has been taken up.
type Plan struct {
	Plan        string // mappings.PlanID
	Source      string // "schema.table"
	Destination string
	Fingerprint string
}

// Range is the progress of one key range of a plan's backfill.
type Range struct {
	Plan   string
	Number int
	Rest   string // what is left to scan; empty: finished
	Rows   int64  // rows done so far
}

// JobKind says what a job does.
type JobKind string

// The job kinds.
const (
	Backfill JobKind = "backfill" // copy all rows of the table
	Sweep    JobKind = "sweep"    // look again at all documents of the destination
)

// Job is work that is queued, in the same transaction as what made it necessary. A second job of
// the same kind for a plan that has one replaces it, so that it begins anew.
type Job struct {
	ID     int64 // given by the engine, rising
	Plan   string
	Kind   JobKind
	Reason string
}

// Letter is a dead letter: a key whose document the target rejected.
type Letter struct {
	Plan     string
	Key      string // source.Key
	KeyText  string
	Document string // its id in the destination
	Reason   string
	At       time.Time
}

// LetterRef names a letter.
type LetterRef struct{ Plan, Key string }

// Lease is a span of versions [Low, High) that a run may issue.
type Lease struct{ Low, High int64 }

// Change is everything that one Save changes. Zero fields change nothing.
type Change struct {
	Checkpoint *Checkpoint
	Plans      []Plan // added or replaced
	DropPlans  []string
	// NewRanges replace all ranges of the plans in it.
	NewRanges []Range
	Ranges    []Range // progress
	AddJobs   []Job
	DoneJobs  []int64
	Letters   []Letter
	Resolved  []LetterRef
	Lease     *Lease
}

// Save applies the change in one transaction and returns when it is on disk.
func (s *Store) Save(ctx context.Context, c Change) error {
	if err := s.inTx(ctx, func(tx *sql.Tx) error { return c.apply(ctx, tx) }); err != nil {
		return fmt.Errorf("save state to %s: %w", s.path, err)
	}
	return nil
}

func (c Change) apply(ctx context.Context, tx *sql.Tx) error {
	var err error
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	if p := c.Checkpoint; p != nil {
		exec(`INSERT OR REPLACE INTO position VALUES (1, ?, ?, ?, ?)`, p.Position, p.Fence, micros(p.Committed), micros(p.Saved))
	}
	for _, p := range c.DropPlans {
		exec(`DELETE FROM plans WHERE plan = ?`, p)
		exec(`DELETE FROM ranges WHERE plan = ?`, p)
		exec(`DELETE FROM jobs WHERE plan = ?`, p)
	}
	for _, p := range c.Plans {
		exec(`INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)`, p.Plan, p.Source, p.Destination, p.Fingerprint)
	}
	for _, r := range c.NewRanges {
		exec(`DELETE FROM ranges WHERE plan = ?`, r.Plan)
	}
	for _, r := range append(c.NewRanges[:len(c.NewRanges):len(c.NewRanges)], c.Ranges...) {
		exec(`INSERT OR REPLACE INTO ranges VALUES (?, ?, ?, ?)`, r.Plan, r.Number, r.Rest, r.Rows)
	}
	for _, id := range c.DoneJobs {
		exec(`DELETE FROM jobs WHERE id = ?`, id)
	}
	for _, j := range c.AddJobs {
		exec(`INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)`, j.ID, j.Plan, string(j.Kind), j.Reason)
	}
	for _, r := range c.Resolved {
		exec(`DELETE FROM letters WHERE plan = ? AND key = ?`, r.Plan, []byte(r.Key))
	}
	for _, l := range c.Letters {
		exec(`INSERT OR REPLACE INTO letters VALUES (?, ?, ?, ?, ?, ?)`, l.Plan, []byte(l.Key), l.KeyText, l.Document, l.Reason, micros(l.At))
	}
	if l := c.Lease; l != nil {
		exec(`INSERT OR REPLACE INTO leases VALUES (?, ?)`, l.Low, l.High)
	}
	return err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
