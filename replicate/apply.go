package replicate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// applyLoop is one worker: it takes dirty documents, reads their rows again behind the fence, and
// writes what the mapping makes of them. It ends when the lanes are closed and empty.
func (r *Replicator) applyLoop(ctx context.Context) error {
	for {
		entries, fence, err := r.lanes.take(ctx, r.readSize)
		if err != nil || len(entries) == 0 {
			return err
		}
		r.taken(entries, fence)
		redo, err := r.apply(ctx, entries, fence)
		if err != nil {
			return err
		}
		r.settled(entries)
		r.lanes.finish(entries, redo)
	}
}

// taken tells the observer of documents that are in flight now.
func (r *Replicator) taken(entries []*entry, fence source.Fence) {
	if tell := r.opts.Observer.TakenFunc; tell != nil {
		tell(docsOf(entries), fence)
	}
}

// settled tells the observer of documents whose flight is about to end.
func (r *Replicator) settled(entries []*entry) {
	if tell := r.opts.Observer.SettledFunc; tell != nil {
		tell(docsOf(entries))
	}
}

func docsOf(entries []*entry) []mappings.DocKey {
	docs := make([]mappings.DocKey, len(entries))
	for i, e := range entries {
		docs[i] = e.key
	}
	return docs
}

// readSize is how many rows of a plan are read at once, bounded in bytes by what its rows were like.
func (r *Replicator) readSize(plan mappings.PlanID) int {
	if f := r.plans.get(plan); f != nil {
		return f.rows.Limit(r.opts.ReadRows)
	}
	return r.opts.ReadRows
}

// apply brings documents of one plan up to date and names those that must be done again.
func (r *Replicator) apply(ctx context.Context, entries []*entry, fence source.Fence) (map[*entry]bool, error) {
	id := entries[0].key.Plan
	flow := r.plans.get(id)
	if flow == nil { // the table is gone or no longer mapped
		return nil, nil
	}
	version, rows, err := r.readRows(ctx, flow, entries, fence)
	if errors.Is(err, source.ErrStale) || errors.Is(err, source.ErrNoTable) {
		if err := r.staleRead(ctx, flow); err != nil {
			return nil, err
		}
		return r.fitting(id, entries), nil
	}
	if isFault(err) {
		return nil, r.park(flow, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", flow.table, err)
	}
	if err := r.limiter.WaitN(ctx, len(rows)); err != nil {
		return nil, err
	}
	out := r.deliveryTo(flow)
	var absent []*entry
	for i, row := range rows {
		e := entries[i]
		switch {
		case row.Err != nil:
			if err := r.reject(flow, row.Key, "read: "+row.Err.Error()); err != nil {
				return nil, err
			}
			continue
		case !row.Found && !e.now.proof:
			// Its delete must still come. Without it, this key says nothing (invariant 6).
			absent = append(absent, e)
			continue
		case row.Found:
			r.misses.resolved(e.key)
		}
		if err := out.add(e, row, version); err != nil {
			if err := r.reject(flow, row.Key, err.Error()); err != nil {
				return nil, err
			}
		}
	}
	redo, err := r.deliver(ctx, out)
	if err != nil {
		return nil, err
	}
	return redo, r.noteAbsent(ctx, absent)
}

// readRows draws a version and then reads the rows of the entries.
func (r *Replicator) readRows(ctx context.Context, flow *flow, entries []*entry, fence source.Fence) (int64, []source.Row, error) {
	keys := make([]source.Key, len(entries))
	for i, e := range entries {
		keys[i] = e.key.Key
	}
	var version int64
	var rows []source.Row
	err := r.sourceHealth.retry(ctx, func() (err error) {
		if version, err = r.versions.next(ctx); err != nil {
			return err
		}
		rows, err = r.opts.Source.ReadRows(ctx, fence, flow.plan.Selection(), keys)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	r.counters.rowsRead.Add(int64(len(rows)))
	flow.rows.Learn(rows)
	r.opts.Observer.RowsReadFunc(flow.plan.ID(), rows)
	return version, rows, nil
}

// noteAbsent hands absent documents to the watch for misses, with the head of the log now.
func (r *Replicator) noteAbsent(ctx context.Context, absent []*entry) error {
	if len(absent) == 0 {
		return nil
	}
	var head source.Position
	err := r.sourceHealth.retry(ctx, func() (err error) {
		head, _, err = r.opts.Source.Head(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("look at the log's head: %w", err)
	}
	r.misses.add(head, absent, func(e *entry) bool { return r.lanes.explained(e) || !r.recorded.has(e.key.Plan) })
	return nil
}

// staleTry makes the pause after a read that was refused for no visible reason about a second.
const staleTry = 4

// staleRead compiles the plans of a table anew that is not what its flow says. If that changes nothing
// the next read may fail alike, so it does not come at once.
func (r *Replicator) staleRead(ctx context.Context, f *flow) error {
	if err := r.plans.refresh(ctx, f.table); err != nil {
		return err
	}
	switch r.plans.get(f.plan.ID()) {
	case f:
		return pause(ctx, staleTry, 0)
	case nil:
		if r.plans.hasParked(f.table) {
			return nil
		}
		r.log.Warn("table can no longer be read, its changes are passed over until the log says what became of it",
			"table", f.table.String(), "mapping", f.plan.Name())
	}
	return nil
}

// fitting names the documents whose keys can be keys of the plan as it is now; they are to be read
// again. The others are of a key that the table no longer has: no row answers them, and the change of
// the key has queued a backfill and a sweep.
func (r *Replicator) fitting(id mappings.PlanID, entries []*entry) map[*entry]bool {
	redo := make(map[*entry]bool, len(entries))
	f := r.plans.get(id)
	for _, e := range entries {
		if f != nil && f.fits(e.key.Key) {
			redo[e] = true
		}
	}
	return redo
}

// fits reports whether a key has the form of the plan's keys.
func (f *flow) fits(key source.Key) bool {
	ops, err := f.plan.Ops(nil, source.Row{Key: key}, 1)
	if err != nil || len(ops) == 0 {
		return false
	}
	same, err := f.plan.KeyOf(ops[0].ID)
	return err == nil && same == key
}

// delivery is a set of operations of one plan under way to the target, each with the document that
// it belongs to.
type delivery struct {
	flow    *flow
	ops     []targets.Op
	entries []*entry // one per op
	doubts  map[*entry]int
	now     func() time.Time // by the source's clock
}

func (r *Replicator) deliveryTo(f *flow) *delivery {
	return &delivery{flow: f, now: r.versions.sourceNow}
}

func (d *delivery) add(e *entry, row source.Row, version int64) error {
	ops, err := d.flow.plan.Ops(d.ops, row, version)
	if err != nil {
		return err
	}
	mappings.MarkedAt(ops[len(d.ops):], d.now())
	d.ops = ops
	for len(d.entries) < len(ops) {
		d.entries = append(d.entries, e)
	}
	return nil
}
