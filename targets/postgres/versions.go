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

// compare finds out why ops were not written: the row has the same or a higher version, whoever wrote it, there is no row to
// delete or to mark, or it has a mark. All else is doubtful: a trigger has skipped the row, or another writer has changed it since.
func (w *writing) compare(ctx context.Context, b *batch, c claim) error {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	keys := newRows(c.table.columns[:c.table.keys], false)
	for _, op := range b.ops {
		if why := keys.add(op); why != "" {
			return errors.New(why) // it was part of the statement: this cannot be
		}
	}
	found, err := w.pool.Query(ctx, c.table.byKeys(c.table.storedVersion()+", "+c.table.isMarked()), keys.parameters()...)
	if err != nil {
		return refused(err)
	}
	type row struct {
		version int64
		marked  bool
	}
	there := make(map[int]row, len(b.ops))
	var n int
	var r row
	_, err = pgx.ForEachRow(found, []any{&n, &r.version, &r.marked}, func() error {
		there[n-1] = r
		return nil
	})
	if err != nil {
		return refused(err)
	}
	for i, op := range b.ops {
		r, found := there[i]
		switch {
		case found && r.version >= op.Version:
			w.failed = append(w.failed, targets.ItemError{Index: b.index[i], Class: targets.Conflict, Reason: "the row has the same or a higher version", Stored: r.version})
		case op.Verb == targets.MarkDeleted && r.marked: // and keeps its mark
		case found || op.Verb == targets.Upsert:
			w.failed.Add(targets.Doubtful, "the row was not written, and its version is not why: a trigger may skip it", b.index[i])
		}
	}
	return nil
}

// isMarked is the expression for whether a row t has a mark.
func (t *table) isMarked() string {
	marks := t.marks()
	if len(marks) == 0 {
		return "false"
	}
	return "t." + quote(marks[0].field.Name) + " IS NOT NULL"
}
