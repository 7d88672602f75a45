package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/targets"
)

// only returns the ops of these numbers, from 1.
func (b *batch) only(numbers []int64) *batch {
	rest := &batch{dest: b.dest, verb: b.verb}
	for _, n := range numbers {
		rest.ops, rest.index = append(rest.ops, b.ops[n-1]), append(rest.index, b.index[n-1])
	}
	return rest
}

// compare finds out why ops were not written: the row has the same or a higher version, whoever wrote it, or there is no row to
// delete or to mark. All else is doubtful: a trigger has skipped the row, or another writer has changed it since.
func (w *writing) compare(ctx context.Context, b *batch, c claim) error {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	keys := newRows(c.table.columns[:c.table.keys], false)
	for _, op := range b.ops {
		if why := keys.add(op); why != "" {
			return errors.New(why) // it was part of the statement: this cannot be
		}
	}
	found, err := w.pool.Query(ctx, c.table.byKeys(c.table.storedVersion()), keys.parameters()...)
	if err != nil {
		return refused(err)
	}
	there := make(map[int]int64, len(b.ops))
	var n int
	var version int64
	_, err = pgx.ForEachRow(found, []any{&n, &version}, func() error {
		there[n-1] = version
		return nil
	})
	if err != nil {
		return refused(err)
	}
	for i, op := range b.ops {
		version, found := there[i]
		switch {
		case found && version >= op.Version:
			w.failed = append(w.failed, targets.ItemError{Index: b.index[i], Class: targets.Conflict, Reason: "the row has the same or a higher version", Stored: version})
		case found || op.Verb == targets.Upsert:
			w.failed.Add(targets.Doubtful, "the row was not written, and its version is not why: a trigger may skip it", b.index[i])
		}
	}
	return nil
}
