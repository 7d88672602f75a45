package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/targets"
)

// batch are ops of one destination and one verb, which one statement does.
type batch struct {
	dest  *targets.Destination
	verb  targets.Verb
	ops   []targets.Op
	index []int // of the ops in what Write was given
}

// Write does ops of one destination and verb by one statement at a time.
func (t *Target) Write(ctx context.Context, ops []targets.Op) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	w := &writing{Target: t}
	for _, b := range split(ops, t.config.MaxBatchOps) {
		if err := w.do(ctx, b); err != nil {
			return fmt.Errorf("write to %s: %w", b.dest.Name, err)
		}
	}
	return w.failed.Err()
}

// split groups ops by destination and verb, in the order in which the groups begin. The caller has no two ops of one
// document, so their order does not matter.
func split(ops []targets.Op, most int) []*batch {
	type group struct {
		dest *targets.Destination
		verb targets.Verb
	}
	var batches []*batch
	open := map[group]*batch{}
	for i, op := range ops {
		g := group{op.Dest, op.Verb}
		b := open[g]
		if b == nil || len(b.ops) == most {
			b = &batch{dest: op.Dest, verb: op.Verb}
			open[g] = b
			batches = append(batches, b)
		}
		b.ops, b.index = append(b.ops, op), append(b.index, i)
	}
	return batches
}

// writing is one call of Write.
type writing struct {
	*Target
	failed targets.Failures
}

// do does a batch, in halves where it is refused for one of its rows, or too large. An error says that nothing is known.
func (w *writing) do(ctx context.Context, b *batch) error {
	c, err := w.claim(ctx, b.dest)
	switch {
	case errors.Is(err, errNotThere):
		w.failed.Add(targets.Lost, "table "+b.dest.Name+" is not there", b.index...)
		return nil
	case errors.Is(err, targets.ErrMismatch):
		w.failed.Add(targets.Lost, err.Error(), b.index...)
		return nil
	case err != nil:
		return refused(err)
	}
	b, made := w.encode(c.table, b)
	if len(b.ops) == 0 {
		return nil
	}
	if made.size > w.config.MaxBatchBytes && len(b.ops) > 1 {
		return w.halves(ctx, b)
	}
	text := map[targets.Verb]string{targets.Upsert: c.table.upsert, targets.Delete: c.table.remove, targets.MarkDeleted: c.table.mark}[b.verb]
	held, missed, err := w.send(ctx, text, append([]any{b.dest.Name, c.epoch, c.oid}, made.parameters()...))
	switch {
	case err == nil && held == 0:
		return w.overtaken(ctx, b, c)
	case err == nil && len(missed) > 0:
		return w.compare(ctx, b.only(missed), c)
	case err == nil:
		return nil
	}
	return w.sort(ctx, b, c, err)
}

// send sends a statement and returns whether it held the epoch, 1 or 0, and the numbers of the rows, from 1, that have versions
// and were not written.
func (w *writing) send(ctx context.Context, text string, parameters []any) (held int, missed []int64, err error) {
	ctx, cancel := w.limited(ctx)
	defer cancel()
	err = w.pool.QueryRow(ctx, text, parameters...).Scan(&held, &missed)
	return held, missed, err
}

// sort makes outcomes of a statement's error.
func (w *writing) sort(ctx context.Context, b *batch, c claim, err error) error {
	o := outcomeOf(err)
	switch o {
	case unanswered:
		w.doubt(b.dest.Name, c.epoch)
		return err
	case denied:
		return refused(err)
	case guilty, disputed:
		if len(b.ops) > 1 {
			return w.halves(ctx, b)
		}
	}
	w.failed.Add(o.class(), reason(err), b.index...)
	return nil
}

func (w *writing) halves(ctx context.Context, b *batch) error {
	half := len(b.ops) / 2
	for _, part := range []*batch{
		{dest: b.dest, verb: b.verb, ops: b.ops[:half], index: b.index[:half]},
		{dest: b.dest, verb: b.verb, ops: b.ops[half:], index: b.index[half:]},
	} {
		if err := w.do(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// overtaken: the statement found another epoch, or another table.
func (w *writing) overtaken(ctx context.Context, b *batch, c claim) error {
	found, err := w.look(ctx, b.dest.Name)
	switch {
	case err != nil:
		return err
	case found == nil || found.oid != c.oid:
		w.failed.Add(targets.Lost, "table "+b.dest.Name+" was dropped or replaced", b.index...)
	default:
		w.doubt(b.dest.Name, c.epoch)
		w.failed.Add(targets.Retryable, "another writer has begun to write to "+b.dest.Name, b.index...)
	}
	return nil
}

// encode makes a statement's rows, and leaves out the ops that can have none: what is not a document's id, what no column
// can hold, and marks that have no field.
func (w *writing) encode(t *table, b *batch) (*batch, *rows) {
	made, rest := newRows(t.columnsOf(b.verb), t.version != ""), &batch{dest: b.dest, verb: b.verb}
	for i, op := range b.ops {
		if op.Verb == targets.MarkDeleted {
			if _, err := op.MarkField(); err != nil {
				w.failed.Add(targets.Rejected, err.Error(), b.index[i])
				continue
			}
		}
		why := made.add(op)
		if why == "" {
			rest.ops, rest.index = append(rest.ops, op), append(rest.index, b.index[i])
		} else if op.Verb == targets.Upsert {
			w.failed.Add(targets.Rejected, why, b.index[i])
		}
	}
	return rest, made
}
