package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// compare finds the ops of a batch that were not written because the row has the same or a higher version. Of the others it
// knows that they were written, or had no row to delete.
func (w *writing) compare(ctx context.Context, b *batch, c claim) error {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	keys := newRows(c.table.columns[:c.table.keys], false)
	for _, op := range b.ops {
		if why := keys.add(op); why != "" {
			return errors.New(why) // it was part of the statement: this cannot be
		}
	}
	found, err := w.pool.Query(ctx, c.table.read(), keys.parameters()...)
	if err != nil {
		return refused(err)
	}
	var n int
	var stored int64
	var body string
	_, err = pgx.ForEachRow(found, []any{&n, &stored, &body}, func() error {
		op := b.ops[n-1]
		// After an upsert the row has our version, or a higher one; a row that a delete has left has one that is not lower.
		if stored > op.Version || op.Verb == targets.Delete && stored == op.Version {
			w.failed = append(w.failed, targets.ItemError{Index: b.index[n-1], Class: targets.Conflict, Reason: "the row has a higher version", Stored: stored})
		}
		return nil
	})
	return refused(err)
}
