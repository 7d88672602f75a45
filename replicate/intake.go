package replicate

import (
	"context"
	"errors"
	"fmt"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

var errLogLost = errors.New("the log could not be read")

// intakeLoop takes batches from the log in order and makes their documents dirty. It is the only
// place that raises the fence and enters tokens at the frontier.
func (r *Replicator) intakeLoop(ctx context.Context, stream source.Stream) error {
	var docs []mappings.DocKey
	for {
		batch, err := r.counters.next(ctx, stream)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("read the log: %w", err)
		}
		for range batch.Retries {
			r.opts.Observer.RetryFunc("source", errLogLost)
		}
		r.opts.Observer.BatchReceivedFunc(batch)
		if len(batch.Events) == 0 && batch.Position == "" {
			continue
		}
		r.lanes.setFence(batch.Fence)
		if len(batch.Events) > 0 || !r.frontier.extend(batch.Position, batch.Fence) {
			t := newToken()
			t.position, t.fence, t.committed = batch.Position, batch.Fence, batch.Time
			r.frontier.push(t)
			for _, e := range batch.Events {
				if docs, err = r.takeIn(ctx, e, t, docs[:0]); err != nil {
					return err
				}
			}
			r.lanes.releaseToken(t)
		}
		if batch.Position != "" {
			r.held.passed()
		}
		if err := r.countMisses(ctx, batch.Position); err != nil {
			return err
		}
	}
}

// takeIn handles one event on behalf of t. docs is scratch space.
func (r *Replicator) takeIn(ctx context.Context, e source.Event, t *token, docs []mappings.DocKey) ([]mappings.DocKey, error) {
	switch {
	case e.XID != "":
		return r.inTwoPhases(ctx, e, t, docs)
	case !e.Action.OfRow():
		return docs, r.tableChanged(ctx, e, t)
	}
	for _, f := range r.plans.of(e.Table) {
		docs = f.plan.Dirty(docs, e)
	}
	r.opts.Observer.DirtyFunc(docs)
	for _, doc := range docs {
		proof := e.Action == source.Delete
		if err := r.lanes.add(ctx, doc, t, proof); err != nil {
			return docs, err
		}
		if proof { // after the lanes know: whoever notes an absence looks there afterwards
			r.misses.resolved(doc)
		}
	}
	return docs, nil
}

// countMisses reports keys that the log has passed without the delete that their absence promised.
func (r *Replicator) countMisses(ctx context.Context, position source.Position) error {
	if position == "" {
		return nil
	}
	missed, tooMany, err := r.misses.passed(ctx, position)
	for _, key := range missed {
		r.log.Warn("no row for a key from the log, and no delete of it: nothing was deleted",
			"mapping", string(key.Plan), "key", key.Key.Text())
		r.opts.Observer.MissFunc(key)
	}
	if f := r.plans.get(tooMany); f != nil && err == nil {
		// Unless the log is about to say that the table has another key now.
		if err := r.plans.refresh(ctx, f.table); err != nil || r.plans.get(tooMany) != f {
			r.misses.forget(tooMany)
			return err
		}
		err = r.park(f, fmt.Errorf("%d keys from the log, the last one %s, have no row in the table and no delete: "+
			"keys of this table are decoded wrongly; no document was deleted for them", r.opts.MaxMisses, missed[len(missed)-1].Key.Text()))
	}
	return err
}

// tableChanged handles an event that concerns a table as a whole. What it makes necessary is queued
// in the same state transaction as the position after it.
func (r *Replicator) tableChanged(ctx context.Context, e source.Event, t *token) error {
	r.log.Info("table changed", "table", e.Table.String(), "action", e.Action.String())
	switch e.Action {
	case source.Truncate:
		return r.truncated(e.Table, t)
	case source.Alter:
		r.held.altered(e.Table, e.Table, &t.change)
		return r.altered(ctx, e.Table, t)
	case source.Create:
		if len(r.plans.of(e.Table)) > 0 { // CREATE TABLE IF NOT EXISTS, or known from the catalog already
			return r.altered(ctx, e.Table, t)
		}
		r.plans.forgetDefinitions(e.Table)
		return r.appeared(ctx, e.Table, t, "table created")
	case source.Gap:
		return r.appeared(ctx, e.Table, t, "the log does not tell all changes of its rows")
	case source.Drop:
		err := r.vanished(ctx, e.Table, t)
		r.plans.forgetDefinitions(e.Table)
		return err
	case source.Rename:
		r.held.altered(e.Table, e.To, &t.change)
		if err := r.vanished(ctx, e.Table, t); err != nil {
			return err
		}
		if err := r.vanished(ctx, e.To, t); err != nil {
			return err
		}
		return r.appeared(ctx, e.To, t, "renamed from "+e.Table.String())
	}
	return fmt.Errorf("table change %q of %s is not known", e.Action, e.Table)
}

// emptied lets the absence of the plan's rows so far be no miss.
func (r *Replicator) emptied(plan mappings.PlanID) {
	r.lanes.emptied(plan)
	r.misses.forget(plan)
}

// truncated queues a sweep: what the table does not hold any more goes.
func (r *Replicator) truncated(table source.Table, t *token) error {
	flows := r.plans.of(table)
	for _, f := range flows {
		r.emptied(f.plan.ID())
	}
	switch {
	case len(flows) == 0, r.opts.OnTruncate == TruncateIgnore:
		return nil
	case r.opts.OnTruncate == TruncateStop:
		return &source.HintError{
			Err:    fmt.Errorf("table %s was truncated, and on_truncate is stop", table),
			Advice: "Start with on_truncate: propagate to remove its documents, or ignore to keep them.",
		}
	}
	for _, f := range flows {
		t.change.AddJobs = append(t.change.AddJobs, r.jobs.newJob(f.plan.ID(), state.Sweep, "truncate"))
	}
	return nil
}

// altered compiles the table's plans anew. What changes documents without a row event (a column with
// a default, a renamed one) has the table copied again, and a changed key has its documents swept too.
func (r *Replicator) altered(ctx context.Context, table source.Table, t *token) error {
	if !r.plans.selected(table) {
		return nil
	}
	had := r.plans.of(table)
	if err := r.plans.reload(ctx, table); err != nil {
		return err
	}
	flows := r.plans.of(table)
	if len(had) > 0 && len(flows) == 0 && !r.plans.hasParked(table) {
		r.log.Warn("table is not there, or not mapped, any more: it is no longer followed", "table", table.String())
	}
	if len(flows) == 0 { // it has no usable key now: should it get one again, it is copied anew
		r.unrecord(table, t)
	}
	for _, f := range flows {
		r.alteredPlan(f, t)
	}
	return nil
}

// alteredPlan queues what an altered table makes necessary for one of its plans.
func (r *Replicator) alteredPlan(f *flow, t *token) {
	before, known := r.recorded.of(f.plan.ID())
	now := recordOf(f)
	remake := r.plans.decide(f.plan, mappings.Changes(before.definition, now.definition)).remake
	switch {
	case known && (r.ignores(before, f) || before.alike(now) && !remake):
		if before.definition.Text() != now.definition.Text() {
			r.record(f, &t.change)
		}
	case known && before.key == now.key && !remake:
		r.addJobs(f, &t.change, "table altered", state.Backfill)
	default:
		r.emptied(f.plan.ID())
		r.addJobs(f, &t.change, "table altered", state.Backfill, state.Sweep)
	}
}

// ignores reports whether a plan goes on with a changed table without copying it again. A gap is another matter: without
// a copy, rows would be missing.
func (r *Replicator) ignores(before planRecord, f *flow) bool {
	now := recordOf(f)
	return before.key == now.key && r.plans.decide(f.plan, mappings.Changes(before.definition, now.definition)).policy == mappings.Ignore
}

// appeared takes up a table that is new under its name: all its rows, and nothing else, belong in the target.
func (r *Replicator) appeared(ctx context.Context, table source.Table, t *token, reason string) error {
	if !r.plans.selected(table) {
		return nil
	}
	if err := r.plans.reload(ctx, table); err != nil {
		return err
	}
	for _, f := range r.plans.of(table) {
		r.emptied(f.plan.ID())
		r.addJobs(f, &t.change, reason, state.Backfill, state.Sweep)
	}
	return nil
}

// joined has a table copied that can be mapped since another one has changed.
func (r *Replicator) joined(f *flow) {
	r.log.Info("table can be mapped now, it is copied", "table", f.table.String(), "mapping", f.plan.Name())
	r.emptied(f.plan.ID())
	var change state.Change
	r.addJobs(f, &change, "it can be mapped now", state.Backfill, state.Sweep)
	r.saver.note(change)
}

// unrecord forgets the plans of a table, here and in the state.
func (r *Replicator) unrecord(table source.Table, t *token) {
	t.change.DropPlans = append(t.change.DropPlans, r.recorded.drop(table)...)
}

// vanished stops following a table. Its documents stay, since nobody has asked for their removal.
func (r *Replicator) vanished(ctx context.Context, table source.Table, t *token) error {
	had, err := r.plans.remove(ctx, table)
	if err != nil {
		return err
	}
	r.unrecord(table, t)
	for _, f := range had {
		r.emptied(f.plan.ID())
		if err := r.endBulk(ctx, f.plan.Destination().Name); err != nil {
			return err
		}
		r.sayKept(f.record(), f.plan.Name())
	}
	return nil
}
