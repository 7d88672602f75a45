package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/meepo-replicate/meepo/targets"
)

// batch is a request: writes of one verb to one collection. The client library would make two of two verbs, and tell the
// error of the last one.
type batch struct {
	dest   string
	models []mongo.WriteModel
	index  []int // of their ops in what Write was given
	size   int   // about, in bytes
}

// Write does the ops of one destination by one bulk at a time.
func (t *Target) Write(ctx context.Context, ops []targets.Op) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	most, err := t.batchOps(ctx)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	w := &writing{Target: t}
	for _, b := range w.split(ops, most) {
		if err := w.do(ctx, b); err != nil {
			return fmt.Errorf("write to %s: %w", b.dest, err)
		}
	}
	return w.failed.Err()
}

// writing is one call of Write.
type writing struct {
	*Target
	failed targets.Failures
}

// split makes requests of ops, and leaves out those that can have none: what is not a document's id, and what no document
// can hold. The caller has no two ops of one document, so their order does not matter.
func (w *writing) split(ops []targets.Op, most int) []*batch {
	var batches []*batch
	type group struct {
		dest string
		verb targets.Verb
	}
	open := map[group]*batch{}
	members := map[*targets.Destination][]targets.Member{}
	for i, op := range ops {
		inside, known := members[op.Dest]
		if !known {
			inside = targets.Nest(op.Dest.Fields)
			members[op.Dest] = inside
		}
		model, size, err := modelOf(op, inside)
		if err != nil {
			if op.Verb == targets.Upsert || !errors.Is(err, errNoKey) {
				w.failed.Add(targets.Rejected, err.Error(), i)
			}
			continue
		}
		g := group{op.Dest.Name, op.Verb}
		b := open[g]
		if b == nil || len(b.models) == most || b.size+size > w.config.MaxBatchBytes {
			b = &batch{dest: op.Dest.Name}
			open[g] = b
			batches = append(batches, b)
		}
		b.models, b.index, b.size = append(b.models, model), append(b.index, i), b.size+size
	}
	return batches
}

// around is about what stands around a document in a request, in bytes.
const around = 60

// modelOf is an op as the client library wants it, and about how many bytes it is. Members are those of its document.
func modelOf(op targets.Op, members []targets.Member) (mongo.WriteModel, int, error) {
	id, err := keyOf(op.Dest.Key, op.ID)
	if err != nil {
		return nil, 0, err
	}
	filter := bson.D{{Key: "_id", Value: id}}
	if op.Verb == targets.Delete {
		return mongo.NewDeleteOneModel().SetFilter(filter), len(op.ID) + around, nil
	}
	if op.Verb == targets.MarkDeleted {
		return markModel(filter, op)
	}
	doc, err := document(id, op, members)
	if err != nil {
		return nil, 0, err
	}
	return mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(doc).SetUpsert(true), len(doc) + len(op.ID) + around, nil
}

// markModel marks the document that has no mark. A request that lands late changes nothing: whoever marks, or takes a mark
// away, waits for it, see doubt.
func markModel(filter bson.D, op targets.Op) (mongo.WriteModel, int, error) {
	field, err := op.MarkField()
	if err != nil {
		return nil, 0, err
	}
	value, err := encode(field, op.Doc[0])
	if err != nil {
		return nil, 0, fmt.Errorf("field %s: %w", field.Name, err)
	}
	filter = append(filter, bson.E{Key: field.Name, Value: nil}) // null, or not there
	set := bson.D{{Key: "$set", Value: bson.D{{Key: field.Name, Value: value}}}}
	return mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(set), len(op.ID) + 3*around, nil
}

// do does a batch. An error says that nothing is known of it.
func (w *writing) do(ctx context.Context, b *batch) error {
	if err := w.waitQuiet(ctx); err != nil {
		return err
	}
	sent, cancel := w.limited(ctx)
	defer cancel()
	switch err := w.claim(sent, b.dest); {
	case errors.Is(err, errNotThere), errors.Is(err, errReplaced):
		w.failed.Add(targets.Lost, err.Error()+": "+b.dest, b.index...)
		return nil
	case err != nil:
		return err
	}
	c, err := w.collection(sent, b.dest)
	if err != nil {
		return err
	}
	_, err = c.BulkWrite(sent, b.models, options.BulkWrite().SetOrdered(false))
	if err == nil {
		return nil
	}
	var items mongo.BulkWriteException
	if errors.As(err, &items) && items.WriteConcernError != nil {
		// What was done may be undone yet. The error itself would have values of documents.
		return fmt.Errorf("not acknowledged as the write concern asks: %s (code %d)", items.WriteConcernError.Message, items.WriteConcernError.Code)
	}
	if errors.As(err, &items) && !refusesAny(items) {
		for _, item := range items.WriteErrors {
			w.failed.Add(classOf(item.WriteError), reason(item.WriteError), b.index[item.Index])
		}
		return nil
	}
	var whole mongo.CommandError
	switch o := outcomeOf(err); {
	case o == unanswered:
		w.doubt(ctx, sent)
	case o == undone && errors.As(err, &whole) && !hasCode(err, busyCodes...) && !whole.HasErrorLabel("RetryableWriteError"):
		return w.takeApart(ctx, b, whole)
	}
	return w.refused(ctx, c.Database().Client(), err)
}

// takeApart finds the op for which the server has refused a request as a whole.
func (w *writing) takeApart(ctx context.Context, b *batch, whole mongo.CommandError) error {
	if len(b.models) == 1 {
		item := mongo.WriteError{Code: int(whole.Code), Message: whole.Message}
		w.failed.Add(classOf(item), reason(item), b.index[0])
		return nil
	}
	half := len(b.models) / 2
	for _, part := range []*batch{{dest: b.dest, models: b.models[:half], index: b.index[:half]}, {dest: b.dest, models: b.models[half:], index: b.index[half:]}} {
		if err := w.do(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// doubt: a request had no answer. The server gives it up at the request's deadline, or as much later as it was held up on
// its way: some more is waited for that.
func (t *Target) doubt(ctx, sent context.Context) {
	until, ok := sent.Deadline()
	if !ok {
		return // every request has one
	}
	until = until.Add(t.config.Timeout / 4)
	t.config.Logger.DebugContext(ctx, "a request had no answer, waiting until the server has given it up", slog.Time("until", until))
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.quiet) {
		t.quiet = until
	}
}

// waitQuiet waits until no request of before can land any more.
func (t *Target) waitQuiet(ctx context.Context) error {
	t.mu.Lock()
	wait := time.Until(t.quiet)
	t.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
